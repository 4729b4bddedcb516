/*
 * Policy of pools over time: a trace of arrivals goes in, processes over time
 * come out.  The machine around scale.c is a model of demand.c, slot.c and a
 * queue: a fork takes FORK_MS of its zygote, an exit EXIT_MS, all pools are
 * looked at each LOOK_MS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "manager/scale.h"

#define FORK_MS  1
#define EXIT_MS  3
#define LOOK_MS  3
#define CALM_MS  1000

#define SLOTS    32
#define POOLS    3
#define QUEUE    256

enum state { EMPTY, STARTING, IDLE, BUSY, LEAVING };

struct numbers {
	uint64_t min_spare, max_spare, min, max, idle_timeout, zygote_timeout;
};

/* So many requests at that time, each of so many ms; again each `every` ms, `times`. */
struct arrivals {
	uint64_t at;
	unsigned pool, count;
	uint64_t takes;
	uint64_t every;
	unsigned times;
};

struct model_pool {
	struct numbers numbers;
	enum state state[SLOTS];
	uint64_t until[SLOTS];          /* of STARTING, BUSY, LEAVING; since when it is IDLE */
	uint64_t queue_at[QUEUE], queue_takes[QUEUE];
	unsigned queued;
	uint64_t forked_until;          /* its zygote forks until then */
	uint64_t used_at, rested_at;
	bool used, warm, fresh;
	/* what came out */
	unsigned most, forks, served;
	uint64_t longest_wait, slept_at;
};

struct model {
	struct model_pool pools[POOLS];
	uint64_t now, limit;
	unsigned most_live;
};

static unsigned
have(const struct model_pool *pool, enum state state)
{
	unsigned i, count = 0;

	for (i = 0; i < SLOTS; i++)
		count += pool->state[i] == state;
	return count;
}

static unsigned
live(const struct model_pool *pool)
{
	return SLOTS - have(pool, EMPTY);
}

static unsigned
live_all(const struct model *model, bool leaving)
{
	unsigned i, count = 0;

	for (i = 0; i < POOLS; i++)
		count += leaving ? have(&model->pools[i], LEAVING) : live(&model->pools[i]);
	return count;
}

static void
arrive(struct model *model, const struct arrivals *trace, size_t count)
{
	size_t i;
	unsigned n;

	for (i = 0; i < count; i++) {
		const struct arrivals *some = &trace[i];
		struct model_pool *pool = &model->pools[some->pool];
		uint64_t since = model->now - some->at;

		if (model->now < some->at || (some->times <= 1 ? since != 0 :
		    since % some->every != 0 || since / some->every >= some->times))
			continue;
		for (n = 0; n < some->count; n++) {
			assert_true(pool->queued < QUEUE);
			pool->queue_at[pool->queued] = model->now;
			pool->queue_takes[pool->queued++] = some->takes;
		}
	}
}

/* Changes that are due: forks and requests done, processes gone. */
static void
move(struct model_pool *pool, uint64_t now)
{
	unsigned i;

	for (i = 0; i < SLOTS; i++) {
		if (pool->state[i] == EMPTY || pool->state[i] == IDLE || now < pool->until[i])
			continue;
		pool->state[i] = pool->state[i] == LEAVING ? EMPTY : IDLE;
		pool->until[i] = now;
	}
}

/* The queue's first to the lowest idle slot. */
static void
serve(struct model_pool *pool, uint64_t now)
{
	unsigned i;

	for (i = 0; i < SLOTS && pool->queued > 0; i++) {
		if (pool->state[i] != IDLE)
			continue;
		if (now - pool->queue_at[0] > pool->longest_wait)
			pool->longest_wait = now - pool->queue_at[0];
		pool->state[i] = BUSY;
		pool->until[i] = now + pool->queue_takes[0];
		pool->served++;
		pool->queued--;
		memmove(pool->queue_at, pool->queue_at + 1, pool->queued * sizeof(uint64_t));
		memmove(pool->queue_takes, pool->queue_takes + 1, pool->queued * sizeof(uint64_t));
	}
}

