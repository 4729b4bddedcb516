#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/proxy.h"

#define B(text) (text), sizeof(text) - 1
#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\x0a\x01\x02\x03" "\x7f\0\0\x01" "\x10\x00" "\x00\x50"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x10\x00" "\x00\x50"

static const struct row {
	const char *name, *bytes;
	size_t len;
	enum proxy_result result;
	const char *client;             /* NULL: none told */
	unsigned port;
	size_t after;                   /* bytes that are not the header's */
} rows[] = {
	{ "v1", B("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\nGET"), PROXY_DONE, "192.0.2.1", 4711, 3 },
	{ "v1 of IPv6", B("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), PROXY_DONE, "2001:db8::1", 1, 0 },
	{ "v1 unknown", B("PROXY UNKNOWN\r\n"), PROXY_DONE, NULL, 0, 0 },
	{ "v1 unknown, with more", B("PROXY UNKNOWN ffff:: ::1 1 2\r\nX"), PROXY_DONE, NULL, 0, 1 },
	{ "v1 without a port", B("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 with more", B("PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 with two blanks", B("PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 of the other family", B("PROXY TCP4 ::1 ::1 1 2\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 with a port too large", B("PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 with a network", B("PROXY TCP4 10.0.0.0/8 10.0.0.1 1 2\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 of another kind", B("PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 with a bare CR", B("PROXY TCP4 192.0.2.1\rx"), PROXY_BAD, NULL, 0, 0 },
	{ "v1 without an end", B("PROXY xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), PROXY_BAD, NULL, 0, 0 },
	{ "v2", B(SIG "\x21\x11\x00\x0c" V4 "GET"), PROXY_DONE, "10.1.2.3", 4096, 3 },
	{ "v2 of IPv6", B(SIG "\x21\x21\x00\x24" V6), PROXY_DONE, "2001:db8::1", 4096, 0 },
	{ "v2 with TLVs", B(SIG "\x21\x11\x00\x10" V4 "\x04\x00\x01x" "G"), PROXY_DONE, "10.1.2.3", 4096, 1 },
	{ "v2 local", B(SIG "\x20\x11\x00\x0c" V4), PROXY_DONE, NULL, 0, 0 },
	{ "v2 local without addresses", B(SIG "\x20\x00\x00\x00"), PROXY_DONE, NULL, 0, 0 },
	{ "v2 of a Unix socket", B(SIG "\x21\x31\x00\x02" "xx"), PROXY_DONE, NULL, 0, 0 },
	{ "v2 that is too short", B(SIG "\x21\x11\x00\x0b" V4), PROXY_BAD, NULL, 0, 0 },
	{ "v2 of another version", B(SIG "\x31\x11\x00\x0c" V4), PROXY_BAD, NULL, 0, 0 },
	{ "v2 with another command", B(SIG "\x22\x11\x00\x0c" V4), PROXY_BAD, NULL, 0, 0 },
	{ "v2 that is too long", B(SIG "\x21\x11\xff\xff"), PROXY_BAD, NULL, 0, 0 },
	{ "HTTP", B("GET / HTTP/1.1\r\n"), PROXY_BAD, NULL, 0, 0 },
	{ "an empty line first", B("\r\nGET"), PROXY_BAD, NULL, 0, 0 },
};

static void
parses(void **state)
{
	char text[NET_TEXT];
	struct proxy proxy;
	size_t i, len, used;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		enum proxy_result result = PROXY_MORE;

		/* However it comes: a byte more each time, in memory of just that length. */
		for (len = 1; len <= row->len && result == PROXY_MORE; len++) {
			char *copy = malloc(len);

			memcpy(copy, row->bytes, len);
			result = proxy_parse(copy, len, &proxy, &used);
			free(copy);
		}
		if (result != row->result)
			fail_msg("%s: %d", row->name, result);
		if (result != PROXY_DONE)
			continue;
		if (used != row->len - row->after || proxy.known != (row->client != NULL))
			fail_msg("%s: %zu bytes, known %d", row->name, used, proxy.known);
		if (!proxy.known)
			continue;
		net_text(&proxy.client, text);
		if (strcmp(text, row->client) != 0 || proxy.client_port != row->port)
			fail_msg("%s: %s port %u", row->name, text, proxy.client_port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
