/*
 * A pool: cold, starting, ready, or failed with a reason and a pause.  Its
 * zygote is one child with a control channel and a socket for its standard
 * error, which one multiplexer reads.
 */
#ifndef PERUSERD_MANAGER_POOL_H
#define PERUSERD_MANAGER_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include <peruserd/board.h>

#include "manager/channel.h"
#include "manager/child.h"
#include "settings/settings.h"

struct manager;

struct pool {
	struct manager *manager;
	uint32_t index;
	enum pool_state state;
	struct child child;             /* the zygote */
	struct channel channel;
	struct event *ended;            /* on its pidfd */
	int log;                        /* the end of its standard error that a multiplexer reads */
	uint32_t generation;            /* of its zygote: counts up */
	uint32_t slot_first, slot_count;
	unsigned strays;                /* messages from it that made no sense */
	bool spoilt;                    /* it broke the protocol: failed, not just ended */
	uint64_t started;               /* ms */
	uint64_t deadline;              /* ms, of its start or its kill; 0: none */
	uint64_t pause, retry_at;       /* ms: the back-off of a failing zygote */
	uint64_t fork_pause, fork_at;   /* ms: that of failing processors */
	char *reason;                   /* why it failed; owned; NULL */
};

const struct pool_settings *pool_settings_of(const struct pool *pool);

void pool_begin(struct pool *pool, struct manager *manager, uint32_t index);

/* Start its zygote.  On failure the pool is failed and says why. */
void pool_start(struct pool *pool);

/* Its zygote is ready to fork. */
void pool_loaded(struct pool *pool);

/* Remember why, where no reason is known yet. */
void pool_blame(struct pool *pool, const char *reason);

/* Kill the zygote, and with it the namespace; the rest happens when it has ended. */
void pool_kill(struct pool *pool, const char *reason);

/* A processor could not be forked, or died before it served: pause. */
void pool_processor_failed(struct pool *pool, int error);

/* Deadlines: the start's, the pause's, its slots'. */
void pool_tick(struct pool *pool, uint64_t now);

/* Tell the multiplexer that reads this pool's standard error. */
void pool_send_log(struct pool *pool, struct channel *channel);

#endif
