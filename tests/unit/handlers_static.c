#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "fake_host.h"
#include "handlers/conditions.h"
#include "handlers/handlers.h"
#include "handlers/opened.h"

#define MODIFIED 1767225600             /* 2026-01-01 00:00:00 */
#define MODIFIED_TEXT "Thu, 01 Jan 2026 00:00:00 GMT"
#define LARGE 100000

static struct request request;
static char file[256], etag[64];

static int
prepare(void **state)
{
	struct timespec times[2] = { { MODIFIED, 0 }, { MODIFIED, 500 } };
	struct stat is;

	(void)state;
	static_mime_types(fake_write("mime.types", "text/html html\nimage/png png\n", 0644));
	fake_begin(&request, "/", "", "");
	assert_true(static_handler.load(&fake_host, NULL, &request.pool));
	snprintf(file, sizeof file, "%s", fake_write("a.html", "0123456789", 0644));
	assert_int_equal(utimensat(-1, file, times, 0), 0);
	assert_int_equal(stat(file, &is), 0);
	snprintf(etag, sizeof etag, "\"%llx%08x-a-%llx\"", (unsigned long long)MODIFIED, 500,
	    (unsigned long long)is.st_ino);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	static_handler.end();
	fake_remove();
	return 0;
}

static void
get(const char *method, const char *name, const char *value)
{
	fake_begin(&request, fake_directory(), "/a.html", file);
	request.view.method = method;
	if (name != NULL)
		fake_var(&request, name, value);
	assert_int_equal(static_handler.serve(&request, &request.view), HANDLER_DONE);
	assert_int_equal(request.heads, 1);
}

static void
a_file_is_sent_whole(void **state)
{
	char field[128];

	(void)state;
	get("GET", NULL, NULL);
	assert_true(fake_has_field(&request, "Status: 200 OK"));
	assert_true(fake_has_field(&request, "Content-Type: text/html; charset=utf-8"));
	assert_true(fake_has_field(&request, "Content-Length: 10"));
	assert_true(fake_has_field(&request, "Last-Modified: " MODIFIED_TEXT));
	assert_true(fake_has_field(&request, "Accept-Ranges: bytes"));
	snprintf(field, sizeof field, "ETag: %s", etag);
	assert_true(fake_has_field(&request, field));
	assert_string_equal(request.body, "0123456789");
	get("HEAD", NULL, NULL);
	assert_true(fake_has_field(&request, "Content-Length: 10"));
	assert_int_equal(request.body_len, 0);
}

/* From its note too: once the file is old enough to have one. */
static void
again_is_the_same(void **state)
{
	char head[sizeof request.head];
	struct opened_note *note;
	struct stat is;
	int fd;

	(void)state;
	get("GET", NULL, NULL);
	memcpy(head, request.head, sizeof head);
	do {
		usleep(50 * 1000);
		fd = opened_open(file, &is);
		note = opened_note(fd, &is);
		opened_close(fd);
	} while (note == NULL);
	opened_end();
	/* A note stays for a second: unless that goes by in here, the second is from the first. */
	do {
		get("GET", NULL, NULL);
		get("GET", NULL, NULL);
		fd = opened_open(file, &is);
		note = opened_note(fd, &is);
		opened_close(fd);
	} while (note->head_len == 0);
	assert_int_equal(note->body_len, 10);
	assert_string_equal(request.head, head);
	assert_string_equal(request.body, "0123456789");
	get("HEAD", NULL, NULL);
	assert_true(fake_has_field(&request, "Content-Length: 10"));
	assert_int_equal(request.body_len, 0);
	get("GET", "HTTP_RANGE", "bytes=1-2");
	assert_true(fake_has_field(&request, "Content-Range: bytes 1-2/10"));
	assert_string_equal(request.body, "12");
	get("GET", "HTTP_IF_NONE_MATCH", etag);
	assert_true(fake_has_field(&request, "Status: 304 Not Modified"));
	get("GET", NULL, NULL);
	assert_string_equal(request.head, head);
	assert_string_equal(request.body, "0123456789");
}

static void
other_methods_are_refused(void **state)
{
	(void)state;
	get("POST", NULL, NULL);
	assert_true(fake_has_field(&request, "Status: 405 Method Not Allowed"));
	assert_true(fake_has_field(&request, "Allow: GET, HEAD, OPTIONS"));
	get("OPTIONS", NULL, NULL);
	assert_true(fake_has_field(&request, "Status: 200 OK"));
	assert_true(fake_has_field(&request, "Allow: GET, HEAD, OPTIONS"));
	assert_int_equal(request.body_len, 0);
}

