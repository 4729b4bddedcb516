/* Addresses to listen on. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

#include "manager/listener.h"

struct row {
	const char *text;
	int family;             /* 0: no address */
	uint16_t port;
	bool dual;
};

static const struct row rows[] = {
	{ "0.0.0.0:80", AF_INET, 80, false },
	{ "127.0.0.1:8080", AF_INET, 8080, false },
	{ "[::]:80", AF_INET6, 80, false },
	{ "[2001:db8::1]:65535", AF_INET6, 65535, false },
	{ "*:443", AF_INET6, 443, true },
	{ "unix:/run/peruserd/a.sock", AF_UNIX, 0, false },
	{ "unix:relative", 0, 0, false },
	{ "unix:", 0, 0, false },
	{ "", 0, 0, false },
	{ "80", 0, 0, false },
	{ ":80", 0, 0, false },
	{ "1.2.3.4:", 0, 0, false },
	{ "1.2.3.4:0", 0, 0, false },
	{ "1.2.3.4:65536", 0, 0, false },
	{ "1.2.3.4:80x", 0, 0, false },
	{ "1.2.3:80", 0, 0, false },
	{ "::1:80", 0, 0, false },
	{ "[::1:80", 0, 0, false },
	{ "[]:80", 0, 0, false },
	{ "[1.2.3.4]:80", 0, 0, false },
	{ "example.com:80", 0, 0, false },
	{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", 0, 0, false },
};

static uint16_t
port_of(const struct address *address)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	memcpy(&four, &address->bytes, sizeof four);
	memcpy(&six, &address->bytes, sizeof six);
	return address->bytes.ss_family == AF_INET ? ntohs(four.sin_port) :
	    address->bytes.ss_family == AF_INET6 ? ntohs(six.sin6_port) : 0;
}

static void
test_parse(void **state)
{
	struct address address;
	bool parsed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		parsed = address_parse(rows[i].text, &address);
		if (parsed != (rows[i].family != 0))
			fail_msg("\"%s\" is %san address", rows[i].text, parsed ? "" : "no ");
		if (parsed && (address.bytes.ss_family != rows[i].family ||
		    port_of(&address) != rows[i].port || address.dual != rows[i].dual))
			fail_msg("\"%s\": family %d, port %u", rows[i].text,
			    address.bytes.ss_family, port_of(&address));
	}
}

static void
test_long_path(void **state)
{
	char text[256] = "unix:/";
	struct address address;

	(void)state;
	memset(text + 6, 'a', 106);
	assert_true(address_parse(text, &address));
	text[6 + 106] = 'a';
	assert_false(address_parse(text, &address));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests_name("manager/listener", tests, NULL, NULL);
}
