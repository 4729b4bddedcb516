#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "manager/demand.h"
#include "manager/manager.h"
#include "manager/scale.h"

#define LOOK_APART_MS  3        /* between two looks at all pools */
#define LOOK_AGAIN_MS  100      /* while something waits */
#define CALM_MS        1000     /* idle for so long: no burst that will need it goes on */

/* A pool's idle processor that is idle for the longest. */
struct longest {
	uint32_t slot;          /* UINT32_MAX: none */
	uint64_t since;
};

static struct board_sum
sum_of(const struct manager *manager, const struct pool *pool)
{
	return board_sum(&manager->pool_rows[pool->index],
	    manager->part_rows + (size_t)pool->index * manager->multiplexer_count,
	    manager->multiplexer_count);
}

static uint32_t
queued_of(const struct manager *manager, const struct pool *pool)
{
	uint32_t queued = sum_of(manager, pool).queued;

	/* A count from the board: no more than could be served matters. */
	if (queued == 0 && atomic_load(&manager->pool_rows[pool->index].waiting) != 0)
		return 1;
	return queued < pool->slot_count ? queued : pool->slot_count;
}

static void
count_idle(const struct pool *pool, uint32_t slot, uint64_t idle_ms, struct scale_pool *counts,
    struct longest *longest, uint64_t since)
{
	uint64_t idle_timeout = pool->settings->tuning->idle_timeout;

	counts->idle++;
	counts->stale += idle_timeout != 0 && idle_ms >= idle_timeout;
	counts->calm += idle_ms >= CALM_MS;
	/* Of two that are idle alike the higher one: low ones are to stay hot. */
	if (since <= longest->since) {
		longest->slot = slot;
		longest->since = since;
	}
}

static void
count_slots(const struct pool *pool, uint64_t now, struct scale_pool *counts,
    struct longest *longest)
{
	const struct manager *manager = pool->manager;
	uint64_t since = 0;
	uint32_t i;

	counts->idle = counts->leased = counts->starting = counts->leaving = 0;
	counts->stale = counts->calm = 0;
	longest->slot = UINT32_MAX;
	longest->since = UINT64_MAX;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++) {
		const struct slot *slot = slot_at(manager, i);
		enum slot_state state = slot->state;

		if (state == SLOT_IDLE)
			state = slot_board_state(manager, i, NULL, &since);
		if (state == SLOT_EMPTY)
			continue;
		/* A former zygote's take no more requests. */
		if (state == SLOT_LEAVING || slot->zygote != pool->serving)
			counts->leaving++;
		else if (state == SLOT_STARTING)
			counts->starting++;
		else if (state == SLOT_LEASED)
			counts->leased++;
		else
			count_idle(pool, i, scale_age(now, since), counts, longest, since);
	}
}

/* Whether it had a request lately, and since when it has no processor. */
static void
look_whether_used(struct pool *pool, const struct scale_pool *counts, uint64_t now)
{
	uint64_t requests = atomic_load(&pool->manager->pool_rows[pool->index].requests);

	if (counts->queued > 0 || counts->leased > 0 || requests != pool->requests_seen)
		pool->used_at = now;
	pool->requests_seen = requests;
	if (counts->idle + counts->leased + counts->starting + counts->leaving > 0)
		pool->rested_at = 0;
	else if (pool->rested_at == 0)
		pool->rested_at = now;
}

static void
count(struct pool *pool, uint32_t queued, uint64_t now, struct scale_pool *counts,
    struct longest *longest)
{
	const struct tuning *tuning = pool->settings->tuning;

	memset(counts, 0, sizeof *counts);
	counts->queued = queued;
	count_slots(pool, now, counts, longest);
	look_whether_used(pool, counts, now);
	counts->used = pool->used_at != 0 &&
	    (tuning->idle_timeout == 0 || now - pool->used_at < tuning->idle_timeout);
	counts->rested = pool->rested_at == 0 ? 0 : now - pool->rested_at;
	counts->fresh = pool->fresh;
	counts->min_spare = tuning->min_spare_processors;
	counts->max_spare = tuning->max_spare_processors;
	counts->min = tuning->min_processors;
	counts->max = tuning->max_processors;
	counts->zygote_timeout = tuning->zygote_timeout;
	counts->resting = now < pool->fork_at || pool->manager->phase == MANAGER_ENDING;
	/* Drained: those that wait are served, and no more is kept. */
	if (pool->drained || pool->removed)
		counts->min_spare = counts->min = counts->fresh = 0;
}

/* How many will leave at the end of what they run: room that is being made. */
static uint32_t
told_to_leave(const struct manager *manager)
{
	uint32_t i, count = 0;

	for (i = 0; i < manager->slot_count; i++)
		count += slot_at(manager, i)->state == SLOT_IDLE && slot_at(manager, i)->asked;
	return count;
}

/*
 * None is idle; some may only hold a client's kept connection.  Which ones is
 * theirs to know: the one leased for the longest in a pool that has such is told
 * to leave when it is done, and its multiplexer closes what it holds.
 */
