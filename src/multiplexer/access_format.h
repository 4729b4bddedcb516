/*
 * The format of an access log's lines, compiled once.  Pure.
 *
 *   %h %a  client's address    %l %u  -                  %t  time, in brackets
 *   %r     request line        %s %>s status             %b %B  body bytes ("-" or 0 for none)
 *   %D %T  time taken, microseconds or seconds            %v  vhost   %V  name asked for
 *   %m %U %q %H  method, path, query, protocol            %p  port    %%  a percent sign
 *   %{pool}  pool   %{pid}  the processor's pid   %{Name}i  a request field
 *
 * What comes from a client is escaped.  Anything else stands as it is.
 */
#ifndef PERUSERD_MULTIPLEXER_ACCESS_FORMAT_H
#define PERUSERD_MULTIPLEXER_ACCESS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include <peruserd/nv.h>

struct access_entry {
	const struct nv *vars;          /* the request's meta-variables */
	const char *time;               /* "[31/Jan/2026:12:00:00 +0000]" */
	const char *vhost;
	const char *pool;
	uint64_t bytes;
	uint64_t us;
	int32_t pid;
	int status;                     /* 0: not known */
};

struct access_format;

/* "combined", "common" or a format string.  NULL: no memory. */
struct access_format *access_format_new(const char *text);
void access_format_free(struct access_format **format);

/* True if it was made of that text. */
int access_format_is(const struct access_format *format, const char *text);

/* Write one line, newline included, cut to fit; returns its length. */
size_t access_format_write(const struct access_format *format,
    const struct access_entry *entry, char *out, size_t size);

#endif
