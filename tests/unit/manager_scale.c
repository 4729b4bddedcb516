/* Policy of pools: situations by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/scale.h"

struct row {
	const char *name;
	struct scale_pool pool;         /* idle leased starting leaving queued stale spare max resting */
	struct scale_server server;     /* live leaving limit */
	struct scale_answer answer;     /* spawn retire evict */
};

static const struct row rows[] = {
	{ "nothing waits, nothing is wanted",
	    { 0, 0, 0, 0, 0, 0, 0, 10, false }, { 0, 0, 256 }, { 0, 0, 0 } },
	{ "cold pool, one waits: it and the spare ones",
	    { 0, 0, 0, 0, 1, 0, 2, 10, false }, { 0, 0, 256 }, { 3, 0, 0 } },
	{ "a burst is forked at once",
	    { 0, 0, 0, 0, 9, 0, 0, 10, false }, { 0, 0, 256 }, { 9, 0, 0 } },
	{ "a burst stops at max",
	    { 0, 0, 0, 0, 50, 0, 2, 10, false }, { 0, 0, 256 }, { 10, 0, 0 } },
	{ "what starts already is not asked for twice",
	    { 0, 2, 3, 0, 3, 0, 0, 10, false }, { 5, 0, 256 }, { 0, 0, 0 } },
	{ "who leaves still holds a place",
	    { 0, 5, 0, 5, 4, 0, 0, 10, false }, { 10, 5, 256 }, { 0, 0, 0 } },
	{ "spare ones are refilled",
	    { 0, 3, 0, 0, 0, 0, 2, 10, false }, { 3, 0, 256 }, { 2, 0, 0 } },
	{ "the server's limit bounds a burst, the rest is to be made room for",
	    { 0, 0, 0, 0, 6, 0, 0, 10, false }, { 252, 0, 256 }, { 4, 0, 2 } },
	{ "a full server evicts for a queue",
	    { 0, 2, 0, 0, 3, 0, 2, 10, false }, { 256, 0, 256 }, { 0, 0, 3 } },
	{ "a full server evicts for no spare one",
	    { 0, 2, 0, 0, 0, 0, 2, 10, false }, { 256, 0, 256 }, { 0, 0, 0 } },
	{ "room that is being made is not asked for twice",
	    { 0, 2, 0, 0, 3, 0, 0, 10, false }, { 256, 3, 256 }, { 0, 0, 0 } },
	{ "more than the limit is no underflow",
	    { 0, 2, 0, 0, 3, 0, 0, 10, false }, { 300, 0, 256 }, { 0, 0, 3 } },
	{ "no eviction beyond the pool's own max",
	    { 0, 9, 0, 0, 5, 0, 0, 10, false }, { 256, 0, 256 }, { 0, 0, 1 } },
	{ "stale ones go down to the spare ones",
	    { 6, 0, 0, 0, 0, 6, 2, 10, false }, { 6, 0, 256 }, { 0, 4, 0 } },
	{ "only stale ones go",
	    { 6, 0, 0, 0, 0, 1, 2, 10, false }, { 6, 0, 256 }, { 0, 1, 0 } },
	{ "the spare ones stay, however stale",
	    { 2, 0, 0, 0, 0, 2, 2, 10, false }, { 2, 0, 256 }, { 0, 0, 0 } },
	{ "without spare ones all stale ones go",
	    { 3, 0, 0, 0, 0, 3, 0, 10, false }, { 3, 0, 256 }, { 0, 3, 0 } },
	{ "none goes while somebody waits",
	    { 3, 0, 0, 0, 1, 3, 0, 10, false }, { 3, 0, 256 }, { 0, 0, 0 } },
	{ "a resting pool forks nothing, whoever waits",
	    { 0, 0, 0, 0, 9, 0, 2, 10, true }, { 0, 0, 256 }, { 0, 0, 0 } },
	{ "a resting pool still lets stale ones go",
	    { 3, 0, 0, 0, 0, 3, 2, 10, true }, { 3, 0, 256 }, { 0, 1, 0 } },
	{ "spare above max is no overflow",
	    { 0, 0, 0, 0, 0, 0, UINT64_MAX, 3, false }, { 0, 0, 256 }, { 3, 0, 0 } },
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
		    answer.evict != rows[i].answer.evict)
			fail_msg("%s: spawn %u, retire %u, evict %u", rows[i].name,
			    answer.spawn, answer.retire, answer.evict);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests_name("manager/scale", tests, NULL, NULL);
}
