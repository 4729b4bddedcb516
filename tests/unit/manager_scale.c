/* Policy of pools: situations by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/scale.h"

struct row {
	const char *name;
	struct scale_pool pool;
	struct scale_server server;     /* live leaving limit promised */
	struct scale_answer answer;     /* spawn retire evict sleep */
};

static const struct row rows[] = {
	{ "nothing waits, nothing is wanted",
	    { .max = 10 }, { 0, 0, 256, 0 }, { 0 } },
	{ "cold pool, one waits: it and the spare ones",
	    { .queued = 1, .used = true, .min_spare = 2, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 3 } },
	{ "a burst is forked at once",
	    { .queued = 9, .used = true, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 9 } },
	{ "a burst stops at max",
	    { .queued = 50, .used = true, .min_spare = 2, .max = 10 }, { 0, 0, 256, 0 },
	    { .spawn = 10 } },
	{ "what starts already is not asked for twice",
	    { .leased = 2, .starting = 3, .queued = 3, .used = true, .max = 10 }, { 5, 0, 256, 0 },
	    { 0 } },
	{ "who leaves still holds a place",
	    { .leased = 5, .leaving = 5, .queued = 4, .used = true, .max = 10 }, { 10, 5, 256, 0 },
	    { 0 } },
	{ "a former zygote's hold theirs",
	    { .leaving = 8, .queued = 4, .used = true, .max = 10 }, { 8, 0, 256, 0 }, { .spawn = 2 } },
	{ "spare ones are refilled while it is used",
	    { .leased = 3, .used = true, .min_spare = 2, .max = 10 }, { 3, 0, 256, 0 },
	    { .spawn = 2 } },
	{ "and not when it rests",
	    { .min_spare = 2, .max = 10 }, { 3, 0, 256, 0 }, { 0 } },
	{ "the least number is kept, however it rests",
	    { .idle = 1, .stale = 1, .min = 4, .max = 10 }, { 1, 0, 256, 0 }, { .spawn = 3 } },
	{ "static: all of them at once",
	    { .min = 10, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 10 } },
	{ "static: none goes",
	    { .idle = 10, .stale = 10, .calm = 10, .min = 10, .max = 10, .max_spare = 1 },
	    { 10, 0, 256, 0 }, { 0 } },
	{ "a pool that wakes begins with start_processors",
	    { .fresh = 5, .queued = 1, .used = true, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 5 } },
	{ "or more, where more wait",
	    { .fresh = 2, .queued = 7, .used = true, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 7 } },
	{ "start_processors is no more than max",
	    { .fresh = 50, .queued = 1, .used = true, .max = 10 }, { 0, 0, 256, 0 }, { .spawn = 10 } },
	{ "the server's limit bounds a burst, the rest is to be made room for",
	    { .queued = 6, .used = true, .max = 10 }, { 252, 0, 256, 0 }, { .spawn = 4, .evict = 2 } },
	{ "a full server evicts for a queue",
	    { .leased = 2, .queued = 3, .used = true, .min_spare = 2, .max = 10 }, { 256, 0, 256, 0 },
	    { .evict = 3 } },
	{ "a full server evicts for no spare one",
	    { .leased = 2, .used = true, .min_spare = 2, .max = 10 }, { 256, 0, 256, 0 }, { 0 } },
	{ "nor takes a spare one room that others wait for",
	    { .leased = 2, .used = true, .min_spare = 3, .max = 10 }, { 250, 0, 256, 4 },
	    { .spawn = 2 } },
	{ "a queue does",
	    { .leased = 2, .queued = 3, .used = true, .max = 10 }, { 252, 0, 256, 4 },
	    { .spawn = 3 } },
	{ "nor for the least number",
	    { .min = 5, .max = 10 }, { 256, 0, 256, 0 }, { 0 } },
	{ "room that is being made is not asked for twice",
	    { .leased = 2, .queued = 3, .used = true, .max = 10 }, { 256, 3, 256, 0 }, { 0 } },
	{ "more than the limit is no underflow",
	    { .leased = 2, .queued = 3, .used = true, .max = 10 }, { 300, 0, 256, 0 }, { .evict = 3 } },
	{ "no eviction beyond the pool's own max",
	    { .leased = 9, .queued = 5, .used = true, .max = 10 }, { 256, 0, 256, 0 }, { .evict = 1 } },
	{ "stale ones go down to the spare ones",
	    { .idle = 6, .stale = 6, .used = true, .min_spare = 2, .max = 10 }, { 6, 0, 256, 0 },
	    { .retire = 4 } },
	{ "those at work lately stay, and the spare ones beside them",
	    { .idle = 6, .stale = 2, .used = true, .min_spare = 2, .max = 10 }, { 6, 0, 256, 0 }, { 0 } },
	{ "only stale ones go",
	    { .idle = 6, .stale = 3, .used = true, .min_spare = 2, .max = 10 }, { 6, 0, 256, 0 },
	    { .retire = 1 } },
	{ "the spare ones stay while it is used, however stale",
	    { .idle = 2, .stale = 2, .used = true, .min_spare = 2, .max = 10 }, { 2, 0, 256, 0 }, { 0 } },
	{ "and go when it rests",
	    { .idle = 2, .stale = 2, .min_spare = 2, .max = 10 }, { 2, 0, 256, 0 }, { .retire = 2 } },
	{ "without spare ones all stale ones go",
	    { .idle = 3, .stale = 3, .used = true, .max = 10 }, { 3, 0, 256, 0 }, { .retire = 3 } },
	{ "not below the least number, busy ones counted",
	    { .idle = 3, .leased = 2, .stale = 3, .used = true, .min = 4, .max = 10 }, { 5, 0, 256, 0 },
	    { .retire = 1 } },
	{ "too many spare ones go once they are calm",
	    { .idle = 9, .calm = 9, .used = true, .min_spare = 2, .max_spare = 5, .max = 10 },
	    { 9, 0, 256, 0 }, { .retire = 4 } },
	{ "and not before",
	    { .idle = 9, .calm = 1, .used = true, .min_spare = 2, .max_spare = 5, .max = 10 },
	    { 9, 0, 256, 0 }, { .retire = 1 } },
	{ "a max_spare below min_spare does not count",
	    { .idle = 3, .calm = 3, .used = true, .min_spare = 3, .max_spare = 1, .max = 10 },
	    { 3, 0, 256, 0 }, { 0 } },
	{ "none goes while somebody waits",
	    { .idle = 3, .stale = 3, .queued = 1, .used = true, .max = 10 }, { 3, 0, 256, 0 }, { 0 } },
	{ "a resting pool forks nothing, whoever waits",
	    { .queued = 9, .used = true, .min_spare = 2, .max = 10, .resting = true }, { 0, 0, 256, 0 },
	    { 0 } },
	{ "a resting pool still lets stale ones go",
	    { .idle = 3, .stale = 3, .used = true, .min_spare = 2, .max = 10, .resting = true },
	    { 3, 0, 256, 0 }, { .retire = 1 } },
	{ "spare above max is no overflow",
	    { .used = true, .min_spare = UINT64_MAX, .max = 3 }, { 0, 0, 256, 0 }, { .spawn = 3 } },
	{ "a pool without processors sleeps after zygote_timeout",
	    { .max = 10, .rested = 300000, .zygote_timeout = 300000 }, { 0, 0, 256, 0 },
	    { .sleep = true } },
	{ "not before",
	    { .max = 10, .rested = 299999, .zygote_timeout = 300000 }, { 0, 0, 256, 0 }, { 0 } },
	{ "0: never",
	    { .max = 10, .rested = UINT64_MAX }, { 0, 0, 256, 0 }, { 0 } },
	{ "nor while somebody waits",
	    { .max = 10, .queued = 1, .used = true, .rested = 300000, .zygote_timeout = 300000 },
	    { 0, 0, 256, 0 }, { .spawn = 1 } },
	{ "nor while the last ones leave",
	    { .max = 10, .leaving = 1, .rested = 300000, .zygote_timeout = 300000 },
	    { 1, 1, 256, 0 }, { 0 } },
};

