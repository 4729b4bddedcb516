/*
 * A processor's life: take a request as its pool's handoff brings it, find
 * what serves it, run that, answer; again, until no more come, the pool's
 * max_requests_per_child is reached or SIGTERM came.
 */
#ifndef PERUSERD_PROCESSOR_SERVE_H
#define PERUSERD_PROCESSOR_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "processor/channel.h"
#include "processor/handoff.h"
#include "processor/raw.h"
#include "processor/request.h"
#include "settings/settings.h"

struct server {
	const struct settings *settings;
	const struct pool_settings *pool;
	uint64_t cpu;                   /* seconds of processor time a request, or CONFINE_UNSET */
	uint64_t served;
	bool leaving;                   /* no request after this one */
	bool timed;                     /* timer exists */
	bool ticking;                   /* and runs */
	timer_t timer;
	const struct handoff *handoff;
	struct channel channel;         /* handoff = "fd" */
	struct raw raw;                 /* the same */
	struct request request;
};

/* Serve what comes on fd, which it takes over.  Does not return. */
_Noreturn void serve_forever(const struct settings *settings, const struct pool_settings *pool,
    int fd);

/*
 * Before each request: move the limit on processor time.  expire_ms: end this
 * process after so long, for a request of which no multiplexer keeps the time;
 * 0 takes that back.
 */
void serve_begins(struct server *server, uint64_t expire_ms);

/* After it: its time no longer runs, for an idle connection may stay longer. */
void serve_ends(struct server *server);

/*
 * One more request comes.  Whether it is the last one is known before its head
 * is made, which says whether the connection is kept.
 */
void serve_counts(struct server *server);

/* After it: does this process leave now? */
bool serve_is_last(struct server *server);

/* For all requests alike, once request, body and answer have begun. */
enum handler_result serve_request(struct server *server);

/* A whole answer of our own. */
void serve_status(struct server *server, int status, const char *extra);

#endif
