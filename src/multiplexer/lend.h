/*
 * What is lent to a processor for its answers: memory (a memfd of fixed size,
 * sealed against growing and shrinking, never mapped here) and a stream (a
 * pair of stream sockets).  They travel with an envelope where the slot has
 * none.  Each serves one answer; a memory that has been sent may be lent again,
 * to the processor that had it (spare.h).
 *
 * A stream that carries an answer belongs to the client's connection; what
 * comes through it is a CGI response, framed here as it comes.
 */
#ifndef PERUSERD_MULTIPLEXER_LEND_H
#define PERUSERD_MULTIPLEXER_LEND_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "http/answer.h"

#define STREAM_END_UNKNOWN UINT64_MAX
#define STREAM_END_MOST    ((uint64_t)INT64_MAX)   /* whatever its processor says */

struct conn;
struct multiplexer;
struct slot;
struct waiting;

struct stream {
	struct multiplexer *mux;
	struct waiting *waiting;        /* FastCGI: it comes from there; owned.  NULL: by a socket */
	struct slot *slot;              /* while it is lent; NULL once a connection has it */
	struct conn *conn;              /* whose answer it carries */
	int ours;                       /* owned */
	int theirs;                     /* owned until it is sent; then -1 */
	bool armed;
	bool head_done;
	bool cut;                       /* by its processor's word: end it badly */
	bool eof;
	enum answer_body body;          /* how it is framed */
	uint64_t left;                  /* BODY_EXACT: bytes to come */
	uint64_t received;
	uint64_t end;                   /* all that will be received, once it is known */
	struct buf head;                /* a CGI head that is not whole yet */
	struct event event;
};

/* Make what the slot lacks.  Where that fails, it goes without (said once a second). */
void lend(struct slot *slot);

/* Its other end is with the processor: close ours of it, listen. */
void stream_lent(struct stream *stream);

void stream_free(struct stream **stream);

/* Take bytes, or don't while the client is slow. */
void stream_events(struct stream *stream, bool on);

/* Look at it again: its client takes more, or others had their turn. */
void stream_resume(struct stream *stream);

/* Take it from its slot for the answer to that connection. */
void stream_attach(struct stream *stream, struct conn *conn);

/* The processor says that the answer has that many bytes; cut: it ended early. */
void stream_ends(struct stream *stream, uint64_t end, bool cut);

#endif
