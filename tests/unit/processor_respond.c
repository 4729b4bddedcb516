/* Where an answer goes, by its length and its flushes, and what the completion says of it. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "processor/respond.h"
#include "wire/fdpass.h"

/* Small enough for a stream's buffer to take that and more: the test reads after it has written. */
#define MEMORY_SIZE (96u * 1024)
#define HEAD "Content-Type: text/plain\r\n\r\n"
#define HEAD_LEN (sizeof HEAD - 1)

static struct respond respond;
static struct channel channel;
static struct raw raw;
static int far_channel, far_stream, memory;
static char bytes[300 * 1024];
static char packet[COMPLETION_MAX_DATA + sizeof(struct completion)];

static void
open_slot(void)
{
	int pair[2];
	size_t i;

	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	channel_begin(&channel, pair[0]);
	channel.serving = true;
	channel.nonce = 77;
	channel.connection = 5;
	far_channel = pair[1];
	assert_true(fd_pair(SOCK_STREAM, pair));
	channel.stream = pair[0];
	far_stream = pair[1];
	assert_true(fd_set_nonblocking(far_stream, true));
	memory = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(memory >= 0);
	assert_int_equal(ftruncate(memory, MEMORY_SIZE), 0);
	channel.memory = fcntl(memory, F_DUPFD_CLOEXEC, 0);
	channel.memory_size = MEMORY_SIZE;
	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)('a' + i % 23);
}

static void
close_slot(void)
{
	fd_close(&channel.fd);
	fd_close(&channel.memory);
	fd_close(&channel.stream);
	fd_close(&far_channel);
	fd_close(&far_stream);
	fd_close(&memory);
}

static struct completion
take(const char **data)
{
	struct completion said;
	const unsigned char *at;
	ssize_t len = recv(far_channel, packet, sizeof packet, MSG_DONTWAIT);

	assert_true(len > 0);
	assert_true(completion_check(packet, (size_t)len, MEMORY_SIZE, &at));
	memcpy(&said, packet, sizeof said);
	assert_int_equal(said.nonce, 77);
	assert_int_equal(said.connection, 5);
	*data = (const char *)at;
	return said;
}

static size_t
read_stream(char *to, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(far_stream, to + len, size - len)) > 0)
		len += (size_t)got;
	return len;
}

struct row {
	const char *name;
	size_t writes, each;            /* how the body is written */
	size_t flush_after;             /* writes; 0: never */
	bool head_only;
	bool no_memory;
	enum completion_answer where;
};

static const struct row rows[] = {
	{ "empty body is inline", 0, 0, 0, false, false, ANSWER_INLINE },
	{ "small is inline", 3, 100, 0, false, false, ANSWER_INLINE },
	{ "just fits is inline", 1, COMPLETION_MAX_DATA - HEAD_LEN, 0, false, false,
	    ANSWER_INLINE },
	{ "one more byte goes to the memory", 1, COMPLETION_MAX_DATA - HEAD_LEN + 1, 0, false,
	    false, ANSWER_MEMORY },
	{ "many small writes go to the memory", 90, 1000, 0, false, false, ANSWER_MEMORY },
	{ "all of the memory", 1, MEMORY_SIZE - HEAD_LEN, 0, false, false, ANSWER_MEMORY },
	{ "one byte past the memory goes by the stream", 1, MEMORY_SIZE - HEAD_LEN + 1, 0, false,
	    false, ANSWER_STREAM },
	{ "past the memory in many writes", 120, 1000, 0, false, false, ANSWER_STREAM },
	{ "flushed goes by the stream", 4, 100, 2, false, false, ANSWER_STREAM },
	{ "no memory lent", 1, 100 * 1000, 0, false, true, ANSWER_STREAM },
	{ "HEAD has no body", 300, 1000, 0, true, false, ANSWER_INLINE },
};

