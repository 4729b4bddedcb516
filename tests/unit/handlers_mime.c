#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"
#include "handlers/mime.h"

static const char types[] =
	"# a comment\n"
	"text/html\thtml htm\n"
	"text/plain txt\t text\r\n"
	"application/x-nothing\n"
	"application/gzip gz # not this\n"
	"image/X-Upper UPPER\n"
	"text/other html\n"
	"last/line end";

static const struct row {
	const char *name, *file, *type;
} rows[] = {
	{ "a suffix", "index.html", "text/html" },
	{ "a second suffix", "/srv/a.b/x.htm", "text/html" },
	{ "a carriage return at the line's end", "a.text", "text/plain" },
	{ "any case", "A.HtMl", "text/html" },
	{ "a table in upper case", "a.upper", "image/X-Upper" },
	{ "the last suffix counts", "a.html.gz", "application/gzip" },
	{ "no newline at the end", "a.end", "last/line" },
	{ "what stands in a comment", "a.not", MIME_UNKNOWN },
	{ "an unknown suffix", "a.xyz", MIME_UNKNOWN },
	{ "no suffix", "README", MIME_UNKNOWN },
	{ "a dot in a folder's name", "/a.html/README", MIME_UNKNOWN },
	{ "nothing after the dot", "a.", MIME_UNKNOWN },
	{ "a very long suffix", "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", MIME_UNKNOWN },
};

static void
suffixes_have_types(void **state)
{
	struct mime *mime = mime_new_text(types, sizeof types - 1);
	size_t i;

	(void)state;
	assert_non_null(mime);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(mime_find(mime, rows[i].file), rows[i].type) != 0)
			fail_msg("%s: %s", rows[i].name, mime_find(mime, rows[i].file));
	mime_free(&mime);
	assert_null(mime);
}

static void
a_missing_file_leaves_the_common_types(void **state)
{
	struct mime *mime;
	int error;

	(void)state;
	mime = mime_new("/nonexistent/mime.types", &error);
	assert_non_null(mime);
	assert_int_equal(error, ENOENT);
	assert_string_equal(mime_find(mime, "a.css"), "text/css");
	assert_string_equal(mime_find(mime, "a.jpeg"), "image/jpeg");
	mime_free(&mime);
	mime = mime_new("/", &error);
	assert_non_null(mime);
	assert_int_not_equal(error, 0);
	mime_free(&mime);
}

static void
a_file_is_read(void **state)
{
	struct mime *mime;
	int error;

	(void)state;
	mime = mime_new(fake_write("mime.types", types, 0644), &error);
	assert_int_equal(error, 0);
	assert_string_equal(mime_find(mime, "a.gz"), "application/gzip");
	assert_string_equal(mime_find(mime, "a.css"), MIME_UNKNOWN);
	mime_free(&mime);
	mime = mime_new(fake_write("empty", "", 0644), &error);
	assert_int_equal(error, 0);
	assert_string_equal(mime_find(mime, "a.gz"), MIME_UNKNOWN);
	mime_free(&mime);
	fake_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suffixes_have_types),
		cmocka_unit_test(a_missing_file_leaves_the_common_types),
		cmocka_unit_test(a_file_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
