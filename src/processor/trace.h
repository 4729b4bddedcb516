/*
 * What the running request does now, for the slow log: at TRACE_SIGNAL, which
 * the zygote sends at the manager's word, the handler's trace() writes it, and
 * it goes to the multiplexer as one COMPLETION_TRACE.
 *
 * Watched (the pool has a slow_timeout): a thread of ours takes the signal and
 * looks from beside, so that no call of the script is interrupted.  Else the
 * signal interrupts it, which is good enough for one that is killed next.
 */
#ifndef PERUSERD_PROCESSOR_TRACE_H
#define PERUSERD_PROCESSOR_TRACE_H

#include <signal.h>
#include <stdbool.h>

#include <peruserd/handler.h>

#include "processor/channel.h"

#define TRACE_SIGNAL (SIGRTMAX - 2)

/* In a new processor.  The channel stays the caller's and must outlive it all. */
void trace_begin(struct channel *channel, bool watched);

/* Who serves the request that begins now; NULL: nobody. */
void trace_handler(const struct handler *handler);

#endif