static void
run_row(const struct row *row)
{
	static char got[sizeof bytes + 100];
	size_t i, at = 0, len = row->head_only ? HEAD_LEN : HEAD_LEN + row->writes * row->each;
	struct completion said;
	const char *data, *why;

	open_slot();
	if (row->no_memory)
		fd_close(&channel.memory);
	respond_to_channel(&respond, &channel, row->head_only);
	assert_true(respond_head(&respond, HEAD, HEAD_LEN, &why));
	for (i = 0; i < row->writes; i++) {
		assert_true(respond_write(&respond, bytes + at, row->each));
		at += row->each;
		if (i + 1 == row->flush_after)
			assert_true(respond_flush(&respond));
	}
	assert_true(respond_end(&respond, 0));
	said = take(&data);
	assert_int_equal(said.kind, COMPLETION_DONE);
	assert_int_equal(said.answer, row->where);
	assert_int_equal(said.answer_len, len);
	assert_int_equal(said.flags, 0);
	if (row->where == ANSWER_MEMORY) {
		assert_int_equal(pread(memory, got, sizeof got < len ? sizeof got : len, 0), len);
		data = got;
	} else if (row->where == ANSWER_STREAM) {
		assert_int_equal(read_stream(got, sizeof got), len);
		data = got;
	}
	assert_memory_equal(data, HEAD, HEAD_LEN);
	assert_memory_equal(data + HEAD_LEN, bytes, len - HEAD_LEN);
	/* What was used is never used again. */
	assert_int_equal(channel.memory >= 0, row->where != ANSWER_MEMORY && !row->no_memory);
	assert_int_equal(channel.stream >= 0, row->where != ANSWER_STREAM);
	close_slot();
}

static void
answers_go_where_they_fit(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		run_row(&rows[i]);
	}
}

static void
a_bad_head_is_refused(void **state)
{
	static const char *const heads[] = {
		"no colon\n\n", "Content-Type: a\n", "X: y\n\n", "Status: 100\n\n",
		"Content-Type: a\n\nbody", "",
	};
	const char *why;
	size_t i;

	(void)state;
	open_slot();
	for (i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		respond_to_channel(&respond, &channel, false);
		assert_false(respond_head(&respond, heads[i], strlen(heads[i]), &why));
		assert_non_null(why);
		assert_false(respond.head_given);
	}
	/* A good one may follow, a second one not. */
	assert_true(respond_head(&respond, HEAD, HEAD_LEN, &why));
	assert_false(respond_head(&respond, HEAD, HEAD_LEN, &why));
	close_slot();
}

static void
without_a_head_the_answer_failed(void **state)
{
	struct completion said;
	const char *data;

	(void)state;
	open_slot();
	respond_to_channel(&respond, &channel, false);
	assert_true(respond_end(&respond, COMPLETION_LEAVING));
	said = take(&data);
	assert_int_equal(said.answer, ANSWER_FAILED);
	assert_int_equal(said.flags, COMPLETION_LEAVING);
	close_slot();
}

static void
finish_gives_the_answer_before_the_end(void **state)
{
	struct completion said;
	const char *data, *why;

	(void)state;
	open_slot();
	respond_to_channel(&respond, &channel, false);
	assert_true(respond_head(&respond, HEAD, HEAD_LEN, &why));
	assert_true(respond_write(&respond, "abc", 3));
	assert_true(respond_finish(&respond));
	said = take(&data);
	assert_int_equal(said.kind, COMPLETION_ANSWER);
	assert_int_equal(said.data_len, HEAD_LEN + 3);
	assert_true(respond_write(&respond, "dropped", 7));
	assert_true(respond_flush(&respond));
	assert_true(respond_end(&respond, 0));
	said = take(&data);
	assert_int_equal(said.kind, COMPLETION_DONE);
	assert_int_equal(said.answer, ANSWER_NONE);
	assert_int_equal(said.data_len, 0);
	close_slot();
}

