/*
 * A growing byte buffer with a bound that its owner names.
 */
#ifndef PERUSERD_BASE_BUF_H
#define PERUSERD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;     /* owned; not terminated.  NULL while empty */
	size_t len;
	size_t size;
	size_t max;     /* never grows past this */
};

#define BUF(bound) { NULL, 0, 0, (bound) }

/* Make room for `more` bytes; false where the bound or memory forbids it. */
bool buf_reserve(struct buf *buf, size_t more);
bool buf_add(struct buf *buf, const void *bytes, size_t len);
bool buf_add_str(struct buf *buf, const char *text);
bool buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget the first len bytes. */
void buf_drop(struct buf *buf, size_t len);

/* Free the memory; the buffer is empty and usable. */
void buf_free(struct buf *buf);

#endif
