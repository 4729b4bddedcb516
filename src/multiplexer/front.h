/*
 * A front: what takes requests in and frames their answers, one for each
 * protocol of a listener.  Its operations are all that the rest of the
 * multiplexer knows of a protocol.
 *
 *   bytes -> front -> request.h -> queue, lease, handoff
 *   completion, stream -> respond.h -> front -> bytes
 *
 * respond.c gives an answer in parts: first its head, then body bytes, with the
 * last of them its end.  A front sends each part or keeps what its client does
 * not take; while anything is kept (conn->out), no further part comes before
 * the front has called respond_room().
 */
#ifndef PERUSERD_MULTIPLEXER_FRONT_H
#define PERUSERD_MULTIPLEXER_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>

#include "base/buf.h"
#include "http/answer.h"

struct conn;
struct multiplexer;

enum part_end {
	PART_MORE,              /* others follow */
	PART_END,               /* the answer is complete */
	PART_CUT                /* it ends before its end: no good end for it */
};

struct part {
	const char *head;       /* what write_head or write_own wrote; the first part alone has it */
	size_t head_len;
	const char *body;
	size_t len;
	uint64_t file_len;      /* then so many bytes of conn->file: send_file() brings them */
	enum answer_body framing;
	enum part_end end;
};

struct front {
	const char *name;

	/* How many bytes of a client may be kept unused. */
	size_t (*in_max)(const struct multiplexer *mux);
	/* The socket has bytes, or has ended. */
	event_callback_fn readable;
	/* The socket takes bytes again. */
	event_callback_fn writable;
	/* It asked to be looked at again (conn_again). */
	void (*again)(struct conn *conn);
	/* The processor takes more of a streamed body, or no more now. */
	void (*feed)(struct conn *conn, bool on);

	/*
	 * Write an answer's head into out.  body_len is the body's length where it
	 * is known, else ANSWER_LENGTH_NONE; framing tells what the body will be.
	 * False: it does not fit.
	 */
	bool (*write_head)(struct conn *conn, struct buf *out, const struct answer *answer,
	    int64_t body_len, struct answer_framing *framing);
	/* A whole answer of our own; extra: whole header lines, or NULL. */
	bool (*write_own)(struct conn *conn, struct buf *out, int status, const char *extra);
	/* False: the client has gone. */
	bool (*send)(struct conn *conn, const struct part *part);
	/*
	 * Bytes of conn->file, as many as the client takes, and the end.  The same
	 * answer.  A copy of them: the file is lent again (spare.h), so never sendfile.
	 */
	bool (*send_file)(struct conn *conn);
	/* Something is kept: call respond_room() when it has been sent; or not any more. */
	void (*wait)(struct conn *conn, bool on);

	/* The answer is sent and logged: the next request, or the end of the connection. */
	void (*next)(struct conn *conn);
	/* The connection is given up; its client may be told, nothing more comes of it. */
	void (*drop)(struct conn *conn);
};

#endif
