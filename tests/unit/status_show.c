/* Text that fits its terminal, JSON of ASCII, nothing foreign unescaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "status/show.h"

static struct view_multiplexer muxes[] = {
	{ .number = 0, .pid = 4000000, .uptime_ms = 864000000, .restarts = 3, .connections = 10000,
	    .accepted = 99999999, .requests = 123456789012, .ready = true },
	{ .number = 1 },
};

static char long_name[] = "a-name-that-is-much-longer-than-its-column";
static char user[] = "some-long-user";
static char evil[] = "failed: \x1b[2J\"quoted\" \\ \xff and so on, for much longer than a line of"
    " a terminal has room for";
static char nothing[] = "";

static struct view_pool pools[] = {
	{ .name = long_name, .user = user, .reason = nothing, .state = "starting",
	    .namespaces = "yes", .pid = 4000000, .max = 65535, .starting = 1, .idle = 1000,
	    .busy = 65535, .leaving = 1, .queued = 1000000, .oldest_ms = 29999,
	    .requests = UINT64_MAX, .errors = 1234567890, .bytes = UINT64_MAX,
	    .queue_full = 123456789, .cpu_ms = 123456789012, .memory = (uint64_t)1 << 45,
	    .crashes = 123456, .restarts = 1234567, .uptime_ms = 864000000 },
	{ .index = 1, .name = user, .user = user, .reason = evil, .state = "failed",
	    .namespaces = "no", .retry_ms = 90000 },
};

static struct view_slot slots[] = {
	{ .index = 99999, .pid = 4000000, .age_ms = 999, .requests = 12345678, .state = "busy",
	    .method = "PROPFIND", .vhost = "a.test", .rss = (uint64_t)1 << 40,
	    .url = "/\x1b]0;title\x07?q=\"\xc3\xa4\" and/a/long/path/that/goes/on/and/on/and/on" },
	{ .index = 3, .pool = 55, .age_ms = 86400000, .state = "leaving", .method = "",
	    .vhost = "", .url = "" },
};

static const struct view view = {
	{ .version = "0.1.0", .phase = "running", .pid = 1234567, .uptime_ms = 864000000, .live = 200,
	    .server_limit = 256 }, muxes, pools, slots, 2, 2, 2, true, false
};

static unsigned columns;

static bool
terminal(const struct view *it, struct buf *out)
{
	return show_terminal(it, columns, out);
}

/* Terminated, to be freed. */
static char *
shown(bool (*show)(const struct view *view, struct buf *out))
{
	struct buf out = BUF(1 << 20);

	assert_true(show(&view, &out));
	assert_true(buf_add(&out, "", 1));
	return out.data;
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
	char *text, *rest, *line;

	(void)state;
	for (columns = 80; columns <= 200; columns++) {
		text = rest = shown(terminal);
		assert_ascii(text);
		while ((line = strsep(&rest, "\n")) != NULL)
			if (strlen(line) > columns)
				fail_msg("%zu of %u columns: %s", strlen(line), columns, line);
		free(text);
	}
}

static void
test_json(void **state)
{
	char *text = shown(show_json);

	(void)state;
	assert_ascii(text);
	assert_non_null(strstr(text, "\"url\": \"/\\u001b]0;title\\u0007?q=\\\"\\u00c3"));
	assert_non_null(strstr(text, "\"zygote\": null"));
	assert_non_null(strstr(text, "\"pool\": \"\""));
	assert_null(strstr(text, ", ,"));
	assert_null(strstr(text, ",  "));
	free(text);
}

/* A bound that cuts it anywhere is told; it is never half an answer. */
static void
test_bound(void **state)
{
	struct buf out = BUF(0);
	size_t whole;

	(void)state;
	out.max = 1 << 20;
	assert_true(show_json(&view, &out));
	whole = out.len;
	buf_free(&out);
	for (out.max = 1; out.max < whole; out.max++) {
		assert_false(show_json(&view, &out));
		buf_free(&out);
	}
}

static const struct {
	uint64_t value;
	const char *(*show)(uint64_t value, char out[SHOW_SHORT]);
	const char *text;
} shorts[] = {
	{ 0, show_age, "0ms" }, { 999, show_age, "999ms" }, { 1000, show_age, "1.0s" },
	{ 119999, show_age, "119s" }, { 120000, show_age, "2m" }, { 7200000, show_age, "2h" },
	{ 172800000, show_age, "2d" }, { UINT64_MAX, show_age, "213503982334d" },
	{ 0, show_count, "0" }, { 9999, show_count, "9999" }, { 10000, show_count, "10k" },
	{ 999999, show_count, "999k" }, { 1000000, show_count, "1.0M" },
	{ UINT64_MAX, show_count, "18E" },
	{ 1023, show_bytes, "1023" }, { 1536, show_bytes, "1.5K" }, { 10240, show_bytes, "10K" },
	{ (uint64_t)1 << 30, show_bytes, "1.0G" }, { UINT64_MAX, show_bytes, "15E" },
};

static void
test_short(void **state)
{
	char out[SHOW_SHORT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
		assert_string_equal(shorts[i].show(shorts[i].value, out), shorts[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests_name("status/show", tests, NULL, NULL);
}
