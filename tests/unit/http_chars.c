#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/chars.h"

static bool
is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_one_of(int c, const char *list)
{
	return c != 0 && c < 0x80 && strchr(list, c) != NULL;
}

static unsigned
class_in_words(int c)
{
	bool control = c < 0x20 || c == 0x7f;

	return (is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~") ? CHAR_TOKEN : 0) |
	    (!control && c != ' ' && c != '#' ? CHAR_TARGET : 0) |
	    (is_alnum(c) || is_one_of(c, "-._") ? CHAR_NAME : 0) |
	    (control ? CHAR_CONTROL : 0) |
	    (is_alnum(c) || is_one_of(c, "-._~!$&()*+,;=:@/") ? CHAR_SAFE : 0) |
	    (control && c != '\t' ? CHAR_STOP : 0);
}

static void
every_byte_has_its_classes(void **state)
{
	int c;

	(void)state;
	for (c = 0; c < 256; c++)
		if (chars_class[c] != class_in_words(c))
			fail_msg("byte 0x%02x: 0x%02x for 0x%02x", c, chars_class[c],
			    class_in_words(c));
}

/* At each place of a text of each length, behind each other byte. */
static void
text_ends_where_it_must(void **state)
{
	char text[40];
	size_t len, at;
	int c;

	(void)state;
	for (c = 0; c < 256; c++)
		for (len = 0; len < sizeof text; len += 3)
			for (at = 0; at < len; at++) {
				const char *stop = class_in_words(c) & CHAR_STOP ? text + at :
				    text + len;

				memset(text, at % 2 ? '\t' : 0xff, sizeof text);
				text[at] = (char)c;
				if (chars_text(text, text + len) != stop)
					fail_msg("byte 0x%02x at %zu of %zu", c, at, len);
			}
}

static void
spans_and_compares(void **state)
{
	const char *text = "Content-Type: a";

	(void)state;
	assert_ptr_equal(chars_span(text, text + 15, CHAR_TOKEN), text + 12);
	assert_ptr_equal(chars_span(text, text + 5, CHAR_TOKEN), text + 5);
	assert_true(CHARS_SAME(text, 12, "content-type"));
	assert_false(CHARS_SAME(text, 11, "content-type"));
	assert_false(CHARS_SAME(text, 12, "content-typo"));
	assert_int_equal(chars_hex('0'), 0);
	assert_int_equal(chars_hex('9'), 9);
	assert_int_equal(chars_hex('a'), 10);
	assert_int_equal(chars_hex('F'), 15);
	assert_int_equal(chars_hex('g'), -1);
	assert_int_equal(chars_hex('/'), -1);
	assert_int_equal(chars_hex(':'), -1);
	assert_int_equal(chars_hex('@'), -1);
	assert_int_equal(chars_hex('\x01'), -1);
	assert_int_equal(chars_hex('\xe1'), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_has_its_classes),
		cmocka_unit_test(text_ends_where_it_must),
		cmocka_unit_test(spans_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
