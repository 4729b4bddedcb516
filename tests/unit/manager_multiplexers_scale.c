/* How many multiplexers: tables, and a day in the life of one entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/multiplexers_scale.h"

static const struct {
	const char *name;
	struct multiplexers_load load;  /* running, starting, least, sum, calm, min, max, idle_timeout */
	int answer;
} rows[] = {
	{ "at rest at its least", { 2, 0, 0, 0, 100000, 2, 4, 60000 }, 0 },
	{ "one has died for good", { 1, 0, 0, 0, 0, 2, 4, 60000 }, 1 },
	{ "and its successor starts", { 1, 1, 0, 0, 0, 2, 4, 60000 }, 0 },
	{ "each is near its limit", { 2, 0, 900, 1900, 0, 2, 4, 60000 }, 1 },
	{ "one has room", { 2, 0, 899, 1899, 0, 2, 4, 60000 }, 0 },
	{ "near, but one is coming", { 3, 1, 950, 1900, 0, 2, 4, 60000 }, 0 },
	{ "near, and no more allowed", { 4, 0, 1000, 4000, 0, 2, 4, 60000 }, 0 },
	{ "near, and a fixed number", { 2, 0, 1000, 2000, 0, 2, 2, 60000 }, 0 },
	{ "one alone, near", { 1, 0, 1000, 1000, 0, 1, 2, 60000 }, 1 },
	{ "one too many, not for long", { 3, 0, 100, 500, 59999, 2, 4, 60000 }, 0 },
	{ "one too many for long enough", { 3, 0, 100, 500, 60000, 2, 4, 60000 }, -1 },
	{ "what the others could just bear", { 3, 0, 300, 1000, 60000, 2, 4, 60000 }, -1 },
	{ "and what they could not", { 3, 0, 300, 1001, 60000, 2, 4, 60000 }, 0 },
	{ "one is coming: none goes", { 3, 1, 0, 0, 60000, 2, 4, 60000 }, 0 },
	{ "none ever goes", { 3, 0, 0, 0, 1000000, 2, 4, 0 }, 0 },
	{ "at its least none goes", { 2, 0, 0, 0, 1000000, 2, 4, 1 }, 0 },
	{ "more than are allowed now", { 4, 0, 1000, 4000, 0, 2, 3, 60000 }, -1 },
	{ "even where none ever goes", { 4, 0, 1000, 4000, 0, 2, 3, 0 }, -1 },
};

static void
test_table(void **state)
{
	int answer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		answer = multiplexers_scale(&rows[i].load);
		if (answer != rows[i].answer)
			fail_msg("%s: %d, not %d", rows[i].name, answer, rows[i].answer);
	}
}

static void
test_load(void **state)
{
	(void)state;
	assert_int_equal(multiplexer_load(0, 1000, 0, 2000), 0);
	assert_int_equal(multiplexer_load(900, 1000, 0, 2000), 900);
	assert_int_equal(multiplexer_load(100, 1000, 1000, 2000), 500);
	assert_int_equal(multiplexer_load(5000, 1000, 0, 2000), 1000);
	/* Ticks are coarse: more than the time there was. */
	assert_int_equal(multiplexer_load(0, 1000, 2010, 2000), 1000);
	assert_int_equal(multiplexer_load(1, 1, 0, 0), 1000);
	assert_int_equal(multiplexer_load(0, 0, 5, 0), 0);
	assert_int_equal(multiplexer_load(UINT32_MAX, UINT64_MAX, 0, 1), 0);
}

/*
 * So many whole multiplexers' work, as it comes and goes, a look each 2 s: it is spread
 * over those that run.  Nothing swings where the work is steady.
 */
static void
test_trace(void **state)
{
	static const struct { uint32_t work; unsigned looks; uint32_t running; } day[] = {
		{ 100, 50, 1 },         /* night */
		{ 1500, 10, 2 },        /* 2 bear 750 each */
		{ 1500, 200, 2 },
		{ 5000, 10, 4 },        /* more than all that are allowed */
		{ 3000, 200, 4 },       /* 3 could not bear it with room to spare */
		{ 1400, 40, 3 },        /* 3 at 466: 2 would have 700, above EASY */
		{ 900, 100, 2 },        /* 450 for one less of 3 */
		{ 100, 100, 1 },
	};
	struct multiplexers_load load = { 1, 0, 0, 0, 0, 1, 4, 60000 };
	unsigned look, moves = 0;
	uint32_t each;
	size_t i;
	int answer;

	(void)state;
	for (i = 0; i < sizeof day / sizeof day[0]; i++) {
		for (look = 0; look < day[i].looks; look++) {
			each = day[i].work / load.running;
			load.least = each > MULTIPLEXER_WHOLE ? MULTIPLEXER_WHOLE : each;
			load.sum = load.least * load.running;
			load.calm = multiplexers_spare(&load) ? load.calm + 2000 : 0;
			answer = multiplexers_scale(&load);
			if (answer == 0)
				continue;
			load.running += (uint32_t)answer;
			load.calm = 0;
			moves++;
		}
		if (load.running != day[i].running)
			fail_msg("part %zu of the day: %u run, not %u", i, load.running, day[i].running);
	}
	assert_int_equal(moves, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests_name("manager/multiplexers_scale", tests, NULL, NULL);
}
