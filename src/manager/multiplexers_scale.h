/*
 * How many multiplexers one entry of the configuration should have: a pure
 * function of what its running ones bear.  No clock, no I/O; the mechanism is
 * multiplexers.c's.
 */
#ifndef PERUSERD_MANAGER_MULTIPLEXERS_SCALE_H
#define PERUSERD_MANAGER_MULTIPLEXERS_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#define MULTIPLEXER_WHOLE 1000          /* a load: all of max_clients, or never asleep */

struct multiplexers_load {
	uint32_t running;       /* that stay */
	uint32_t starting;      /* of them: that are not ready yet */
	uint32_t least;         /* the smallest load of one that is ready */
	uint32_t sum;           /* of all loads */
	uint64_t calm;          /* ms for which one less would have done */
	uint64_t min, max;      /* as configured */
	uint64_t idle_timeout;  /* ms; 0: none goes */
};

/* The load of one: the greater of its two shares, of max_clients and of a processor's time. */
uint32_t multiplexer_load(uint64_t connections, uint64_t max_clients, uint64_t cpu_ms,
    uint64_t wall_ms);

/* Would one less do, with room to spare? */
bool multiplexers_spare(const struct multiplexers_load *load);

/*
 * 1: start one more, for every one that runs has been near its limit.  -1: one
 * should finish what it has and go, for the others have not needed it for
 * idle_timeout, or there are more than max.  0: neither.
 */
int multiplexers_scale(const struct multiplexers_load *load);

#endif
