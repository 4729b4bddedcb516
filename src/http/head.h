/*
 * The head of an HTTP/1.x request (RFC 9112), strictly: what is ambiguous is
 * an error with its status.  No I/O, no allocation; the slices point into the
 * caller's bytes.
 */
#ifndef PERUSERD_HTTP_HEAD_H
#define PERUSERD_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_FIELDS 128         /* header fields in a request, at most: 431 above */
#define HEAD_LENGTH_NONE (-1)

struct slice {
	const char *at;         /* not terminated; NULL where there is none */
	size_t len;
};

struct head_field {
	struct slice name;
	struct slice value;     /* without surrounding blanks */
};

enum head_form { HEAD_ORIGIN, HEAD_ABSOLUTE, HEAD_ASTERISK, HEAD_AUTHORITY };

struct head {
	struct slice method;
	struct slice target;            /* as it came */
	enum head_form form;
	struct slice path;              /* of the target, still encoded; "*" for an asterisk;
	                                   a static "/" or "*" where an absolute target has none */
	struct slice query;             /* without the '?'; at NULL where there is no '?' */
	struct slice host;              /* the target's authority, else Host's; may have a port */
	int minor;                      /* HTTP/1.minor: 0 or 1 */
	struct head_field fields[HEAD_FIELDS];
	unsigned field_count;
	int64_t content_length;         /* HEAD_LENGTH_NONE where there is none */
	bool chunked;
	bool expect_continue;
	bool keep_alive;                /* what the client wishes, by version and Connection */
	struct slice content_type;
};

enum head_result { HEAD_MORE, HEAD_DONE, HEAD_BAD };

struct head_limits {
	size_t line_max;                /* request line, bytes: 414 above */
	size_t head_max;                /* all of the head, bytes: 431 above */
};

/*
 * Parse a request head from the first bytes of a connection.
 *
 * HEAD_MORE  it isn't whole yet; call again with more of the same bytes.
 *            *scanned (0 at first) remembers how far was looked.
 * HEAD_DONE  *head is filled in, *used is its length, empty line included.
 * HEAD_BAD   *status is what to answer before closing: 400, 414, 417, 431,
 *            501 (a transfer coding or a method we don't know how to frame), 505.
 *
 * DONE and BAD make *scanned 0 again, for the next request.  Where several
 * things are wrong, the first is told, however the bytes come.
 *
 * Empty lines before the request line are skipped (RFC 9112, 2.2), two at most.
 */
enum head_result head_parse(const char *bytes, size_t len, const struct head_limits *limits,
    size_t *scanned, struct head *head, size_t *used, int *status);

/*
 * Split "host", "host:port", "[v6]:port".  False: malformed.  *port is 0 where
 * there is none; *name keeps the brackets, as SERVER_NAME does (RFC 3875, 4.1.14),
 * its case and a last dot.
 */
bool head_split_host(struct slice host, struct slice *name, unsigned *port);

/* The first field of that name, case-insensitive, or NULL. */
const struct head_field *head_find(const struct head *head, const char *name);

#endif
