#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/forwarded.h"

/* Trusted: 10.0.0.0/8 and ::1. */
static const struct row {
	const char *name;
	const char *fields[6];          /* name, value, ... */
	const char *client;             /* NULL: none told */
	unsigned port;
	enum forwarded_scheme scheme;
} rows[] = {
	{ "nothing", { "host", "a" }, NULL, 0, FORWARDED_UNSAID },
	{ "one", { "x-forwarded-for", "192.0.2.1" }, "192.0.2.1", 0, FORWARDED_UNSAID },
	{ "what the client wrote himself", { "x-forwarded-for", "203.0.113.9, 192.0.2.1" }, "192.0.2.1", 0, FORWARDED_UNSAID },
	{ "through a trusted one", { "x-forwarded-for", "203.0.113.9, 192.0.2.1 , 10.0.0.7" }, "192.0.2.1", 0, FORWARDED_UNSAID },
	{ "through two fields", { "x-forwarded-for", "203.0.113.9, 192.0.2.1", "X-Forwarded-For", "10.0.0.7" }, "192.0.2.1", 0,
	    FORWARDED_UNSAID },
	{ "all are trusted", { "x-forwarded-for", "10.0.0.1,10.0.0.2" }, "10.0.0.1", 0, FORWARDED_UNSAID },
	{ "a port", { "x-forwarded-for", "192.0.2.1:4711" }, "192.0.2.1", 4711, FORWARDED_UNSAID },
	{ "IPv6", { "x-forwarded-for", "2001:db8::1" }, "2001:db8::1", 0, FORWARDED_UNSAID },
	{ "IPv6 and a port", { "x-forwarded-for", "[2001:db8::1]:80" }, "2001:db8::1", 80, FORWARDED_UNSAID },
	{ "no address", { "x-forwarded-for", "unknown" }, NULL, 0, FORWARDED_UNSAID },
	{ "no address before a trusted one", { "x-forwarded-for", "unknown, 10.0.0.1" }, "10.0.0.1", 0, FORWARDED_UNSAID },
	{ "an empty element", { "x-forwarded-for", "192.0.2.1, " }, NULL, 0, FORWARDED_UNSAID },
	{ "a network", { "x-forwarded-for", "192.0.2.0/24" }, NULL, 0, FORWARDED_UNSAID },
	{ "a Unix socket", { "x-forwarded-for", "unix:" }, NULL, 0, FORWARDED_UNSAID },
	{ "a scheme", { "x-forwarded-for", "192.0.2.1", "X-Forwarded-Proto", "https" }, "192.0.2.1", 0, FORWARDED_HTTPS },
	{ "two schemes: the nearest proxy's", { "x-forwarded-proto", "https, http" }, NULL, 0, FORWARDED_HTTP },
	{ "a scheme that is none", { "x-forwarded-proto", "gopher" }, NULL, 0, FORWARDED_UNSAID },
	{ "Forwarded", { "Forwarded", "for=192.0.2.60;proto=https;by=203.0.113.43" }, "192.0.2.60", 0, FORWARDED_HTTPS },
	{ "Forwarded, quoted", { "forwarded", "For=\"[2001:db8:cafe::17]:4711\"; Proto=HTTP" }, "2001:db8:cafe::17", 4711, FORWARDED_HTTP },
	{ "Forwarded through a trusted one", { "forwarded", "for=203.0.113.9, for=192.0.2.1;proto=https, for=10.0.0.1;proto=http" },
	    "192.0.2.1", 0, FORWARDED_HTTPS },
	{ "Forwarded with a comma in quotes", { "forwarded", "for=192.0.2.1;host=\"a,b\"" }, "192.0.2.1", 0, FORWARDED_UNSAID },
	{ "Forwarded, hidden", { "forwarded", "for=_hidden, for=unknown" }, NULL, 0, FORWARDED_UNSAID },
	{ "Forwarded without for", { "forwarded", "by=10.0.0.1" }, NULL, 0, FORWARDED_UNSAID },
	{ "Forwarded goes before", { "x-forwarded-for", "192.0.2.1", "forwarded", "for=192.0.2.2" }, "192.0.2.2", 0, FORWARDED_UNSAID },
	{ "quotes without an end", { "forwarded", "for=\"192.0.2.1" }, NULL, 0, FORWARDED_UNSAID },
};

static void
reads(void **state)
{
	struct net trusted[2];
	struct forwarded forwarded;
	static struct head head;
	char text[NET_TEXT];
	size_t i, j;

	(void)state;
	assert_true(net_parse("10.0.0.0/8", 10, &trusted[0]) && net_parse("::1", 3, &trusted[1]));
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		head.field_count = 0;
		for (j = 0; j < 6 && row->fields[j] != NULL; j += 2) {
			struct head_field *field = &head.fields[head.field_count++];

			field->name = (struct slice){ row->fields[j], strlen(row->fields[j]) };
			field->value = (struct slice){ row->fields[j + 1], strlen(row->fields[j + 1]) };
		}
		forwarded_read(&head, trusted, 2, &forwarded);
		if (forwarded.known != (row->client != NULL) || forwarded.scheme != row->scheme)
			fail_msg("%s: known %d, scheme %d", row->name, forwarded.known, forwarded.scheme);
		if (!forwarded.known)
			continue;
		net_text(&forwarded.client, text);
		if (strcmp(text, row->client) != 0 || forwarded.port != row->port)
			fail_msg("%s: %s port %u", row->name, text, forwarded.port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
