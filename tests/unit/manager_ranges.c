/* src/manager/ranges: which numbers are free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "manager/ranges.h"

static void
test_taking(void **state)
{
	struct ranges ranges;

	(void)state;
	assert_true(ranges_begin(&ranges, 10));
	assert_int_equal(ranges_take(&ranges, 4), 0);
	assert_int_equal(ranges_take(&ranges, 4), 4);
	assert_int_equal(ranges_take(&ranges, 3), RANGES_NONE);
	ranges_give(&ranges, 0, 4);
	assert_int_equal(ranges_take(&ranges, 2), 0);
	assert_int_equal(ranges_take(&ranges, 2), 2);
	assert_int_equal(ranges_take(&ranges, 2), 8);
	assert_int_equal(ranges_take(&ranges, 1), RANGES_NONE);
	ranges_end(&ranges);
}

static void
test_claiming(void **state)
{
	struct ranges ranges;

	(void)state;
	assert_true(ranges_begin(&ranges, 10));
	assert_true(ranges_claim(&ranges, 3, 2));
	assert_false(ranges_claim(&ranges, 4, 1));
	assert_false(ranges_claim(&ranges, 2, 2));
	assert_false(ranges_claim(&ranges, 9, 2));
	assert_true(ranges_claim(&ranges, 0, 3));
	assert_true(ranges_claim(&ranges, 9, 1));
	assert_int_equal(ranges_take(&ranges, 4), 5);
	assert_false(ranges_claim(&ranges, 0, 1));
	ranges_end(&ranges);
}

/* Against a map of single numbers: nothing is given twice, all that is given back is whole. */
static void
test_against_a_map(void **state)
{
	enum { COUNT = 200, TURNS = 20000 };
	struct range held[COUNT];
	unsigned char taken[COUNT] = { 0 };
	struct ranges ranges;
	uint32_t i, n = 0, first, count;
	int turn;

	(void)state;
	srand(1);
	assert_true(ranges_begin(&ranges, COUNT));
	for (turn = 0; turn < TURNS; turn++) {
		if (n == 0 || (rand() % 2 && n < COUNT)) {
			count = 1 + (uint32_t)rand() % 12;
			first = ranges_take(&ranges, count);
			if (first == RANGES_NONE)
				continue;
			for (i = first; i < first + count; i++) {
				assert_int_equal(taken[i], 0);
				taken[i] = 1;
			}
			held[n++] = (struct range){ first, count };
		} else {
			i = (uint32_t)rand() % n;
			memset(taken + held[i].first, 0, held[i].count);
			ranges_give(&ranges, held[i].first, held[i].count);
			held[i] = held[--n];
		}
	}
	while (n-- > 0)
		ranges_give(&ranges, held[n].first, held[n].count);
	assert_int_equal(ranges.count, 1);
	assert_int_equal(ranges_take(&ranges, COUNT), 0);
	ranges_end(&ranges);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taking),
		cmocka_unit_test(test_claiming),
		cmocka_unit_test(test_against_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