#define OLDER "Wed, 31 Dec 2025 23:59:59 GMT"
#define NEWER "Thu, 01 Jan 2026 00:00:01 GMT"

/* TAG stands for the file's own. */
static const struct condition_row {
	const char *name;
	struct { const char *field, *value; } given[2];
	int status;
} condition_rows[] = {
	{ "our tag", {{ "HTTP_IF_NONE_MATCH", "TAG" }}, 304 },
	{ "our tag, weak", {{ "HTTP_IF_NONE_MATCH", "W/TAG" }}, 304 },
	{ "our tag in a list", {{ "HTTP_IF_NONE_MATCH", "\"x, y\" , TAG" }}, 304 },
	{ "any tag", {{ "HTTP_IF_NONE_MATCH", "*" }}, 304 },
	{ "another tag", {{ "HTTP_IF_NONE_MATCH", "\"x\"" }}, 200 },
	{ "a malformed tag", {{ "HTTP_IF_NONE_MATCH", "x" }}, 200 },
	{ "unmodified since", {{ "HTTP_IF_MODIFIED_SINCE", MODIFIED_TEXT }}, 304 },
	{ "unmodified since later", {{ "HTTP_IF_MODIFIED_SINCE", NEWER }}, 304 },
	{ "modified since", {{ "HTTP_IF_MODIFIED_SINCE", OLDER }}, 200 },
	{ "no date", {{ "HTTP_IF_MODIFIED_SINCE", "yesterday" }}, 200 },
	{ "a tag rules over a date", {{ "HTTP_IF_NONE_MATCH", "\"x\"" },
	    { "HTTP_IF_MODIFIED_SINCE", MODIFIED_TEXT }}, 200 },
	{ "must be ours, is", {{ "HTTP_IF_MATCH", "TAG" }}, 200 },
	{ "must be any", {{ "HTTP_IF_MATCH", "*" }}, 200 },
	{ "must be ours, strongly", {{ "HTTP_IF_MATCH", "W/TAG" }}, 412 },
	{ "must be another", {{ "HTTP_IF_MATCH", "\"x\"" }}, 412 },
	{ "must be unmodified, is", {{ "HTTP_IF_UNMODIFIED_SINCE", MODIFIED_TEXT }}, 200 },
	{ "must be unmodified, isn't", {{ "HTTP_IF_UNMODIFIED_SINCE", OLDER }}, 412 },
	{ "a match rules over a date", {{ "HTTP_IF_MATCH", "TAG" },
	    { "HTTP_IF_UNMODIFIED_SINCE", OLDER }}, 200 },
	{ "a match, then none", {{ "HTTP_IF_MATCH", "TAG" },
	    { "HTTP_IF_NONE_MATCH", "TAG" }}, 304 },
	{ "a range", {{ "HTTP_RANGE", "bytes=0-1" }}, 206 },
	{ "a range of ours", {{ "HTTP_RANGE", "bytes=0-1" }, { "HTTP_IF_RANGE", "TAG" }}, 206 },
	{ "a range of ours, weak", {{ "HTTP_RANGE", "bytes=0-1" },
	    { "HTTP_IF_RANGE", "W/TAG" }}, 200 },
	{ "a range of another", {{ "HTTP_RANGE", "bytes=0-1" }, { "HTTP_IF_RANGE", "\"x\"" }}, 200 },
	{ "a range of that date", {{ "HTTP_RANGE", "bytes=0-1" },
	    { "HTTP_IF_RANGE", MODIFIED_TEXT }}, 206 },
	{ "a range of a later date", {{ "HTTP_RANGE", "bytes=0-1" },
	    { "HTTP_IF_RANGE", NEWER }}, 200 },
	{ "a condition before a range", {{ "HTTP_RANGE", "bytes=0-1" },
	    { "HTTP_IF_NONE_MATCH", "TAG" }}, 304 },
};

/* Replace TAG. */
static const char *
with_tag(const char *value)
{
	static char out[256];
	const char *at = strstr(value, "TAG");

	if (at == NULL)
		return value;
	snprintf(out, sizeof out, "%.*s%s%s", (int)(at - value), value, etag, at + 3);
	return out;
}

