/* src/multiplexer/timeouts.c: who is due, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "multiplexer/timeouts.h"

#define MANY 200

struct step {
	unsigned who;
	uint64_t at, after;     /* set at that time, for so long; after 0: cleared */
};

struct row {
	const char *name;
	struct step steps[4];
	size_t count;
	uint64_t now;
	unsigned due[4];        /* in the order in which they come out */
	size_t due_count;
	uint64_t next;          /* the earliest that is left */
};

static const struct row rows[] = {
	{ "none is set", { { 0, 0, 0 } }, 1, 1000, { 0 }, 0, TIMEOUT_NEVER },
	{ "not yet", { { 0, 100, 50 } }, 1, 149, { 0 }, 0, 150 },
	{ "just now", { { 0, 100, 50 } }, 1, 150, { 0 }, 1, TIMEOUT_NEVER },
	{ "one of a class after the other",
	    { { 0, 100, 50 }, { 1, 101, 50 }, { 2, 102, 50 } }, 3, 151, { 0, 1 }, 2, 152 },
	{ "a shorter one of another class comes first",
	    { { 0, 100, 500 }, { 1, 110, 20 } }, 2, 130, { 1 }, 1, 600 },
	{ "set anew, it waits anew",
	    { { 0, 100, 50 }, { 1, 110, 50 }, { 0, 120, 50 } }, 3, 165, { 1 }, 1, 170 },
	{ "cleared, it never comes",
	    { { 0, 100, 50 }, { 0, 110, 0 } }, 2, 1000, { 0 }, 0, TIMEOUT_NEVER },
	{ "a deadline past all time is none",
	    { { 0, 100, UINT64_MAX } }, 1, UINT64_MAX, { 0 }, 0, TIMEOUT_NEVER },
};

static void
test_rows(void **state)
{
	static struct timeouts timeouts;
	struct timeout many[4], *due;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		memset(many, 0, sizeof many);
		timeouts_begin(&timeouts);
		for (k = 0; k < row->count; k++)
			timeouts_set(&timeouts, &many[row->steps[k].who], row->steps[k].after,
			    row->steps[k].at);
		for (k = 0; (due = timeouts_expired(&timeouts, row->now)) != NULL; k++)
			if (k >= row->due_count || due != &many[row->due[k]])
				fail_msg("%s: %u is due", row->name, (unsigned)(due - many));
		if (k != row->due_count)
			fail_msg("%s: %zu are due", row->name, k);
		if (timeouts_next(&timeouts) != row->next)
			fail_msg("%s: the next is %llu", row->name,
			    (unsigned long long)timeouts_next(&timeouts));
	}
}

/* More durations than there are lists: still each at its time, in order. */
static void
test_many_durations(void **state)
{
	static struct timeouts timeouts;
	static struct timeout many[MANY];
	uint64_t now, last = 0;
	struct timeout *due;
	unsigned i, seen = 0;

	(void)state;
	timeouts_begin(&timeouts);
	for (i = 0; i < MANY; i++)
		timeouts_set(&timeouts, &many[i], 1 + (i * 7919) % 1000, 0);
	for (now = 0; now <= 1000; now++)
		while ((due = timeouts_expired(&timeouts, now)) != NULL) {
			assert_int_equal(due->deadline, now);
			assert_true(due->deadline >= last);
			last = due->deadline;
			seen++;
		}
	assert_int_equal(seen, MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
