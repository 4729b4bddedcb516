/*
 * How many processors a pool should have: pure functions of counters and
 * numbers.  No clock, no I/O, no globals; the mechanism is demand.c's.
 */
#ifndef PERUSERD_MANAGER_SCALE_H
#define PERUSERD_MANAGER_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct scale_pool {
	uint32_t idle, leased, starting, leaving;       /* slots by state */
	uint32_t queued;                                /* requests that wait for one */
	uint32_t stale;         /* of the idle: those idle for longer than idle_timeout */
	uint64_t min_spare, max;                        /* the pool's numbers */
	bool resting;           /* its processors keep dying: fork none now */
};

struct scale_server {
	uint32_t live;          /* processors of all pools, those that leave included */
	uint32_t leaving;
	uint64_t limit;         /* server_limit */
};

struct scale_answer {
	uint32_t spawn;         /* fork so many now */
	uint32_t retire;        /* let so many of its idle ones go, longest idle first */
	uint32_t evict;         /* other pools should give up so many idle ones */
};

/*
 * What the queue asks for is spawned at once, as far as max and the server's
 * limit allow; then the spare ones.  What the queue asks for and the server's
 * limit forbids is to be made room for; a spare processor is not worth that.
 */
struct scale_answer scale_decide(const struct scale_pool *pool,
    const struct scale_server *server);

/*
 * The pause after one more failure: `first` ms, then double up to `most`.  What
 * lived longer than `most` before it failed begins anew.  last is the pause
 * before this one, 0 for none.
 */
uint64_t scale_pause(uint64_t last, uint64_t lived_ms, uint64_t first, uint64_t most);

#endif
