/*
 * The status, put together: what the manager said in records (manager/status.h)
 * and what the board's rows add.  Text in it is foreign and raw: who shows it
 * escapes it.
 */
#ifndef PERUSERD_CTL_VIEW_H
#define PERUSERD_CTL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/board.h>

#include "base/fault.h"

#define VIEW_WORD 16            /* bytes of a state's name, terminator included */

struct view_multiplexer {
	uint64_t number, pid, restarts;
	uint64_t connections, accepted, requests;
	bool ready;
};

struct view_pool {
	uint64_t index, pid, generation, max, retry_ms;
	char *name, *user, *reason;             /* owned; never NULL */
	char state[VIEW_WORD];
	char namespaces[VIEW_WORD];             /* "yes", "no", "" */
	uint64_t starting, idle, busy, leaving; /* slots, counted from the records */
	uint64_t queued, requests, errors, queue_full, queue_timeouts, expired;
};

struct view_slot {
	uint64_t index, pool, pid, generation, age_ms, requests;
	char state[VIEW_WORD];
	char row[BOARD_URL];                    /* its last request */
};

struct view {
	char version[64];
	char phase[VIEW_WORD];
	uint64_t pid, uptime_ms, live, server_limit;
	struct view_multiplexer *multiplexers;
	struct view_pool *pools;
	struct view_slot *slots;
	size_t multiplexer_count, pool_count, slot_count;
	bool whole;                             /* "end" was there */
};

/* From the answer's bytes, which are cut up.  The view is to be ended also on failure. */
bool view_parse(struct view *view, char *answer, size_t len, struct fault *fault);

/* Add what the board says; what it doesn't have stays 0. */
void view_add_board(struct view *view, struct board *board);

/* The pool of that index, or NULL. */
const struct view_pool *view_pool(const struct view *view, uint64_t index);

void view_end(struct view *view);

#endif
