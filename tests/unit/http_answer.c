#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/answer.h"

#define B(text) (text), sizeof(text) - 1
#define N ANSWER_LENGTH_NONE
#define TYPE "Content-Type: text/plain\r\n"
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static struct answer answer;

static enum answer_result
parse(const char *bytes, size_t len, size_t *used, const char **why)
{
	memset(&answer, 0xa5, sizeof answer);
	return answer_parse(bytes, len, &answer, used, why);
}

/* ---- what is refused */

struct refusal {
	const char *name;
	const char *bytes;
	size_t len;
};

static const struct refusal refusals[] = {
	{ "nothing", B("\r\n") },
	{ "nothing, LF", B("\nbody") },
	{ "no Content-Type, Location or Status", B("X-A: b\r\n\r\n") },
	{ "a body without a head", B("<html>\n<body>\n") },
	{ "no colon", B(TYPE "Hello\r\n\r\n") },
	{ "no name", B(TYPE ": a\r\n\r\n") },
	{ "a space before the colon", B("Content-Type : a/b\r\n\r\n") },
	{ "a folded value", B(TYPE " ; charset=x\r\n\r\n") },
	{ "a blank first", B(" " TYPE "\r\n") },
	{ "a NUL in a name", B(TYPE "X\0: a\r\n\r\n") },
	{ "a NUL in a value", B(TYPE "X: a\0b\r\n\r\n") },
	{ "a bare CR in a value", B(TYPE "X: a\rSet-Cookie: b\r\n\r\n") },
	{ "a CR too many", B(TYPE "X: a\r\r\n\r\n") },
	{ "a CR before the end", B(TYPE "\rX\r\n\r\n") },
	{ "ESC in a value", B(TYPE "X: \x1b\r\n\r\n") },
	{ "DEL in a value", B(TYPE "X: 0123456789\x7f\r\n\r\n") },
	{ "a byte above 127 in a name", B(TYPE "X\xc3\xa9: a\r\n\r\n") },
	{ "an HTTP status line", B("HTTP/1.1 200 OK\r\n" TYPE "\r\n") },
	{ "status 100", B("Status: 100\r\n\r\n") },
	{ "status 101", B("Status: 101 Switching Protocols\r\n\r\n") },
	{ "status 199", B("Status: 199\r\n\r\n") },
	{ "status 099", B("Status: 099\r\n\r\n") },
	{ "status 600", B("Status: 600\r\n\r\n") },
	{ "status 999", B("Status: 999\r\n\r\n") },
	{ "a status of two digits", B("Status: 20\r\n\r\n") },
	{ "a status of four digits", B("Status: 2000\r\n\r\n") },
	{ "a status in words", B("Status: OK\r\n\r\n") },
	{ "a status with a sign", B("Status: +20\r\n\r\n") },
	{ "an empty status", B("Status:\r\n\r\n") },
	{ "a status with a tab", B("Status: 200\tOK\r\n\r\n") },
	{ "two statuses", B("Status: 200\r\nStatus: 404\r\n\r\n") },
	{ "two types", B(TYPE TYPE "\r\n") },
	{ "two locations", B("Location: /a\r\nLocation: /b\r\n\r\n") },
	{ "two lengths", B(TYPE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n") },
	{ "a list of lengths", B(TYPE "Content-Length: 5, 5\r\n\r\n") },
	{ "a length with a sign", B(TYPE "Content-Length: -1\r\n\r\n") },
	{ "an empty length", B(TYPE "Content-Length:\r\n\r\n") },
	{ "a length of nineteen digits", B(TYPE "Content-Length: 1000000000000000000\r\n\r\n") },
};

static void
refuses(void **state)
{
	const char *why;
	size_t i, used;

	(void)state;
	for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *row = &refusals[i];

		why = NULL;
		if (parse(row->bytes, row->len, &used, &why) != ANSWER_BAD)
			fail_msg("%s: not refused", row->name);
		if (why == NULL || why[0] == '\0' || strchr(why, '\n') != NULL)
			fail_msg("%s: no reason", row->name);
	}
}

/* ---- what is taken */

struct taken {
	const char *name;
	const char *bytes;
	size_t len;
	size_t used;
	int status;
	const char *reason;     /* NULL: none */
	const char *location;
	const char *type;
	int64_t length;
	const char *fields;     /* "name=value|" of what is passed on */
};

static const struct taken takens[] = {
	{ "a type", B("Content-Type: a/b\r\n\r\nbody"), 21, 200, NULL, NULL, "a/b", N,
	    "Content-Type=a/b|" },
	{ "lines of LF", B("Content-Type: a/b\n\nbody"), 19, 200, NULL, NULL, "a/b", N,
	    "Content-Type=a/b|" },
	{ "lines of both", B("content-type:a/b \t\nX-A:\r\n\r\n"), 27, 200, NULL, NULL, "a/b", N,
	    "content-type=a/b|X-A=|" },
	{ "a status", B("Status: 404\r\n\r\n"), 15, 404, NULL, NULL, NULL, N, "" },
	{ "a status with its reason", B("Status: 404 Not Here\r\n\r\n"), 24, 404, "Not Here",
	    NULL, NULL, N, "" },
	{ "a status and a space", B("Status: 404 \r\n\r\n"), 16, 404, NULL, NULL, NULL, N, "" },
	{ "a status of our own make", B("STATUS: 599 Odd\r\n\r\n"), 19, 599, "Odd", NULL, NULL, N,
	    "" },
	{ "a location", B("Location: /a\r\n\r\n"), 16, 302, NULL, "/a", NULL, N, "Location=/a|" },
	{ "a location and a status", B("Location: http://a/\r\nStatus: 301\r\n\r\n"), 36, 301, NULL,
	    "http://a/", NULL, N, "Location=http://a/|" },
	{ "a location with status 201", B("Status: 201\r\nLocation: /a\r\n\r\n"), 29, 201, NULL,
	    "/a", NULL, N, "Location=/a|" },
	{ "a length", B("Content-Type: a/b\r\nContent-Length: 42\r\n\r\n"), 41, 200, NULL, NULL,
	    "a/b", 42, "Content-Type=a/b|" },
	{ "the longest length", B("Status: 200\nContent-Length: 999999999999999999\n\n"), 48, 200,
	    NULL, NULL, NULL, 999999999999999999, "" },
	{ "cookies, in order",
	    B("Set-Cookie: a=b\nStatus: 200\nSet-Cookie: c=d\nSet-Cookie: a=b\n\n"),
	    61, 200, NULL, NULL, NULL, N, "Set-Cookie=a=b|Set-Cookie=c=d|Set-Cookie=a=b|" },
	{ "what is ours is dropped", B("Status: 200\nConnection: close\nKeep-Alive: a\n"
	    "Transfer-Encoding: chunked\nTE: a\nTrailer: b\nUpgrade: c\nProxy-Connection: d\n"
	    "Date: e\nServer: f\nX: y\n\n"), 143, 200, NULL, NULL, NULL, N, "X=y|" },
	{ "a tab and 8 bits in a value", B("Status: 200\nX: a\tb\xc3\xa9\n\n"), 22, 200, NULL, NULL,
	    NULL, N, "X=a\tb\xc3\xa9|" },
};

static bool
slice_is(struct slice slice, const char *text)
{
	if (text == NULL)
		return slice.at == NULL;
	return slice.at != NULL && str_is(slice.at, slice.len, text);
}

static const char *
fields_text(char *to)
{
	unsigned i;
	size_t len = 0;

	to[0] = '\0';
	for (i = 0; i < answer.field_count; i++)
		len += (size_t)sprintf(to + len, "%.*s=%.*s|",
		    (int)answer.fields[i].name.len, answer.fields[i].name.at,
		    (int)answer.fields[i].value.len, answer.fields[i].value.at);
	return to;
}

static void
takes(void **state)
{
	size_t i, len, used;
	const char *why;
	char text[512];

	(void)state;
	for (i = 0; i < sizeof takens / sizeof takens[0]; i++) {
		const struct taken *row = &takens[i];

		for (len = 0; len < row->used; len++)
			if (parse(row->bytes, len, &used, &why) != ANSWER_MORE)
				fail_msg("%s: no MORE at %zu", row->name, len);
		if (parse(row->bytes, row->len, &used, &why) != ANSWER_HEAD)
			fail_msg("%s: refused: %s", row->name, why);
		if (used != row->used)
			fail_msg("%s: %zu used", row->name, used);
		if (answer.status != row->status || !slice_is(answer.reason, row->reason))
			fail_msg("%s: status %d or reason", row->name, answer.status);
		if (!slice_is(answer.location, row->location) ||
		    !slice_is(answer.content_type, row->type))
			fail_msg("%s: location or type", row->name);
		if (answer.content_length != row->length)
			fail_msg("%s: length %lld", row->name, (long long)answer.content_length);
		if (strcmp(fields_text(text), row->fields) != 0)
			fail_msg("%s: fields %s", row->name, text);
	}
}

static void
bounds_the_head(void **state)
{
	static char bytes[ANSWER_HEAD_MAX + 16];
	size_t len, used;
	const char *why;
	int i;

	(void)state;
	len = (size_t)sprintf(bytes, "Status: 200\n");
	for (i = 0; i < ANSWER_FIELDS; i++)
		len += (size_t)sprintf(bytes + len, "X: y\n");
	sprintf(bytes + len, "\n");
	assert_int_equal(parse(bytes, len + 1, &used, &why), ANSWER_HEAD);
	assert_int_equal(answer.field_count, ANSWER_FIELDS);
	len += (size_t)sprintf(bytes + len, "X: y\n\n");
	assert_int_equal(parse(bytes, len, &used, &why), ANSWER_BAD);

	memset(bytes, 'a', sizeof bytes);
	memcpy(bytes, "Status: 200\nX: ", 15);
	assert_int_equal(parse(bytes, ANSWER_HEAD_MAX - 1, &used, &why), ANSWER_MORE);
	assert_int_equal(parse(bytes, ANSWER_HEAD_MAX, &used, &why), ANSWER_BAD);
	memcpy(bytes + ANSWER_HEAD_MAX - 2, "\n\nbody", 6);
	assert_int_equal(parse(bytes, ANSWER_HEAD_MAX + 4, &used, &why), ANSWER_HEAD);
	assert_int_equal(used, ANSWER_HEAD_MAX);
	memcpy(bytes + ANSWER_HEAD_MAX - 2, "a\n\nbod", 6);
	assert_int_equal(parse(bytes, ANSWER_HEAD_MAX + 4, &used, &why), ANSWER_BAD);
}

/* ---- framing */

struct frame {
	const char *name;
	int status;
	int64_t said;
	int64_t known;
	int minor;
	bool head_only;
	bool keep_alive;
	enum answer_body body;
	int64_t length;
	bool kept;
};

static const struct frame frames[] = {
	{ "known", 200, N, 5, 1, false, true, BODY_EXACT, 5, true },
	{ "known, empty", 200, N, 0, 1, false, true, BODY_EXACT, 0, true },
	{ "known, 1.0", 200, N, 5, 0, false, true, BODY_EXACT, 5, true },
	{ "known, 1.0, no keep-alive", 200, N, 5, 0, false, false, BODY_EXACT, 5, false },
	{ "said and known alike", 200, 5, 5, 1, false, true, BODY_EXACT, 5, true },
	{ "longer than said: cut", 200, 3, 5, 1, false, true, BODY_EXACT, 3, true },
	{ "shorter than said: closed", 200, 7, 5, 1, false, true, BODY_EXACT, 7, false },
	{ "said alone", 200, 7, N, 1, false, true, BODY_EXACT, 7, true },
	{ "said alone, 1.0", 200, 7, N, 0, false, true, BODY_EXACT, 7, true },
	{ "nothing known", 200, N, N, 1, false, true, BODY_CHUNKED, N, true },
	{ "nothing known, close", 200, N, N, 1, false, false, BODY_CHUNKED, N, false },
	{ "nothing known, 1.0", 200, N, N, 0, false, true, BODY_CLOSE, N, false },
	{ "HEAD, said", 200, 7, 0, 1, true, true, BODY_FORBIDDEN, 7, true },
	{ "HEAD, made a body", 200, N, 5, 1, true, true, BODY_FORBIDDEN, 5, true },
	{ "HEAD, made none", 200, N, 0, 1, true, true, BODY_FORBIDDEN, N, true },
	{ "HEAD, streamed", 200, N, N, 1, true, true, BODY_FORBIDDEN, N, true },
	{ "HEAD, streamed, 1.0", 200, N, N, 0, true, true, BODY_FORBIDDEN, N, true },
	{ "204", 204, 7, 5, 1, false, true, BODY_FORBIDDEN, N, true },
	{ "304", 304, 7, 5, 1, false, true, BODY_FORBIDDEN, N, true },
	{ "304 to HEAD", 304, 7, 5, 1, true, true, BODY_FORBIDDEN, N, true },
	{ "404", 404, N, 5, 1, false, true, BODY_EXACT, 5, true },
};

static void
frames_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		const struct frame *row = &frames[i];
		struct answer_framing framing;

		answer.status = row->status;
		answer.content_length = row->said;
		framing = answer_frame(&answer, row->minor, row->head_only, row->known,
		    row->keep_alive);
		if (framing.body != row->body || framing.length != row->length ||
		    framing.keep_alive != row->kept)
			fail_msg("%s: body %d, length %lld, keep_alive %d", row->name, framing.body,
			    (long long)framing.length, framing.keep_alive);
	}
}