static struct scale_pool
count(struct model_pool *pool, uint64_t now)
{
	const struct numbers *numbers = &pool->numbers;
	struct scale_pool counts = {
		.idle = have(pool, IDLE), .leased = have(pool, BUSY),
		.starting = have(pool, STARTING), .leaving = have(pool, LEAVING),
		.queued = pool->queued, .fresh = pool->fresh, .min_spare = numbers->min_spare,
		.max_spare = numbers->max_spare, .min = numbers->min, .max = numbers->max,
		.zygote_timeout = numbers->zygote_timeout,
	};
	unsigned i;

	for (i = 0; i < SLOTS; i++) {
		counts.stale += pool->state[i] == IDLE &&
		    now - pool->until[i] >= numbers->idle_timeout;
		counts.calm += pool->state[i] == IDLE && now - pool->until[i] >= CALM_MS;
	}
	if (counts.queued > 0 || counts.leased > 0) {
		pool->used_at = now;
		pool->used = true;
	}
	counts.used = pool->used && now - pool->used_at < numbers->idle_timeout;
	if (live(pool) > 0)
		pool->rested_at = now;
	counts.rested = now - pool->rested_at;
	return counts;
}

static unsigned
longest_idle(const struct model_pool *pool)
{
	unsigned i, best = SLOTS;

	for (i = 0; i < SLOTS; i++)
		if (pool->state[i] == IDLE && (best == SLOTS || pool->until[i] <= pool->until[best]))
			best = i;
	return best;
}

static void
retire(struct model_pool *pool, uint64_t now)
{
	unsigned slot = longest_idle(pool);

	if (slot == SLOTS)
		return;
	pool->state[slot] = LEAVING;
	pool->until[slot] = now + EXIT_MS;
}

static void
evict(struct model *model, const struct model_pool *for_whom)
{
	struct model_pool *best = NULL, *pool;
	uint64_t since = UINT64_MAX;
	struct scale_pool counts;
	unsigned i, slot;

	for (i = 0; i < POOLS; i++) {
		pool = &model->pools[i];
		counts = count(pool, model->now);
		slot = longest_idle(pool);
		if (pool == for_whom || slot == SLOTS || scale_spares(&counts) == 0 ||
		    pool->until[slot] >= since)
			continue;
		since = pool->until[slot];
		best = pool;
	}
	if (best != NULL)
		retire(best, model->now);
}

static void
spawn(struct model_pool *pool, uint64_t now)
{
	unsigned i;

	for (i = 0; i < SLOTS && pool->state[i] != EMPTY; i++)
		;
	assert_true(i < SLOTS);
	if (pool->forked_until < now)
		pool->forked_until = now;
	pool->forked_until += FORK_MS;
	pool->state[i] = STARTING;
	pool->until[i] = pool->forked_until;
	pool->forks++;
}

static void
look(struct model *model, struct model_pool *pool, uint32_t *promised)
{
	struct scale_server server = { live_all(model, false), live_all(model, true), model->limit,
	    *promised };
	struct scale_pool counts = count(pool, model->now);
	struct scale_answer answer;
	uint32_t i;

	if (!pool->warm && !scale_wakes(pool->queued, pool->numbers.min))
		return;
	pool->warm = true;
	answer = scale_decide(&counts, &server);
	for (i = 0; i < answer.spawn; i++)
		spawn(pool, model->now);
	*promised += answer.asks > i ? answer.asks - i : 0;
	for (i = 0; i < answer.evict; i++)
		evict(model, pool);
	for (i = 0; i < answer.retire; i++)
		retire(pool, model->now);
	if (answer.sleep) {
		pool->warm = false;
		pool->slept_at = model->now;
	}
}

