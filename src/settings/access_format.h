/*
 * The format of an access log's lines, compiled once.  Pure.
 *
 *   %h %a  client's address    %l %u  -                  %t  time, in brackets
 *   %r     request line        %s %>s status             %b %B  body bytes ("-" or 0 for none)
 *   %D %T  time taken, microseconds or seconds            %v  vhost   %V  name asked for
 *   %m %U %q %H  method, path, query, protocol            %p  port    %%  a percent sign
 *   %A     own address        %L  an id of the request's own
 *   %{s}T %{ms}T %{us}T  time taken; %{wait}  of that in the queue, microseconds
 *   %{pool}  pool   %{pid} %{pid}P %P  the processor's pid   %{Name}i  a request field
 *
 * Any other percent sign is a mistake.
 */
#ifndef PERUSERD_SETTINGS_ACCESS_FORMAT_H
#define PERUSERD_SETTINGS_ACCESS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

enum access_op_kind {
	ACCESS_LITERAL, ACCESS_VAR, ACCESS_DASH, ACCESS_TIME, ACCESS_REQUEST, ACCESS_STATUS,
	ACCESS_BYTES, ACCESS_BYTES_ZERO, ACCESS_MICROSECONDS, ACCESS_SECONDS, ACCESS_VHOST,
	ACCESS_QUERY, ACCESS_POOL, ACCESS_PID, ACCESS_MILLISECONDS, ACCESS_WAIT, ACCESS_ID
};

struct access_op {
	enum access_op_kind kind;
	char *text;             /* ACCESS_LITERAL: the text; ACCESS_VAR: a variable's name.  Owned */
};

struct access_format {
	char *source;
	struct access_op *ops;
	size_t count;
};

/* "combined", "common" or a format string.  NULL: no such format, or no memory. */
struct access_format *access_format_new(const char *text, struct fault *fault);
void access_format_free(struct access_format **format);

/* True if it was made of that text. */
bool access_format_is(const struct access_format *format, const char *text);

#endif
