/*
 * Bytes to a socket, in order: what it does not take now is kept, bounded, and
 * goes first when it takes bytes again.
 */
#ifndef PERUSERD_MULTIPLEXER_OUT_H
#define PERUSERD_MULTIPLEXER_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buf.h"

#define OUT_MAX    (512u * 1024)        /* bytes that wait for a slow client */
#define OUT_BURST  (1024u * 1024)       /* bytes of an answer memory sent in a row */

/*
 * Send the pieces (len bytes in all) after what is kept.  more: others follow at
 * once.  False: who reads it has gone, or too much is kept.
 */
bool out_send(int fd, struct buf *kept, struct iovec *pieces, int count, size_t len, bool more);

/* Keep all but the first `sent` bytes of the pieces.  False: too much. */
bool out_keep(struct buf *kept, const struct iovec *pieces, int count, size_t sent);

/*
 * Send what is kept, as much as the socket takes; *moved tells whether it took
 * any.  False: who reads it has gone.
 */
bool out_flush(int fd, struct buf *kept, bool more, bool *moved);

#endif