/* First those where somebody waits, as demand.c does. */
static void
look_all(struct model *model)
{
	uint32_t promised = 0;
	bool waited[POOLS];
	unsigned i;

	for (i = 0; i < POOLS; i++) {
		waited[i] = model->pools[i].queued > 0;
		if (waited[i])
			look(model, &model->pools[i], &promised);
	}
	for (i = 0; i < POOLS; i++)
		if (!waited[i])
			look(model, &model->pools[i], &promised);
}

/* Run the trace to that time; print processes at a few moments. */
static void
run(struct model *model, const struct arrivals *trace, size_t count, uint64_t until,
    const char *name)
{
	uint64_t step = until / 12 > 0 ? until / 12 : 1;
	unsigned i;

	print_message("# %s, ms: processes", name);
	for (; model->now <= until; model->now++) {
		arrive(model, trace, count);
		if (model->now % LOOK_MS == 0)
			look_all(model);
		for (i = 0; i < POOLS; i++) {
			struct model_pool *pool = &model->pools[i];

			move(pool, model->now);
			serve(pool, model->now);
			if (live(pool) > pool->most)
				pool->most = live(pool);
			assert_true(live(pool) <= pool->numbers.max);
		}
		if (live_all(model, false) > model->most_live)
			model->most_live = live_all(model, false);
		if (model->now % step == 0)
			print_message(" %llu: %u,", (unsigned long long)model->now,
			    live_all(model, false));
	}
	print_message("\n#   most %u; %u forks, %u served, longest wait %llu ms\n",
	    model->most_live, model->pools[0].forks, model->pools[0].served,
	    (unsigned long long)model->pools[0].longest_wait);
	assert_true(model->most_live <= model->limit);
}

static void
test_on_demand(void **state)
{
	const struct arrivals trace[] = { { .at = 1000, .count = 1, .takes = 50 } };
	struct model model = { .limit = 256, .pools[0].numbers = { .max = 10,
	    .idle_timeout = 2000, .zygote_timeout = 3000 } };
	struct model_pool *pool = &model.pools[0];

	(void)state;
	run(&model, trace, 1, 7500, "one request, on demand");
	assert_int_equal(pool->most, 1);
	assert_int_equal(live(pool), 0);
	assert_in_range(pool->longest_wait, 0, 10);
	/* It is idle from 1050 on, goes at 3050, and its zygote 3000 later. */
	assert_in_range(pool->slept_at, 6050, 6100);
}

static void
test_burst(void **state)
{
	const struct arrivals trace[] = { { .at = 100, .count = 20, .takes = 500 } };
	struct model model = { .limit = 256, .pools[0].numbers = { .min_spare = 2, .max = 20,
	    .idle_timeout = 1000 } };

	(void)state;
	run(&model, trace, 1, 3000, "a burst of 20 on a cold pool");
	assert_int_equal(model.pools[0].most, 20);
	assert_in_range(model.pools[0].longest_wait, 1, 30);
	assert_int_equal(live(&model.pools[0]), 0);
}

static void
test_dynamic(void **state)
{
	/* Three at work all the time, for a minute. */
	const struct arrivals trace[] = { { .at = 0, .count = 3, .takes = 90, .every = 100,
	    .times = 600 } };
	struct model model = { .limit = 256, .pools[0].numbers = { .min_spare = 2, .max = 20,
	    .idle_timeout = 5000 } };
	struct model_pool *pool = &model.pools[0];

	(void)state;
	run(&model, trace, 1, 59050, "three at work, two spare");
	assert_int_equal(pool->served, 591 * 3);
	/* Five: nothing is forked and ended in turn. */
	assert_int_equal(live(pool), 5);
	assert_int_equal(pool->forks, 5);
	run(&model, trace, 0, 70000, "and then none");
	assert_int_equal(live(pool), 0);
}

static void
test_static(void **state)
{
	const struct arrivals trace[] = { { .at = 20000, .count = 12, .takes = 100 } };
	struct model model = { .limit = 256, .pools[0].numbers = { .min = 5, .max = 5,
	    .min_spare = 2, .idle_timeout = 1000, .zygote_timeout = 1000 } };

	(void)state;
	run(&model, trace, 1, 40000, "static, of five");
	assert_int_equal(live(&model.pools[0]), 5);
	assert_int_equal(model.pools[0].forks, 5);
	assert_int_equal(model.pools[0].served, 12);
	assert_int_equal(model.pools[0].slept_at, 0);
}

