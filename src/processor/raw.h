/*
 * Raw answers: HTTP written straight to the client's own socket, which was
 * given away with the request and never goes back.  What is framed here can
 * spoil nobody's answer but this client's.
 *
 * The socket is non-blocking, as it came; a write waits send_timeout at most.
 */
#ifndef PERUSERD_PROCESSOR_RAW_H
#define PERUSERD_PROCESSOR_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "http/answer.h"

struct raw {
	int fd;                         /* owned; -1 where the answer goes by the channel */
	const char *server;             /* the Server field, or NULL */
	int send_timeout;               /* milliseconds */
	/* of the request that is served */
	int minor;
	bool head_only;
	bool keep_alive;                /* may the connection be kept; after the head: is it */
	struct answer_framing framing;
	bool begun;                     /* its head was sent */
	bool broken;                    /* a write failed, or the answer ended early: close */
	uint64_t left;                  /* of a body whose length was said */
	uint64_t sent;                  /* body bytes */
	struct buf head;
};

/* No client. */
void raw_none(struct raw *raw);
void raw_begin(struct raw *raw, int fd);
void raw_end(struct raw *raw);

/* Before each request on it. */
void raw_request(struct raw *raw, int minor, bool head_only, bool keep_alive);

/*
 * Body bytes; the first call sends the head too.  whole: there is no more than
 * this.  False: the client has gone.
 */
bool raw_write(struct raw *raw, const struct answer *answer, const void *bytes, size_t len,
    bool whole);

/* The same for bytes of a file, after what is in bytes. */
bool raw_file(struct raw *raw, const struct answer *answer, int fd, off_t offset, uint64_t len,
    bool whole);

/* After the body's last byte.  cut: it ended early. */
bool raw_finish(struct raw *raw, bool cut);

/* Bytes as they are: "100 Continue", an answer of our own. */
bool raw_bytes(struct raw *raw, const void *bytes, size_t len);

/* The client has hung up. */
bool raw_left(const struct raw *raw);

/* The Date field of now, made once a second. */
const char *raw_date(void);

#endif
