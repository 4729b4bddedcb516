/* Request bodies, by where their bytes are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <peruserd/envelope.h>

#include "base/fd.h"
#include "processor/body.h"

static const unsigned char first[] = "hello ";

/* Read all of it in pieces of that size; -1 where it fails. */
static int
read_all(struct body *body, char *to, size_t piece)
{
	size_t len = 0;
	ssize_t got;

	while ((got = body_read(body, to + len, piece)) > 0)
		len += (size_t)got;
	to[len] = '\0';
	return got < 0 ? -1 : (int)len;
}

static void
none(void **state)
{
	const unsigned char *bytes;
	struct body body;
	char got[8];
	size_t len;

	(void)state;
	body_none(&body);
	assert_int_equal(read_all(&body, got, 8), 0);
	assert_int_equal(body_file(&body), -1);
	assert_int_equal(body_poll(&body), -1);
	assert_true(body_bytes(&body, &bytes, &len));
	assert_int_equal(len, 0);
}

static void
here(void **state)
{
	const unsigned char *bytes;
	struct body body;
	char got[32];
	size_t len;

	(void)state;
	body_none(&body);
	body.first = first;
	body.first_len = body.total = 6;
	assert_int_equal(read_all(&body, got, 4), 6);
	assert_string_equal(got, "hello ");
	assert_true(body_bytes(&body, &bytes, &len));
	assert_int_equal(len, 6);
}

static void
in_a_file(void **state)
{
	struct body body;
	char got[32];
	int fd = memfd_create("body", MFD_CLOEXEC);

	(void)state;
	/* Its position is at its end, as a writer leaves it. */
	assert_true(fd_write_all(fd, "0123456789", 10));
	body_none(&body);
	body.kind = BODY_IN_FILE;
	body.fd = fd;
	body.total = 10;
	assert_int_equal(read_all(&body, got, 3), 10);
	assert_string_equal(got, "0123456789");
	assert_int_equal(body_file(&body), fd);
	assert_int_equal(read(fd, got, 2), 2);
	assert_memory_equal(got, "01", 2);
	body_end(&body);
	assert_int_equal(body.fd, -1);
}

static void
arriving(struct body *body, int pair[2], uint64_t total)
{
	assert_true(fd_pair(SOCK_STREAM, pair));
	body_none(body);
	body->kind = BODY_ARRIVES;
	body->fd = pair[0];
	body->first = first;
	body->first_len = 6;
	body->total = total;
}

static void
arrives_whole(void **state)
{
	struct body body;
	char got[32];
	int pair[2];

	(void)state;
	arriving(&body, pair, 11);
	assert_true(fd_write_all(pair[1], "worldMORE", 9));
	assert_int_equal(body_poll(&body), -1);
	assert_int_equal(read_all(&body, got, 6), 11);
	assert_string_equal(got, "hello world");
	/* At its end there is nothing to wait for. */
	assert_int_equal(body_poll(&body), -1);
	body_end(&body);
	close(pair[1]);
}

static void
arrives_short(void **state)
{
	struct body body;
	char got[32];
	int pair[2];

	(void)state;
	arriving(&body, pair, 11);
	assert_true(fd_write_all(pair[1], "wor", 3));
	close(pair[1]);
	assert_int_equal(read_all(&body, got, 32), -1);
	assert_int_equal(errno, ECONNRESET);
	body_end(&body);
}

static void
arrives_until_its_end(void **state)
{
	struct body body;
	char got[32];
	int pair[2];

	(void)state;
	arriving(&body, pair, BODY_UNTIL_END);
	assert_true(fd_write_all(pair[1], "wor", 3));
	assert_int_equal(body_read(&body, got, 32), 6);
	assert_int_equal(body_poll(&body), pair[0]);
	close(pair[1]);
	assert_int_equal(read_all(&body, got, 32), 3);
	body_end(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(here),
		cmocka_unit_test(in_a_file),
		cmocka_unit_test(arrives_whole),
		cmocka_unit_test(arrives_short),
		cmocka_unit_test(arrives_until_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
