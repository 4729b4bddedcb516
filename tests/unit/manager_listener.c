/* Addresses to listen on. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
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

/* Bound to what address_parse() makes of a text, a socket tells that text. */
static void
test_of_socket(void **state)
{
	static const struct { const char *text, *told; } bound[] = {
		{ "127.0.0.1:1", "127.0.0.1:" }, { "0.0.0.0:1", "0.0.0.0:" }, { "[::]:1", "[::]:" },
		{ "[0:0::1]:1", "[::1]:" }, { "*:1", "*:" },
		{ "unix:", "unix:/" } };
	struct address address, again;
	char text[ADDRESS_TEXT], want[ADDRESS_TEXT], path[ADDRESS_TEXT];
	int fd, off = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bound / sizeof bound[0]; i++) {
		snprintf(path, sizeof path, "unix:/tmp/manager_listener-%d", (int)getpid());
		assert_true(address_parse(strncmp(bound[i].text, "unix:", 5) == 0 ? path :
		    bound[i].text, &address));
		if (address.bytes.ss_family != AF_UNIX)
			memset(&((struct sockaddr_in *)&address.bytes)->sin_port, 0, 2);
		fd = socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		off = !address.dual;
		if (address.bytes.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
		if (fd < 0 || bind(fd, (struct sockaddr *)&address.bytes, address.len) != 0) {
			/* This machine has no IPv6. */
			assert_int_equal(address.bytes.ss_family, AF_INET6);
			close(fd);
			continue;
		}
		assert_false(address_of_socket(fd, &again, text));
		assert_string_equal(text, "a connection, no listening socket (Accept=yes)");
		assert_int_equal(listen(fd, 1), 0);
		assert_true(address_of_socket(fd, &again, text));
		snprintf(want, sizeof want, "%s", bound[i].told);
		assert_memory_equal(text, want, strlen(want));
		assert_true(address_parse(text, &address));
		assert_memory_equal(&again, &address, sizeof again);
		if (address.bytes.ss_family == AF_UNIX)
			unlink(path + strlen("unix:"));
		close(fd);
	}
}

/* What is passed and can't be a listener is told by its kind. */
static void
test_no_listener(void **state)
{
	struct sockaddr_un abstract = { .sun_family = AF_UNIX };
	char text[ADDRESS_TEXT];
	struct address address;
	int ends[2], fd;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_false(address_of_socket(ends[0], &address, text));
	assert_string_equal(text, "no socket");
	close(ends[0]);
	close(ends[1]);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_false(address_of_socket(fd, &address, text));
	assert_string_equal(text, "no stream socket");
	close(fd);
	snprintf(abstract.sun_path + 1, sizeof abstract.sun_path - 1, "listener-%d", (int)getpid());
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&abstract, sizeof abstract), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_false(address_of_socket(fd, &address, text));
	assert_memory_equal(text, "unix:@listener-", strlen("unix:@listener-"));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_of_socket),
		cmocka_unit_test(test_no_listener),
	};

	return cmocka_run_group_tests_name("manager/listener", tests, NULL, NULL);
}
