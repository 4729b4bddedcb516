/*
 * A control channel to one child, as the loop sees it.  Sending never blocks:
 * what the kernel doesn't take waits in a bounded queue, and a child that lets
 * it wait is its owner's business (channel_stuck_since).  Receiving takes a
 * bounded number of messages at a time, so that no child starves another.
 *
 * A user's process may attach a descriptor to a message: one that is not taken
 * is closed by the kernel while we receive, and a socket that lingers makes
 * that wait.  Linux 6.16 refuses it; elsewhere a timer's signal ends the wait.
 */
#ifndef PERUSERD_MANAGER_CHANNEL_H
#define PERUSERD_MANAGER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include <peruserd/message.h>

struct outgoing;

/*
 * What happens on it.  got() may end the channel.  lost() is called once, and
 * must end it: why is MESSAGE_CLOSED, or MESSAGE_BROKEN.
 */
struct channel_owner {
	void (*got)(void *owner, const struct message *message, pid_t pid);
	void (*lost)(void *owner, enum message_got why);
};

struct channel {
	int fd;                         /* owned; -1: none */
	enum role peer;
	struct event *reading, *writing;
	struct outgoing *first, **last;
	unsigned waiting;               /* messages in the queue */
	unsigned limit;                 /* of the queue */
	uint64_t stuck_since;           /* ms; 0: the queue is empty */
	const struct channel_owner *calls;
	void *owner;
};

/* Takes fd over, also on failure. */
bool channel_begin(struct channel *channel, struct event_base *base, int fd, enum role peer,
    unsigned limit, const struct channel_owner *calls, void *owner);
void channel_end(struct channel *channel);

/* Take what its child said before it ended, now; lost() is not called. */
void channel_drain(struct channel *channel);
bool channel_is_open(const struct channel *channel);

/*
 * Send one message; fd stays the caller's.  False: the child has gone, or the
 * queue is full.
 */
bool channel_send(struct channel *channel, struct message *message, enum message_type type,
    int fd);

/*
 * For a successor that goes on with it: call that for each message that the
 * child has not taken yet, whose descriptor stays the queue's; and put such a
 * one at the end of the queue (fd stays the caller's).
 */
bool channel_each_waiting(const struct channel *channel, bool (*each)(void *context,
    const struct message *message, enum message_type type, int fd), void *context);
bool channel_put_back(struct channel *channel, const struct message *message,
    enum message_type type, int fd);

#endif