static void
conditions_are_met(void **state)
{
	const struct condition_row *row;
	int status;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof condition_rows / sizeof condition_rows[0]; i++) {
		row = &condition_rows[i];
		fake_begin(&request, fake_directory(), "/a.html", file);
		for (j = 0; j < 2 && row->given[j].field != NULL; j++)
			fake_var(&request, row->given[j].field, with_tag(row->given[j].value));
		static_handler.serve(&request, &request.view);
		status = atoi(request.head + strlen("Status: "));
		if (status != row->status)
			fail_msg("%s: %d, not %d", row->name, status, row->status);
		if (status == 304 && (request.body_len != 0 ||
		    strstr(request.head, "ETag") == NULL))
			fail_msg("%s: a 304 with a body or without a tag", row->name);
	}
}

static void
a_part_is_sent(void **state)
{
	(void)state;
	get("GET", "HTTP_RANGE", "bytes=2-4");
	assert_true(fake_has_field(&request, "Status: 206 Partial Content"));
	assert_true(fake_has_field(&request, "Content-Range: bytes 2-4/10"));
	assert_true(fake_has_field(&request, "Content-Length: 3"));
	assert_string_equal(request.body, "234");
	get("GET", "HTTP_RANGE", "bytes=0-");
	assert_true(fake_has_field(&request, "Content-Range: bytes 0-9/10"));
	assert_string_equal(request.body, "0123456789");
	get("GET", "HTTP_RANGE", "bytes=10-");
	assert_true(fake_has_field(&request, "Status: 416 Range Not Satisfiable"));
	assert_true(fake_has_field(&request, "Content-Range: bytes */10"));
	get("HEAD", "HTTP_RANGE", "bytes=2-4");
	assert_true(fake_has_field(&request, "Status: 200 OK"));
}

static void
several_parts_are_framed(void **state)
{
	const char *at, *boundary;
	char expected[1024], field[64];

	(void)state;
	get("GET", "HTTP_RANGE", "bytes=0-1,-2");
	assert_true(fake_has_field(&request, "Status: 206 Partial Content"));
	at = strstr(request.head, "multipart/byteranges; boundary=");
	assert_non_null(at);
	boundary = strchr(at, '=') + 1;
	snprintf(expected, sizeof expected,
	    "\r\n--%.32s\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Range: bytes 0-1/10\r\n\r\n01"
	    "\r\n--%.32s\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Range: bytes 8-9/10\r\n\r\n89"
	    "\r\n--%.32s--\r\n", boundary, boundary, boundary);
	assert_string_equal(request.body, expected);
	snprintf(field, sizeof field, "Content-Length: %zu", strlen(expected));
	assert_true(fake_has_field(&request, field));
}

static void
a_large_file_is_sent(void **state)
{
	static char text[LARGE + 1];

	(void)state;
	memset(text, 'x', LARGE);
	fake_begin(&request, fake_directory(), "/big.png", fake_write("big.png", text, 0644));
	static_handler.serve(&request, &request.view);
	assert_true(fake_has_field(&request, "Content-Type: image/png"));
	assert_int_equal(request.body_len, LARGE);
}

static void
what_is_no_file_is_refused(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof path, "%s/pipe", fake_directory());
	assert_int_equal(mkfifo(path, 0600), 0);
	fake_begin(&request, fake_directory(), "/pipe", path);
	static_handler.serve(&request, &request.view);
	assert_true(fake_has_field(&request, "Status: 403 Forbidden"));
	snprintf(path, sizeof path, "%s/none", fake_directory());
	fake_begin(&request, fake_directory(), "/none", path);
	static_handler.serve(&request, &request.view);
	assert_true(fake_has_field(&request, "Status: 404 Not Found"));
	if (geteuid() == 0)
		return;         /* root may read it */
	fake_begin(&request, fake_directory(), "/x", fake_write("x", "", 0));
	static_handler.serve(&request, &request.view);
	assert_true(fake_has_field(&request, "Status: 403 Forbidden"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_sent_whole),
		cmocka_unit_test(again_is_the_same),
		cmocka_unit_test(other_methods_are_refused),
		cmocka_unit_test(conditions_are_met),
		cmocka_unit_test(a_part_is_sent),
		cmocka_unit_test(several_parts_are_framed),
		cmocka_unit_test(a_large_file_is_sent),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
