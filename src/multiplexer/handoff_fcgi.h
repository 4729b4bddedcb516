/*
 * Handing a request over by FastCGI: to a processor of ours that speaks it, to
 * a program, or to a server.  A slot's channel is then a connection that the
 * manager made, its lease keeps other multiplexers off it, and one request runs
 * on it at a time.  The same bytes of meta-variables go out as PARAMS, the
 * spooled body as STDIN; what comes back is a CGI response (fcgi_answer.h).
 *
 * At most once: another connection is tried only while nothing of a request has
 * gone out.  The other side is untrusted: its bytes are about its own slot,
 * and what is no FastCGI answer costs it its connection, or its life.
 */
#ifndef PERUSERD_MULTIPLEXER_HANDOFF_FCGI_H
#define PERUSERD_MULTIPLEXER_HANDOFF_FCGI_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "wire/fcgi.h"

struct conn;
struct handoff;
struct slot;
struct stream;

enum fcgi_phase {
	FCGI_FREE,              /* runs nothing */
	FCGI_WANTS,             /* waits for a connection; nothing of a request has gone out */
	FCGI_RUNS,
	FCGI_ABORTS,            /* its client left: ours once the program has closed, or ended it */
	FCGI_ENDS,              /* answered: does the program keep the connection? */
	FCGI_CLOSED,            /* the program has hung up: does it end, or go on? */
	FCGI_OVER               /* the slot is given back at the next turn of the loop */
};

/* What a slot has beside it where its pool's handoff is "fastcgi". */
struct fcgi {
	struct slot *slot;
	enum fcgi_phase phase;
	bool server;                    /* one of `connect`: no process of ours */
	bool ours;                      /* a processor of ours: FCGI_OUR_* hold */
	bool leaves;                    /* ours, and it said that it exits now */
	bool answered;                  /* its answer is whole, its work is not done */
	bool keep;                      /* it was asked to keep the connection */
	bool keeps;                     /* and it did so before */
	bool closes;                    /* the connection can't be used again */
	bool again;                     /* it is not the process's first one */
	bool goes_on;                   /* the process has served on more than one */
	bool sent;                      /* something of the request has gone out */
	bool stopped;                   /* not read from, for its client is too slow */
	bool writing;                   /* the event below is armed */
	unsigned tries;                 /* connections that did not come to be */
	struct event event;             /* the connection takes bytes, or a moment has passed */
	struct buf out;                 /* what it did not take yet */
	int body;                       /* the rest of the body, from a file; owned, or -1 */
	uint64_t body_at, body_left;
	struct fcgi_reader reader;
	struct stream *stream;          /* the answer, once it is relayed; the client's */
	struct buf line;                /* of its STDERR, not ended yet */
};

/* For a slot of such a pool, before it is leased; NULL: no memory. */
struct fcgi *fcgi_new(struct slot *slot);
void fcgi_free(struct fcgi **fcgi);

/*
 * A request, to a leased slot, which is taken care of in any case: handed
 * over, or answered.
 */
void fcgi_give(struct conn *conn, struct slot *slot, const struct handoff *handoff);

/* From the manager: a connection for that slot (taken), or the errno why there is none. */
void fcgi_connected(struct slot *slot, int fd);
void fcgi_not_connected(struct slot *slot, int error);

/* Nobody waits for its answer any more. */
void fcgi_abort(struct slot *slot);

/* Its time is up.  False: the manager is to kill who serves it. */
bool fcgi_expired(struct slot *slot);

/* The request is no more: forget what was about that. */
void fcgi_reset(struct fcgi *fcgi);

/* ---- for fcgi_answer.c */

/* STDOUT is at its end, after this much more; the END is to come. */
void fcgi_answered(struct fcgi *fcgi, const char *bytes, size_t len);

/* The request's END has come, after this much more of its answer. */
void fcgi_ended(struct fcgi *fcgi, const char *bytes, size_t len, bool whole);

/* The connection is at its end. */
void fcgi_closed(struct fcgi *fcgi);

/* What came is not what may come: the reason for the log. */
void fcgi_broken(struct fcgi *fcgi, const char *why);

#endif
