#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/record.h"

static void
writes_what_it_reads(void **state)
{
	static const char text[] = "a b=c%d\n\"\x01\x7f\xc3\xa9";
	struct buf buf = BUF(1000);
	struct record_writer writer = { &buf, true };
	struct record record;
	const char *at;

	(void)state;
	record_begin(&writer, "pool");
	record_text(&writer, "name", text);
	record_text(&writer, "empty", "");
	record_number(&writer, "requests", UINT64_MAX);
	assert_true(record_end(&writer));
	for (at = buf.data; at < buf.data + buf.len - 1; at++)
		assert_true(*at >= 0x20 && *at < 0x7f);
	assert_int_equal(buf.data[buf.len - 1], '\n');
	buf.data[buf.len - 1] = '\0';
	assert_true(record_parse(buf.data, &record));
	assert_string_equal(record.kind, "pool");
	assert_int_equal(record.count, 3);
	assert_string_equal(record_get(&record, "name"), text);
	assert_string_equal(record_get(&record, "empty"), "");
	assert_true(record_get_number(&record, "requests") == UINT64_MAX);
	assert_string_equal(record_get(&record, "absent"), "");
	assert_int_equal(record_get_number(&record, "absent"), 0);
	assert_int_equal(record_get_number(&record, "name"), 0);
	buf_free(&buf);
}

static void
says_what_did_not_fit(void **state)
{
	struct buf buf = BUF(16);
	struct record_writer writer = { &buf, true };

	(void)state;
	record_begin(&writer, "pool");
	record_text(&writer, "name", "a rather long value");
	record_number(&writer, "n", 1);
	assert_false(record_end(&writer));
	assert_true(buf.len <= 16);
	buf_free(&buf);
}

struct row {
	const char *name;
	const char *line;
	bool good;
};

static const struct row rows[] = {
	{ "a kind alone", "pool", true },
	{ "a field", "pool a=b", true },
	{ "an empty value", "pool a=", true },
	{ "a value with an equals sign", "pool a=b=c", true },
	{ "an escaped NUL", "pool a=%00", true },
	{ "nothing", "", false },
	{ "a blank first", " pool", false },
	{ "two blanks", "pool  a=b", false },
	{ "a blank last", "pool a=b ", false },
	{ "no equals sign", "pool a", false },
	{ "no key", "pool =b", false },
	{ "an escape cut off", "pool a=%", false },
	{ "an escape cut in half", "pool a=%4", false },
	{ "an escape that is none", "pool a=%zz", false },
	{ "an escape with a sign", "pool a=%+1", false },
};

static void
reads_any_line(void **state)
{
	struct record record;
	char line[RECORD_FIELDS * 8];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		strcpy(line, rows[i].line);
		if (record_parse(line, &record) != rows[i].good)
			fail_msg("%s", rows[i].name);
	}
	strcpy(line, "x a=%00");
	assert_true(record_parse(line, &record));
	assert_string_equal(record_get(&record, "a"), "?");
	strcpy(line, "x");
	for (i = 0, len = 1; i < RECORD_FIELDS; i++, len += 4)
		strcpy(line + len, " a=b");
	assert_true(record_parse(line, &record));
	assert_int_equal(record.count, RECORD_FIELDS);
	strcpy(line, "x");
	for (i = 0, len = 1; i <= RECORD_FIELDS; i++, len += 4)
		strcpy(line + len, " a=b");
	assert_false(record_parse(line, &record));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(says_what_did_not_fit),
		cmocka_unit_test(reads_any_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
