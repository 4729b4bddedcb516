/*
 * Request bodies that have not arrived whole: decoded and kept until they
 * have, in memory, then in a memfd that is sealed when it is handed over, then
 * in a nameless file of spool_dir.  Where the vhost says stream_body they are
 * fed to the processor as they come instead, no faster than it reads.
 */
#ifndef PERUSERD_MULTIPLEXER_SPOOL_H
#define PERUSERD_MULTIPLEXER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "http/chunked.h"
#include "multiplexer/handoff_fd.h"

struct conn;
struct multiplexer;

enum body_place { BODY_IN_MEMORY, BODY_IN_MEMFD, BODY_IN_FILE };

enum body_result {
	BODY_MORE,              /* all bytes were used; more must come */
	BODY_DONE,              /* the body is whole; *left bytes belong to the next request */
	BODY_BAD,               /* 400 */
	BODY_TOO_LARGE,         /* 413 */
	BODY_NO_ROOM            /* 503: memory or the spool's disk is full; logged */
};

struct body {
	struct multiplexer *mux;
	struct conn *conn;
	enum body_place place;
	bool chunked;
	bool whole;
	bool streaming;                 /* handed over before it is whole */
	bool feeding;                   /* and it was: what comes goes to the processor */
	uint64_t total;                 /* as Content-Length said, or BODY_UNTIL_END */
	uint64_t len;                   /* so far, decoded */
	uint64_t max;                   /* vhost's max_body_size; 0: no bound */
	uint64_t claimed;               /* of body_memory_total, or of spool_total */
	struct chunked decoder;
	struct buf memory;              /* BODY_IN_MEMORY; feeding: what the processor did not take */
	int fd;                         /* the memfd or file, for writing; owned, or -1 */
	int reader;                     /* the file, read-only; owned, or -1 */
	int ours, theirs;               /* streaming: the pair; owned, or -1 */
	struct event event;             /* ours, for writing */
	bool armed;
};

/* NULL: no memory. */
struct body *body_new(struct conn *conn, uint64_t total, bool chunked, uint64_t max,
    bool streaming);
void body_free(struct body **body);

/* Take bytes from *at; *left becomes what is not the body's. */
enum body_result body_push(struct body *body, const char **at, size_t *left);

/* Fill in the body's part of a handoff.  False: no room or descriptors for it. */
bool body_ready(struct body *body);
void body_handoff(const struct body *body, struct handoff *handoff);

/* The processor has it: free it, or feed what comes from now on. */
void body_handed_over(struct conn *conn);

/*
 * A file of spool_dir that has no name, for reading and writing, or -1 with errno.  *reader
 * (-1 before) may become another description of it that only reads; the caller's.
 */
int spool_open(struct multiplexer *mux, int *reader);

/* Keep a whole small body that was found in the first bytes. */
bool body_keep(struct conn *conn, const char *bytes, size_t len);

#endif
