/*
 * What an operator is told about a longer task (reload, upgrade): lines of
 * record.h, "said" for each thing there is to say, then "ok" or "error"; and
 * the lines that a process which did part of it has written.
 */
#ifndef PERUSERD_MANAGER_SAID_H
#define PERUSERD_MANAGER_SAID_H

#include <stddef.h>

#include "base/buf.h"

#define SAID_MAX     (64u * 1024)       /* of such a process's words, bytes */
#define SAID_ANSWER  (256u * 1024)      /* of an answer */
#define SAID_LINE    1024               /* of one line of it; a longer one is cut */

/* One more line; text: NULL for none. */
void said_add(struct buf *answer, const char *kind, const char *text);

/* Call that for each whole line in fd; foreign bytes are escaped. */
void said_each(int fd, void (*line)(void *context, const char *text), void *context);

#endif
