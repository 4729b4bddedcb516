/*
 * A slot: one processor's place on the board and its channel.  The manager's
 * own memory says which processor is there; of the board's word it takes only
 * whether a multiplexer has leased it.
 */
#ifndef PERUSERD_MANAGER_SLOT_H
#define PERUSERD_MANAGER_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <peruserd/board.h>

#include "manager/usage.h"

struct manager;
struct pool;
struct zygote;

enum slot_event {
	SLOT_FORK,              /* the zygote is told to fork */
	SLOT_FORKED,            /* the processor says that it is there */
	SLOT_LEASE,             /* a multiplexer takes it */
	SLOT_COMPLETE,          /* it gives it back */
	SLOT_RETIRE,            /* one too many: leave when idle */
	SLOT_KILL,              /* too late, spoilt, or the rest of a ladder */
	SLOT_GONE,              /* the processor has ended */
	SLOT_EVENTS
};

/* The life of a slot, as one table.  What changes nothing is not allowed there. */
enum slot_state slot_next(enum slot_state state, enum slot_event event);

struct slot {
	enum slot_state state;          /* ours: EMPTY, STARTING, IDLE (leased or not), LEAVING */
	uint32_t generation;
	uint32_t pool;
	struct zygote *zygote;          /* that forked it, or is to; NULL where it is EMPTY */
	pid_t pid;                      /* for status and the access log; never signalled by it */
	int channel;                    /* the multiplexers' end; -1: none */
	int way;                        /* FastCGI: leads to the processor's socket; -1: none */
	uint32_t server;                /* of its pool's `connect`: whom it was connected to last */
	bool killed;                    /* SIGKILL was asked for */
	bool asked;                     /* its end is our wish: no failure of its own */
	struct usage usage;
	uint64_t born;                  /* ms: when it was there */
	uint64_t traced;                /* ms: when it was last asked what it does */
	uint64_t since;                 /* ms, of the last change of state */
	uint64_t deadline;              /* ms, of STARTING and LEAVING; 0: none */
};

/*
 * That slot as it is.  Never NULL: one that nobody used yet, of which most pools
 * have nothing else, looks EMPTY and is of no pool.
 */
const struct slot *slot_at(const struct manager *manager, uint32_t slot);

/* It has no process, but memory of its own from now on.  False: there is none. */
bool slot_make(struct manager *manager, uint32_t slot, const struct pool *pool);

/* One that a predecessor of this manager had, with all that is told of it; its zygote too. */
bool slot_adopt(struct manager *manager, uint32_t slot, const struct slot *past);

/* Its state as the board has it now, and since when; clamped to what can be. */
enum slot_state slot_board_state(const struct manager *manager, uint32_t slot, unsigned *owner,
    uint64_t *since);

/*
 * Has that multiplexer leased it, in that generation and now?  slot is what the
 * multiplexer said, any number.
 */
bool slot_is_leased_by(const struct manager *manager, uint32_t slot, uint32_t generation,
    unsigned multiplexer);

/* It was made, has no process, and may be leased: one of a pool of servers. */
void slot_open(struct manager *manager, uint32_t slot);
void slot_close(struct manager *manager, uint32_t slot);

/*
 * Ask the pool's serving zygote for one more processor.  False: not now; where
 * something is wrong the pool pauses and says what.
 */
bool slot_fork(struct manager *manager, struct pool *pool);

/* The zygote's news about that slot of its own; generation is checked by the caller. */
void slot_forked(struct manager *manager, uint32_t slot, pid_t pid);
void slot_not_forked(struct manager *manager, uint32_t slot, int error);
void slot_gone(struct manager *manager, uint32_t slot, int status);

/* Let an idle one go.  False: it isn't idle (any more). */
bool slot_retire(struct manager *manager, uint32_t slot);

/* Let it go when it is idle: now, or at the completion of what it runs. */
void slot_leave(struct manager *manager, uint32_t slot);

/* Have its processor say what it does; at most once a TRACE_MS. */
void slot_trace(struct manager *manager, uint32_t slot);

/* Kill whatever runs there; the ladder goes on in slot_tick. */
void slot_kill(struct manager *manager, uint32_t slot);

/* Words that a multiplexer set to LEAVING. */
void slot_look(struct manager *manager, uint32_t slot);

/* Deadlines. */
void slot_tick(struct manager *manager, uint32_t slot, uint64_t now);

#endif
