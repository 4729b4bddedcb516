#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "wire/fdpass.h"

static int pair[2];

static int
set_up(void **state)
{
	(void)state;
	return fd_pair(SOCK_SEQPACKET, pair) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	return 0;
}

static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

static struct iovec
piece_of(char *text)
{
	struct iovec piece = { text, strlen(text) };

	return piece;
}

static void
carries_pieces_and_descriptors(void **state)
{
	char first[] = "ab", second[] = "cde", in[16];
	struct iovec pieces[2] = { piece_of(first), piece_of(second) };
	int fds[2] = { open("/dev/null", O_RDONLY), open("/dev/zero", O_RDONLY) };
	struct fdpass_got got;
	char c = 'x';

	(void)state;
	assert_int_equal(fdpass_send(pair[0], pieces, 2, fds, 2), 5);
	assert_int_equal(fdpass_receive(pair[1], in, sizeof in, 0, &got), 5);
	assert_memory_equal(in, "abcde", 5);
	assert_int_equal(got.len, 5);
	assert_int_equal(got.fd_count, 2);
	assert_int_equal(got.fds[2], -1);
	assert_false(got.truncated);
	assert_int_equal(got.pid, 0);
	/* In order; close-on-exec; ours stay ours. */
	assert_int_equal(read(got.fds[0], &c, 1), 0);
	assert_int_equal(read(got.fds[1], &c, 1), 1);
	assert_int_equal(fcntl(got.fds[0], F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	fdpass_drop(&got);
	assert_int_equal(got.fds[0], -1);
	assert_int_equal(got.fd_count, 0);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

static void
tells_nothing_from_the_end(void **state)
{
	struct fdpass_got got;
	char in[4];

	(void)state;
	assert_int_equal(fdpass_receive(pair[1], in, sizeof in, MSG_DONTWAIT, &got), -1);
	assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
	assert_int_equal(got.fd_count, 0);
	fd_close(&pair[0]);
	assert_int_equal(fdpass_receive(pair[1], in, sizeof in, MSG_DONTWAIT, &got), 0);
	assert_int_equal(fdpass_receive(-1, in, sizeof in, 0, &got), -1);
	assert_int_equal(errno, EBADF);
}

/* A receiver that doesn't read stops nobody, and one that has gone sends no signal. */
static void
never_blocks_or_dies(void **state)
{
	static char text[8192];
	struct iovec piece = { text, sizeof text };
	int i;

	(void)state;
	for (i = 0; i < 100000 && fdpass_send(pair[0], &piece, 1, NULL, 0) >= 0; i++)
		;
	assert_true(i < 100000);
	assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
	fd_close(&pair[1]);
	assert_int_equal(fdpass_send(pair[0], &piece, 1, NULL, 0), -1);
	assert_true(errno == EPIPE || errno == ECONNRESET);
}

static void
says_what_was_cut(void **state)
{
	char text[] = "abcdef", in[4];
	struct iovec piece = piece_of(text);
	struct fdpass_got got;

	(void)state;
	assert_int_equal(fdpass_send(pair[0], &piece, 1, NULL, 0), 6);
	assert_int_equal(fdpass_receive(pair[1], in, sizeof in, 0, &got), 4);
	assert_true(got.truncated);
}

/* More descriptors than any message of ours has: none is left open, and it is said. */
static void
keeps_at_most_its_number(void **state)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDPASS_MAX * 2 * sizeof(int))];
	} control;
	int count, i, free_before = lowest_free(), one = open("/dev/null", O_RDONLY);
	int fds[FDPASS_MAX * 2];
	struct fdpass_got got;
	char in[4];

	(void)state;
	assert_int_equal(fdpass_send(pair[0], &(struct iovec){ in, 1 }, 1, fds, FDPASS_MAX + 1),
	    -1);
	assert_int_equal(errno, EINVAL);
	for (i = 0; i < FDPASS_MAX * 2; i++)
		fds[i] = one;
	for (count = 1; count <= FDPASS_MAX * 2; count++) {
		struct iovec piece = { in, 1 };
		struct msghdr msg = { .msg_iov = &piece, .msg_iovlen = 1,
		    .msg_control = control.bytes,
		    .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };
		struct cmsghdr *part = CMSG_FIRSTHDR(&msg);

		memset(&control, 0, sizeof control);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		memcpy(CMSG_DATA(part), fds, (size_t)count * sizeof(int));
		assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
		assert_int_equal(fdpass_receive(pair[1], in, sizeof in, 0, &got), 1);
		assert_int_equal(got.truncated, count > FDPASS_MAX);
		assert_int_equal(got.fd_count, count > FDPASS_MAX ? FDPASS_MAX : count);
		fdpass_drop(&got);
	}
	fd_close(&one);
	assert_int_equal(lowest_free(), free_before);
}

/* From a user's process: bytes, and never a descriptor. */
static void
takes_bytes_alone(void **state)
{
	char text[] = "abc", in[16];
	struct iovec piece = piece_of(text);
	int fd = open("/dev/null", O_RDONLY), free_before = lowest_free();
	bool sent_fds, truncated;

	(void)state;
	assert_int_equal(fdpass_send(pair[0], &piece, 1, NULL, 0), 3);
	assert_int_equal(fdpass_receive_bytes(pair[1], in, sizeof in, 0, &sent_fds, &truncated), 3);
	assert_false(sent_fds || truncated);
	assert_int_equal(fdpass_send(pair[0], &piece, 1, &fd, 1), 3);
	assert_int_equal(fdpass_receive_bytes(pair[1], in, 2, 0, &sent_fds, &truncated), 2);
	assert_true(sent_fds && truncated);
	assert_int_equal(lowest_free(), free_before);
	assert_int_equal(fdpass_receive_bytes(pair[1], in, sizeof in, MSG_DONTWAIT, &sent_fds,
	    &truncated), -1);
	assert_false(sent_fds || truncated);
	fd_close(&fd);
}

static void
tells_the_sender(void **state)
{
	char text[] = "abc", in[16];
	struct iovec piece = piece_of(text);
	int on = 1, fd = open("/dev/null", O_RDONLY), free_before = lowest_free();
	struct fdpass_got got;
	bool sent_fds, truncated;
	pid_t pid;

	(void)state;
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	assert_int_equal(fdpass_send(pair[0], &piece, 1, &fd, 1), 3);
	assert_int_equal(fdpass_receive(pair[1], in, sizeof in, 0, &got), 3);
	assert_int_equal(got.pid, getpid());
	assert_int_equal(got.fd_count, 1);
	fdpass_drop(&got);
	assert_int_equal(fdpass_send(pair[0], &piece, 1, NULL, 0), 3);
	assert_int_equal(fdpass_receive_credited(pair[1], in, sizeof in, 0, &sent_fds, &truncated,
	    &pid), 3);
	assert_int_equal(pid, getpid());
	assert_false(sent_fds || truncated);
	assert_int_equal(fdpass_send(pair[0], &piece, 1, &fd, 1), 3);
	assert_int_equal(fdpass_receive_credited(pair[1], in, sizeof in, 0, &sent_fds, &truncated,
	    &pid), 3);
	assert_true(sent_fds);
	assert_int_equal(lowest_free(), free_before);
	fd_close(&fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carries_pieces_and_descriptors),
		TEST(tells_nothing_from_the_end),
		TEST(never_blocks_or_dies),
		TEST(says_what_was_cut),
		TEST(keeps_at_most_its_number),
		TEST(takes_bytes_alone),
		TEST(tells_the_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
