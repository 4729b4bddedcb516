/* What is read out of /proc: lines as the kernel writes them, names as users choose them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "manager/usage.h"

#define REST " 20 0 1 0 61846 10223616 1035 18446744073709551615"

static const struct {
	const char *stat;
	bool good;
	pid_t parent;
	uint64_t ticks;
} rows[] = {
	{ "12 (php) S 7 12 12 0 -1 4194304 100 0 0 0 5 6 7 8" REST, true, 7, 26 },
	{ "12 (a) R 1 9 9 9) Z 7 12 12 0 -1 4194304 100 0 0 0 1 0 -3 0" REST, true, 7, 1 },
	{ "12 () S 0 12 12 0 -1 4194304 100 0 0 0 0 0 0 0", true, 0, 0 },
	{ "12 (php) S 7 12 12 0 -1 4194304 100 0 0 0 5 6 7", false, 7, 18 },
	{ "12 (php) S", false, 0, 0 },
	{ "12 (php)", false, 0, 0 },
	{ "12 (php) ", false, 0, 0 },
	{ "", false, 0, 0 },
};

static void
lines_are_parsed(void **state)
{
	uint64_t ticks;
	pid_t parent;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(usage_parse(rows[i].stat, &parent, &ticks), rows[i].good);
		assert_int_equal(parent, rows[i].parent);
		assert_int_equal(ticks, rows[i].ticks);
	}
}

static void
only_children_of_the_parent_count(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	assert_true(usage_read(getpid(), getppid(), &usage));
	assert_true(usage.rss > 0);
	assert_true(usage.memory > 0 && usage.memory <= usage.rss);
	assert_true(usage.looked_at > 0);
	assert_false(usage_read(getpid(), getpid(), &usage));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_parsed),
		cmocka_unit_test(only_children_of_the_parent_count),
	};

	return cmocka_run_group_tests_name("manager/usage", tests, NULL, NULL);
}