/* ---- writing */

struct written {
	const char *name;
	const char *from;       /* a CGI head */
	int64_t known;
	int minor;
	bool keep_alive;
	const char *server;
	const char *out;
};

static const struct written writtens[] = {
	{ "plain", "Content-Type: a/b\n\n", 5, 1, true, NULL,
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Type: a/b\r\n"
	    "Content-Length: 5\r\n\r\n" },
	{ "with a server", "Status: 404\nX:\n\n", 0, 1, true, "peruserd",
	    "HTTP/1.1 404 Not Found\r\nDate: " DATE "\r\nServer: peruserd\r\nX: \r\n"
	    "Content-Length: 0\r\n\r\n" },
	{ "a server of no name", "Status: 200\n\n", 0, 1, true, "",
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n" },
	{ "a reason of the script", "Status: 200 Fine\n\n", 1, 1, false, NULL,
	    "HTTP/1.1 200 Fine\r\nDate: " DATE "\r\nContent-Length: 1\r\n"
	    "Connection: close\r\n\r\n" },
	{ "an unknown status", "Status: 299\n\n", 1, 1, true, NULL,
	    "HTTP/1.1 299 Unknown\r\nDate: " DATE "\r\nContent-Length: 1\r\n\r\n" },
	{ "chunked", "Status: 200\n\n", N, 1, true, NULL,
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ "1.0, kept", "Status: 200\n\n", 5, 0, true, NULL,
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 5\r\n"
	    "Connection: keep-alive\r\n\r\n" },
	{ "1.0, of unknown length", "Status: 200\n\n", N, 0, true, NULL,
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nConnection: close\r\n\r\n" },
	{ "no content", "Status: 204\nContent-Length: 5\n\n", 5, 1, true, NULL,
	    "HTTP/1.1 204 No Content\r\nDate: " DATE "\r\n\r\n" },
	{ "cookies", "Set-Cookie: a=b\nSet-Cookie: c=d\nLocation: /x\n\n", 0, 1, true, NULL,
	    "HTTP/1.1 302 Found\r\nDate: " DATE "\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
	    "Location: /x\r\nContent-Length: 0\r\n\r\n" },
};

static void
writes(void **state)
{
	struct buf out = BUF(100000);
	size_t i, used;
	const char *why;

	(void)state;
	for (i = 0; i < sizeof writtens / sizeof writtens[0]; i++) {
		const struct written *row = &writtens[i];
		struct answer_framing framing;

		out.len = 0;
		assert_int_equal(parse(row->from, strlen(row->from), &used, &why), ANSWER_HEAD);
		framing = answer_frame(&answer, row->minor, false, row->known, row->keep_alive);
		assert_true(answer_write(&out, &answer, &framing, row->minor, DATE, row->server));
		if (!str_is(out.data, out.len, row->out))
			fail_msg("%s:\n%.*s", row->name, (int)out.len, out.data);
	}
	buf_free(&out);
}

static void
writes_all_or_nothing(void **state)
{
	struct buf out = BUF(60);
	struct answer_framing framing = { BODY_EXACT, 5, true };
	const char *why;
	size_t used;

	(void)state;
	assert_int_equal(parse(B("Status: 200\n\n"), &used, &why), ANSWER_HEAD);
	assert_false(answer_write(&out, &answer, &framing, 1, DATE, NULL));
	assert_false(answer_write_own(&out, 404, 1, false, true, DATE, NULL, NULL));
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static bool
has(const struct buf *out, const char *text)
{
	return memmem(out->data, out->len, text, strlen(text)) != NULL;
}

static void
writes_its_own(void **state)
{
	struct buf out = BUF(100000);
	size_t whole;

	(void)state;
	assert_true(answer_write_own(&out, 404, 1, false, true, DATE, "peruserd", NULL));
	assert_true(has(&out, "HTTP/1.1 404 Not Found\r\nDate: " DATE "\r\nServer: peruserd\r\n"));
	assert_true(has(&out, "Content-Type: text/html"));
	assert_true(has(&out, "\r\n\r\n<!DOCTYPE html>"));
	assert_false(has(&out, "Connection:"));
	whole = out.len;
	assert_true(answer_write_own(&out, 404, 1, true, true, DATE, "peruserd", NULL));
	/* HEAD: the same head, so the same length in it, and no page. */
	assert_memory_equal(out.data + whole, out.data, out.len - whole);
	assert_memory_equal(out.data + out.len - 4, "\r\n\r\n", 4);

	out.len = 0;
	assert_true(answer_write_own(&out, 503, 0, false, false, DATE, NULL, "Retry-After: 1\r\n"));
	assert_true(has(&out, "\r\nRetry-After: 1\r\n"));
	assert_true(has(&out, "\r\nConnection: close\r\n"));
	assert_false(has(&out, "Server:"));

	out.len = 0;
	assert_true(answer_write_own(&out, 204, 1, false, true, DATE, NULL, "Allow: GET\r\n"));
	assert_true(str_is(out.data, out.len,
	    "HTTP/1.1 204 No Content\r\nDate: " DATE "\r\nAllow: GET\r\n\r\n"));
	out.len = 0;
	assert_true(answer_write_own(&out, 200, 1, false, true, DATE, NULL, NULL));
	assert_true(str_is(out.data, out.len,
	    "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n"));
	out.len = 0;
	assert_true(answer_write_own(&out, 304, 1, false, true, DATE, NULL, NULL));
	assert_false(has(&out, "Content-Length"));
	buf_free(&out);
}

/* The page is as long as its head says, for every status we know and others. */
static void
pages_are_as_long_as_said(void **state)
{
	struct buf out = BUF(100000);
	const char *page;
	long said;
	int status;

	(void)state;
	for (status = 400; status < 600; status++) {
		out.len = 0;
		assert_true(answer_write_own(&out, status, 1, false, true, DATE, NULL, NULL));
		assert_true(buf_add(&out, "", 1));
		said = strtol(strstr(out.data, "Content-Length: ") + 16, NULL, 10);
		page = strstr(out.data, "\r\n\r\n") + 4;
		if (said != (long)strlen(page) || strcmp(page + said - 8, "</html>\n") != 0)
			fail_msg("%d: says %ld, is %zu", status, said, strlen(page));
	}
	buf_free(&out);
}

/* ---- answers that name a file */

struct naming {
	const char *name;
	const char *head;
	enum answer_names how;
	const char *file;
};

static const struct naming namings[] = {
	{ "no file", TYPE "\r\n", ANSWER_NAMES_NONE, "" },
	{ "a URI", TYPE "X-Accel-Redirect: /a%20b?c\r\n\r\n", ANSWER_NAMES_URI, "/a%20b?c" },
	{ "a path, by any case", TYPE "x-SENDFILE:  /srv/a \r\n\r\n", ANSWER_NAMES_PATH, "/srv/a" },
	{ "both", TYPE "X-Sendfile: /b\r\nX-Accel-Redirect: /a\r\n\r\n", ANSWER_NAMES_URI, "/a" },
	{ "both, the other way", TYPE "X-Accel-Redirect: /a\r\nX-Sendfile: /b\r\n\r\n",
	    ANSWER_NAMES_URI, "/a" },
	{ "others of nginx", TYPE "X-Accel-Buffering: no\r\n\r\n", ANSWER_NAMES_NONE, "" },
	{ "an empty one", TYPE "X-Sendfile:\r\n\r\n", ANSWER_NAMES_PATH, "" },
};

static void
finds_names_of_files(void **state)
{
	const char *why;
	size_t used, i;

	(void)state;
	for (i = 0; i < sizeof namings / sizeof namings[0]; i++) {
		struct slice file = { "", 0 };
		enum answer_names how;

		assert_int_equal(parse(namings[i].head, strlen(namings[i].head), &used, &why), ANSWER_HEAD);
		how = answer_names_file(&answer, &file);
		if (how != namings[i].how || !str_is(file.at, file.len, namings[i].file))
			fail_msg("%s: %d, %.*s", namings[i].name, how, (int)file.len, file.at);
	}
}

struct joining {
	const char *name;
	const char *file;
	const char *named;
	const char *fields;     /* each name=value; */
};

#define IS "ETag: \"f\"\r\n"

static const struct joining joinings[] = {
	{ "the type is the program's", "Status: 200\r\n" IS "Content-Type: a/b\r\n\r\n",
	    "Content-Type: c/d\r\nContent-Disposition: attachment\r\nX-Sendfile: /x\r\n\r\n",
	    "ETag=\"f\";Content-Type=c/d;Content-Disposition=attachment;" },
	{ "or the file's", "Status: 200\r\n" IS "Content-Type: a/b\r\n\r\n",
	    "Status: 200\r\nX-Sendfile: /x\r\n\r\n", "ETag=\"f\";Content-Type=a/b;" },
	{ "what described another body goes", "Status: 200\r\n" IS "Content-Type: a/b\r\n\r\n",
	    "Status: 404\r\nETag: \"p\"\r\nLast-Modified: x\r\nAccept-Ranges: none\r\n"
	    "Content-Encoding: gzip\r\nContent-Range: bytes 1-2/3\r\nLocation: /y\r\n"
	    "X-Accel-Redirect: /x\r\nX-Accel-Limit-Rate: 1\r\nCache-Control: private\r\n"
	    "Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
	    "ETag=\"f\";Content-Type=a/b;Cache-Control=private;Set-Cookie=a;Set-Cookie=b;" },
	{ "one range", "Status: 206\r\nContent-Type: a/b\r\nContent-Range: bytes 0-1/9\r\n\r\n",
	    "Content-Type: c/d\r\n\r\n", "Content-Range=bytes 0-1/9;Content-Type=c/d;" },
	{ "several", "Status: 206\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n",
	    "Content-Type: c/d\r\nX: y\r\n\r\n", "Content-Type=multipart/byteranges; boundary=x;X=y;" },
	{ "not modified", "Status: 304\r\n" IS "\r\n", "Content-Type: c/d\r\nExpires: z\r\n\r\n",
	    "ETag=\"f\";Expires=z;" },
	{ "an error", "Status: 404\r\nContent-Type: a/b\r\n\r\n",
	    "Content-Type: c/d\r\nContent-Disposition: attachment\r\n\r\n", "Content-Type=a/b;" },
};

static void
joins_answers(void **state)
{
	static struct answer named;
	char said[1024];
	const char *why;
	size_t used, i, len;
	unsigned f;

	(void)state;
	for (i = 0; i < sizeof joinings / sizeof joinings[0]; i++) {
		assert_int_equal(parse(joinings[i].file, strlen(joinings[i].file), &used, &why), ANSWER_HEAD);
		assert_int_equal(answer_parse(joinings[i].named, strlen(joinings[i].named), &named,
		    &used, &why), ANSWER_HEAD);
		assert_true(answer_join(&answer, &named));
		for (f = 0, len = 0; f < answer.field_count; f++)
			len += (size_t)snprintf(said + len, sizeof said - len, "%.*s=%.*s;",
			    (int)answer.fields[f].name.len, answer.fields[f].name.at,
			    (int)answer.fields[f].value.len, answer.fields[f].value.at);
		if (strcmp(said, joinings[i].fields) != 0)
			fail_msg("%s: %s", joinings[i].name, said);
	}
	answer.field_count = ANSWER_FIELDS;
	answer.status = 200;
	assert_false(answer_join(&answer, &named));
}

static void
writes_chunk_sizes(void **state)
{
	char out[20];

	(void)state;
	assert_int_equal(answer_chunk_size(out, 0), 3);
	assert_memory_equal(out, "0\r\n", 3);
	assert_int_equal(answer_chunk_size(out, 0x1a2b), 6);
	assert_memory_equal(out, "1a2b\r\n", 6);
	assert_int_equal(answer_chunk_size(out, UINT64_MAX), 18);
	assert_memory_equal(out, "ffffffffffffffff\r\n", 18);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes),
		cmocka_unit_test(bounds_the_head),
		cmocka_unit_test(frames_answers),
		cmocka_unit_test(writes),
		cmocka_unit_test(writes_all_or_nothing),
		cmocka_unit_test(writes_its_own),
		cmocka_unit_test(pages_are_as_long_as_said),
		cmocka_unit_test(finds_names_of_files),
		cmocka_unit_test(joins_answers),
		cmocka_unit_test(writes_chunk_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
