/*
 * The chunked transfer coding of a request body (RFC 9112, 7.1), strictly: as
 * a push decoder that works in the caller's buffer.  Trailers are read,
 * bounded and dropped; chunk extensions are bounded and dropped.
 */
#ifndef PERUSERD_HTTP_CHUNKED_H
#define PERUSERD_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

enum chunked_result {
	CHUNKED_MORE,           /* all bytes used; more must come */
	CHUNKED_DATA,           /* *data, *data_len are body bytes; call again with the rest */
	CHUNKED_END,            /* the body is complete; behind *used the next request begins */
	CHUNKED_BAD             /* malformed: 400 and close */
};

struct chunked {
	int state;
	uint64_t left;          /* of the chunk being read */
	unsigned line;          /* bytes of the line being read */
	unsigned extensions;    /* bytes of all chunk extensions */
	unsigned trailers;      /* bytes of all trailers */
	unsigned char digits;
};

void chunked_begin(struct chunked *chunked);

/*
 * Decode from bytes.  *used is how many were taken, data bytes included.
 * *data points into bytes.
 */
enum chunked_result chunked_decode(struct chunked *chunked, const char *bytes, size_t len,
    size_t *used, const char **data, size_t *data_len);

#endif
