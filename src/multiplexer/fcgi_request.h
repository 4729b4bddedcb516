/*
 * A request's bytes on their way to a FastCGI application: BEGIN_REQUEST, the
 * meta-variables as PARAMS with what a program that is not ours has to be told
 * of script and paths (route.h), the body as STDIN.  Only bytes: it sends
 * nothing.
 */
#ifndef PERUSERD_MULTIPLEXER_FCGI_REQUEST_H
#define PERUSERD_MULTIPLEXER_FCGI_REQUEST_H

#include <stdbool.h>

#include <peruserd/envelope.h>

#include "multiplexer/handoff_fcgi.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/route.h"
#include "settings/settings.h"
#include "wire/fcgi_taken.h"

#define FCGI_REQUEST_EXTRA (4u * ROUTE_SCRIPT)  /* bytes of variables that are added */
#define FCGI_REQUEST_MAX   (ENVELOPE_MAX_VARS + FCGI_REQUEST_EXTRA + ENVELOPE_MAX_BODY + \
    64 * FCGI_WHOLE)

/* All of it into fcgi->out, but a body in a file, which follows.  0, or the status to answer. */
int fcgi_request_build(struct fcgi *fcgi, struct conn *conn, const struct pool_settings *pool,
    const struct handoff *handoff);

/* The next record of a body in a file, or its end, into fcgi->out.  False: it can't be read. */
bool fcgi_request_more(struct fcgi *fcgi);

#endif
