/*
 * A CGI response's head (RFC 3875, section 6.3): parsed, checked, and written
 * again as an HTTP/1.x head (RFC 9112).  The multiplexer uses it for channel
 * answers, the processor for raw ones.  No I/O, no allocation.
 *
 * Hop-by-hop fields of a script are dropped (Connection, Keep-Alive,
 * Transfer-Encoding, TE, Trailer, Upgrade, Proxy-Connection), so are Date, Server
 * and Content-Length, which are ours to write.  A status 1xx or a malformed head
 * is an error: 502.  Values hold no control character but HTAB, so no field can
 * end before its end and no answer can be two.
 */
#ifndef PERUSERD_HTTP_ANSWER_H
#define PERUSERD_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/head.h"

#define ANSWER_FIELDS   128
#define ANSWER_HEAD_MAX (32u * 1024)    /* bytes of a CGI response head, at most */
#define ANSWER_LENGTH_NONE (-1)
#define ANSWER_CGI      (-1)            /* for minor: a CGI head, for a web server to frame */

struct answer {
	int status;                     /* 200 where it said none; 302 for a Location alone */
	struct slice reason;            /* as the script gave it, or at NULL: the standard one */
	struct slice location;          /* at NULL where there is none */
	struct slice content_type;
	int64_t content_length;         /* what the script said, or ANSWER_LENGTH_NONE */
	struct head_field fields[ANSWER_FIELDS];        /* to pass on, in order: all but the
	                                                   dropped, Status and Content-Length */
	unsigned field_count;
	bool has_date;                  /* the script gave one; ours is written */
};

enum answer_result { ANSWER_MORE, ANSWER_HEAD, ANSWER_BAD };

/*
 * Parse a CGI response head; lines may end in LF or CRLF.  ANSWER_MORE: not
 * whole yet (never for more than ANSWER_HEAD_MAX bytes).  ANSWER_HEAD: *used is
 * its length, empty line included.  ANSWER_BAD: *why is one sentence for the log.
 */
enum answer_result answer_parse(const char *bytes, size_t len,
    struct answer *answer, size_t *used, const char **why);

enum answer_names {
	ANSWER_NAMES_NONE,
	ANSWER_NAMES_URI,       /* X-Accel-Redirect */
	ANSWER_NAMES_PATH       /* X-Sendfile */
};

/* Does it name a file that is to be sent in its place?  *name is then the field's value. */
enum answer_names answer_names_file(const struct answer *answer, struct slice *name);

/*
 * The answer that sends the file gets the fields of the one that named it: all but
 * what described that one's own body and what is the file's to say (ETag,
 * Last-Modified, ranges), and what was meant for a web server (X-Accel-*).  Content-Type
 * is the first one's, but of several ranges.  An error is left as it is.  False: too
 * many fields.
 */
bool answer_join(struct answer *file, const struct answer *named);

enum answer_body {
	BODY_FORBIDDEN,         /* no body bytes follow: HEAD, 204, 304 */
	BODY_EXACT,             /* `length` bytes follow */
	BODY_CHUNKED,           /* chunks follow */
	BODY_CLOSE              /* until the connection closes */
};

struct answer_framing {
	enum answer_body body;
	int64_t length;         /* Content-Length to write, or ANSWER_LENGTH_NONE; for
	                           BODY_FORBIDDEN too: what a GET would have had */
	bool keep_alive;        /* in: may we; out: what the head says */
};

/*
 * Decide how an answer is framed.  minor is the request's; head_only is true
 * for HEAD; body_len is the body's whole length where it is known, else
 * ANSWER_LENGTH_NONE.
 *
 * What the script said in Content-Length is what is written and what is sent:
 * with BODY_EXACT the caller sends the body's first `length` bytes, and drops
 * what the script gives beyond.  Where the body is shorter (known here:
 * body_len < length, keep_alive is then false; else seen when it ends) the
 * caller sends what there is and closes, so that the client sees it was cut.
 */
struct answer_framing answer_frame(const struct answer *answer, int minor, bool head_only,
    int64_t body_len, bool keep_alive);

/*
 * Write the HTTP head: status line, Date (29 bytes, see date.h), Server, the
 * script's fields, then Content-Length, Transfer-Encoding and Connection.
 * minor is the request's.  server may be NULL or "": no such field.  False
 * where it does not fit; out is then as it was.
 *
 * With ANSWER_CGI the head is a CGI one again: Status, the script's fields,
 * Content-Length; Date, Server and what is about the connection are the web server's.
 */
bool answer_write(struct buf *out, const struct answer *answer,
    const struct answer_framing *framing, int minor, const char *date, const char *server);

/*
 * A whole small answer of our own (an error, OPTIONS *): head and, from 300 on,
 * a short HTML page.  extra is NULL or whole "Name: value\r\n" lines.
 */
bool answer_write_own(struct buf *out, int status, int minor, bool head_only, bool keep_alive,
    const char *date, const char *server, const char *extra);

/* Append one chunk's size line; the data and CRLF are the caller's. Last chunk: "0\r\n\r\n". */
size_t answer_chunk_size(char out[20], uint64_t len);

#endif
