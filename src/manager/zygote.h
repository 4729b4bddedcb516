/*
 * A zygote, as the manager sees it: one child with a control channel and a
 * socket for its standard error, which one multiplexer reads.  A pool has one
 * that serves; beside it one that loads, to take its place, and some that leave.
 * Each owns the slots that it was told to fork for, and speaks for no other.
 *
 * It is a user's process: what it says is checked about its own slots, and
 * changes nothing else.
 */
#ifndef PERUSERD_MANAGER_ZYGOTE_H
#define PERUSERD_MANAGER_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event.h>

#include "base/fault.h"
#include "manager/channel.h"
#include "manager/child.h"
#include "manager/usage.h"

struct pool;

enum zygote_state {
	ZYGOTE_LOADING,         /* until it says LOADED */
	ZYGOTE_SERVING,         /* it is told to fork */
	ZYGOTE_LEAVING,         /* its processors finish what they run */
	ZYGOTE_GOING            /* it has none left and was told to end, or killed */
};

struct zygote {
	struct pool *pool;
	TAILQ_ENTRY(zygote) link;       /* of the pool's */
	enum zygote_state state;
	uint32_t generation;            /* of the pool's zygotes: counts up */
	uint32_t token;                 /* the loader is asked to make it; 0: it is not */
	struct child child;
	struct channel channel;
	struct event *ended;            /* on its pidfd */
	int log;                        /* the end of its standard error that a multiplexer reads */
	uint32_t slots;                 /* how many it has, not EMPTY */
	unsigned strays;                /* messages from it that made no sense */
	bool loaded;                    /* it came that far */
	bool spoilt;                    /* it broke the protocol: failed, not just ended */
	bool foreign;                   /* of another binary, whose words our multiplexers don't know */
	struct usage usage;             /* of itself and of what it has reaped */
	uint64_t started;               /* ms */
	uint64_t deadline;              /* ms, of the state it is in; 0: none */
	char *reason;                   /* why it ends; owned; NULL */
};

TAILQ_HEAD(zygote_list, zygote);

/* Start one for that pool; it joins the pool's list.  NULL: the fault says why. */
struct zygote *zygote_new(struct pool *pool, struct fault *fault);

/* One that a predecessor of this manager had started: it joins the pool's list. */
struct zygote_past {
	uint32_t generation;
	pid_t pid;
	bool namespaced;
	int control, log;               /* taken over; -1: none */
};
struct zygote *zygote_adopt(struct pool *pool, const struct zygote_past *past, struct fault *fault);

/* The loader's answer about one with a token: it is that process; there is none. */
void zygote_came(struct zygote *zygote, pid_t pid);
void zygote_did_not_come(struct zygote *zygote, int error);

/* Take it off the list; its processes have ended. */
void zygote_free(struct zygote **zygote);

/* Remember why it ends, where no reason is known yet. */
void zygote_blame(struct zygote *zygote, const char *reason);

/* Kill it, and with it the namespace; the rest happens when it has ended. */
void zygote_kill(struct zygote *zygote, const char *reason);

/*
 * Take no more requests: idle processors go, busy ones finish, within
 * graceful_timeout; then it ends.
 */
void zygote_leave(struct zygote *zygote);

/* One of its slots is empty again. */
void zygote_slot_gone(struct zygote *zygote);

/* Deadlines. */
void zygote_tick(struct zygote *zygote, uint64_t now);

/* Tell the multiplexer that reads its standard error. */
void zygote_send_log(struct zygote *zygote, struct channel *channel);

/* For its channel: zygote_said.c. */
extern const struct channel_owner zygote_calls;

#endif
