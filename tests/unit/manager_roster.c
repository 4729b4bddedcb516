/* src/manager/roster: names keep their numbers, and numbers are not given away too early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "manager/roster.h"

static char a[] = "/a", b[] = "/b", c[] = "/c", d[] = "/d";

static void
test_numbers(void **state)
{
	char *first[] = { a, b }, *second[] = { c, b }, *third[] = { d };
	struct roster roster = { NULL, 0, 0 };
	uint32_t numbers[2];

	(void)state;
	assert_true(roster_take(&roster, first, 2, 1, 0, numbers));
	assert_int_equal(numbers[0], 0);
	assert_int_equal(numbers[1], 1);
	/* "/a" has gone with generation 2, but generation 1 is still held. */
	assert_true(roster_take(&roster, second, 2, 2, 1, numbers));
	assert_int_equal(numbers[0], 2);
	assert_int_equal(numbers[1], 1);
	assert_string_equal(roster_name(&roster, 0), "/a");
	/* Nobody holds it any more: the number is free. */
	assert_true(roster_take(&roster, third, 1, 3, 2, numbers));
	assert_int_equal(numbers[0], 0);
	assert_string_equal(roster_name(&roster, 0), "/d");
	assert_string_equal(roster_name(&roster, 1), "/b");
	/* One that comes back before its number was given away has it again. */
	assert_true(roster_take(&roster, second, 2, 4, 2, numbers));
	assert_int_equal(numbers[0], 2);
	assert_int_equal(numbers[1], 1);
	assert_null(roster_name(&roster, 9));
	roster_end(&roster);
}

static void
test_put(void **state)
{
	char *names[] = { a, b, c };
	struct roster roster = { NULL, 0, 0 };
	uint32_t numbers[3];

	(void)state;
	assert_true(roster_put(&roster, 2, "/c", 0));
	assert_true(roster_put(&roster, 1, "/gone", 7));
	assert_true(roster_take(&roster, names, 3, 8, 6, numbers));
	assert_int_equal(numbers[2], 2);
	assert_int_equal(numbers[0], 0);
	assert_int_equal(numbers[1], 3);
	roster_end(&roster);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
