/*
 * The head of a CGI program's output (RFC 3875, section 6.2), as the handler
 * needs it: where it ends, and whether it asks for a local redirect.  A
 * non-parsed-header script's status line is turned into a Status field: the
 * connection is shared, so nobody but the multiplexer frames on it.  Pure.
 */
#ifndef PERUSERD_HANDLERS_CGI_HEAD_H
#define PERUSERD_HANDLERS_CGI_HEAD_H

#include "base/buf.h"
#include "http/answer.h"

struct cgi_head {
	size_t len;             /* bytes of the head, its empty line included */
	struct slice redirect;  /* a local path and query; at NULL: none */
};

/*
 * Look at the output so far.  May change out's first line.  ANSWER_BAD: *why is
 * one sentence.
 */
enum answer_result cgi_head_read(struct buf *out, struct cgi_head *head, const char **why);

#endif
