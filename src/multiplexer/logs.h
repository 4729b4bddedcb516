/*
 * Log files: opened by the manager when the first line for one is there
 * (WANT_LOG), written here, in one go each second or 64 KiB.  Lines that come
 * before the file does wait, bounded.  A full disk costs lines, never a request.
 */
#ifndef PERUSERD_MULTIPLEXER_LOGS_H
#define PERUSERD_MULTIPLEXER_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/envelope.h>
#include <peruserd/nv.h>

#include "base/buf.h"

struct conn;
struct multiplexer;
struct slot;

enum log_state { LOG_CLOSED, LOG_ASKED, LOG_OPEN, LOG_REFUSED };

struct log_file {
	char *path;                     /* owned; NULL: that number was never written to */
	enum log_state state;
	int fd;                         /* owned, or -1 */
	bool dirty;                     /* on the list of those to be written */
	bool failing;                   /* the last write failed; said once */
	bool stale;                     /* another file may have the name by now */
	bool inside;                    /* what was written last ended within a line */
	bool torn;                      /* and the rest of that line was lost */
	uint64_t lost;                  /* lines, since writing went well */
	uint32_t next_dirty;            /* SETTINGS_NONE: the last */
	struct buf buf;
};

#define LOGS_COMPLAINTS 8       /* kinds that are told apart */

struct complaint {
	const char *format;
	uint64_t ms;                    /* when it was last told */
};

struct logs {
	struct log_file *at;            /* by number */
	uint32_t count;
	uint32_t first_dirty;
	bool reopened;                  /* some are stale */
	char time[40];                  /* as in an access log, of this second */
	struct complaint complaints[LOGS_COMPLAINTS];
};

bool logs_begin(struct multiplexer *mux);
void logs_end(struct multiplexer *mux);

/* From the manager: that log is open on fd (taken), or can't be opened. */
void logs_take(struct multiplexer *mux, uint32_t number, int fd);
void logs_refused(struct multiplexer *mux, uint32_t number, int error);

/*
 * Files are to be opened anew, each at its next line.  What comes before a new
 * one is there goes to the former, so none is lost; files without lines close.
 */
void logs_reopen(struct multiplexer *mux);

/* Add a whole line to the log of that number, which is that file. */
void logs_write(struct multiplexer *mux, uint32_t number, const char *path, const char *line,
    size_t len);

/* Write all that waits: each second, and at the end. */
void logs_flush(struct multiplexer *mux);

/* The second has changed. */
void logs_tick(struct multiplexer *mux);

/* One access line: for a connection's request; for one served on a socket given away. */
void logs_access(struct conn *conn);
void logs_served(struct multiplexer *mux, const struct slot *slot,
    const struct completion *said, const struct nv *vars);

/* A warning in the error log, one of each kind (by its format) a second at most. */
void logs_complain(struct multiplexer *mux, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