static void
test_decide(void **state)
{
	struct scale_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answer = scale_decide(&rows[i].pool, &rows[i].server);
		if (answer.spawn != rows[i].answer.spawn ||
		    answer.retire != rows[i].answer.retire ||
		    answer.evict != rows[i].answer.evict ||
		    answer.sleep != rows[i].answer.sleep)
			fail_msg("%s: spawn %u, retire %u, evict %u%s", rows[i].name,
			    answer.spawn, answer.retire, answer.evict,
			    answer.sleep ? ", sleep" : "");
	}
}

static const struct {
	const char *name;
	uint64_t last, lived, first, most, pause;
} pauses[] = {
	{ "the first failure", 0, 0, 1000, 60000, 1000 },
	{ "the second doubles", 1000, 10, 1000, 60000, 2000 },
	{ "up to the most", 40000, 10, 1000, 60000, 60000 },
	{ "and stays there", 60000, 10, 1000, 60000, 60000 },
	{ "a long life begins anew", 60000, 60001, 1000, 60000, 1000 },
	{ "no overflow", UINT64_MAX - 1, 0, 1000, UINT64_MAX, UINT64_MAX },
};

static void
test_pause(void **state)
{
	uint64_t pause;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		pause = scale_pause(pauses[i].last, pauses[i].lived, pauses[i].first,
		    pauses[i].most);
		if (pause != pauses[i].pause)
			fail_msg("%s: %llu", pauses[i].name, (unsigned long long)pause);
	}
}

static void
test_age(void **state)
{
	(void)state;
	assert_int_equal(scale_age(1000, 400), 600);
	assert_int_equal(scale_age(1000, 1000), 0);
	/* Given back while the manager looks: it was not idle for 2^64 ms. */
	assert_int_equal(scale_age(1000, 1003), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests_name("manager/scale", tests, NULL, NULL);
}
