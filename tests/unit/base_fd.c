#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
has_one_owner(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), taken, none = -1, was;

	(void)state;
	was = fd;
	taken = fd_take(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(taken, was);
	assert_int_equal(fd_take(&fd), -1);
	errno = ENOENT;
	fd_close(&taken);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(taken, -1);
	assert_false(is_open(was));
	errno = ENOENT;
	fd_close(&none);
	assert_int_equal(errno, ENOENT);
}

static void
sets_flags(void **state)
{
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	assert_true(fd_set_nonblocking(fd, true));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_nonblocking(fd, false));
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_cloexec(fd, true));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fd_set_cloexec(fd, false));
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	fd_close(&fd);
	assert_false(fd_set_nonblocking(-1, true));
	assert_false(fd_set_cloexec(-1, true));
}

static void
reads_and_writes_all(void **state)
{
	static char out[200000], in[200000];
	int pair[2], status;
	pid_t pid;
	char c;

	(void)state;
	memset(out, 'a', sizeof out);
	assert_true(fd_pair(SOCK_STREAM, pair));
	assert_int_equal(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		/* More than a socket buffers: it goes in several writes. */
		fd_close(&pair[0]);
		_exit(fd_write_all(pair[1], out, sizeof out) ? 0 : 1);
	}
	fd_close(&pair[1]);
	assert_true(fd_read_all(pair[0], in, sizeof in));
	assert_memory_equal(in, out, sizeof in);
	assert_false(fd_read_all(pair[0], &c, 1));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd_close(&pair[0]);
	assert_false(fd_read_all(-1, &c, 1));
	assert_false(fd_write_all(-1, &c, 1));
	assert_true(fd_read_all(-1, &c, 0));
}

static void
pairs_are_of_their_type(void **state)
{
	int pair[2];
	char in[16];

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	assert_int_equal(write(pair[0], "ab", 2), 2);
	assert_int_equal(write(pair[0], "cd", 2), 2);
	assert_int_equal(read(pair[1], in, sizeof in), 2);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	assert_false(fd_pair(12345, pair));
	assert_int_equal(pair[0], -1);
	assert_int_equal(pair[1], -1);
}

static void
seals(void **state)
{
	int fd = fd_sealed("test", "hello", 5);
	char in[8];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, in, sizeof in), 5);
	assert_memory_equal(in, "hello", 5);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	fd_close(&fd);
}

/* What a child of fork makes of its table; exits with the number of the first mistake. */
static int
arrange_in_child(void)
{
	int fds[3], extra;
	char c;

	/* Crossed: 1 is to become 0 and 0 to become 1; 2 is to be closed. */
	fds[0] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	extra = fcntl(fds[0], F_DUPFD, 200);
	if (dup2(fds[0], 1) < 0 || dup2(fds[1], 0) < 0 || extra < 0)
		return 1;
	fds[0] = 1;
	fds[1] = 0;
	fds[2] = -1;
	if (!fd_arrange(fds, 3))
		return 2;
	if (read(0, &c, 1) != 1)
		return 3;
	if (read(1, &c, 1) != 0)
		return 4;
	if (is_open(2) || is_open(3) || is_open(64) || is_open(extra))
		return 5;
	return fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) == 0 ? 0 : 6;
}

static void
arranges_and_closes_all_else(void **state)
{
	int too_many[17] = { 0 }, closed[1] = { 999 }, status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(arrange_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(fd_arrange(too_many, 17));
	assert_false(fd_arrange(closed, 1));
}

/* Where the kernel can, a descriptor that is sent does not arrive; else it says it can't. */
static void
refuses_rights_or_says_no(void **state)
{
	int pair[2], fd = open("/dev/null", O_RDONLY);
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec piece = { (char[]){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct cmsghdr *part = CMSG_FIRSTHDR(&msg);

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &fd, sizeof fd);
	if (fd_refuse_rights(pair[0]))
		assert_int_equal(sendmsg(pair[1], &msg, MSG_NOSIGNAL), -1);
	assert_false(fd_refuse_rights(fd));
	fd_close(&fd);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_one_owner),
		cmocka_unit_test(sets_flags),
		cmocka_unit_test(reads_and_writes_all),
		cmocka_unit_test(pairs_are_of_their_type),
		cmocka_unit_test(seals),
		cmocka_unit_test(arranges_and_closes_all_else),
		cmocka_unit_test(refuses_rights_or_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
