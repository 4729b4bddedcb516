/*
 * What a pool has to say: lines of its zygote's standard error (a socket) and
 * of its processors' completions.  Bounded, rate-limited, escaped, prefixed
 * with the pool's name, written to its log or to the daemon's.
 */
#ifndef PERUSERD_MULTIPLEXER_POOL_LOG_H
#define PERUSERD_MULTIPLEXER_POOL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/log.h"

#define POOL_LOG_LINE 2048              /* bytes of a line; a longer one is cut in pieces */
#define POOL_LOG_READ 8                 /* zygotes of a pool at once; the eldest is dropped */

struct multiplexer;

/* The standard error of one zygote and its processors. */
struct pool_stderr {
	struct pool_log *log;
	TAILQ_ENTRY(pool_stderr) link;
	int fd;                         /* owned */
	struct event event;
	struct buf line;                /* one that has not ended yet */
};

struct pool_log {
	struct multiplexer *mux;
	uint32_t pool;
	TAILQ_HEAD(, pool_stderr) read; /* the eldest first */
	unsigned read_count;
	unsigned lines;                 /* in this second; at most log_rate are written */
	uint64_t dropped;
};

void pool_log_begin(struct pool_log *log, struct multiplexer *mux, uint32_t pool);
void pool_log_end(struct pool_log *log);

/* Read that zygote's socket too, until its end; takes fd. */
void pool_log_take(struct pool_log *log, int fd);

/* Write one line; site: which it is about, or NULL. */
void pool_log_line(struct pool_log *log, enum log_level level, const char *site,
    const char *text, size_t len);

/* A second has passed. */
void pool_log_tick(struct pool_log *log);

#endif
