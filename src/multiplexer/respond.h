/*
 * Answers to clients, checked here and framed by their front, nowhere else on a
 * shared connection: a body longer than was said is cut, a shorter one ends badly.
 */
#ifndef PERUSERD_MULTIPLEXER_RESPOND_H
#define PERUSERD_MULTIPLEXER_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct slot;
struct stream;

/* An answer of our own: an error, OPTIONS *.  extra: whole header lines, or NULL. */
void respond_own(struct conn *conn, int status, const char *extra);

/* 503 with Retry-After: the pool is busy, or can't start. */
void respond_busy(struct conn *conn);

/* That status if nothing went out yet, else the connection closes. */
void respond_failed(struct conn *conn, int status);

/* A CGI response, whole (cut: as far as it got). */
void respond_inline(struct conn *conn, const char *bytes, size_t len, bool cut);

/* A CGI head, and for its body the first file_len bytes of that file, which is taken. */
void respond_file(struct conn *conn, const char *head, size_t head_len, int file,
    uint64_t file_len);

/* The first len bytes of the slot's lent memory are a CGI response. */
void respond_memory(struct conn *conn, struct slot *slot, uint64_t len, bool cut);

/*
 * Bytes that came by a stream (none: look whether it has ended).  False: the
 * stream is gone, or the client takes no more now.
 */
bool respond_stream(struct stream *stream, const char *bytes, size_t len);

/* What was kept has been sent: its front takes more. */
void respond_room(struct conn *conn);

/* For fronts: the Server field, or NULL. */
const char *respond_server_name(const struct conn *conn);

#endif
