/*
 * A FastCGI connection as libfcgi serves it, one request at a time.  All that
 * knows libfcgi is in fcgx.c.
 *
 * What libfcgi reads and writes is the protocol: BEGIN, PARAMS, STDIN, STDOUT,
 * STDERR, END.  What it can't do as a processor must, is done beside it:
 *
 *   - its accept has no timeout and hears no other channel, drops a connection
 *     that says nothing for two seconds, and hands descriptors on to programs
 *     that are executed.  We wait in poll() and accept, and it is given a
 *     connection on which a request has begun;
 *   - its close waits for the other side up to two seconds, in select(), which
 *     spoils memory from descriptor 1024 on.  We close;
 *   - it does not tell that the other side reads no more.  We look.
 */
#ifndef PERUSERD_PROCESSOR_FCGX_H
#define PERUSERD_PROCESSOR_FCGX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <fcgiapp.h>

#include <peruserd/nv.h>

struct fcgx {
	FCGX_Request request;
	int listener;                   /* owned */
	bool running;                   /* a request */
};

/* Requests come by connections to that listening socket, which it takes over. */
bool fcgx_begin(struct fcgx *fcgx, int listener);

/* Wait until a request is there, with its variables.  False: no more come. */
bool fcgx_wait(struct fcgx *fcgx);

/* From a signal handler: what has come is still given, then no more. */
void fcgx_leave(struct fcgx *fcgx);

/* What the multiplexer says of a request to processors of ours. */
struct fcgx_ours {
	uint32_t vhost;                 /* PERUSERD_VHOST: which of the pool's it is for */
	bool named;                     /* PERUSERD_NAMED: request_names_file() */
};

/* The request's variables into vars, which has room.  False: they don't fit, or lack ours. */
bool fcgx_vars(const struct fcgx *fcgx, struct nv *vars, struct fcgx_ours *ours);

/* Body bytes; 0 at its end, -1 with errno.  context: the struct fcgx (body.h, pull). */
ssize_t fcgx_read(void *context, void *to, size_t size);

/* Of the answer.  False: nobody takes it any more. */
bool fcgx_write(struct fcgx *fcgx, const void *bytes, size_t len);
bool fcgx_flush(struct fcgx *fcgx);

/* It is whole; what follows is work of ours. */
bool fcgx_finish(struct fcgx *fcgx);

/* Its reader has left. */
bool fcgx_left(const struct fcgx *fcgx);

/* One line, or more, to the pool's log. */
void fcgx_log(struct fcgx *fcgx, int level, const char *text, size_t len);

/* The request is over; status: enum fcgi_our_status (wire/fcgi.h). */
void fcgx_end(struct fcgx *fcgx, unsigned status);

#endif
