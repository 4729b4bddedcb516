/*
 * The slow log: a request that runs longer than slow_timeout, or is killed for
 * expire_timeout, is written down with its site, URL, time, pid, and with what
 * its handler says that it does now.  The processor is asked for that by way of
 * the manager and the zygote; it runs on.  A fast request costs one timeout.
 */
#ifndef PERUSERD_MULTIPLEXER_SLOW_H
#define PERUSERD_MULTIPLEXER_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <peruserd/envelope.h>

#include "multiplexer/timeouts.h"

struct slot;

enum slow_state {
	SLOW_NOT,               /* within its time, or written down */
	SLOW_ASKED,             /* asked what it does */
	SLOW_LAST               /* asked for the last time: it is killed then */
};

/* Embedded in a slot. */
struct slow {
	struct timeout timeout;         /* until it is slow; then until it has answered */
	enum slow_state state;
	uint64_t began_us;
};

/* A request was handed over to the slot; it is done, or its processor is. */
void slow_begin(struct slot *slot);
void slow_end(struct slot *slot);

/* The timeout has come. */
void slow_due(struct slot *slot);

/* expire_timeout has come: ask, write it down, then slot_expire() is called. */
void slow_expired(struct slot *slot);

/* What its processor says about the request; not trusted. */
void slow_traced(struct slot *slot, const struct completion *said, const char *text);

#endif
