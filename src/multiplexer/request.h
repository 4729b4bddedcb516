/*
 * What every front does with a request that it has understood: find its site,
 * judge what can be judged, take its body, hand it over.
 */
#ifndef PERUSERD_MULTIPLEXER_REQUEST_H
#define PERUSERD_MULTIPLEXER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/nv.h>

#include "http/head.h"
#include "multiplexer/spool.h"

struct conn;

/* What is to be known of a request's body before it has come. */
struct request_body {
	int64_t length;         /* HEAD_LENGTH_NONE: told by its end */
	bool chunked;           /* its bytes come in chunks */
	bool may_stream;        /* where the vhost wishes: hand over before it is whole */
};

/* An error of the client's: answered, and no next request comes. */
void request_refuse(struct conn *conn, int status);

/*
 * The site of that name (no port): sets conn->vhost and conn->pool.  0, or the
 * status to answer.
 */
int request_find_site(struct conn *conn, struct slice name);

/*
 * The tables have changed since it was understood, and no processor has it yet:
 * find its site in the present ones.  0, or the status to answer.
 */
int request_adopt(struct conn *conn, const struct nv *vars);

/*
 * The path and the body's length, by the site's settings: 0, or the status to
 * answer.  scratch.uri becomes the decoded path.
 */
int request_check(struct conn *conn, struct slice path, int64_t length);

/*
 * The pool for that decoded path, by the vhost's handlers: sets conn->pool.  0, or the
 * status to answer.
 */
int request_route(struct conn *conn, const char *path);

/*
 * A processor of ours found that the pool of a handler "fastcgi" serves that path: hand
 * the request over to that one, once.  What it says is checked: it is a user's.
 */
void request_pass(struct conn *conn, const char *path, size_t len);

/*
 * Its answer named that file (named_file.h), and is no longer tied to a slot: have it
 * sent by a processor of the site's own pool.
 */
void request_send_named(struct conn *conn, const char *path, size_t len);

/* The address it was accepted on, as text. */
const char *request_local_addr(struct conn *conn);

/* Hand over a request whose body is these bytes, all of it.  All is borrowed. */
void request_hand_over(struct conn *conn, const struct nv *vars, const char *body, size_t len);

/*
 * Begin to take a body that has not come whole; the variables are copied.
 * False: refused already.
 */
bool request_body_begin(struct conn *conn, const struct nv *vars, const struct request_body *body);

/* A body without a length has ended.  BODY_BAD: one that had a length came short. */
enum body_result request_body_end(struct conn *conn);

/* Go on with what body_push() or request_body_end() gave: wait, hand over, or refuse. */
void request_body_took(struct conn *conn, enum body_result result);

/* Before the body is whole, where it is to be streamed: to a processor now. */
void request_body_stream(struct conn *conn);

#endif
