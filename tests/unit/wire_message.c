#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <peruserd/message.h>

#include "base/fd.h"
#include "wire/fdpass.h"

struct rule {
	enum message_type type;
	const char *name;
	enum role from, to;
	size_t len;
	unsigned fds;
};

static const struct rule rules[] = {
#define M(name, from, to, body, fds) \
	{ MESSAGE_##name, #name, ROLE_##from, ROLE_##to, sizeof(body), fds },
	MESSAGES(M)
#undef M
};
#define RULES (sizeof rules / sizeof rules[0])

static const enum role roles[] = {
	ROLE_MANAGER, ROLE_MULTIPLEXER, ROLE_ZYGOTE, ROLE_LOADER
};
#define ROLES (sizeof roles / sizeof roles[0])

/* Each message goes one way, in one length, with its number of descriptors, and no other. */
static void
allows_exactly_the_table(void **state)
{
	struct message message = { 0 };
	size_t i, len, whole, f, t;
	unsigned fds;

	(void)state;
	for (i = 0; i < RULES; i++) {
		whole = message_begin(&message, rules[i].type);
		assert_int_equal(whole, sizeof message.header + rules[i].len);
		for (f = 0; f < ROLES; f++)
			for (t = 0; t < ROLES; t++)
				for (fds = 0; fds < 3; fds++)
					if (message_allowed(&message, whole, fds, roles[f],
					    roles[t]) !=
					    (roles[f] == rules[i].from && roles[t] == rules[i].to &&
					    fds == rules[i].fds))
						fail_msg("%s from %d to %d with %u", rules[i].name,
						    roles[f], roles[t], fds);
		for (len = 0; len <= sizeof message + 8; len++)
			if (message_allowed(&message, len, rules[i].fds, rules[i].from,
			    rules[i].to) != (len == whole))
				fail_msg("%s in %zu bytes", rules[i].name, len);
		message.header.len++;
		assert_false(message_allowed(&message, whole, rules[i].fds, rules[i].from,
		    rules[i].to));
		message.header.len--;
		message.header.magic++;
		assert_false(message_allowed(&message, whole, rules[i].fds, rules[i].from,
		    rules[i].to));
	}
}

static void
knows_no_other_type(void **state)
{
	struct message message = { 0 };
	size_t whole = message_begin(&message, MESSAGE_STOP), f, t;
	unsigned type;

	(void)state;
	for (type = 0; type < 0x10000; type++) {
		message.header.type = (uint16_t)type;
		if (type > MESSAGE_NONE && type < MESSAGE_TYPES)
			continue;
		for (f = 0; f < ROLES; f++)
			for (t = 0; t < ROLES; t++)
				assert_false(message_allowed(&message, whole, 0, roles[f],
				    roles[t]));
	}
	assert_string_equal(message_name(MESSAGE_SLOT_GONE), "SLOT_GONE");
	assert_string_equal(message_name(MESSAGE_NONE), "unknown");
	assert_string_equal(message_name(MESSAGE_TYPES), "unknown");
	assert_string_equal(message_name(~0u), "unknown");
}

/* No descriptor ever travels to the manager. */
static void
manager_gets_no_descriptor(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < RULES; i++)
		if (rules[i].to == ROLE_MANAGER && rules[i].fds != 0)
			fail_msg("%s", rules[i].name);
}

static void
travels_with_its_descriptor(void **state)
{
	struct message message = { 0 }, got;
	int pair[2], fd = open("/dev/null", O_RDONLY), got_fd = 77;
	pid_t pid = 77;

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	assert_int_equal(message_receive(pair[1], ROLE_MANAGER, ROLE_MULTIPLEXER, &got, &got_fd,
	    &pid),
	    MESSAGE_NOTHING);
	assert_int_equal(got_fd, -1);
	message.body.slot.slot = 5;
	message.body.slot.generation = 6;
	assert_true(message_send(pair[0], &message, MESSAGE_SLOT, fd));
	assert_int_equal(message_receive(pair[1], ROLE_MANAGER, ROLE_MULTIPLEXER, &got, &got_fd,
	    &pid),
	    MESSAGE_GOT);
	assert_int_equal(got.header.type, MESSAGE_SLOT);
	assert_int_equal(got.body.slot.slot, 5);
	assert_int_equal(got.body.slot.generation, 6);
	assert_true(got_fd >= 0 && got_fd != fd);
	assert_int_equal(fcntl(got_fd, F_GETFD), FD_CLOEXEC);
	fd_close(&got_fd);
	fd_close(&fd);
	fd_close(&pair[0]);
	assert_int_equal(message_receive(pair[1], ROLE_MANAGER, ROLE_MULTIPLEXER, &got, &got_fd,
	    NULL),
	    MESSAGE_CLOSED);
	assert_false(message_send(pair[1], &message, MESSAGE_READY, -1));
	fd_close(&pair[1]);
}

static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

/* A message that is none is told, and what came with it is closed. */
static void
closes_what_came_with_nonsense(void **state)
{
	struct message message = { 0 }, got;
	int pair[2], fd = open("/dev/null", O_RDONLY), fds[3] = { fd, fd, fd }, got_fd, free_before;
	struct iovec piece = { &message, message_begin(&message, MESSAGE_SLOT) };

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	free_before = lowest_free();
	assert_true(fdpass_send(pair[0], &piece, 1, fds, 3) > 0);
	assert_int_equal(message_receive(pair[1], ROLE_MANAGER, ROLE_MULTIPLEXER, &got, &got_fd,
	    NULL),
	    MESSAGE_BROKEN);
	assert_int_equal(got_fd, -1);
	/* The wrong way round. */
	assert_true(fdpass_send(pair[0], &piece, 1, fds, 1) > 0);
	assert_int_equal(message_receive(pair[1], ROLE_MANAGER, ROLE_ZYGOTE, &got, &got_fd, NULL),
	    MESSAGE_BROKEN);
	assert_int_equal(lowest_free(), free_before);
	fd_close(&fd);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

static void
tells_the_manager_who_sent(void **state)
{
	struct message message = { 0 }, got;
	int pair[2], on = 1, got_fd, fd = open("/dev/null", O_RDONLY), free_before;
	struct iovec piece = { &message, message_begin(&message, MESSAGE_FORKED) };
	pid_t pid = 0;

	(void)state;
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	free_before = lowest_free();
	assert_true(message_send(pair[0], &message, MESSAGE_FORKED, -1));
	assert_int_equal(message_receive(pair[1], ROLE_ZYGOTE, ROLE_MANAGER, &got, &got_fd, &pid),
	    MESSAGE_GOT);
	assert_int_equal(pid, getpid());
	/* With a descriptor: broken, and it never arrived. */
	assert_true(fdpass_send(pair[0], &piece, 1, &fd, 1) > 0);
	assert_int_equal(message_receive(pair[1], ROLE_ZYGOTE, ROLE_MANAGER, &got, &got_fd, &pid),
	    MESSAGE_BROKEN);
	assert_int_equal(lowest_free(), free_before);
	fd_close(&fd);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allows_exactly_the_table),
		cmocka_unit_test(knows_no_other_type),
		cmocka_unit_test(manager_gets_no_descriptor),
		cmocka_unit_test(travels_with_its_descriptor),
		cmocka_unit_test(closes_what_came_with_nonsense),
		cmocka_unit_test(tells_the_manager_who_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
