/*
 * What comes back on a slot's channel.  The processor is untrusted: identity
 * is the channel, the nonce says for which request, everything is checked, and
 * a bounded number of messages is read at a time.
 */
#ifndef PERUSERD_MULTIPLEXER_COMPLETION_H
#define PERUSERD_MULTIPLEXER_COMPLETION_H

#include <event2/util.h>

#include <peruserd/envelope.h>

struct conn;
struct slot;

/* The slot's channel has a message, or is at its end. */
void completion_readable(evutil_socket_t fd, short what, void *context);

/* Take what a processor said before it went. */
void completion_drain(struct slot *slot);

/* True if this is about the request that the slot runs, in its own words. */
bool completion_is_for(const struct slot *from, const struct completion *said);

#endif
