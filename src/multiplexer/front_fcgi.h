/*
 * FastCGI 1.0 from web servers, as their responder: records -> requests, any
 * number of them on one connection at once -> meta-variables and a body.
 *
 * front_fcgi.c reads requests, front_fcgi_answer.c frames answers.
 */
#ifndef PERUSERD_MULTIPLEXER_FRONT_FCGI_H
#define PERUSERD_MULTIPLEXER_FRONT_FCGI_H

#include "multiplexer/front.h"

extern const struct front front_fcgi;

/* ---- front_fcgi_answer.c */

bool front_fcgi_write_head(struct conn *conn, struct buf *out, const struct answer *answer,
    int64_t body_len, struct answer_framing *framing);
bool front_fcgi_write_own(struct conn *conn, struct buf *out, int status, const char *extra);
bool front_fcgi_send(struct conn *conn, const struct part *part);
bool front_fcgi_send_file(struct conn *conn);
void front_fcgi_next(struct conn *conn);
void front_fcgi_drop(struct conn *conn);

/* The web server gave the request up: it hears that it is over, and nothing else. */
void front_fcgi_aborted(struct conn *conn);

#endif
