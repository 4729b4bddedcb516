#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "http/date.h"

struct row {
	const char *name;
	const char *text;
	long long when;         /* -1: no date */
};

static const struct row rows[] = {
	{ "preferred", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
	{ "asctime", "Sun Nov  6 08:49:37 1994", 784111777 },
	{ "asctime, two digits", "Wed Nov 16 08:49:37 1994", 784975777 },
	{ "the beginning", "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "29 February", "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 },
	{ "29 February 2000", "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
	{ "beyond 32 bits", "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 },
	{ "the last", "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
	{ "a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
	{ "another zone", "Sun, 06 Nov 1994 08:49:37 CET", -1 },
	{ "no zone", "Sun, 06 Nov 1994 08:49:37", -1 },
	{ "an offset", "Sun, 06 Nov 1994 08:49:37 +0000", -1 },
	{ "something behind", "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
	{ "a blank before", " Sun, 06 Nov 1994 08:49:37 GMT", -1 },
	{ "one digit for a day", "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
	{ "two digits for a year", "Sun, 06 Nov 94 08:49:37 GMT", -1 },
	{ "29 February of a plain year", "Wed, 29 Feb 2023 12:00:00 GMT", -1 },
	{ "29 February 1900", "Thu, 29 Feb 1900 12:00:00 GMT", -1 },
	{ "31 April", "Sun, 31 Apr 1994 08:49:37 GMT", -1 },
	{ "day 0", "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
	{ "hour 24", "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
	{ "minute 60", "Sun, 06 Nov 1994 08:60:37 GMT", -1 },
	{ "second 61", "Sun, 06 Nov 1994 08:49:61 GMT", -1 },
	{ "no such month", "Sun, 06 Foo 1994 08:49:37 GMT", -1 },
	{ "no such day", "Foo, 06 Nov 1994 08:49:37 GMT", -1 },
	{ "small letters", "sun, 06 nov 1994 08:49:37 gmt", -1 },
	{ "a short name with dashes", "Sun, 06-Nov-94 08:49:37 GMT", -1 },
	{ "asctime with a zero", "Sun Nov 06 08:49:37 1994", 784111777 },
	{ "asctime with a zone", "Sun Nov  6 08:49:37 1994 GMT", -1 },
	{ "nothing", "", -1 },
	{ "three letters", "Sun", -1 },
	{ "four letters", "Sund", -1 },
	{ "a number", "784111777", -1 },
	{ "a minus", "Sun, -6 Nov 1994 08:49:37 GMT", -1 },
};

static void
reads(void **state)
{
	size_t i, len;
	char *exact;
	time_t when;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool good;

		/* Nothing is read behind its end: not terminated, just as long. */
		len = strlen(rows[i].text);
		exact = malloc(len > 0 ? len : 1);
		memcpy(exact, rows[i].text, len);
		good = date_read(exact, len, &when);
		free(exact);
		if (good != (rows[i].when >= 0))
			fail_msg("%s: %s", rows[i].name, good ? "taken" : "refused");
		if (good && when != rows[i].when)
			fail_msg("%s: %lld", rows[i].name, (long long)when);
	}
}

/* Against the C library, over 8000 years. */
static void
writes_as_libc_does(void **state)
{
	char ours[DATE_LEN + 1], theirs[64];
	time_t when, back;
	struct tm tm;

	(void)state;
	for (when = 0; when < 253402300800; when += 86400 * 13 + 40507) {
		gmtime_r(&when, &tm);
		strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		date_write(ours, when);
		assert_string_equal(ours, theirs);
		assert_true(date_read(ours, DATE_LEN, &back));
		assert_true(back == when);
	}
}

static void
writes_what_has_no_room(void **state)
{
	char out[DATE_LEN + 1];

	(void)state;
	date_write(out, -1);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	date_write(out, 253402300800);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	date_write(out, INT64_MAX);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	date_write(out, INT64_MIN);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
}

/* Two digits mean the nearest year that is not more than 50 ahead. */
static void
reads_short_years(void **state)
{
	time_t now = time(NULL), when;
	char text[64];
	struct tm tm;
	int ahead;

	(void)state;
	gmtime_r(&now, &tm);
	for (ahead = -49; ahead <= 50; ahead++) {
		int year = tm.tm_year + 1900 + ahead;
		struct tm got;

		snprintf(text, sizeof text, "Monday, 05-Mar-%02d 00:00:00 GMT", year % 100);
		assert_true(date_read(text, strlen(text), &when));
		gmtime_r(&when, &got);
		assert_int_equal(got.tm_year + 1900, year);
	}
}

static void
knows_no_time_zone(void **state)
{
	char out[DATE_LEN + 1];
	time_t when;

	(void)state;
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	date_write(out, 784111777);
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_true(date_read(out, DATE_LEN, &when));
	assert_int_equal(when, 784111777);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(writes_as_libc_does),
		cmocka_unit_test(writes_what_has_no_room),
		cmocka_unit_test(reads_short_years),
		cmocka_unit_test(knows_no_time_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
