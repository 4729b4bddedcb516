/*
 * A status as text for a terminal or as JSON.  Foreign text is escaped in both:
 * control characters never reach a terminal, and JSON is ASCII whatever a URL
 * holds.  Each appends to a buffer; false where it does not fit.
 */
#ifndef PERUSERD_STATUS_SHOW_H
#define PERUSERD_STATUS_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "status/view.h"

/* What is appended to; ok is false once something did not fit. */
struct show {
	struct buf *to;
	bool ok;
};

void show_text(struct show *show, const char *text);
void show_format(struct show *show, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For a terminal that many columns wide. */
bool show_terminal(const struct view *view, unsigned columns, struct buf *out);
bool show_json(const struct view *view, struct buf *out);

/* Numbers in a few columns.  "340ms", "12s", "5m", "3h", "12d" */
#define SHOW_SHORT 24
const char *show_age(uint64_t ms, char out[SHOW_SHORT]);
/* "999", "1.2k", "34M" */
const char *show_count(uint64_t count, char out[SHOW_SHORT]);
/* "0", "12K", "1.5M" */
const char *show_bytes(uint64_t bytes, char out[SHOW_SHORT]);

/* A JSON string, quotes included; bytes above 0x7e as the code points of Latin-1. */
void show_json_string(struct show *show, const char *text);

#endif
