#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/vars.h"

static const struct head_limits limits = { 8192, 65536 };
static struct head head;
static unsigned char room[80 * 1024];
static struct nv vars = { room, 0, sizeof room };

static struct vars_about about = {
	.server_name = "alice.example", .server_addr = "192.0.2.1", .server_port = "8080",
	.remote_addr = "198.51.100.7", .remote_port = "54321", .https = false,
	.document_uri = "/a b", .content_length = HEAD_LENGTH_NONE,
};

static void
parse(const char *text)
{
	size_t scanned = 0, used;
	int status;

	if (head_parse(text, strlen(text), &limits, &scanned, &head, &used, &status) != HEAD_DONE)
		fail_msg("the test's own request is refused: %s", text);
}

static void
build(const char *text)
{
	parse(text);
	vars.len = 0;
	assert_true(vars_build(&vars, &head, &about));
	assert_true(nv_valid(&vars));
}

static unsigned
count_of(const char *name)
{
	struct nv_pair pair;
	unsigned count = 0;
	size_t at = 0;

	while (nv_next(&vars, &at, &pair) == NV_PAIR)
		count += str_is(pair.name, pair.name_len, name);
	return count;
}

/* Exactly one of that name, and its value; NULL: none. */
static void
check(const char *name, const char *value)
{
	struct nv_pair pair;

	if (count_of(name) != (value != NULL ? 1 : 0))
		fail_msg("%s: there are %u", name, count_of(name));
	if (value == NULL)
		return;
	assert_true(nv_find(&vars, name, &pair));
	if (!str_is(pair.value, pair.value_len, value))
		fail_msg("%s: \"%.*s\" for \"%s\"", name, (int)pair.value_len, pair.value, value);
}

static void
says_what_rfc_3875_asks(void **state)
{
	(void)state;
	build("GET /a%20b?c=d HTTP/1.1\r\nHost: Alice.example:8080\r\n\r\n");
	check("GATEWAY_INTERFACE", "CGI/1.1");
	check("SERVER_SOFTWARE", "peruserd");
	check("SERVER_PROTOCOL", "HTTP/1.1");
	check("SERVER_NAME", "alice.example");
	check("SERVER_ADDR", "192.0.2.1");
	check("SERVER_PORT", "8080");
	check("REMOTE_ADDR", "198.51.100.7");
	check("REMOTE_PORT", "54321");
	check("REQUEST_METHOD", "GET");
	check("REQUEST_SCHEME", "http");
	check("HTTPS", NULL);
	check("REQUEST_URI", "/a%20b?c=d");
	check("QUERY_STRING", "c=d");
	check("DOCUMENT_URI", "/a b");
	check("CONTENT_TYPE", NULL);
	check("CONTENT_LENGTH", NULL);
	check("HTTP_HOST", "Alice.example:8080");
}

static void
says_https_and_a_body(void **state)
{
	(void)state;
	about.https = true;
	about.content_length = 9007199254740993;
	build("POST / HTTP/1.0\r\nContent-Type: a/b; c=d\r\nContent-Length: 7\r\n\r\n");
	about.https = false;
	about.content_length = HEAD_LENGTH_NONE;
	check("SERVER_PROTOCOL", "HTTP/1.0");
	check("HTTPS", "on");
	check("REQUEST_SCHEME", "https");
	check("CONTENT_TYPE", "a/b; c=d");
	/* The decoded body's, not the field's. */
	check("CONTENT_LENGTH", "9007199254740993");
	check("HTTP_CONTENT_TYPE", NULL);
	check("HTTP_CONTENT_LENGTH", NULL);
	check("HTTP_HOST", NULL);
	check("QUERY_STRING", "");
	about.content_length = 0;
	build("POST / HTTP/1.0\r\n\r\n");
	about.content_length = HEAD_LENGTH_NONE;
	check("CONTENT_LENGTH", "0");
}

