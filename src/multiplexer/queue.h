/*
 * Requests that wait for a slot: one list for each pool, in the order they
 * came.  Exact length, exact age, a bound.  The sum over all multiplexers
 * stands on the board.
 */
#ifndef PERUSERD_MULTIPLEXER_QUEUE_H
#define PERUSERD_MULTIPLEXER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "multiplexer/conn.h"
#include "multiplexer/pool_log.h"

struct multiplexer;
struct pool_settings;

struct pool {
	uint32_t row;                   /* on the board */
	struct tables *tables;          /* the last ones that have it; held */
	const struct pool_settings *settings;   /* in those */
	struct conn_list waiting;
	uint32_t count;                 /* in that list */
	TAILQ_ENTRY(pool) link;         /* of the pools where somebody waits here */
	struct pool_log log;
	bool logged;                    /* a vhost of it has an access log */
	uint64_t crowded_ms;            /* when a kept connection last was in somebody's way */
};

struct pools {
	struct pool **at;               /* by row on the board; NULL: not needed yet */
	uint32_t count;
	TAILQ_HEAD(pool_list, pool) waiting;
	bool sweep;                     /* one that is no longer configured may be done with */
};

bool pools_begin(struct multiplexer *mux);
void pools_end(struct multiplexer *mux);

/* That row's pool, made when it is first needed; NULL: no such row, or no memory. */
struct pool *pool_make(struct multiplexer *mux, uint32_t row);

/* For messages: its name; a line in its log, site NULL where it is about none. */
const char *pool_name(const struct multiplexer *mux, uint32_t row);
void pool_say(struct multiplexer *mux, uint32_t row, enum log_level level, const char *site,
    const char *text, size_t len);

/*
 * Let the connection wait for a slot of its pool.  False: the pool has
 * failed or is drained or its queue is full, and the client got 503.
 */
bool queue_add(struct conn *conn);

/* True if that pool takes no new requests, though processors of it may be idle. */
bool queue_is_drained(struct multiplexer *mux, uint32_t pool);

/*
 * The tables have changed: who waits does so for the pool that serves his site
 * now, or is told that there is none.
 */
void queue_swap(struct multiplexer *mux);

/* Forget pools that are no longer configured, where nothing is left to do; stop reading
 * what pools say, for somebody else does. */
void pools_sweep(struct multiplexer *mux);
void pools_silence(struct multiplexer *mux);

/* Take it off. */
void queue_remove(struct conn *conn);

/* The first that waits in that pool, or NULL; it stays there. */
struct conn *queue_first(struct multiplexer *mux, uint32_t pool);

/* Give idle slots to those that wait, in all pools. */
void queue_serve(struct multiplexer *mux);

/* Which wake-ups of the manager are worth it: the queue's lengths 1, 2, 4, 8, ... */
bool queue_worth_ringing(uint32_t length);

#endif
