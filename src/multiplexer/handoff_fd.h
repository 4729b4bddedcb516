/*
 * Handing a request over to a processor of ours: one envelope on its slot's
 * channel, with the descriptors that belong to it.
 */
#ifndef PERUSERD_MULTIPLEXER_HANDOFF_FD_H
#define PERUSERD_MULTIPLEXER_HANDOFF_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/envelope.h>
#include <peruserd/nv.h>

struct conn;
struct slot;

/* What is handed over; all borrowed. */
struct handoff {
	struct nv vars;
	const char *body;               /* its first bytes, or all of it */
	size_t body_len;
	const char *rest;               /* raw: what follows the request */
	size_t rest_len;
	uint64_t body_total;
	int body_file;                  /* or -1 */
	int body_stream;                /* or -1: the processor's end */
};

enum handoff_result {
	HANDOFF_GIVEN,          /* the processor has it */
	HANDOFF_BUSY            /* no slot could take it now */
};

/*
 * A request that is ready: to an idle slot now, or into the queue (then what
 * it borrows is copied into the connection).
 */
void handoff_or_wait(struct conn *conn, const struct handoff *handoff);

/*
 * A connection that was taken off its queue, to a leased slot.  False: no slot
 * takes anything now, and it waits again.
 */
bool handoff_waiting(struct conn *conn, struct slot *slot);

/*
 * The slot begins this request: timers, the board, what is kept for the log and
 * for another handoff.  For both kinds of handoff.
 */
void handoff_note(struct conn *conn, struct slot *slot, const struct handoff *handoff);

/* ENVELOPE_ABORT, ENVELOPE_RELEASE or ENVELOPE_LAST about the slot's request. */
void handoff_signal(struct slot *slot, enum envelope_kind kind);

#endif
