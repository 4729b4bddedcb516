#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/guard.h"

#define LINGER_S 30
#define SOON_MS  10000          /* on a machine that is busy, still far from that */

/* A connection whose *sender has bytes that its *reader doesn't read, and lingers for them. */
static void
make_lingerer(int *sender, int *reader)
{
	struct linger linger = { 1, LINGER_S };
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	static char bytes[65536];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	*sender = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*sender, (struct sockaddr *)&address, sizeof address), 0);
	*reader = accept(listener, NULL, NULL);
	assert_true(*reader >= 0);
	fd_close(&listener);
	while (send(*sender, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(setsockopt(*sender, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
}

static void
a_close_that_lingers_is_cut_short(void **state)
{
	int sender, reader;
	uint64_t begin;

	(void)state;
	guard_begin();
	make_lingerer(&sender, &reader);
	begin = clock_ms();
	guard_now();
	fd_close(&sender);
	assert_true(clock_ms() - begin < SOON_MS);
	fd_close(&reader);
}

static void
it_ends_by_itself_and_begins_again(void **state)
{
	struct timespec pause = { 0, 10 * 1000 * 1000 };
	uint64_t begin = clock_ms();
	int sender, reader;

	(void)state;
	guard_begin();
	guard_now();
	assert_true(guard_is_on());
	while (guard_is_on() && clock_ms() - begin < SOON_MS)
		nanosleep(&pause, NULL);
	assert_false(guard_is_on());
	assert_true(clock_ms() - begin > 500);
	make_lingerer(&sender, &reader);
	begin = clock_ms();
	guard_now();
	fd_close(&sender);
	assert_true(clock_ms() - begin < SOON_MS);
	fd_close(&reader);
}

static void
old_kernels_alone_need_it_for_descriptors(void **state)
{
	int pair[2];
	bool refuses;

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	refuses = fd_refuse_rights(pair[0]);
	while (guard_is_on())
		pause();
	guard_begin();
	guard_rights();
	assert_int_equal(guard_is_on(), !refuses);
	fd_refuse_rights_never();
	assert_false(fd_refuse_rights(pair[0]));
	guard_begin();
	guard_rights();
	assert_true(guard_is_on());
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_close_that_lingers_is_cut_short),
		cmocka_unit_test(it_ends_by_itself_and_begins_again),
		cmocka_unit_test(old_kernels_alone_need_it_for_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
