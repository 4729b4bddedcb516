#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/guard.h"
#include "manager/channel.h"

#define MESSAGES_A_TURN 64

struct outgoing {
	struct outgoing *next;
	struct message message;
	enum message_type type;
	int fd;                 /* owned, or -1 */
};

static void
drop_first(struct channel *channel)
{
	struct outgoing *gone = channel->first;

	channel->first = gone->next;
	if (channel->first == NULL)
		channel->last = &channel->first;
	channel->waiting--;
	fd_close(&gone->fd);
	free(gone);
}

static enum message_got
take_turn(struct channel *channel)
{
	enum message_got got = MESSAGE_NOTHING;
	struct message message;
	int turn, none;
	pid_t pid;

	guard_rights();
	for (turn = 0; turn < MESSAGES_A_TURN && channel->fd >= 0; turn++) {
		got = message_receive(channel->fd, channel->peer, ROLE_MANAGER, &message, &none,
		    &pid);
		if (got != MESSAGE_GOT)
			return got;
		channel->calls->got(channel->owner, &message, pid);
	}
	return got;
}

static void
on_readable(int fd, short what, void *context)
{
	struct channel *channel = context;
	enum message_got got = take_turn(channel);

	(void)fd;
	(void)what;
	if (got == MESSAGE_CLOSED || got == MESSAGE_BROKEN)
		channel->calls->lost(channel->owner, got);
}

void
channel_drain(struct channel *channel)
{
	take_turn(channel);
}

/* True where the kernel took it, or will never take it: the reader's end tells then. */
static bool
try_send(struct channel *channel, struct message *message, enum message_type type, int fd)
{
	if (message_send(channel->fd, message, type, fd))
		return true;
	return errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS &&
	    errno != ETOOMANYREFS && errno != ENOMEM;
}

static void
on_writable(int fd, short what, void *context)
{
	struct channel *channel = context;
	struct outgoing *first;

	(void)fd;
	(void)what;
	while ((first = channel->first) != NULL) {
		if (!try_send(channel, &first->message, first->type, first->fd))
			return;
		drop_first(channel);
		channel->stuck_since = clock_ms();
	}
	channel->stuck_since = 0;
	event_del(channel->writing);
}

bool
channel_begin(struct channel *channel, struct event_base *base, int fd, enum role peer,
    unsigned limit, const struct channel_owner *calls, void *owner)
{
	memset(channel, 0, sizeof *channel);
	channel->fd = fd;
	channel->peer = peer;
	channel->limit = limit;
	channel->calls = calls;
	channel->owner = owner;
	channel->last = &channel->first;
	channel->reading = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writing = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, channel);
	if (channel->reading != NULL && channel->writing != NULL &&
	    event_add(channel->reading, NULL) == 0)
		return true;
	channel_end(channel);
	return false;
}

void
channel_end(struct channel *channel)
{
	if (channel->reading != NULL)
		event_free(channel->reading);
	if (channel->writing != NULL)
		event_free(channel->writing);
	channel->reading = channel->writing = NULL;
	while (channel->first != NULL)
		drop_first(channel);
	channel->stuck_since = 0;
	guard_rights();
	fd_close(&channel->fd);
}

bool
channel_is_open(const struct channel *channel)
{
	return channel->fd >= 0;
}

static bool
queue(struct channel *channel, const struct message *message, enum message_type type, int fd)
{
	struct outgoing *more;

	if (channel->waiting >= channel->limit)
		return false;
	more = calloc(1, sizeof *more);
	if (more == NULL)
		return false;
	more->message = *message;
	more->type = type;
	more->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && more->fd < 0) {
		free(more);
		return false;
	}
	*channel->last = more;
	channel->last = &more->next;
	channel->waiting++;
	if (channel->stuck_since == 0)
		channel->stuck_since = clock_ms();
	event_add(channel->writing, NULL);
	return true;
}

bool
channel_each_waiting(const struct channel *channel, bool (*each)(void *context,
    const struct message *message, enum message_type type, int fd), void *context)
{
	const struct outgoing *waits;

	for (waits = channel->first; waits != NULL; waits = waits->next)
		if (!each(context, &waits->message, waits->type, waits->fd))
			return false;
	return true;
}

bool
channel_put_back(struct channel *channel, const struct message *message, enum message_type type,
    int fd)
{
	return channel->fd >= 0 && queue(channel, message, type, fd);
}

bool
channel_send(struct channel *channel, struct message *message, enum message_type type, int fd)
{
	if (channel->fd < 0)
		return false;
	if (channel->first == NULL && try_send(channel, message, type, fd))
		return true;
	return queue(channel, message, type, fd);
}
