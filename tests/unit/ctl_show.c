/* Text of at most 80 columns, JSON of ASCII, nothing foreign unescaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/show.h"

static struct view_multiplexer muxes[] = {
	{ 0, 4000000, 3, 10000, 99999999, 123456789012, true },
	{ 1, 0, 0, 0, 0, 0, false },
};

static char long_name[] = "a-name-that-is-much-longer-than-its-column";
static char user[] = "some-long-user";
static char evil[] = "failed: \x1b[2J\"quoted\" \\ \xff and so on, for much longer than a line of"
    " a terminal has room for";
static char nothing[] = "";

static struct view_pool pools[] = {
	{ 0, 4000000, 1, 1000, 0, long_name, user, nothing, "starting", "yes",
	  1, 1000, 1000, 1000, 10000, 12345678, 99999, 1, 2, 3 },
	{ 1, 0, 2, 10, 90000, user, user, evil, "failed", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
};

static struct view_slot slots[] = {
	{ 99999, 0, 4000000, 1, 999, 12345678, "busy",
	  "GET /\x1b]0;title\x07?q=\"\xc3\xa4\" and/a/long/path/that/goes/on/and/on/and/on" },
	{ 3, 55, 0, 1, 86400000, 0, "leaving", "" },
};

static const struct view view = {
	"0.1.0", "running", 1234567, 864000000, 200, 256, muxes, pools, slots, 2, 2, 2, true
};

static char *
shown(void (*show)(const struct view *view, FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	show(&view, out);
	fclose(out);
	return text;
}

static void
assert_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text != '\n' && (*text < 0x20 || *text > 0x7e))
			fail_msg("a byte %02x", (unsigned char)*text);
}

static void
test_text(void **state)
{
	char *text = shown(show_text), *rest = text, *line;

	(void)state;
	assert_ascii(text);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strlen(line) > 80)
			fail_msg("%zu columns: %s", strlen(line), line);
	free(text);
}

static void
test_json(void **state)
{
	char *text = shown(show_json);

	(void)state;
	assert_ascii(text);
	assert_non_null(strstr(text, "\"request\": \"GET /\\u001b]0;title\\u0007?q=\\\"\\u00c3"));
	assert_non_null(strstr(text, "\"zygote\": null"));
	assert_non_null(strstr(text, "\"pool\": \"\""));
	free(text);
}

static const struct {
	uint64_t ms;
	const char *text;
} ages[] = {
	{ 0, "0ms" }, { 999, "999ms" }, { 1000, "1s" }, { 119999, "119s" }, { 120000, "2m" },
	{ 7200000, "2h" }, { 172800000, "2d" }, { UINT64_MAX, "213503982334d" },
};

static void
test_age(void **state)
{
	char out[SHOW_AGE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof ages / sizeof ages[0]; i++)
		assert_string_equal(show_age(ages[i].ms, out), ages[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests_name("ctl/show", tests, NULL, NULL);
}
