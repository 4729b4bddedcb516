/*
 * Which of a line of numbers are free, as ranges.  Pure.  Taking finds the
 * first range that is long enough; giving joins neighbours.
 */
#ifndef PERUSERD_MANAGER_RANGES_H
#define PERUSERD_MANAGER_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGES_NONE UINT32_MAX

struct range {
	uint32_t first, count;
};

struct ranges {
	struct range *at;               /* owned; in order, never touching */
	size_t count, size;
};

/* All of [0, count) is free.  False: no memory. */
bool ranges_begin(struct ranges *ranges, uint32_t count);
void ranges_end(struct ranges *ranges);

/* The first of `count` free numbers in a row, now taken; or RANGES_NONE. */
uint32_t ranges_take(struct ranges *ranges, uint32_t count);

/* Take exactly these.  False: not all of them are free. */
bool ranges_claim(struct ranges *ranges, uint32_t first, uint32_t count);

/* They are free again.  Where memory runs out they are lost, nothing else. */
void ranges_give(struct ranges *ranges, uint32_t first, uint32_t count);

#endif
