/* src/multiplexer/access_line.c: an access log's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "multiplexer/access_line.h"

static const char *const pairs[][2] = {
	{ "REMOTE_ADDR", "192.0.2.7" }, { "REQUEST_METHOD", "GET" },
	{ "REQUEST_URI", "/a?b=\"c\"" }, { "QUERY_STRING", "b=\"c\"" },
	{ "DOCUMENT_URI", "/a" }, { "SERVER_PROTOCOL", "HTTP/1.1" }, { "SERVER_PORT", "80" },
	{ "SERVER_NAME", "www.alice.com" }, { "HTTP_REFERER", "http://x/\n" },
	{ "HTTP_USER_AGENT", "wget" },
};

static const struct row {
	const char *name, *format, *line;
} rows[] = {
	{ "combined", "combined", "192.0.2.7 - - [now] \"GET /a?b=\\x22c\\x22 HTTP/1.1\" 200 12 "
	    "\"http://x/\\x0a\" \"wget\"\n" },
	{ "common", "common", "192.0.2.7 - - [now] \"GET /a?b=\\x22c\\x22 HTTP/1.1\" 200 12\n" },
	{ "time taken, pool and pid", "%D %T %{pool} %{pid} %P", "2500000 2 alice 4711 4711\n" },
	{ "time taken, as Apache has it", "%{us}T %{ms}T %{s}T %{wait}", "2500000 2500 2 1234\n" },
	{ "an id, or none", "%L", "-\n" },
	{ "own address", "%A", "-\n" },
	{ "pid as Apache writes it", "%{pid}P.", "4711.\n" },
	{ "names", "%v|%V|%p", "alice.com|www.alice.com|80\n" },
	{ "parts of a request", "%m %U%q %H", "GET /a?b=\\x22c\\x22 HTTP/1.1\n" },
	{ "a field that was not sent", "%{X-None}i", "-\n" },
	{ "a field in any case", "%{user-agent}i", "wget\n" },
	{ "a percent sign", "100%%", "100%\n" },
	{ "no directive at all", "text", "text\n" },
	{ "nothing", "", "\n" },
};

static void
test_rows(void **state)
{
	unsigned char room[1024];
	struct nv vars = { room, 0, sizeof room };
	struct access_entry entry = {
		.vars = &vars, .time = "[now]", .vhost = "alice.com", .pool = "alice",
		.bytes = 12, .us = 2500000, .wait_us = 1234, .pid = 4711, .status = 200,
	};
	struct access_format *format;
	struct fault fault;
	char line[512];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		assert_true(nv_put_str(&vars, pairs[i][0], pairs[i][1]));
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		format = access_format_new(rows[i].format, &fault);
		assert_non_null(format);
		len = access_line_write(format, &entry, line, sizeof line - 1);
		line[len] = '\0';
		if (strcmp(line, rows[i].line) != 0)
			fail_msg("%s: %s", rows[i].name, line);
		access_format_free(&format);
	}
}

/* What isn't known is a dash; nothing was sent: a dash or a nought. */
static void
test_unknown(void **state)
{
	struct nv none = { NULL, 0, 0 };
	struct access_entry entry = {
		.vars = &none, .time = "[now]", .vhost = "v", .pool = "p",
	};
	struct fault fault;
	struct access_format *format = access_format_new("%h %u %>s %b %B %{pid} \"%r\"%q",
	    &fault);
	char line[512];
	size_t len;

	(void)state;
	len = access_line_write(format, &entry, line, sizeof line - 1);
	line[len] = '\0';
	assert_string_equal(line, "- - - - 0 - \"- - -\"\n");
	access_format_free(&format);
}

/* A line is cut, and still ends. */
static void
test_cut(void **state)
{
	struct nv none = { NULL, 0, 0 };
	struct access_entry entry = { .vars = &none, .time = "[now]", .vhost = "v", .pool = "p" };
	struct fault fault;
	struct access_format *format = access_format_new("0123456789%v", &fault);
	char line[9];
	size_t len;

	(void)state;
	len = access_line_write(format, &entry, line, sizeof line);
	assert_int_equal(len, sizeof line);
	assert_memory_equal(line, "01234567\n", sizeof line);
	access_format_free(&format);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