static void
strips_the_authority(void **state)
{
	(void)state;
	build("GET http://b.example:81/c?d=e HTTP/1.1\r\nHost: a.example\r\n\r\n");
	check("REQUEST_URI", "/c?d=e");
	check("HTTP_HOST", "b.example:81");
	build("GET http://b.example?d HTTP/1.1\r\nHost: a.example\r\n\r\n");
	check("REQUEST_URI", "/?d");
	build("GET http://b.example HTTP/1.0\r\n\r\n");
	check("REQUEST_URI", "/");
	check("HTTP_HOST", "b.example");
	build("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	check("REQUEST_URI", "*");
}

struct field {
	const char *name;
	const char *fields;     /* of the request */
	const char *variable;
	const char *value;      /* NULL: there is none */
};

static const struct field fields[] = {
	{ "small letters and dashes", "x-a-1B: c\r\n", "HTTP_X_A_1B", "c" },
	{ "an empty value", "X:\r\n", "HTTP_X", "" },
	{ "authorization", "Authorization: Basic YTpi\r\n", "HTTP_AUTHORIZATION", "Basic YTpi" },
	{ "proxy", "Proxy: http://evil/\r\n", "HTTP_PROXY", NULL },
	{ "proxy in capitals", "PROXY: http://evil/\r\n", "HTTP_PROXY", NULL },
	{ "proxy twice", "Proxy: a\r\nproxy: b\r\n", "HTTP_PROXY", NULL },
	{ "what only begins so", "Proxy-Authorization: a\r\n", "HTTP_PROXY_AUTHORIZATION", "a" },
	{ "an underscore", "X_A: b\r\n", "HTTP_X_A", NULL },
	{ "an underscore beside a dash", "X_A: evil\r\nX-A: good\r\n", "HTTP_X_A", "good" },
	{ "an underscore behind a dash", "X-A: good\r\nX_A: evil\r\n", "HTTP_X_A", "good" },
	{ "a length in disguise", "Content_Length: 5\r\n", "HTTP_CONTENT_LENGTH", NULL },
	{ "a dot", "X.A: b\r\n", "HTTP_X.A", NULL },
	{ "other bytes of a token", "X!#$%&'*+^`|~: b\r\n", "HTTP_X", NULL },
	{ "a coding", "Transfer-Encoding: chunked\r\n", "HTTP_TRANSFER_ENCODING", NULL },
	{ "two of a name", "X-A: b\r\nY: z\r\nx-a: c\r\n", "HTTP_X_A", "b, c" },
	{ "three of a name, one empty", "X: b\r\nX:\r\nx: c\r\n", "HTTP_X", "b, , c" },
	{ "two cookies", "Cookie: a=b\r\ncookie: c=d\r\n", "HTTP_COOKIE", "a=b; c=d" },
	{ "two with an underscore", "X_A: b\r\nX_A: c\r\n", "HTTP_X_A", NULL },
	{ "values of 8 bits", "X: \xc3\xa9\tb\r\n", "HTTP_X", "\xc3\xa9\tb" },
};

static void
makes_variables_of_fields(void **state)
{
	char text[256];
	struct nv_pair pair;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const struct field *row = &fields[i];
		unsigned count;

		snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", row->fields);
		build(text);
		count = count_of(row->variable);
		if (count != (row->value != NULL ? 1 : 0))
			fail_msg("%s: there are %u", row->name, count);
		if (row->value != NULL && (!nv_find(&vars, row->variable, &pair) ||
		    !str_is(pair.value, pair.value_len, row->value)))
			fail_msg("%s: another value", row->name);
	}
}

/* Names that share a bit of the mask are told apart all the same. */
static void
keeps_many_names_apart(void **state)
{
	static char text[32 * HEAD_FIELDS];
	char name[32], value[16];
	size_t len;
	int i;

	(void)state;
	len = (size_t)sprintf(text, "GET / HTTP/1.0\r\n");
	for (i = 0; i < HEAD_FIELDS; i++)
		len += (size_t)sprintf(text + len, "X-%c%d-Y: %d\r\n", "aA"[i % 2], i % 100, i);
	sprintf(text + len, "\r\n");
	build(text);
	for (i = 0; i < 100; i++) {
		sprintf(name, "HTTP_X_A%d_Y", i);
		sprintf(value, i < HEAD_FIELDS - 100 ? "%d, %d" : "%d", i, i + 100);
		check(name, value);
	}
}

/* Lengths of 127 and 128 are encoded in different ways. */
static void
long_values(void **state)
{
	static char text[70000];
	char value[300];
	size_t len;

	(void)state;
	for (len = 120; len < 140; len++) {
		memset(value, 'v', len);
		value[len] = '\0';
		sprintf(text, "GET /%s?%s HTTP/1.1\r\nHost: a\r\nX-%s: %s\r\n\r\n", value, value,
		    value, value);
		build(text);
		check("QUERY_STRING", value);
	}
	len = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(text + len, 'x', 60000);
	sprintf(text + len + 60000, "\r\n\r\n");
	build(text);
	assert_int_equal(count_of("HTTP_X"), 1);
}

/* With any room too small: false, and not a byte behind it is touched. */
static void
fits_or_says_so(void **state)
{
	static const char text[] = "GET http://a?b HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\nx: d\r\n"
	    "Content-Type: t\r\n\r\n";
	unsigned char small[1024];
	struct nv tight = { small, 0, 0 };
	size_t need, size, i;

	(void)state;
	build(text);
	need = vars.len;
	for (size = 0; size < need + 16; size++) {
		memset(small, 0xa5, sizeof small);
		tight.len = 0;
		tight.size = size;
		if (vars_build(&tight, &head, &about)) {
			assert_int_equal(tight.len, need);
			assert_memory_equal(small, room, need);
		} else {
			assert_int_equal(tight.len, 0);
			/* A few bytes of slack are asked for, no more. */
			assert_true(size < need + 8);
		}
		for (i = size; i < sizeof small; i++)
			assert_int_equal(small[i], 0xa5);
	}
	/* Appends to what is there. */
	vars.len = 0;
	assert_true(nv_put_str(&vars, "FIRST", "1"));
	assert_true(vars_build(&vars, &head, &about));
	check("FIRST", "1");
	check("REQUEST_METHOD", "GET");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_rfc_3875_asks),
		cmocka_unit_test(says_https_and_a_body),
		cmocka_unit_test(strips_the_authority),
		cmocka_unit_test(makes_variables_of_fields),
		cmocka_unit_test(keeps_many_names_apart),
		cmocka_unit_test(long_values),
		cmocka_unit_test(fits_or_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
