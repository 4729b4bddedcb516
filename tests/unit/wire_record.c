/* Lines of the control socket: written, read back, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/record.h"

static void
test_round_trip(void **state)
{
	char every[256], line[RECORD_LINE];
	struct buf buf = BUF(RECORD_LINE);
	struct record_writer writer = { &buf, true };
	struct record record;
	unsigned i;

	(void)state;
	for (i = 1; i < 256; i++)
		every[i - 1] = (char)i;
	every[255] = '\0';
	record_begin(&writer, "pool");
	record_text(&writer, "name", every);
	record_text(&writer, "empty", "");
	record_number(&writer, "most", UINT64_MAX);
	assert_true(record_end(&writer));
	assert_int_equal(buf.data[buf.len - 1], '\n');
	memcpy(line, buf.data, buf.len);
	line[buf.len - 1] = '\0';
	for (i = 0; line[i] != '\0'; i++)
		assert_in_range(line[i], 0x20, 0x7e);
	assert_true(record_parse(line, &record));
	assert_string_equal(record.kind, "pool");
	assert_int_equal(record.count, 3);
	assert_string_equal(record_get(&record, "name"), every);
	assert_string_equal(record_get(&record, "empty"), "");
	assert_true(record_get_number(&record, "most") == UINT64_MAX);
	assert_string_equal(record_get(&record, "missing"), "");
	assert_true(record_get_number(&record, "name") == 0);
	buf_free(&buf);
}

static void
test_full(void **state)
{
	struct buf buf = BUF(16);
	struct record_writer writer = { &buf, true };

	(void)state;
	record_begin(&writer, "pool");
	record_text(&writer, "name", "longer than sixteen bytes");
	assert_false(record_end(&writer));
	buf_free(&buf);
}

static const struct {
	const char *line;
	bool good;
} rows[] = {
	{ "end", true },
	{ "pool a=1", true },
	{ "pool a=", true },
	{ "pool a=%41%42", true },
	{ "pool a=%00", true },
	{ "", false },
	{ " pool", false },
	{ "pool ", false },
	{ "pool a", false },
	{ "pool =1", false },
	{ "pool  a=1", false },
	{ "pool a=%", false },
	{ "pool a=%4", false },
	{ "pool a=%zz", false },
	{ "p a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 "
	  "a=1 a=1 a=1 a=1 a=1", false },
};

static void
test_parse(void **state)
{
	struct record record;
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memcpy(line, rows[i].line, strlen(rows[i].line) + 1);
		if (record_parse(line, &record) != rows[i].good)
			fail_msg("\"%s\"", rows[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("wire/record", tests, NULL, NULL);
}
