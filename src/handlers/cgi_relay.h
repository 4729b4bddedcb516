/*
 * Between a running CGI program and its client: the body in, the answer out,
 * standard error to the log, all at once and without waiting for any of them
 * alone; the clock and the client are watched meanwhile.
 */
#ifndef PERUSERD_HANDLERS_CGI_RELAY_H
#define PERUSERD_HANDLERS_CGI_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/handler.h>

#include "base/buf.h"

#define RELAY_LINE 1024         /* bytes of a line of standard error; a longer one is cut */
#define RELAY_BODY (16u * 1024) /* request body on its way */

enum cgi_output {
	OUTPUT_HEAD,            /* the head isn't whole yet */
	OUTPUT_BODY,            /* it was passed on; so is what follows */
	OUTPUT_DROP,            /* what follows is read and dropped: HEAD, a local redirect */
	OUTPUT_BAD              /* the head is malformed */
};

enum cgi_end {
	CGI_RUNS,
	CGI_ENDED,              /* its output is complete and it has exited */
	CGI_LEFT_OPEN,          /* it has exited, others hold its output open */
	CGI_TIME_UP,
	CGI_CLIENT_LEFT,
	CGI_STOP                /* a bad head: no use in going on */
};

struct cgi_relay {
	const struct handler_host *host;
	struct request *request;
	const struct request_view *view;
	int in, out, error;             /* our ends of the pipes, not blocking; -1: closed */
	int pidfd;                      /* borrowed */
	bool exited;
	enum cgi_end end;

	const unsigned char *body;      /* of the request's body, what is to be written */
	size_t body_len;
	bool body_more;                 /* body_read() has more */
	unsigned char body_buffer[RELAY_BODY];

	enum cgi_output output;
	struct buf head;
	struct buf redirect;            /* a local path and query; empty: none */
	const char *why;                /* OUTPUT_BAD */

	char line[RELAY_LINE];
	size_t line_len;

	uint64_t deadline;              /* clock_ms; UINT64_MAX: none */
	uint64_t look_at;               /* when to look for the client again */
	uint64_t flush_at;              /* when what was written must go; 0: nothing waits */
	uint64_t linger_until;          /* it has exited: how long others may hold its output */
	uint64_t leave_at;              /* all output is there, it still runs: free the client then */
};

/* timeout_ms as in struct request_view.  The descriptors are the relay's from now on. */
void cgi_relay_begin(struct cgi_relay *relay, const struct handler_host *host,
    struct request *request, const struct request_view *view);

/* Write what body there is as far as the pipe takes it; closes `in` after the last byte. */
void cgi_relay_feed(struct cgi_relay *relay);

/* Go on until it ends, one way or another. */
enum cgi_end cgi_relay_run(struct cgi_relay *relay);

void cgi_relay_end(struct cgi_relay *relay);

#endif
