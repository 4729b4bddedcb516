#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "handlers/ranges.h"

static const struct row {
	const char *name, *field;
	uint64_t size;
	const char *ranges;     /* "first+len ...", "ignore" or "beyond" */
} rows[] = {
	{ "the first bytes", "bytes=0-9", 100, "0+10" },
	{ "one byte", "bytes=5-5", 100, "5+1" },
	{ "from there on", "bytes=90-", 100, "90+10" },
	{ "the last bytes", "bytes=-10", 100, "90+10" },
	{ "all of it", "bytes=0-", 100, "0+100" },
	{ "more last bytes than there are", "bytes=-1000", 100, "0+100" },
	{ "an end past the end", "bytes=50-1000", 100, "50+50" },
	{ "a number past 64 bits", "bytes=1-99999999999999999999999", 100, "1+99" },
	{ "the unit in another case", "Bytes=0-9", 100, "0+10" },
	{ "blanks and empty members", "bytes= ,0-9 ,, 20-29\t,", 100, "0+10 20+10" },
	{ "the client's order", "bytes=20-29,0-9", 100, "20+10 0+10" },
	{ "overlapping", "bytes=0-9,5-14", 100, "0+15" },
	{ "side by side", "bytes=0-9,10-19", 100, "0+20" },
	{ "one inside another", "bytes=0-99,20-29", 100, "0+100" },
	{ "one that joins two", "bytes=0-9,20-29,50-59,5-25", 100, "0+30 50+10" },
	{ "one lies beyond, one does not", "bytes=0-9,100-", 100, "0+10" },
	{ "begins at the end", "bytes=100-", 100, "beyond" },
	{ "begins past 64 bits", "bytes=99999999999999999999999-", 100, "beyond" },
	{ "no last bytes", "bytes=-0", 100, "beyond" },
	{ "an empty file", "bytes=0-", 0, "beyond" },
	{ "an empty file's last bytes", "bytes=-5", 0, "beyond" },
	{ "backwards", "bytes=9-0", 100, "ignore" },
	{ "backwards, past the end", "bytes=200-150", 100, "ignore" },
	{ "another unit", "lines=0-9", 100, "ignore" },
	{ "no unit", "0-9", 100, "ignore" },
	{ "nothing", "", 100, "ignore" },
	{ "no ranges", "bytes=", 100, "ignore" },
	{ "only commas", "bytes=,,", 100, "ignore" },
	{ "no dash", "bytes=5", 100, "ignore" },
	{ "a dash alone", "bytes=-", 100, "ignore" },
	{ "two dashes", "bytes=1-2-3", 100, "ignore" },
	{ "a sign", "bytes=+1-2", 100, "ignore" },
	{ "letters", "bytes=a-b", 100, "ignore" },
	{ "one bad among good", "bytes=0-9,x", 100, "ignore" },
	{ "blanks inside", "bytes=0 - 9", 100, "ignore" },
};

static void
words(enum ranges_result result, const struct ranges *ranges, char *out, size_t size)
{
	size_t len = 0;
	unsigned i;

	out[0] = '\0';
	if (result != RANGES_SOME) {
		snprintf(out, size, "%s", result == RANGES_IGNORE ? "ignore" : "beyond");
		return;
	}
	for (i = 0; i < ranges->count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%" PRIu64 "+%" PRIu64,
		    i > 0 ? " " : "", ranges->at[i].first, ranges->at[i].len);
}

static void
fields_are_read(void **state)
{
	enum ranges_result result;
	struct ranges ranges;
	char said[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		result = ranges_read(rows[i].field, strlen(rows[i].field), rows[i].size, &ranges);
		words(result, &ranges, said, sizeof said);
		if (strcmp(said, rows[i].ranges) != 0)
			fail_msg("%s: %s, not %s", rows[i].name, said, rows[i].ranges);
	}
}

static void
their_number_is_bounded(void **state)
{
	char field[1024] = "bytes=";
	struct ranges ranges;
	size_t len = strlen(field);
	unsigned i;

	(void)state;
	for (i = 0; i < RANGES_MAX; i++)
		len += (size_t)snprintf(field + len, sizeof field - len, "%u-%u,", 10 * i, 10 * i);
	assert_int_equal(ranges_read(field, len, 10000, &ranges), RANGES_SOME);
	assert_int_equal(ranges.count, RANGES_MAX);
	len += (size_t)snprintf(field + len, sizeof field - len, "9000-");
	assert_int_equal(ranges_read(field, len, 10000, &ranges), RANGES_IGNORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(their_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
