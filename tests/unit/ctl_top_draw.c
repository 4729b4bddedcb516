/* A screen of top: it fits, says what happened since the last look, and orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/top.h"

static char alice[] = "alice", bob[] = "a-pool-whose-name-is-longer-than-its-column", none[] = "";

static struct view_pool before_pools[] = {
	{ .name = alice, .user = alice, .reason = none, .state = "ready", .requests = 100,
	    .cpu_ms = 1000, .max = 5 },
	{ .name = bob, .user = bob, .reason = none, .state = "ready", .index = 1, .requests = 5000 },
};
static struct view_pool now_pools[] = {
	{ .name = alice, .user = alice, .reason = none, .state = "ready", .requests = 300,
	    .cpu_ms = 2500, .max = 5, .busy = 1, .memory = 1 << 20 },
	{ .name = bob, .user = bob, .reason = none, .state = "ready", .index = 1, .requests = 5001,
	    .busy = UINT32_MAX, .bytes = UINT64_MAX, .memory = UINT64_MAX, .cpu_ms = UINT64_MAX },
};
static struct view_slot slots[] = {
	{ .index = 3, .pid = 30, .state = "busy", .age_ms = 50, .method = "GET", .vhost = "a.test",
	    .url = "/\x1b[2J\n" },
	{ .index = 9, .pool = 1, .pid = 31, .state = "busy", .age_ms = 90000, .method = "POST",
	    .vhost = "b.test", .url = "/a/very/long/path/that/does/not/fit/into/any/line/at/all" },
	{ .index = 12, .pool = 77, .pid = 4000000, .state = "idle", .method = "", .vhost = "",
	    .url = "" },
};
static struct view_multiplexer muxes[] = { { .connections = 7 } };

static const struct view before = {
	.server = { .version = "0.1.0", .phase = "running" }, .pools = before_pools, .pool_count = 2,
}, now = {
	.server = { .version = "0.1.0", .phase = "running" }, .pools = now_pools, .pool_count = 2,
	.slots = slots, .slot_count = 3, .multiplexers = muxes, .multiplexer_count = 1,
};

/* Terminated, to be freed. */
static char *
drawn(const struct view *then, char order, unsigned columns, unsigned rows)
{
	struct top_frame frame = { &now, then, 2.0, order, columns, rows };
	struct buf out = BUF(1 << 20);

	assert_true(top_draw(&frame, &out));
	assert_true(buf_add(&out, "", 1));
	return out.data;
}

static void
it_fits(void **state)
{
	unsigned columns, rows, lines;
	char *text, *rest, *line;

	(void)state;
	for (columns = 80; columns < 160; columns += 3)
		for (rows = 8; rows < 30; rows++) {
			text = rest = drawn(&before, 'b', columns, rows);
			for (lines = 0; (line = strsep(&rest, "\n")) != NULL && rest != NULL; lines++)
				if (strlen(line) > columns || strchr(line, '\x1b') != NULL)
					fail_msg("%u columns: %s", columns, line);
			assert_true(lines <= rows);
			free(text);
		}
}

static void
it_tells_what_happened(void **state)
{
	char *text = drawn(&before, 'b', 80, 24);

	(void)state;
	/* 200 requests and 1500 ms in two seconds */
	assert_non_null(strstr(text, "   100 "));
	assert_non_null(strstr(text, " 75  1.0M"));
	free(text);
	text = drawn(NULL, 'b', 80, 24);
	assert_non_null(strstr(text, "   0.0 "));
	free(text);
}

static void
it_orders(void **state)
{
	char *text = drawn(&before, 'r', 80, 24);

	(void)state;
	assert_true(strstr(text, "\nalice") < strstr(text, "\na-pool"));
	free(text);
	text = drawn(&before, 'b', 80, 24);
	assert_true(strstr(text, "\nalice") > strstr(text, "\na-pool"));
	assert_true(strstr(text, "POST b.test") < strstr(text, "GET a.test"));
	assert_non_null(strstr(text, "GET a.test/\\x1b[2J"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fits),
		cmocka_unit_test(it_tells_what_happened),
		cmocka_unit_test(it_orders),
	};

	return cmocka_run_group_tests_name("ctl/top_draw", tests, NULL, NULL);
}
