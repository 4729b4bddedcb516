/*
 * How many processors a pool should have: pure functions of counters and
 * numbers.  No clock, no I/O, no globals; the mechanism is demand.c's.
 *
 * Static, dynamic and on-demand pools are not told apart; they fall out of the
 * numbers:  min = max is static;  min_spare > 0 is dynamic while the pool is in
 * use;  min = min_spare = 0 is on demand.
 */
#ifndef PERUSERD_MANAGER_SCALE_H
#define PERUSERD_MANAGER_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct scale_pool {
	/* its zygote's slots by state; `leaving` are those of former zygotes too */
	uint32_t idle, leased, starting, leaving;
	uint32_t queued;        /* requests that wait for one */
	uint32_t stale;         /* of the idle: for longer than idle_timeout */
	uint32_t calm;          /* of the idle: for longer than a moment, no burst goes on */
	uint32_t fresh;         /* its zygote has just loaded: so many are to begin */
	bool used;              /* had a request within idle_timeout */
	bool resting;           /* its processors keep dying: fork none now */
	uint64_t rested;        /* ms that it has had no processor */
	/* its numbers, as configured */
	uint64_t min_spare;
	uint64_t max_spare;     /* 0: no bound */
	uint64_t min, max;
	uint64_t zygote_timeout;        /* ms; 0: the zygote stays */
};

struct scale_server {
	uint32_t live;          /* processors of all pools, those that leave included */
	uint32_t leaving;
	uint64_t limit;         /* server_limit */
	uint32_t promised;      /* of its room, to what waits in other pools */
};

struct scale_answer {
	uint32_t spawn;         /* fork so many now */
	uint32_t retire;        /* let so many of its idle ones go, longest idle first */
	uint32_t evict;         /* other pools should give up so many idle ones */
	uint32_t asks;          /* so many its queue asks for, the server's limit aside */
	bool sleep;             /* its zygote is needed no more */
};

/*
 * What the queue asks for is spawned at once, as far as max and the server's
 * limit allow; then the spare ones.  What the queue asks for and the server's
 * limit forbids is to be made room for; a spare processor is not worth that, nor
 * does it get room that was made for others.
 */
struct scale_answer scale_decide(const struct scale_pool *pool,
    const struct scale_server *server);

/* True if a pool without a zygote should get one. */
bool scale_wakes(uint32_t queued, uint64_t min);

/* How many of its idle ones that pool could give up for another one's queue. */
uint32_t scale_spares(const struct scale_pool *pool);

/*
 * How long ago that was.  A look at thousands of pools takes its time: what has
 * happened after its `now` is of no age, not of the greatest.
 */
uint64_t scale_age(uint64_t now, uint64_t since);

/*
 * The pause after one more failure: `first` ms, then double up to `most`.  What
 * lived longer than `most` before it failed begins anew.  last is the pause
 * before this one, 0 for none.
 */
uint64_t scale_pause(uint64_t last, uint64_t lived_ms, uint64_t first, uint64_t most);

#endif
