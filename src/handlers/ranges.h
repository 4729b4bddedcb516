/*
 * The Range field (RFC 9110, section 14.2): which bytes of a representation
 * were asked for.  Pure.
 */
#ifndef PERUSERD_HANDLERS_RANGES_H
#define PERUSERD_HANDLERS_RANGES_H

#include <stddef.h>
#include <stdint.h>

#define RANGES_MAX 32           /* a Range field that names more is ignored */

struct range {
	uint64_t first;
	uint64_t len;           /* at least 1 */
};

struct ranges {
	struct range at[RANGES_MAX];
	unsigned count;
};

enum ranges_result {
	RANGES_IGNORE,          /* not ours, malformed or abusive: send all of it */
	RANGES_SOME,            /* send these */
	RANGES_BEYOND           /* none of them lies in it: 416 */
};

/*
 * Read a Range field for a representation of size bytes.  Ranges that overlap
 * or touch are merged into the first of them; the order is the client's.
 */
enum ranges_result ranges_read(const char *text, size_t len, uint64_t size,
    struct ranges *ranges);

#endif
