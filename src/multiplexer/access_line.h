/*
 * A line of an access log, by its compiled format.  Pure.  What comes from a
 * client is escaped.
 */
#ifndef PERUSERD_MULTIPLEXER_ACCESS_LINE_H
#define PERUSERD_MULTIPLEXER_ACCESS_LINE_H

#include <stddef.h>
#include <stdint.h>

#include <peruserd/nv.h>

#include "settings/access_format.h"

struct access_entry {
	const struct nv *vars;          /* the request's meta-variables */
	const char *time;               /* "[31/Jan/2026:12:00:00 +0000]" */
	const char *vhost;
	const char *pool;
	uint64_t bytes;
	uint64_t us;
	uint64_t wait_us;               /* of that in the queue */
	const char *id;                 /* its own, or NULL */
	int32_t pid;
	int status;                     /* 0: not known */
};

/* Write one line, newline included, cut to fit; returns its length. */
size_t access_line_write(const struct access_format *format,
    const struct access_entry *entry, char *out, size_t size);

#endif
