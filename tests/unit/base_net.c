#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/net.h"

/* A network, an address, and whether the one has the other; NULL: the network is none. */
static const struct row {
	const char *net, *address;
	bool has;
} rows[] = {
	{ "127.0.0.1", "127.0.0.1", true },
	{ "127.0.0.1", "127.0.0.2", false },
	{ "10.0.0.0/8", "10.255.0.1", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "192.0.2.64/26", "192.0.2.127", true },
	{ "192.0.2.64/26", "192.0.2.128", false },
	{ "0.0.0.0/0", "203.0.113.9", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "203.0.113.9", false },
	{ "fd00::/8", "fdff::1", true },
	{ "fd00::/8", "fe80::1", false },
	{ "2001:db8::/33", "2001:db8:7fff::", true },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
	{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
	{ "unix:", "unix:", true },
	{ "unix:", "127.0.0.1", false },
	{ "127.0.0.1", "unix:", false },
	{ "10.0.0.1/8", NULL, false },
	{ "10.0.0.0/33", NULL, false },
	{ "10.0.0.0/", NULL, false },
	{ "10.0.0.0/-1", NULL, false },
	{ "10.0.0", NULL, false },
	{ "localhost", NULL, false },
	{ "", NULL, false },
	{ "/8", NULL, false },
	{ "::1%lo", NULL, false },
	{ "unix:/path", NULL, false },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL, false },
};

static void
has(void **state)
{
	struct net net, address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		bool is = net_parse(row->net, strlen(row->net), &net);

		if (is != (row->address != NULL))
			fail_msg("\"%s\" is a network: %d", row->net, is);
		if (!is)
			continue;
		assert_true(net_parse(row->address, strlen(row->address), &address));
		if (net_in(&address, &net, 1) != row->has)
			fail_msg("%s has %s: %d", row->net, row->address, !row->has);
	}
	assert_false(net_in(&address, NULL, 0));
}

static void
reads_sockaddrs(void **state)
{
	struct sockaddr_storage storage;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[NET_TEXT];
	struct net net;

	(void)state;
	memset(&storage, 0, sizeof storage);
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	memcpy(&storage, &in, sizeof in);
	net_of(&storage, &net);
	net_text(&net, text);
	assert_string_equal(text, "192.0.2.1");
	inet_pton(AF_INET6, "::ffff:192.0.2.2", &in6.sin6_addr);
	memcpy(&storage, &in6, sizeof in6);
	net_of(&storage, &net);
	net_text(&net, text);
	assert_string_equal(text, "192.0.2.2");
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	memcpy(&storage, &in6, sizeof in6);
	net_of(&storage, &net);
	net_text(&net, text);
	assert_string_equal(text, "2001:db8::1");
	storage.ss_family = AF_UNIX;
	net_of(&storage, &net);
	net_text(&net, text);
	assert_string_equal(text, "unix:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has),
		cmocka_unit_test(reads_sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
