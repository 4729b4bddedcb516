#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/head.h"

#define LINE_LIMIT 100
#define HEAD_LIMIT 600
#define B(text) (text), sizeof(text) - 1

static const struct head_limits limits = { LINE_LIMIT, HEAD_LIMIT };
static struct head head;

/* Parse all at once. */
static enum head_result
at_once(const char *bytes, size_t len, size_t *used, int *status)
{
	size_t scanned = 0;

	memset(&head, 0xa5, sizeof head);       /* nothing may be taken for granted */
	return head_parse(bytes, len, &limits, &scanned, &head, used, status);
}

/* Parse as it grows by `step` bytes; stops at the first answer. */
static enum head_result
in_steps(const char *bytes, size_t len, size_t step, size_t *used, int *status)
{
	enum head_result result = HEAD_MORE;
	size_t scanned = 0, have;

	memset(&head, 0xa5, sizeof head);
	for (have = 0; have < len && result == HEAD_MORE; ) {
		have = len - have < step ? len : have + step;
		result = head_parse(bytes, have, &limits, &scanned, &head, used, status);
	}
	return result;
}

/* ---- what is refused */

struct refusal {
	const char *name;
	const char *bytes;
	size_t len;
	int status;
};

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

static const struct refusal refusals[] = {
	/* the request line */
	{ "bare LF behind the request line", B("GET / HTTP/1.1\n" HOST "\r\n"), 400 },
	{ "bare CR behind the request line", B("GET / HTTP/1.1\r" HOST "\r\n"), 400 },
	{ "two spaces behind the method", B("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "two spaces before the version", B("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a space behind the version", B("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400 },
	{ "a tab for a space", B("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a space first", B(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "three empty lines first", B("\r\n\r\n\r\n" GET HOST "\r\n"), 400 },
	{ "a bare LF first", B("\n" GET HOST "\r\n"), 400 },
	{ "a bare CR first", B("\r" GET HOST "\r\n"), 400 },
	{ "no method", B(" / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a method with a colon", B("GE:T / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a method with a slash", B("GE/T / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a method with a NUL", B("GE\0T / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a method with a byte above 127", B("GE\xc3\xa9 / HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a TLS greeting", B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400 },
	{ "no target", B("GET HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "HTTP/0.9", B("GET /\r\n"), 400 },
	{ "a NUL in the target", B("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a control character in the target", B("GET /a\x01" "b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "DEL in the target", B("GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a fragment", B("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a target without a slash", B("GET a HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "an empty query alone", B("GET ?a HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "a line too long, not ended", B("GET /"
	    "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789"), 414 },
	{ "a line one byte too long", B("GET /"
	    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456 HTTP/1.1\r\n" HOST "\r\n"), 414 },
	{ "a method that never ends",
	    B("GETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGET"
	    "GETGETGETGETGETGETGETGETGETGETGETGET"), 414 },
	/* the version */
	{ "a small http", B("GET / http/1.1\r\n" HOST "\r\n"), 400 },
	{ "no digit", B("GET / HTTP/x.1\r\n" HOST "\r\n"), 400 },
	{ "no minor digit", B("GET / HTTP/1.x\r\n" HOST "\r\n"), 400 },
	{ "no minor number", B("GET / HTTP/1\r\n" HOST "\r\n"), 400 },
	{ "two minor digits", B("GET / HTTP/1.10\r\n" HOST "\r\n"), 400 },
	{ "two major digits", B("GET / HTTP/11.1\r\n" HOST "\r\n"), 400 },
	{ "another protocol", B("GET / ICY/1.1\r\n" HOST "\r\n"), 400 },
	{ "HTTP/2.0", B("GET / HTTP/2.0\r\n" HOST "\r\n"), 505 },
	{ "HTTP/2's preface", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "HTTP/2", B("GET / HTTP/2\r\n" HOST "\r\n"), 505 },
	{ "HTTP/3", B("GET / HTTP/3\r\n" HOST "\r\n"), 505 },
	{ "HTTP/0.9 by name", B("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
	{ "HTTP/9.9", B("GET / HTTP/9.9\r\n" HOST "\r\n"), 505 },
	/* forms of the target */
	{ "an asterisk with GET", B("GET * HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "an asterisk and more", B("OPTIONS *a HTTP/1.1\r\n" HOST "\r\n"), 400 },
	{ "CONNECT", B("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 501 },
	{ "CONNECT without a port", B("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "CONNECT with a path", B("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "an authority with GET", B("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "another scheme", B("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "no authority", B("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "one slash", B("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a user in the authority", B("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a bad port in the authority", B("GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "an absolute target and no Host", B("GET http://a/ HTTP/1.1\r\n\r\n"), 400 },
	{ "an absolute target and a bad Host", B("GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
	    400 },
	/* fields */
	{ "a bare LF behind a field", B(GET "Host: a\n\r\n"), 400 },
	{ "a bare LF for the empty line", B(GET HOST "\n"), 400 },
	{ "a bare CR in a value", B(GET HOST "X: a\rb\r\n\r\n"), 400 },
	{ "a NUL in a value", B(GET HOST "X: a\0b\r\n\r\n"), 400 },
	{ "a NUL deep in a long value",
	    B(GET HOST "X: 0123456789012345678901234567890\0b\r\n\r\n"), 400 },
	{ "DEL in a value", B(GET HOST "X: 01234567890123\x7f\r\n\r\n"), 400 },
	{ "ESC in a value", B(GET HOST "X: \x1b[1m\r\n\r\n"), 400 },
	{ "a folded value", B(GET HOST "X: a\r\n b\r\n\r\n"), 400 },
	{ "a value folded with a tab", B(GET HOST "X: a\r\n\tb\r\n\r\n"), 400 },
	{ "a blank before the first field", B(GET " Host: a\r\n\r\n"), 400 },
	{ "a space before the colon", B(GET "Host : a\r\n\r\n"), 400 },
	{ "a tab before the colon", B(GET "Host\t: a\r\n\r\n"), 400 },
	{ "no colon", B(GET HOST "Hello\r\n\r\n"), 400 },
	{ "no name", B(GET HOST ": a\r\n\r\n"), 400 },
	{ "a name with a byte above 127", B(GET HOST "X\xc3\xa9: a\r\n\r\n"), 400 },
	{ "a name with a bracket", B(GET HOST "X[]: a\r\n\r\n"), 400 },
	{ "a name with a NUL", B(GET HOST "X\0: a\r\n\r\n"), 400 },
	/* Host */
	{ "no Host", B(GET "\r\n"), 400 },
	{ "two Hosts", B(GET HOST "Host: b\r\n\r\n"), 400 },
	{ "two Hosts that are the same", B(GET HOST HOST "\r\n"), 400 },
	{ "two Hosts in HTTP/1.0", B("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400 },
	{ "an empty Host", B(GET "Host:\r\n\r\n"), 400 },
	{ "a Host with a path", B(GET "Host: a/b\r\n\r\n"), 400 },
	{ "a Host with a user", B(GET "Host: u@a\r\n\r\n"), 400 },
	{ "a Host that is a list", B(GET "Host: a, b\r\n\r\n"), 400 },
	/* framing */
	{ "two lengths", B(GET HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400 },
	{ "one length twice", B(GET HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400 },
	{ "a list of lengths", B(GET HOST "Content-Length: 5, 5\r\n\r\n"), 400 },
	{ "an empty length", B(GET HOST "Content-Length:\r\n\r\n"), 400 },
	{ "a signed length", B(GET HOST "Content-Length: +5\r\n\r\n"), 400 },
	{ "a negative length", B(GET HOST "Content-Length: -5\r\n\r\n"), 400 },
	{ "a hexadecimal length", B(GET HOST "Content-Length: 0x5\r\n\r\n"), 400 },
	{ "a length with a space in it", B(GET HOST "Content-Length: 1 0\r\n\r\n"), 400 },
	{ "a length above 63 bits", B(GET HOST "Content-Length: 9223372036854775808\r\n\r\n"),
	    400 },
	{ "a length above 64 bits", B(GET HOST "Content-Length: 18446744073709551617\r\n\r\n"),
	    400 },
	{ "a length and a coding",
	    B(GET HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
	{ "a coding and a length",
	    B(GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400 },
	{ "an unknown coding and a length",
	    B(GET HOST "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n"), 400 },
	{ "a coding in HTTP/1.0",
	    B("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 400 },
	{ "gzip and chunked", B(GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501 },
	{ "chunked and identity", B(GET HOST "Transfer-Encoding: chunked, identity\r\n\r\n"), 501 },
	{ "identity", B(GET HOST "Transfer-Encoding: identity\r\n\r\n"), 501 },
	{ "chunked with a parameter", B(GET HOST "Transfer-Encoding: chunked;a=b\r\n\r\n"), 501 },
	{ "chunked in quotes", B(GET HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 501 },
	{ "an x before chunked", B(GET HOST "Transfer-Encoding: xchunked\r\n\r\n"), 501 },
	{ "an empty coding", B(GET HOST "Transfer-Encoding:\r\n\r\n"), 501 },
	{ "chunked twice",
	    B(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 501 },
	{ "identity, then chunked",
	    B(GET HOST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"), 501 },
	{ "two Content-Types", B(GET HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n"), 400 },
	{ "another expectation", B(GET HOST "Expect: 200-ok\r\n\r\n"), 417 },
	{ "two expectations", B(GET HOST "Expect: 100-continue, x\r\n\r\n"), 417 },
};

static void
refuses(void **state)
{
	size_t i, step, used;
	int status;

	(void)state;
	for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *row = &refusals[i];

		for (step = 0; step < 4; step++) {
			enum head_result result = step == 0 ?
			    at_once(row->bytes, row->len, &used, &status) :
			    in_steps(row->bytes, row->len, step, &used, &status);

			if (result != HEAD_BAD)
				fail_msg("%s: not refused (step %zu)", row->name, step);
			if (status != row->status)
				fail_msg("%s: %d for %d (step %zu)", row->name, status,
				    row->status, step);
		}
	}
}

/* ---- what is taken */

struct taken {
	const char *name;
	const char *bytes;
	size_t len;
	const char *path;
	const char *query;      /* NULL: none */
	const char *host;       /* NULL: none */
	enum head_form form;
	int minor;
	bool keep_alive;
	int64_t length;
	bool chunked;
	bool expects;
};

#define N HEAD_LENGTH_NONE

static const struct taken takens[] = {
	{ "plain", B(GET HOST "\r\n"), "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "HTTP/1.0 without Host", B("GET / HTTP/1.0\r\n\r\n"),
	    "/", NULL, NULL, HEAD_ORIGIN, 0, false, N, false, false },
	{ "HTTP/1.7 is 1.1 to us", B("GET / HTTP/1.7\r\n" HOST "\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "an empty line first", B("\r\n" GET HOST "\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "two empty lines first", B("\r\n\r\n" GET HOST "\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "a query", B("GET /a/b?c=d&e HTTP/1.1\r\n" HOST "\r\n"),
	    "/a/b", "c=d&e", "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "an empty query", B("GET /a? HTTP/1.1\r\n" HOST "\r\n"),
	    "/a", "", "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "a question mark in the query", B("GET /a?b?c HTTP/1.1\r\n" HOST "\r\n"),
	    "/a", "b?c", "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "what browsers leave as it is", B("GET /a|b?c[]={d}^`\"<> HTTP/1.1\r\n" HOST "\r\n"),
	    "/a|b", "c[]={d}^`\"<>", "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "bytes above 127 in the path", B("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
	    "/\xc3\xa9", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "the longest line", B("GET /"
	    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
	    "012345 HTTP/1.1\r\n" HOST "\r\n"),
	    "/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
	    "012345", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "a double slash is a path", B("GET //b/c HTTP/1.1\r\n" HOST "\r\n"),
	    "//b/c", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "absolute: its authority wins", B("GET http://b:81/c?d HTTP/1.1\r\n" HOST "\r\n"),
	    "/c", "d", "b:81", HEAD_ABSOLUTE, 1, true, N, false, false },
	{ "absolute, https, capitals", B("GET HTTPS://B/c HTTP/1.1\r\n" HOST "\r\n"),
	    "/c", NULL, "B", HEAD_ABSOLUTE, 1, true, N, false, false },
	{ "absolute without a path", B("GET http://b HTTP/1.1\r\n" HOST "\r\n"),
	    "/", NULL, "b", HEAD_ABSOLUTE, 1, true, N, false, false },
	{ "absolute with a query alone", B("GET http://b?c HTTP/1.1\r\n" HOST "\r\n"),
	    "/", "c", "b", HEAD_ABSOLUTE, 1, true, N, false, false },
	{ "absolute in HTTP/1.0 without Host", B("GET http://b/ HTTP/1.0\r\n\r\n"),
	    "/", NULL, "b", HEAD_ABSOLUTE, 0, false, N, false, false },
	{ "asterisk", B("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
	    "*", NULL, "a", HEAD_ASTERISK, 1, true, N, false, false },
	{ "asterisk through a proxy", B("OPTIONS http://b HTTP/1.1\r\n" HOST "\r\n"),
	    "*", NULL, "b", HEAD_ASTERISK, 1, true, N, false, false },
	{ "OPTIONS of a path", B("OPTIONS /a HTTP/1.1\r\n" HOST "\r\n"),
	    "/a", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "a length", B("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, 5, false, false },
	{ "the longest length", B(GET HOST "content-length:9223372036854775807\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, INT64_MAX, false, false },
	{ "a length of nothing", B(GET HOST "Content-Length: 0\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, 0, false, false },
	{ "chunked", B(GET HOST "Transfer-Encoding: chunked\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, true, false },
	{ "chunked in capitals", B(GET HOST "TRANSFER-ENCODING: CHUNKED\t \r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, true, false },
	{ "expectation", B(GET HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, 1, false, true },
	{ "expectation in HTTP/1.0", B("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
	    "/", NULL, NULL, HEAD_ORIGIN, 0, false, N, false, false },
	{ "close", B(GET HOST "Connection: close\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, false, N, false, false },
	{ "close in a list", B(GET HOST "Connection: TE ,\tClose, x\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, false, N, false, false },
	{ "close in a second field", B(GET HOST "Connection: x\r\nConnection: close\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, false, N, false, false },
	{ "close wins", B(GET HOST "Connection: keep-alive, close\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, false, N, false, false },
	{ "closely is not close", B(GET HOST "Connection: closely, xclose\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "HTTP/1.0 keep-alive", B("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
	    "/", NULL, NULL, HEAD_ORIGIN, 0, true, N, false, false },
	{ "a tab in a value, bytes above 127, an empty value",
	    B(GET HOST "X: a\tb\r\nY: \xc3\xa9\xff\r\nZ:\r\nZ:  \t\r\n\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "an odd method", B("M-SEARCH!x / HTTP/1.1\r\n" HOST "\r\n"),
	    "/", NULL, "a", HEAD_ORIGIN, 1, true, N, false, false },
	{ "an IPv6 Host", B(GET "Host: [::1]:8080\r\n\r\n"),
	    "/", NULL, "[::1]:8080", HEAD_ORIGIN, 1, true, N, false, false },
};

static bool
slice_is(struct slice slice, const char *text)
{
	if (text == NULL)
		return slice.at == NULL;
	return slice.at != NULL && str_is(slice.at, slice.len, text);
}

static void
check_taken(const struct taken *row, enum head_result result, size_t used)
{
	const char *end = strstr(row->bytes + 4, "\r\n\r\n");

	if (result != HEAD_DONE)
		fail_msg("%s: refused", row->name);
	if (used != (size_t)(end - row->bytes) + 4)
		fail_msg("%s: %zu bytes used", row->name, used);
	if (!slice_is(head.path, row->path) || !slice_is(head.query, row->query))
		fail_msg("%s: path or query", row->name);
	if (!slice_is(head.host, row->host))
		fail_msg("%s: host", row->name);
	if (head.form != row->form || head.minor != row->minor)
		fail_msg("%s: form %d or minor %d", row->name, head.form, head.minor);
	if (head.keep_alive != row->keep_alive)
		fail_msg("%s: keep_alive", row->name);
	if (head.content_length != row->length || head.chunked != row->chunked ||
	    head.expect_continue != row->expects)
		fail_msg("%s: body", row->name);
}

static void
takes(void **state)
{
	enum head_result result;
	size_t i, step, used;
	int status;

	(void)state;
	for (i = 0; i < sizeof takens / sizeof takens[0]; i++)
		for (step = 0; step < 9; step++) {
			const struct taken *row = &takens[i];

			used = 0;
			result = step == 0 ? at_once(row->bytes, row->len, &used, &status) :
			    in_steps(row->bytes, row->len, step, &used, &status);
			check_taken(row, result, used);
		}
}

/* Every beginning of a good head wants more, whatever was seen of it before. */
static void
wants_more(void **state)
{
	static const char bytes[] = "\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	    "Content-Length: 5\r\n\r\n";
	size_t len, scanned, used;
	int status;

	(void)state;
	for (len = 0; len < sizeof bytes - 1; len++) {
		scanned = 0;
		if (head_parse(bytes, len, &limits, &scanned, &head, &used, &status) != HEAD_MORE)
			fail_msg("%zu bytes: no MORE", len);
		if (head_parse(bytes, len, &limits, &scanned, &head, &used, &status) != HEAD_MORE)
			fail_msg("%zu bytes again: no MORE", len);
	}
}

static void
keeps_fields(void **state)
{
	static const char bytes[] = GET "hOsT:  a  \r\nX-One:\ta b\t\r\n"
	    "Content-Type: t/p\r\n\r\nrest";
	size_t used;
	int status;

	(void)state;
	assert_int_equal(at_once(B(bytes), &used, &status), HEAD_DONE);
	assert_int_equal(head.field_count, 3);
	assert_true(slice_is(head.method, "GET"));
	assert_true(slice_is(head.target, "/"));
	assert_true(slice_is(head.fields[0].name, "hOsT"));
	assert_true(slice_is(head.fields[0].value, "a"));
	assert_true(slice_is(head.fields[1].value, "a b"));
	assert_true(slice_is(head.content_type, "t/p"));
	assert_string_equal(bytes + used, "rest");
	assert_ptr_equal(head_find(&head, "x-ONE"), &head.fields[1]);
	assert_null(head_find(&head, "x-two"));
}

static size_t
many_fields(char *to, unsigned count)
{
	size_t len = (size_t)sprintf(to, GET HOST);

	/* Host is one of them. */
	for (; count > 1; count--)
		len += (size_t)sprintf(to + len, "X:\r\n");
	return len + (size_t)sprintf(to + len, "\r\n");
}

static void
bounds_the_head(void **state)
{
	static const struct head_limits wide = { 100, 10000 };
	char bytes[HEAD_LIMIT * 2];
	size_t scanned = 0, used, len;
	int status;

	(void)state;
	len = many_fields(bytes, HEAD_FIELDS);
	assert_int_equal(head_parse(bytes, len, &wide, &scanned, &head, &used, &status), HEAD_DONE);
	assert_int_equal(head.field_count, HEAD_FIELDS);
	len = many_fields(bytes, HEAD_FIELDS + 1);
	assert_int_equal(head_parse(bytes, len, &wide, &scanned, &head, &used, &status), HEAD_BAD);
	assert_int_equal(status, 431);

	/* Exactly as long as it may be; and one byte more. */
	memset(bytes, 'a', sizeof bytes);
	memcpy(bytes, GET HOST "X: ", 28);
	memcpy(bytes + HEAD_LIMIT - 4, "\r\n\r\n", 4);
	assert_int_equal(at_once(bytes, HEAD_LIMIT, &used, &status), HEAD_DONE);
	assert_int_equal(used, HEAD_LIMIT);
	assert_int_equal(in_steps(bytes, HEAD_LIMIT, 7, &used, &status), HEAD_DONE);
	memset(bytes + HEAD_LIMIT - 4, 'a', 4);
	memcpy(bytes + HEAD_LIMIT - 3, "\r\n\r\n", 4);
	assert_int_equal(at_once(bytes, HEAD_LIMIT + 1, &used, &status), HEAD_BAD);
	assert_int_equal(status, 431);
	status = 0;
	assert_int_equal(in_steps(bytes, HEAD_LIMIT + 1, 7, &used, &status), HEAD_BAD);
	assert_int_equal(status, 431);
}

/* ---- hosts */

struct host {
	const char *text;
	const char *name;       /* NULL: malformed */
	unsigned port;
};

static const struct host hosts[] = {
	{ "a", "a", 0 }, { "a.b.", "a.b.", 0 }, { "A-1_2.example:8080", "A-1_2.example", 8080 },
	{ "a:", "a", 0 }, { "127.0.0.1:1", "127.0.0.1", 1 }, { "a:65535", "a", 65535 },
	{ "[::1]", "[::1]", 0 }, { "[::1]:80", "[::1]", 80 }, { "[2001:DB8::1]:", "[2001:DB8::1]",
	    0 },
	{ "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0 },
	{ "", NULL, 0 }, { ":80", NULL, 0 }, { ".", NULL, 0 }, { ".a", NULL, 0 },
	{ "a..b", NULL, 0 }, { "a b", NULL, 0 }, { "a/b", NULL, 0 }, { "u@a", NULL, 0 },
	{ "a%20b", NULL, 0 }, { "a'b", NULL, 0 }, { "a<b", NULL, 0 }, { "a\"b", NULL, 0 },
	{ "\xc3\xa9", NULL, 0 }, { "a:0", NULL, 0 }, { "a:65536", NULL, 0 },
	{ "a:000080", NULL, 0 }, { "a:8x", NULL, 0 }, { "a:-1", NULL, 0 }, { "a:80:80", NULL, 0 },
	{ "::1", NULL, 0 }, { "[::1", NULL, 0 }, { "[]", NULL, 0 }, { "[a]", NULL, 0 },
	{ "[::1]80", NULL, 0 }, { "[::1]x:80", NULL, 0 }, { "[fe80::1%25eth0]", NULL, 0 },
	{ "[v1.a]", NULL, 0 }, { "[1.2.3.4]", NULL, 0 },
	{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, 0 },
};

static void
splits_hosts(void **state)
{
	char longest[300];
	struct slice text = { longest, 255 }, name;
	unsigned port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct slice host = { hosts[i].text, strlen(hosts[i].text) };
		bool good = head_split_host(host, &name, &port);

		if (good != (hosts[i].name != NULL))
			fail_msg("%s: %s", hosts[i].text, good ? "taken" : "refused");
		if (good && (!slice_is(name, hosts[i].name) || port != hosts[i].port))
			fail_msg("%s: name or port", hosts[i].text);
	}
	memset(longest, 'a', sizeof longest);
	assert_true(head_split_host(text, &name, &port));
	text.len = 256;
	assert_false(head_split_host(text, &name, &port));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes),
		cmocka_unit_test(wants_more),
		cmocka_unit_test(keeps_fields),
		cmocka_unit_test(bounds_the_head),
		cmocka_unit_test(splits_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