static bool
release_one(struct manager *manager, const struct pool *for_whom)
{
	uint64_t since, oldest = UINT64_MAX;
	uint32_t i, best = UINT32_MAX;

	for (i = 0; i < manager->slot_count; i++) {
		const struct slot *slot = slot_at(manager, i);
		const struct pool *pool;

		if (slot->state != SLOT_IDLE || slot->asked)
			continue;
		pool = manager->pools[slot->pool];
		if (pool == for_whom ||
		    sum_of(manager, pool).sticky == 0 ||
		    slot_board_state(manager, i, NULL, &since) != SLOT_LEASED || since >= oldest)
			continue;
		oldest = since;
		best = i;
	}
	if (best == UINT32_MAX)
		return false;
	slot_leave(manager, best);
	multiplexers_ring_all(manager);
	return true;
}

/* Let the longest idle of all other pools go, where nobody waits for it. */
static bool
evict_one(struct manager *manager, const struct pool *for_whom, uint64_t now)
{
	struct longest longest, best = { UINT32_MAX, UINT64_MAX };
	struct scale_pool counts;
	struct pool *pool;
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++) {
		pool = manager->pools[i];
		if (pool == NULL || pool == for_whom || pool->serving == NULL)
			continue;
		count(pool, queued_of(manager, pool), now, &counts, &longest);
		if (scale_spares(&counts) > 0 && longest.slot != UINT32_MAX &&
		    longest.since < best.since)
			best = longest;
	}
	return best.slot != UINT32_MAX ? slot_retire(manager, best.slot) :
	    release_one(manager, for_whom);
}

static void
retire_some(struct pool *pool, uint32_t how_many, uint64_t now)
{
	struct scale_pool counts = { 0 };
	struct longest longest;

	for (; how_many > 0; how_many--) {
		count_slots(pool, now, &counts, &longest);
		if (longest.slot == UINT32_MAX || !slot_retire(pool->manager, longest.slot))
			return;
	}
}

/* *promised: what queues ask for, of all pools looked at so far, and could not get yet. */
static void
balance(struct pool *pool, uint32_t queued, uint64_t now, uint32_t *promised)
{
	struct manager *manager = pool->manager;
	struct scale_server server = { manager->live, manager->leaving,
	    manager->settings->server_limit, *promised };
	struct scale_answer answer;
	struct scale_pool counts;
	struct longest longest;
	uint32_t i;

	count(pool, queued, now, &counts, &longest);
	answer = scale_decide(&counts, &server);
	pool->fresh = 0;
	for (i = 0; i < answer.spawn; i++)
		if (!slot_fork(manager, pool))
			break;
	*promised += answer.asks > i ? answer.asks - i : 0;
	for (i = answer.evict > 0 ? told_to_leave(manager) : 0; i < answer.evict; i++)
		if (!evict_one(manager, pool, now))
			break;
	retire_some(pool, answer.retire, now);
	if (answer.sleep)
		pool_sleep(pool);
}

static void
look_at(struct pool *pool, uint32_t queued, uint64_t now, uint32_t *promised)
{
	struct manager *manager = pool->manager;
	bool kept = !pool->drained && !pool->removed && manager->phase == MANAGER_RUNNING;

	pool_look(pool, queued);
	/* Servers that are there already need nobody of ours. */
	if (pool->dials.count > 0)
		return;
	/* While it starts: others make room for what waits already. */
	if (pool->state == POOL_READY || pool->state == POOL_STARTING)
		balance(pool, queued, now, promised);
	else if (pool->state == POOL_COLD && now >= pool->retry_at &&
	    manager->phase <= MANAGER_STOPPING &&
	    scale_wakes(queued, kept ? pool->settings->tuning->min_processors : 0))
		pool_start(pool);
}

static void
look(struct manager *manager)
{
	struct timeval again = { 0, LOOK_AGAIN_MS * 1000 };
	uint64_t now = clock_ms();
	uint32_t i, queued, promised = 0;
	bool wait = false;

	manager->looked_at = now;
	/* Rung from here on is rung anew. */
	atomic_store(&manager->board->manager_rung, 0);
	/* First those where somebody waits; spare ones get what they leave. */
	for (i = 0; i < manager->pool_count; i++) {
		if (manager->pools[i] == NULL)
			continue;
		queued = queued_of(manager, manager->pools[i]);
		if (queued > 0)
			look_at(manager->pools[i], queued, now, &promised);
		wait = wait || queued > 0;
	}
	/* Thousands are cold: they cost a few loads. */
	for (i = 0; i < manager->pool_count; i++) {
		struct pool *pool = manager->pools[i];

		if (pool == NULL)
			continue;
		if ((!TAILQ_EMPTY(&pool->zygotes) || pool->settings->tuning->min_processors > 0) &&
		    queued_of(manager, pool) == 0)
			look_at(pool, 0, now, &promised);
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
