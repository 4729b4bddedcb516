/* src/multiplexer: whose completion it is, when the manager is rung, what an address looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "multiplexer/completion.h"
#include "multiplexer/listener.h"
#include "multiplexer/multiplexer.h"

static const struct row {
	const char *name;
	bool busy;
	uint64_t nonce;
	uint32_t connection;
	bool is;
} rows[] = {
	{ "its own", true, 42, 7, true },
	{ "a guessed nonce", true, 43, 7, false },
	{ "another's connection", true, 42, 8, false },
	{ "nothing runs there", false, 42, 7, false },
};

static void
test_owner(void **state)
{
	struct slot slot;
	struct completion said;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memset(&slot, 0, sizeof slot);
		memset(&said, 0, sizeof said);
		slot.busy = rows[i].busy;
		slot.nonce = 42;
		slot.connection = 7;
		said.nonce = rows[i].nonce;
		said.connection = rows[i].connection;
		if (completion_is_for(&slot, &said) != rows[i].is)
			fail_msg("%s", rows[i].name);
	}
}

static void
test_ringing(void **state)
{
	unsigned length, rings = 0;

	(void)state;
	assert_false(queue_worth_ringing(0));
	for (length = 1; length <= 1000; length++)
		rings += queue_worth_ringing(length);
	assert_int_equal(rings, 10);
}

static const struct {
	const char *name;
	int family;
	const char *given, *addr, *port;
} addresses[] = {
	{ "IPv4", AF_INET, "192.0.2.7", "192.0.2.7", "8080" },
	{ "IPv6", AF_INET6, "2001:db8::1", "2001:db8::1", "8080" },
	{ "IPv4 in IPv6", AF_INET6, "::ffff:192.0.2.7", "192.0.2.7", "8080" },
	{ "a Unix socket", AF_UNIX, NULL, "unix:", "0" },
};

static void
test_addresses(void **state)
{
	struct sockaddr_storage storage;
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	char addr[ADDRESS_TEXT], port[PORT_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		memset(&storage, 0, sizeof storage);
		memset(&in, 0, sizeof in);
		memset(&in6, 0, sizeof in6);
		storage.ss_family = (sa_family_t)addresses[i].family;
		if (addresses[i].family == AF_INET) {
			in.sin_family = AF_INET;
			in.sin_port = htons(8080);
			inet_pton(AF_INET, addresses[i].given, &in.sin_addr);
			memcpy(&storage, &in, sizeof in);
		} else if (addresses[i].family == AF_INET6) {
			in6.sin6_family = AF_INET6;
			in6.sin6_port = htons(8080);
			inet_pton(AF_INET6, addresses[i].given, &in6.sin6_addr);
			memcpy(&storage, &in6, sizeof in6);
		}
		address_text(&storage, addr, port);
		if (strcmp(addr, addresses[i].addr) != 0 || strcmp(port, addresses[i].port) != 0)
			fail_msg("%s: %s %s", addresses[i].name, addr, port);
	}
}

/* Ten thousand of these wait for their next request. */
static void
test_idle_size(void **state)
{
	(void)state;
	assert_in_range(sizeof(struct conn), 1, 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_ringing),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_idle_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
