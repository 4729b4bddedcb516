/*
 * HTTP/1.x from clients: bytes -> one request at a time -> meta-variables and
 * a body.  What is ambiguous is refused (http/head.h).  Bytes of a next request
 * are kept, bounded, until this one is answered.
 *
 * front_http.c reads requests, front_http_answer.c frames answers.
 */
#ifndef PERUSERD_MULTIPLEXER_FRONT_HTTP_H
#define PERUSERD_MULTIPLEXER_FRONT_HTTP_H

#include "multiplexer/front.h"

extern const struct front front_http;

/* ---- front_http_answer.c */

bool front_http_write_head(struct conn *conn, struct buf *out, const struct answer *answer,
    int64_t body_len, struct answer_framing *framing);
bool front_http_write_own(struct conn *conn, struct buf *out, int status, const char *extra);
bool front_http_send(struct conn *conn, const struct part *part);
bool front_http_send_file(struct conn *conn);
void front_http_wait(struct conn *conn, bool on);
void front_http_writable(evutil_socket_t fd, short what, void *context);
void front_http_next(struct conn *conn);
void front_http_drop(struct conn *conn);

/* "HTTP/1.1 100 Continue".  False: the client has gone. */
bool front_http_continue(struct conn *conn);

#endif
