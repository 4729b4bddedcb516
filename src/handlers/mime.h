/*
 * MIME types by a file's suffix: from a file in the format of mime.types(5),
 * or a small table of our own where that is missing.  Built once, then
 * constant, so that processors share it.
 */
#ifndef PERUSERD_HANDLERS_MIME_H
#define PERUSERD_HANDLERS_MIME_H

#include <stdbool.h>
#include <stddef.h>

struct mime;

#define MIME_UNKNOWN "application/octet-stream"

/*
 * Read a file of types.  Where it can't be read *error is set to the errno
 * (else to 0) and the table holds the common types alone.  NULL: no memory.
 */
struct mime *mime_new(const char *path, int *error);

/* The same from text. */
struct mime *mime_new_text(const char *text, size_t len);
void mime_free(struct mime **mime);

/*
 * The type for a file's name or path, by the suffix after its last dot, any
 * case; MIME_UNKNOWN where there is none.  The table's own string.
 */
const char *mime_find(const struct mime *mime, const char *name);

#endif
