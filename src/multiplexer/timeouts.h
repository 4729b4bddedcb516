/*
 * Timeouts of many: for each duration one list, ordered by deadline because
 * all in it wait equally long.  Setting and clearing one costs a list
 * operation, whatever the number of connections.  Pure: it knows no clock and
 * no event loop; times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef PERUSERD_MULTIPLEXER_TIMEOUTS_H
#define PERUSERD_MULTIPLEXER_TIMEOUTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define TIMEOUT_CLASSES 64              /* durations with a list of their own */
#define TIMEOUT_NEVER   UINT64_MAX

struct timeout_class;

/* Embedded in what waits.  All zero: not set. */
struct timeout {
	TAILQ_ENTRY(timeout) link;
	struct timeout_class *class;    /* NULL while it is not set */
	uint64_t deadline;
	unsigned kind;                  /* the owner's; tells what it is embedded in */
};

TAILQ_HEAD(timeout_list, timeout);

struct timeout_class {
	struct timeout_list list;
	uint64_t ms;
};

struct timeouts {
	struct timeout_class classes[TIMEOUT_CLASSES];
	struct timeout_class mixed;     /* durations beyond the table, kept in order */
	unsigned count;
};

void timeouts_begin(struct timeouts *timeouts);

/* Set, or set anew, to end after_ms from now; 0: no bound, it is cleared. */
void timeouts_set(struct timeouts *timeouts, struct timeout *timeout,
    uint64_t after_ms, uint64_t now);
void timeouts_clear(struct timeout *timeout);

/* The earliest deadline, or TIMEOUT_NEVER. */
uint64_t timeouts_next(const struct timeouts *timeouts);

/* One whose deadline has come, no longer set; or NULL. */
struct timeout *timeouts_expired(struct timeouts *timeouts, uint64_t now);

#endif
