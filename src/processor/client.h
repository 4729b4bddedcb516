/*
 * Bytes from a client whose connection was given to this processor: a buffer
 * that holds one request head and what was read after it, and the ways to wait
 * for more.
 */
#ifndef PERUSERD_PROCESSOR_CLIENT_H
#define PERUSERD_PROCESSOR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "processor/channel.h"

#define CLIENT_BODY_HERE (32u * 1024)   /* a body up to this is read before the request is served */

struct client {
	int fd;                 /* borrowed; non-blocking */
	struct channel *channel;
	char *in;               /* owned */
	size_t size;
	size_t at;              /* first byte that was not used yet */
	size_t len;             /* bytes read */
};

enum client_got {
	CLIENT_BYTES,           /* there is at least one more byte */
	CLIENT_LEFT,            /* closed or reset */
	CLIENT_LATE,            /* nothing came in that time */
	CLIENT_WANTED           /* idle: the slot is wanted, or its channel closed */
};

/* Make room for heads of that many bytes.  False: no memory. */
bool client_begin(struct client *client, int fd, struct channel *channel, size_t head_max);

/* Take over bytes that somebody else read.  False: more than fits. */
bool client_feed(struct client *client, const void *bytes, size_t len);

/* Forget what was used; what is left moves to the buffer's start. */
void client_compact(struct client *client);

/*
 * Read more to the buffer's end, waiting timeout_ms at most.  idle: look at the
 * channel meanwhile.  A full buffer is CLIENT_LATE; its owner looks first.
 */
enum client_got client_read(struct client *client, uint64_t timeout_ms, bool idle);

/* Read past the buffer: bytes, 0 at the end, -1 with errno (ETIMEDOUT: too late). */
ssize_t client_read_to(struct client *client, void *to, size_t size, uint64_t timeout_ms);

/*
 * Before the last close: say that no more is sent, then read and drop what still
 * comes, for a short while; else the kernel's reset could eat our last answer.
 */
void client_linger(struct client *client);

#endif
