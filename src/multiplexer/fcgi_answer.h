/*
 * What comes back from a FastCGI program: records taken apart, STDOUT relayed
 * to the client as a CGI response, STDERR to the pool's log.  A small answer
 * that is there whole goes out whole; any other as it comes, and what its
 * client does not take waits here: answer_buffer of it in memory, answer_spool
 * of it in spool_dir.  So no slow client holds a program.
 */
#ifndef PERUSERD_MULTIPLEXER_FCGI_ANSWER_H
#define PERUSERD_MULTIPLEXER_FCGI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/util.h>

#include "base/buf.h"

struct fcgi;
struct slot;
struct stream;

/* The connection has bytes, or has ended. */
void fcgi_readable(evutil_socket_t fd, short what, void *context);

/* Take what it said before its process went. */
void fcgi_drain(struct slot *slot);

/*
 * After an abort, when nothing more can come: was the END among what had come before?
 * Nothing of it is used.
 */
bool fcgi_has_ended(struct fcgi *fcgi);

/* ---- an answer that waits for its client */

struct waiting {
	struct fcgi *from;              /* while more may come; NULL: it is all here */
	bool paused;                    /* the client takes no more now */
	struct buf memory;
	int file;                       /* owned, or -1 */
	uint64_t file_from, file_to;    /* what is in it and not taken yet */
};

/* More of the answer, or (len 0) its end: whole, or cut short. */
void waiting_add(struct stream *stream, const char *bytes, size_t len);
void waiting_end(struct stream *stream, bool whole);

/* Its client takes more again. */
void waiting_resume(struct stream *stream);
void waiting_free(struct stream *stream);

#endif
