#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/uri.h"

#define B(text) (text), sizeof(text) - 1

struct row {
	const char *name;
	const char *path;
	size_t len;
	const char *out;        /* NULL: refused with status */
	int status;
};

static const struct row rows[] = {
	{ "the root", B("/"), "/", 0 },
	{ "plain", B("/a/b.php"), "/a/b.php", 0 },
	{ "a folder", B("/a/b/"), "/a/b/", 0 },
	{ "an escape", B("/a%20b%2Cc"), "/a b,c", 0 },
	{ "small and capital digits", B("/%c3%A9"), "/\xc3\xa9", 0 },
	{ "bytes above 127", B("/\xc3\xa9"), "/\xc3\xa9", 0 },
	{ "decoded once", B("/%2541%252e%252e"), "/%41%2e%2e", 0 },
	{ "an escaped slash", B("/a%2fb"), "/a/b", 0 },
	{ "an escaped percent last", B("/a%25"), "/a%", 0 },
	{ "a plus stays", B("/a+b"), "/a+b", 0 },
	{ "a backslash is no slash", B("/a\\..\\b"), "/a\\..\\b", 0 },
	{ "two slashes", B("/a//b"), "/a/b", 0 },
	{ "slashes first", B("///a"), "/a", 0 },
	{ "slashes last", B("/a//"), "/a/", 0 },
	{ "slashes in disguise", B("/a%2f%2F/b"), "/a/b", 0 },
	{ "a dot", B("/a/./b"), "/a/b", 0 },
	{ "a dot last", B("/a/."), "/a/", 0 },
	{ "a dot alone", B("/."), "/", 0 },
	{ "a dot in disguise", B("/a/%2e/b"), "/a/b", 0 },
	{ "back", B("/a/../b"), "/b", 0 },
	{ "back at the end", B("/a/b/.."), "/a/", 0 },
	{ "back to the root", B("/a/.."), "/", 0 },
	{ "back twice", B("/a/b/../../c"), "/c", 0 },
	{ "back over slashes", B("/a//../b"), "/b", 0 },
	{ "back in disguise", B("/a/%2e%2E/b"), "/b", 0 },
	{ "back, slash in disguise", B("/a%2f..%2fb"), "/b", 0 },
	{ "back over a long name", B("/a/0123456789/../b"), "/a/b", 0 },
	{ "three dots are a name", B("/.../a"), "/.../a", 0 },
	{ "dots that are names", B("/.a/..b/c./d.."), "/.a/..b/c./d..", 0 },
	{ "a semicolon stays", B("/a;b=c"), "/a;b=c", 0 },
	{ "nothing", B(""), NULL, 400 },
	{ "no slash first", B("a"), NULL, 400 },
	{ "an escaped slash first", B("%2fa"), NULL, 400 },
	{ "above the root", B("/.."), NULL, 400 },
	{ "above the root, going on", B("/../a"), NULL, 400 },
	{ "above the root later", B("/a/../../b"), NULL, 400 },
	{ "above the root in disguise", B("/%2e%2e/etc/passwd"), NULL, 400 },
	{ "above the root by an escaped slash", B("/..%2f"), NULL, 400 },
	{ "above the root over slashes", B("//..//a"), NULL, 400 },
	{ "an escape cut off", B("/a%"), NULL, 400 },
	{ "an escape cut in half", B("/a%4"), NULL, 400 },
	{ "an escape that is none", B("/%zz"), NULL, 400 },
	{ "an escape with a sign", B("/%+1"), NULL, 400 },
	{ "an escape with a space", B("/% 1"), NULL, 400 },
	{ "an escape of UTF-16", B("/%u0041"), NULL, 400 },
	{ "an escaped NUL", B("/a%00.php"), NULL, 400 },
	{ "a NUL", B("/a\0b"), NULL, 400 },
	{ "an escaped LF", B("/a%0ab"), NULL, 400 },
	{ "an escaped CR", B("/a%0D"), NULL, 400 },
	{ "an escaped tab", B("/a%09"), NULL, 400 },
	{ "an escaped DEL", B("/a%7f"), NULL, 400 },
	{ "a control character", B("/a\x1f"), NULL, 400 },
};

static void
paths(void **state)
{
	char out[64];
	size_t i, len;
	int status;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		memset(out, 'x', sizeof out);
		status = uri_path(row->path, row->len, out, sizeof out, &len);
		if (status != row->status)
			fail_msg("%s: %d for %d", row->name, status, row->status);
		if (row->out != NULL && (strcmp(out, row->out) != 0 || len != strlen(row->out)))
			fail_msg("%s: \"%s\" for \"%s\"", row->name, out, row->out);
	}
}

static void
fits_or_says_so(void **state)
{
	char out[8];
	size_t len, size;

	(void)state;
	for (size = 0; size < sizeof out; size++) {
		memset(out, 'x', sizeof out);
		assert_int_equal(uri_path("/abc", 4, out, size, &len), size >= 5 ? 0 : 414);
		assert_int_equal(out[size], 'x');
	}
	/* What is taken back needs room only for a while. */
	assert_int_equal(uri_path("/abc/../abc/../abc", 18, out, 8, &len), 0);
	assert_string_equal(out, "/abc");
	assert_int_equal(uri_path("/", 1, out, 2, &len), 0);
	assert_int_equal(uri_path("/", 1, out, 1, &len), 414);
}

static void
encodes(void **state)
{
	char out[32];

	(void)state;
	assert_true(uri_encode_path("/a b/\xc3\xa9?#%\"<'\r\n", 16, out, sizeof out) == false);
	assert_true(uri_encode_path("/a b/\xc3\xa9?", 8, out, sizeof out));
	assert_string_equal(out, "/a%20b/%C3%A9%3F");
	assert_true(uri_encode_path("/#%\"<'\r\n\\", 9, out, sizeof out));
	assert_string_equal(out, "/%23%25%22%3C%27%0D%0A%5C");
	assert_true(uri_encode_path("/a-b_c.d~e!$&()*+,;=:@", 22, out, sizeof out));
	assert_string_equal(out, "/a-b_c.d~e!$&()*+,;=:@");
	assert_true(uri_encode_path("/a", 2, out, 3));
	assert_false(uri_encode_path("/a", 2, out, 2));
	assert_string_equal(out, "/");
	assert_true(uri_encode_path(" ", 1, out, 4));
	assert_false(uri_encode_path(" ", 1, out, 3));
	assert_true(uri_encode_path("", 0, out, 1));
	assert_false(uri_encode_path("", 0, out, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(fits_or_says_so),
		cmocka_unit_test(encodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
