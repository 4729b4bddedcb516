#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "manager/demand.h"
#include "manager/manager.h"
#include "manager/scale.h"

#define LOOK_APART_MS  3        /* between two looks at all pools */
#define LOOK_AGAIN_MS  100      /* while something waits */

struct longest {
	uint32_t slot;          /* UINT32_MAX: none */
	uint64_t since;
};

static uint32_t
queued_of(const struct manager *manager, const struct pool *pool)
{
	uint32_t queued = board_queued(
	    manager->part_rows + (size_t)pool->index * manager->multiplexer_count,
	    manager->multiplexer_count);

	/* A count from the board: no more than could be served matters. */
	if (queued == 0 && atomic_load(&manager->pool_rows[pool->index].waiting) != 0)
		return 1;
	return queued < pool->slot_count ? queued : pool->slot_count;
}

static void
count_slots(const struct manager *manager, const struct pool *pool, uint64_t now,
    struct scale_pool *counts, struct longest *longest)
{
	uint64_t idle_timeout = pool->settings->tuning.idle_timeout, since;
	uint32_t i;

	longest->slot = UINT32_MAX;
	longest->since = UINT64_MAX;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++) {
		const struct slot *slot = &manager->slots[i];
		enum slot_state state = slot->state;

		if (state == SLOT_IDLE)
			state = slot_board_state(manager, i, NULL, &since);
		counts->starting += slot->state == SLOT_STARTING;
		counts->leased += slot->state == SLOT_IDLE && state == SLOT_LEASED;
		counts->leaving += slot->state != SLOT_STARTING && state == SLOT_LEAVING;
		if (slot->state != SLOT_IDLE || state != SLOT_IDLE)
			continue;
		counts->idle++;
		counts->stale += now - since >= idle_timeout;
		/* Of two that are idle alike the higher one: low ones are to stay hot. */
		if (since <= longest->since) {
			longest->slot = i;
			longest->since = since;
		}
	}
}

/* Let the longest idle of all other pools go, where nobody waits for it. */
static bool
evict_one(struct manager *manager, const struct pool *for_whom, uint64_t now)
{
	struct longest longest, best = { UINT32_MAX, UINT64_MAX };
	struct scale_pool counts = { 0 };
	struct pool *pool;
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++) {
		pool = manager->pools[i];
		if (pool == for_whom || pool->state != POOL_READY || queued_of(manager, pool) > 0)
			continue;
		count_slots(manager, pool, now, &counts, &longest);
		if (longest.slot != UINT32_MAX && longest.since < best.since)
			best = longest;
	}
	return best.slot != UINT32_MAX && slot_retire(manager, best.slot);
}

static void
balance(struct manager *manager, struct pool *pool, uint32_t queued, uint64_t now)
{
	struct scale_pool counts = { .queued = queued };
	struct scale_server server = { manager->live, manager->leaving,
	    manager->settings->server_limit };
	struct scale_answer answer;
	struct longest longest;
	uint32_t i;

	counts.min_spare = pool->settings->tuning.min_spare_processors;
	counts.max = pool->settings->tuning.max_processors;
	counts.resting = now < pool->fork_at || manager->phase == MANAGER_ENDING;
	count_slots(manager, pool, now, &counts, &longest);
	answer = scale_decide(&counts, &server);
	for (i = 0; i < answer.spawn; i++)
		if (!slot_fork(manager, pool))
			break;
	for (i = 0; i < answer.evict; i++)
		if (!evict_one(manager, pool, now))
			break;
	for (i = 0; i < answer.retire && longest.slot != UINT32_MAX; i++) {
		if (!slot_retire(manager, longest.slot))
			break;
		count_slots(manager, pool, now, &counts, &longest);
	}
}

static void
look(struct manager *manager)
{
	struct timeval again = { 0, LOOK_AGAIN_MS * 1000 };
	uint64_t now = clock_ms();
	bool wait = false;
	uint32_t i, queued;

	manager->looked_at = now;
	/* Rung from here on is rung anew. */
	atomic_store(&manager->board->manager_rung, 0);
	for (i = 0; i < manager->pool_count; i++) {
		struct pool *pool = manager->pools[i];

		queued = queued_of(manager, pool);
		wait = wait || queued > 0;
		pool_look(pool, queued);
		if (pool->state == POOL_COLD && queued > 0 && now >= pool->retry_at && manager->phase <= MANAGER_STOPPING)
			pool_start(pool);
		else if (pool->state == POOL_READY)
			balance(manager, pool, queued, now);
	}
	if (wait)
		event_add(manager->look_again, &again);
}

static void
on_look(int fd, short what, void *context)
{
	(void)fd;
	(void)what;
	look(context);
}

void
demand_look_soon(struct manager *manager)
{
	uint64_t since = clock_ms() - manager->looked_at;
	struct timeval soon = { 0, 0 };

	if (event_pending(manager->look_now, EV_TIMEOUT, NULL))
		return;
	if (since < LOOK_APART_MS)
		soon.tv_usec = (suseconds_t)(LOOK_APART_MS - since) * 1000;
	event_add(manager->look_now, &soon);
}

static void
on_bell(int fd, short what, void *context)
{
	uint64_t rung;

	(void)what;
	if (read(fd, &rung, sizeof rung) == sizeof rung)
		demand_look_soon(context);
}

bool
demand_begin(struct manager *manager, struct fault *fault)
{
	manager->look_now = evtimer_new(manager->base, on_look, manager);
	manager->look_again = evtimer_new(manager->base, on_look, manager);
	manager->bell = event_new(manager->base, manager->bells[BOARD_BELL_MANAGER],
	    EV_READ | EV_PERSIST, on_bell, manager);
	if (manager->look_now == NULL || manager->look_again == NULL || manager->bell == NULL ||
	    event_add(manager->bell, NULL) != 0)
		return fault_set(fault, ENOMEM, "watch the bell");
	return true;
}
