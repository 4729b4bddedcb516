#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

struct row {
	const char *name;
	const char *text;
	size_t len;
	int quote;
	const char *out;
};

static const struct row rows[] = {
	{ "plain", "a b~", 4, 0, "a b~" },
	{ "a new line", "a\nb", 3, 0, "a\\x0ab" },
	{ "a carriage return", "\r", 1, 0, "\\x0d" },
	{ "ESC", "\x1b[1m", 4, 0, "\\x1b[1m" },
	{ "NUL", "a\0b", 3, 0, "a\\x00b" },
	{ "DEL", "\x7f", 1, 0, "\\x7f" },
	{ "8 bits", "\xc3\xa9", 2, 0, "\\xc3\\xa9" },
	{ "a backslash", "a\\x0a", 5, 0, "a\\x5cx0a" },
	{ "a quote in a line", "\"", 1, 0, "\"" },
	{ "a quote in quotes", "a\"b", 3, 1, "a\\x22b" },
	{ "nothing", "", 0, 0, "" },
};

static void
escapes(void **state)
{
	char out[64];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		len = log_escape(out, sizeof out, rows[i].text, rows[i].len, rows[i].quote);
		if (strcmp(out, rows[i].out) != 0 || len != strlen(out))
			fail_msg("%s: %s", rows[i].name, out);
	}
}

/* Cut between two bytes, never inside an escape, never past the room. */
static void
escapes_into_any_room(void **state)
{
	char out[32];
	size_t size, len;

	(void)state;
	for (size = 0; size < 24; size++) {
		memset(out, '#', sizeof out);
		len = log_escape(out, size, "\n\n\n\n\n", 5, 0);
		assert_int_equal(out[size], '#');
		assert_int_equal(len % 4, 0);
		if (size > 0)
			assert_int_equal(out[len], '\0');
		assert_true(size == 0 || len < size);
	}
}

static void
knows_levels(void **state)
{
	int level;

	(void)state;
	for (level = LEVEL_DEBUG; level <= LEVEL_ERROR; level++)
		assert_int_equal(log_level_find(log_level_name((enum log_level)level)), level);
	assert_int_equal(log_level_find("loud"), -1);
	assert_int_equal(log_level_find(""), -1);
	assert_string_equal(log_level_name((enum log_level)99), "unknown");
	assert_string_equal(log_level_name((enum log_level)-1), "unknown");
}

static void
formats_one_line(void **state)
{
	char line[LOG_LINE_MAX], text[LOG_LINE_MAX * 2], who[1000];
	size_t len;

	(void)state;
	len = log_format(line, LEVEL_ERROR, "pool alice", "a\nb", 3);
	assert_int_equal(line[len - 1], '\n');
	line[len] = '\0';
	/* 2026-01-31T12:00:00.123Z */
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_string_equal(line + 24, " error pool alice: a\\x0ab\n");
	memset(text, '\n', sizeof text);
	memset(who, 'w', sizeof who);
	who[sizeof who - 1] = '\0';
	len = log_format(line, LEVEL_ERROR, who, text, sizeof text);
	assert_true(len <= LOG_LINE_MAX);
	assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
}

static size_t
logged(int fd, char *to, size_t size)
{
	ssize_t len = read(fd, to, size - 1);

	to[len > 0 ? len : 0] = '\0';
	return len > 0 ? (size_t)len : 0;
}

static void
writes_to_descriptor_2(void **state)
{
	char line[LOG_LINE_MAX + 1], text[LOG_LINE_MAX * 2];
	int pipe_fds[2], saved = dup(2);
	size_t len;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], 2);
	log_open("tester", LEVEL_WARNING);
	errno = ENOENT;
	log_notice("not this");
	log_warning("%s %d", "this", 1);
	assert_int_equal(errno, ENOENT);
	len = logged(pipe_fds[0], line, sizeof line);
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	log_error("%s", text);
	dup2(saved, 2);
	assert_true(len > 0);
	assert_null(strstr(line, "not this"));
	assert_non_null(strstr(line, " warning tester["));
	assert_non_null(strstr(line, "]: this 1\n"));
	len = logged(pipe_fds[0], line, sizeof line);
	assert_true(len <= LOG_LINE_MAX);
	assert_int_equal(line[len - 1], '\n');
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(escapes_into_any_room),
		cmocka_unit_test(knows_levels),
		cmocka_unit_test(formats_one_line),
		cmocka_unit_test(writes_to_descriptor_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
