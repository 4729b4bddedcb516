/* src/manager/channel: what a child has not taken goes to a successor, in order, with its descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "manager/channel.h"
#include "manager/child.h"

#define LIMIT 4096
#define MORE  5

static void
got(void *owner, const struct message *message, pid_t pid)
{
	(void)owner;
	(void)message;
	(void)pid;
}

static void
lost(void *owner, enum message_got why)
{
	(void)owner;
	(void)why;
}

static const struct channel_owner calls = { got, lost };

static bool
send_fork(struct channel *channel, uint32_t slot, int fd)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.slot.slot = slot;
	return channel_send(channel, &message, MESSAGE_FORK, fd);
}

/* One that its child does not read, with MORE messages that wait.  Returns how many were sent. */
static uint32_t
fill(struct channel *channel, int fd)
{
	uint32_t slot = 0;

	while (channel->waiting < MORE && slot < LIMIT)
		assert_true(send_fork(channel, slot++, fd));
	assert_int_equal(channel->waiting, MORE);
	return slot;
}

static bool
hand_over(void *context, const struct message *message, enum message_type type, int fd)
{
	assert_int_equal(type, MESSAGE_FORK);
	assert_true(fd >= 0);
	return channel_put_back(context, message, type, fd);
}

static uint32_t
receive_all(struct event_base *base, int child, uint32_t first)
{
	enum message_got what;
	struct message message;
	uint32_t count = 0;
	int fd;

	for (;;) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		what = message_receive(child, ROLE_MANAGER, ROLE_ZYGOTE, &message, &fd, NULL);
		if (what != MESSAGE_GOT)
			return count;
		assert_int_equal(message.body.slot.slot, first + count);
		assert_true(fd >= 0);
		close(fd);
		count++;
	}
}

static void
waits_on(void **state)
{
	struct event_base *base = event_base_new();
	struct channel before, after;
	int ends[2], again[2], fd = dup(0);
	uint32_t sent;

	(void)state;
	assert_true(child_control(ends));
	assert_true(channel_begin(&before, base, ends[0], ROLE_ZYGOTE, LIMIT, &calls, NULL));
	sent = fill(&before, fd);
	/* The successor has the same socket; here another one, so that only what waited comes by it. */
	assert_true(child_control(again));
	assert_true(channel_begin(&after, base, again[0], ROLE_ZYGOTE, LIMIT, &calls, NULL));
	assert_true(channel_each_waiting(&before, hand_over, &after));
	channel_end(&before);
	assert_int_equal(after.waiting, MORE);
	/* What comes later stands behind it. */
	assert_true(send_fork(&after, sent, fd));
	assert_int_equal(receive_all(base, again[1], sent - MORE), MORE + 1);
	assert_int_equal(after.waiting, 0);
	assert_int_equal(after.stuck_since, 0);
	channel_end(&after);
	close(ends[1]);
	close(again[1]);
	close(fd);
	event_base_free(base);
}

static void
bounded(void **state)
{
	struct event_base *base = event_base_new();
	struct channel channel;
	struct message message;
	int ends[2];

	(void)state;
	memset(&message, 0, sizeof message);
	assert_true(child_control(ends));
	assert_true(channel_begin(&channel, base, ends[0], ROLE_ZYGOTE, 2, &calls, NULL));
	assert_true(channel_put_back(&channel, &message, MESSAGE_SIGNAL, -1));
	assert_true(channel_put_back(&channel, &message, MESSAGE_SIGNAL, -1));
	assert_false(channel_put_back(&channel, &message, MESSAGE_SIGNAL, -1));
	channel_end(&channel);
	assert_false(channel_put_back(&channel, &message, MESSAGE_SIGNAL, -1));
	close(ends[1]);
	event_base_free(base);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_on),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