static void
test_max_spare(void **state)
{
	const struct arrivals trace[] = {
		{ .at = 0, .count = 20, .takes = 100 },
		{ .at = 500, .count = 20, .takes = 100 },
	};
	struct model model = { .limit = 256, .pools[0].numbers = { .min_spare = 1, .max_spare = 4,
	    .max = 20, .idle_timeout = 60000 } };
	struct model_pool *pool = &model.pools[0];

	(void)state;
	run(&model, trace, 2, 1400, "bursts half a second apart, four spare at most");
	assert_int_equal(pool->forks, 20);
	run(&model, trace, 0, 2000, "a second later");
	assert_int_equal(live(pool), 4);
}

static void
test_full_server(void **state)
{
	const struct arrivals trace[] = {
		{ .at = 0, .pool = 1, .count = 6, .takes = 100 },
		{ .at = 200, .pool = 2, .count = 4, .takes = 100 },
		{ .at = 5000, .pool = 0, .count = 8, .takes = 100 },
	};
	struct model model = { .limit = 10, .pools = {
		{ .numbers = { .max = 8, .idle_timeout = 60000 } },
		{ .numbers = { .max = 8, .idle_timeout = 60000, .min = 1 } },
		{ .numbers = { .max = 8, .idle_timeout = 60000 } } } };

	(void)state;
	run(&model, trace, 3, 6000, "eight on a machine that is full with others' idle ones");
	assert_int_equal(model.most_live, 10);
	assert_int_equal(model.pools[0].served, 8);
	assert_in_range(model.pools[0].longest_wait, 1, 40);
	/* The longest idle went first; min_processors is nobody's to take. */
	assert_int_equal(live(&model.pools[1]), 1);
	assert_int_equal(live(&model.pools[2]), 1);
}

/* A pool that wants many spare ones doesn't take the room that is made for another. */
static void
test_greedy(void **state)
{
	const struct arrivals trace[] = {
		{ .at = 0, .pool = 0, .count = 1, .takes = 5, .every = 20, .times = 500 },
		{ .at = 1000, .pool = 1, .count = 4, .takes = 500 },
	};
	struct model model = { .limit = 6, .pools = {
		{ .numbers = { .max = 6, .min_spare = 5, .idle_timeout = 60000 } },
		{ .numbers = { .max = 4, .idle_timeout = 60000 } } } };

	(void)state;
	run(&model, trace, 2, 5000, "a greedy pool fills the machine, another one needs four");
	assert_int_equal(model.pools[1].served, 4);
	assert_in_range(model.pools[1].longest_wait, 1, 40);
}

static void
test_full_queue_beside(void **state)
{
	/* One pool is at its limit and overrun; another has a request each 50 ms. */
	const struct arrivals trace[] = {
		{ .at = 0, .pool = 1, .count = 100, .takes = 1000 },
		{ .at = 0, .pool = 0, .count = 1, .takes = 5, .every = 50, .times = 100 },
	};
	struct model model = { .limit = 10, .pools = {
		{ .numbers = { .max = 4, .min_spare = 1, .idle_timeout = 10000 } },
		{ .numbers = { .max = 5, .idle_timeout = 10000 } } } };

	(void)state;
	run(&model, trace, 2, 5000, "one pool overrun, another at ease");
	assert_int_equal(model.pools[0].served, 100);
	assert_in_range(model.pools[0].longest_wait, 0, 10);
	assert_int_equal(model.pools[1].most, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_demand),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_max_spare),
		cmocka_unit_test(test_full_server),
		cmocka_unit_test(test_greedy),
		cmocka_unit_test(test_full_queue_beside),
	};

	return cmocka_run_group_tests_name("manager/scale over time", tests, NULL, NULL);
}
