/*
 * "peruserctl top": pools and running requests, a second at a time, with what
 * happened in that second.
 */
#ifndef PERUSERD_CTL_TOP_H
#define PERUSERD_CTL_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/fault.h"
#include "status/view.h"

/* Until q.  False: the fault says why it could not go on. */
bool top(const char *socket_path, struct fault *fault);

struct top_frame {
	const struct view *now, *before;        /* before: NULL at first */
	double seconds;                         /* between the two */
	char order;                             /* a key of top_orders */
	unsigned columns, rows;
};

/* The keys that order, and what by: "busy first". */
extern const struct top_order {
	char key;
	const char *name;
} top_orders[];
extern const size_t top_order_count;

/* One screen of it, at most that many rows and columns. */
bool top_draw(const struct top_frame *frame, struct buf *out);

#endif
