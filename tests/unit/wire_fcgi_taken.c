/* What an application says, taken apart: its answer, its STDERR, its end, or what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/fcgi_taken.h"

struct row {
	const char *name;
	const char *records;            /* a letter each, see add() */
	bool answered;                  /* before */
	const char *out, *err;
	bool is_answered, ended, whole, surplus;
	const char *wrong;
};

static const struct row rows[] = {
	{ "nothing", "", false, "", "", false, false, false, false, NULL },
	{ "some", "o", false, "out", "", false, false, false, false, NULL },
	{ "all of it", "ooO.", false, "outout", "", true, true, true, false, NULL },
	{ "its log beside it", "oeoeO.", false, "outout", "errerr", true, true, true, false, NULL },
	{ "an end of STDOUT before END", "oO", false, "out", "", true, false, false, false, NULL },
	{ "said twice", "oOO.", false, "out", "", true, true, true, false, NULL },
	{ "the log goes on", "e.", true, "", "err", false, true, true, false, NULL },
	{ "no more of an answer that had ended", "o", true, "", "", false, false, false, false,
	    "sent more than its answer" },
	{ "nor behind its end", "oOo", false, "out", "", true, false, false, false,
	    "sent more than its answer" },
	{ "overloaded", "!", false, "", "", false, true, false, false, NULL },
	{ "more behind END", "oO.o", false, "out", "", true, true, true, true, NULL },
	{ "about the connection", "0oO.", false, "out", "", true, true, true, false, NULL },
	{ "of another request", "o2", false, "out", "", false, false, false, false,
	    "answered a request that it was not given" },
	{ "of no type", "o?", false, "out", "", false, false, false, false,
	    "sent a FastCGI record of an unknown type" },
	{ "of no protocol", "oH", false, "out", "", false, false, false, false,
	    "sent what is no FastCGI record" },
};

static size_t
put(unsigned char *to, unsigned type, unsigned id, const char *text)
{
	size_t len = strlen(text);

	fcgi_write_header(to, (enum fcgi_type)type, id, len, 0);
	memcpy(to + FCGI_HEADER, text, len);
	return FCGI_HEADER + len;
}

static size_t
add(unsigned char *to, char which)
{
	switch (which) {
	case 'o': return put(to, FCGI_TYPE_STDOUT, FCGI_REQUEST_ID, "out");
	case 'O': return put(to, FCGI_TYPE_STDOUT, FCGI_REQUEST_ID, "");
	case 'e': return put(to, FCGI_TYPE_STDERR, FCGI_REQUEST_ID, "err");
	case '.': return fcgi_write_end(to, FCGI_REQUEST_ID, 7, FCGI_ENDED_COMPLETE);
	case '!': return fcgi_write_end(to, FCGI_REQUEST_ID, 0, FCGI_ENDED_OVERLOADED);
	case '0': return fcgi_write_unknown(to, 9);
	case '2': return put(to, FCGI_TYPE_STDOUT, 2, "x");
	case '?': return put(to, 42, FCGI_REQUEST_ID, "x");
	default:  memcpy(to, "HTTP/1.1", 8); return 8;
	}
}

static char told[64];
static size_t told_len;

static void
tell(void *context, const char *bytes, size_t len)
{
	assert_ptr_equal(context, told);
	assert_true(told_len + len <= sizeof told);
	memcpy(told + told_len, bytes, len);
	told_len += len;
}

static void
check(const struct row *row)
{
	struct fcgi_reader reader = { .in_record = false };
	struct fcgi_taken taken;
	unsigned char bytes[512];
	char *text;
	size_t len = 0;
	const char *at;

	for (at = row->records; *at != '\0'; at++)
		len += add(bytes + len, *at);
	told_len = 0;
	memcpy(&text, &(unsigned char *){ bytes }, sizeof text);
	fcgi_take(&reader, row->answered, text, len, &taken, tell, told);
	assert_int_equal(taken.len, strlen(row->out));
	assert_memory_equal(text, row->out, taken.len);
	assert_int_equal(told_len, strlen(row->err));
	assert_memory_equal(told, row->err, told_len);
	assert_int_equal(taken.answered, row->is_answered);
	assert_int_equal(taken.ended, row->ended);
	assert_int_equal(taken.whole, row->whole);
	assert_int_equal(taken.surplus, row->surplus);
	if (row->wrong == NULL)
		assert_null(taken.wrong);
	else
		assert_string_equal(taken.wrong, row->wrong);
	if (row->whole)
		assert_int_equal(taken.app_status, 7);
}

static void
an_answer_is_taken_apart(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		check(&rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_answer_is_taken_apart) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
