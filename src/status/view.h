/*
 * The status, put together: what the manager said in records (manager/status.h)
 * and what the board's rows add.  One for all who show it: peruserctl asks the
 * manager by its control socket, a multiplexer by its channel.
 *
 * Text in it is foreign and raw: who shows it escapes it.
 */
#ifndef PERUSERD_STATUS_VIEW_H
#define PERUSERD_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/board.h>

#include "base/fault.h"

#define VIEW_WORD 16            /* bytes of a state's name, terminator included */

struct view_server {
	char version[64];
	char phase[VIEW_WORD];
	uint64_t pid, uptime_ms, live, server_limit;
	uint64_t upgrades, upgraded_ms;         /* how often, and how long ago the last time */
	uint64_t said_ms;                       /* how long ago the manager said all this */
};

struct view_multiplexer {
	uint64_t number, pid, uptime_ms, restarts;
	uint64_t connections, accepted, requests;
	bool ready;
};

struct view_pool {
	char *name, *user, *reason;             /* owned; never NULL */
	char state[VIEW_WORD];                  /* cold, starting, ready, failed */
	char namespaces[VIEW_WORD];             /* "yes", "no", "" */
	bool drained;                           /* an operator holds it */
	bool rolling;                           /* a new zygote is to take its zygote's place */
	uint64_t former;                        /* zygotes whose processors finish, and go */
	uint64_t index, pid, generation, max, retry_ms, uptime_ms;
	/* its slots, counted from the records */
	uint64_t starting, idle, busy, sticky, leaving;
	/* the queue now, and its oldest; the longest request that runs */
	uint64_t queued, oldest_ms, longest_ms;
	/* since the server's start */
	uint64_t requests, errors, bytes, queue_full, queue_timeouts, expired;
	uint64_t crashes, restarts, recycled, cpu_ms;
	uint64_t memory;                        /* of its processes, bytes: see view_slot */
};

struct view_slot {
	uint64_t index, pool, pid, generation, uptime_ms, requests, bytes;
	uint64_t age_ms;                        /* in this state; of its request where it runs one */
	uint64_t cpu_ms;
	uint64_t rss;                           /* bytes; 0 where it was not measured yet */
	uint64_t memory;                        /* of these its own: no file and no shared memory */
	char state[VIEW_WORD];                  /* starting, idle, busy, sticky, leaving */
	char row[BOARD_ROW];                    /* holds the three below */
	const char *method, *vhost, *url;       /* its last request; "" where there was none */
};

struct view {
	struct view_server server;
	struct view_multiplexer *multiplexers;
	struct view_pool *pools;
	struct view_slot *slots;
	size_t multiplexer_count, pool_count, slot_count;
	bool whole;                             /* "end" was there */
	bool active_only;                       /* leave unused pools out where it is shown */
};

/* From the answer's bytes, which are cut up.  The view is to be ended also on failure. */
bool view_parse(struct view *view, char *answer, size_t len, struct fault *fault);

/* Add what the board says, as of now_ms; what it doesn't have stays 0. */
void view_add_board(struct view *view, struct board *board, uint64_t now_ms);

/* The pool of that index, or NULL; the name of a slot's pool, or "". */
const struct view_pool *view_pool(const struct view *view, uint64_t index);
const char *view_pool_name(const struct view *view, const struct view_slot *slot);

/* True where nobody has asked for it yet: cold, never used, not failed. */
bool view_pool_unused(const struct view_pool *pool);

/* True if it runs a request: its method, vhost and url are of that one. */
bool view_slot_runs(const struct view_slot *slot);

void view_end(struct view *view);

/*
 * Numbers by name: what a record and a JSON object call it, and what a scrape
 * does.  Records are read, JSON and metrics written by loops over these.
 */
enum view_kind {
	VIEW_PLAIN,             /* no metric */
	VIEW_GAUGE,
	VIEW_COUNTER            /* of metrics: "_total" is added */
};

enum view_source {
	FROM_RECORD,            /* the manager says it */
	FROM_VIEW               /* the board does, or it is counted here */
};

struct view_number {
	const char *key;
	size_t offset;                  /* in its struct */
	enum view_source source;
	enum view_kind kind;
	const char *metric;             /* without the "peruserd_" that all have */
	const char *unit;               /* "seconds" (then the value is ms), "bytes", or NULL */
	const char *help;
};

struct view_numbers {
	const struct view_number *at;
	size_t count;
};

extern const struct view_numbers view_of_server, view_of_multiplexer, view_of_pool, view_of_slot;

uint64_t view_value(const struct view_number *number, const void *of);

#endif