static void
a_broken_stream_is_said(void **state)
{
	struct completion said;
	const char *data, *why;

	(void)state;
	open_slot();
	fd_close(&far_stream);
	respond_to_channel(&respond, &channel, false);
	assert_true(respond_head(&respond, HEAD, HEAD_LEN, &why));
	assert_false(respond_flush(&respond));
	assert_false(respond_write(&respond, "abc", 3));
	assert_true(respond_end(&respond, 0));
	said = take(&data);
	assert_int_equal(said.flags, COMPLETION_CUT);
	close_slot();
}

struct raw_row {
	const char *name;
	const char *head;
	const char *body;
	int minor;
	bool flush, head_only, cut;
	const char *expect_head, *expect_body;
	bool keep;
};

static const struct raw_row raw_rows[] = {
	{ "whole: its length is said", HEAD, "hello", 1, false, false, false,
	    "Content-Length: 5\r\n", "\r\n\r\nhello", true },
	{ "flushed: chunks", HEAD, "hello", 1, true, false, false,
	    "Transfer-Encoding: chunked\r\n", "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true },
	{ "flushed to HTTP/1.0: until the close", HEAD, "hello", 0, true, false, false,
	    "Connection: close\r\n", "\r\n\r\nhello", false },
	{ "longer than it said: cut", "Content-Type: a\r\nContent-Length: 3\r\n\r\n", "hello", 1,
	    false, false, false, "Content-Length: 3\r\n", "\r\n\r\nhel", true },
	{ "shorter than it said: the connection ends",
	    "Content-Type: a\r\nContent-Length: 9\r\n\r\n", "hello", 1, false, false, false,
	    "Content-Length: 9\r\n", "\r\n\r\nhello", false },
	{ "HEAD", HEAD, "hello", 1, false, true, false, "Content-Type: text/plain\r\n", "\r\n\r\n",
	    true },
	{ "304 has no body", "Status: 304 Not Modified\r\n\r\n", "hello", 1, false, false, false,
	    "HTTP/1.1 304 Not Modified\r\n", "\r\n\r\n", true },
	{ "cut in chunks: no last chunk", HEAD, "hello", 1, true, false, true,
	    "Transfer-Encoding: chunked\r\n", "\r\n\r\n5\r\nhello\r\n", false },
};

static void
run_raw_row(const struct raw_row *row)
{
	char got[4096];
	struct completion said;
	const char *why, *data;
	ssize_t len;
	int pair[2];

	open_slot();
	assert_true(fd_pair(SOCK_STREAM, pair));
	raw_none(&raw);
	raw_begin(&raw, pair[0]);
	raw.send_timeout = 1000;
	raw_request(&raw, row->minor, row->head_only, true);
	respond_to_client(&respond, &channel, &raw, row->head_only);
	assert_true(respond_head(&respond, row->head, strlen(row->head), &why));
	assert_true(respond_write(&respond, row->body, strlen(row->body)));
	if (row->flush)
		assert_true(respond_flush(&respond));
	respond.cut = row->cut;
	assert_true(respond_end(&respond, 0));
	said = take(&data);
	assert_int_equal(said.answer, ANSWER_NONE);
	raw_end(&raw);
	len = read(pair[1], got, sizeof got - 1);
	assert_true(len > 0);
	got[len] = '\0';
	assert_non_null(strstr(got, row->expect_head));
	assert_string_equal(strstr(got, "\r\n\r\n"), row->expect_body);
	assert_int_equal(raw.keep_alive && !raw.broken, row->keep);
	assert_int_equal(said.status, row->head[0] == 'S' ? 304 : 200);
	close(pair[1]);
	buf_free(&raw.head);
	close_slot();
}

static void
raw_answers_are_framed(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof raw_rows / sizeof raw_rows[0]; i++) {
		print_message("  %s\n", raw_rows[i].name);
		run_raw_row(&raw_rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_go_where_they_fit),
		cmocka_unit_test(a_bad_head_is_refused),
		cmocka_unit_test(without_a_head_the_answer_failed),
		cmocka_unit_test(finish_gives_the_answer_before_the_end),
		cmocka_unit_test(a_broken_stream_is_said),
		cmocka_unit_test(raw_answers_are_framed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
