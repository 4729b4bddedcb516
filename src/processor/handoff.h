/*
 * How requests reach a processor, and their answers leave it: one way for each
 * value of a pool's `handoff`.
 *
 *   fd        an envelope on the slot's channel, with descriptors (channel.h)
 *   fastcgi   a FastCGI connection to the slot's own listening socket, by libfcgi
 *
 * Handlers see no difference, but that by FastCGI a body is read as it comes and
 * an answer is bytes on one stream.
 */
#ifndef PERUSERD_PROCESSOR_HANDOFF_H
#define PERUSERD_PROCESSOR_HANDOFF_H

#include <stdbool.h>

#include "settings/settings.h"

struct server;

struct handoff {
	/* Requests come on fd from here on, which it takes over. */
	void (*begin)(struct server *server, int fd);
	/* Wait for the next one and serve it.  False: no more come. */
	bool (*serve_next)(struct server *server);
	/* Told to leave, from a signal handler: wait for none, however the two meet. */
	void (*leave)(struct server *server);
};

const struct handoff *handoff_of(const struct pool_settings *pool);

extern const struct handoff handoff_fd, handoff_fcgx;

#endif
