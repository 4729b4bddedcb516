/*
 * HTTP/1.x from clients: bytes -> one request at a time -> meta-variables and
 * a body -> handoff.  What is ambiguous is refused (http/head.h).  Bytes of a
 * next request are kept, bounded, until this one is answered.
 */
#ifndef PERUSERD_MULTIPLEXER_FRONT_HTTP_H
#define PERUSERD_MULTIPLEXER_FRONT_HTTP_H

#include <stddef.h>
#include <event2/util.h>

struct conn;
struct multiplexer;

/* How many bytes of a client may be kept unused. */
size_t front_http_in_max(const struct multiplexer *mux);

/* The client's socket has bytes, or has ended. */
void front_http_readable(evutil_socket_t fd, short what, void *context);

/* An idle connection with kept bytes: its next request. */
void front_http_again(struct conn *conn);

/* A streamed body's processor takes more. */
void front_http_feed(struct conn *conn);

#endif
