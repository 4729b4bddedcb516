#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/chunked.h"

#define B(text) (text), sizeof(text) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t len;
	enum chunked_result result;
	const char *body;       /* up to where it went wrong, or the end */
	size_t rest;            /* END: bytes that are not the body's */
};

static const struct row rows[] = {
	{ "two chunks", B("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), CHUNKED_END, "hello world",
	    0 },
	{ "nothing", B("0\r\n\r\n"), CHUNKED_END, "", 0 },
	{ "the next request behind it", B("1\r\na\r\n0\r\n\r\nGET"), CHUNKED_END, "a", 3 },
	{ "hexadecimal", B("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"), CHUNKED_END,
	    "01234567890123456789a", 0 },
	{ "zeros before", B("0000000000000001\r\na\r\n0000\r\n\r\n"), CHUNKED_END, "a", 0 },
	{ "an extension", B("1;a=b;c=\"d\"\r\na\r\n0;x\r\n\r\n"), CHUNKED_END, "a", 0 },
	{ "trailers", B("1\r\na\r\n0\r\nX-A: b\r\nY:\r\n\r\n"), CHUNKED_END, "a", 0 },
	{ "CR and LF as data", B("4\r\n\r\n\r\n\r\n0\r\n\r\n"), CHUNKED_END, "\r\n\r\n", 0 },
	{ "not whole: size", B("5"), CHUNKED_MORE, "", 0 },
	{ "not whole: data", B("5\r\nhe"), CHUNKED_MORE, "he", 0 },
	{ "not whole: behind data", B("5\r\nhello"), CHUNKED_MORE, "hello", 0 },
	{ "not whole: last line", B("0\r\n"), CHUNKED_MORE, "", 0 },
	{ "not whole: last CR", B("0\r\n\r"), CHUNKED_MORE, "", 0 },
	{ "no size", B("\r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "an extension without size", B(";a\r\n"), CHUNKED_BAD, "", 0 },
	{ "a sign", B("+5\r\nhello\r\n0\r\n\r\n"), CHUNKED_BAD, "", 0 },
	{ "a negative size", B("-5\r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "0x", B("0x5\r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a space before the size", B(" 5\r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a space behind the size", B("5 \r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "an underscore", B("1_0\r\n"), CHUNKED_BAD, "", 0 },
	{ "no digit", B("g\r\n"), CHUNKED_BAD, "", 0 },
	{ "seventeen digits", B("00000000000000001\r\na\r\n"), CHUNKED_BAD, "", 0 },
	{ "a bare LF behind the size", B("5\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a bare CR behind the size", B("5\rhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a bare LF in an extension", B("5;a\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a NUL in an extension", B("5;a\0\r\nhello\r\n"), CHUNKED_BAD, "", 0 },
	{ "a bare LF behind the data", B("1\r\na\n0\r\n\r\n"), CHUNKED_BAD, "a", 0 },
	{ "a bare CR behind the data", B("1\r\na\rx0\r\n\r\n"), CHUNKED_BAD, "a", 0 },
	{ "more data than said", B("1\r\nab\r\n0\r\n\r\n"), CHUNKED_BAD, "a", 0 },
	{ "a bare LF at the end", B("0\r\n\n"), CHUNKED_BAD, "", 0 },
	{ "a bare CR at the end", B("0\r\n\rG"), CHUNKED_BAD, "", 0 },
	{ "a trailer without colon", B("0\r\nabc\r\n\r\n"), CHUNKED_BAD, "", 0 },
	{ "a folded trailer", B("0\r\nA: b\r\n c\r\n\r\n"), CHUNKED_BAD, "", 0 },
	{ "a trailer without name", B("0\r\n: b\r\n\r\n"), CHUNKED_BAD, "", 0 },
	{ "a trailer with a bare LF", B("0\r\nA: b\n\r\n"), CHUNKED_BAD, "", 0 },
	{ "a trailer with a NUL", B("0\r\nA: b\0\r\n\r\n"), CHUNKED_BAD, "", 0 },
};

/* Decode it in pieces of `step` bytes; the body goes into out, terminated. */
static enum chunked_result
decode(const char *bytes, size_t len, size_t step, char *out, size_t *rest)
{
	enum chunked_result result = CHUNKED_MORE;
	struct chunked chunked;
	size_t at = 0, end, used, data_len, out_len = 0;
	const char *data;

	chunked_begin(&chunked);
	while (at < len && (result == CHUNKED_MORE || result == CHUNKED_DATA)) {
		end = len - at < step ? len : at + step;
		do {
			result = chunked_decode(&chunked, bytes + at, end - at, &used, &data,
			    &data_len);
			if (result == CHUNKED_DATA) {
				memcpy(out + out_len, data, data_len);
				out_len += data_len;
			}
			at += used;
		} while (result == CHUNKED_DATA);
	}
	out[out_len] = '\0';
	*rest = len - at;
	return result;
}

static void
bodies(void **state)
{
	char out[256];
	size_t i, step, rest;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (step = 1; step <= 64; step++) {
			const struct row *row = &rows[i];
			enum chunked_result result = decode(row->bytes, row->len, step, out, &rest);

			if (result != row->result)
				fail_msg("%s: %d for %d (step %zu)", row->name, result,
				    row->result, step);
			if (strcmp(out, row->body) != 0)
				fail_msg("%s: \"%s\" (step %zu)", row->name, out, step);
			if (result == CHUNKED_END && rest != row->rest)
				fail_msg("%s: %zu left (step %zu)", row->name, rest, step);
		}
}

static enum chunked_result
feed(struct chunked *chunked, const char *bytes, size_t len, size_t times)
{
	enum chunked_result result = CHUNKED_MORE;
	const char *data;
	size_t used, data_len, at;

	for (; times > 0 && result != CHUNKED_BAD; times--)
		for (at = 0; at < len && result != CHUNKED_BAD; at += used)
			result = chunked_decode(chunked, bytes + at, len - at, &used, &data,
			    &data_len);
	return result;
}

/* What a client may add without end, ends. */
static void
bounds(void **state)
{
	struct chunked chunked;

	(void)state;
	chunked_begin(&chunked);
	assert_int_equal(feed(&chunked, B("1;"), 1), CHUNKED_MORE);
	assert_int_equal(feed(&chunked, B("0123456789abcdef"), 100), CHUNKED_BAD);

	chunked_begin(&chunked);
	assert_int_equal(feed(&chunked, B("1;0123456789abcdef\r\na\r\n"), 500), CHUNKED_MORE);
	assert_int_equal(feed(&chunked, B("1;0123456789abcdef\r\na\r\n"), 2000), CHUNKED_BAD);

	chunked_begin(&chunked);
	assert_int_equal(feed(&chunked, B("1\r\na\r\n"), 100000), CHUNKED_MORE);

	chunked_begin(&chunked);
	assert_int_equal(feed(&chunked, B("0\r\n"), 1), CHUNKED_MORE);
	assert_int_equal(feed(&chunked, B("X-Trailer: value\r\n"), 100), CHUNKED_MORE);
	assert_int_equal(feed(&chunked, B("X-Trailer: value\r\n"), 1000), CHUNKED_BAD);
}

static void
largest_size(void **state)
{
	struct chunked chunked;
	const char *data;
	size_t used, data_len;

	(void)state;
	chunked_begin(&chunked);
	assert_int_equal(feed(&chunked, B("ffffffffffffffff\r\n"), 1), CHUNKED_MORE);
	assert_true(chunked.left == UINT64_MAX);
	assert_int_equal(chunked_decode(&chunked, "abc", 3, &used, &data, &data_len), CHUNKED_DATA);
	assert_int_equal(data_len, 3);
	assert_true(chunked.left == UINT64_MAX - 3);
}

/* Over is over, and bad stays bad. */
static void
says_the_same_again(void **state)
{
	struct chunked chunked;
	const char *data;
	size_t used, data_len;

	(void)state;
	chunked_begin(&chunked);
	assert_int_equal(chunked_decode(&chunked, B("0\r\n\r\n"), &used, &data, &data_len),
	    CHUNKED_END);
	assert_int_equal(chunked_decode(&chunked, B("5\r\n"), &used, &data, &data_len),
	    CHUNKED_END);
	assert_int_equal(used, 0);
	chunked_begin(&chunked);
	assert_int_equal(chunked_decode(&chunked, B("x"), &used, &data, &data_len), CHUNKED_BAD);
	assert_int_equal(chunked_decode(&chunked, B("5\r\n"), &used, &data, &data_len),
	    CHUNKED_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(bounds),
		cmocka_unit_test(largest_size),
		cmocka_unit_test(says_the_same_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
