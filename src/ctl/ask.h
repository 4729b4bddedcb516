/* One request to the manager's control socket, and its whole answer. */
#ifndef PERUSERD_CTL_ASK_H
#define PERUSERD_CTL_ASK_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fault.h"

#define ASK_ANSWER_MAX (64u << 20)

/*
 * Send that line and read to the end of the connection.  *board becomes the
 * descriptor that came with the answer, the caller's, or -1.
 */
bool ask(const char *socket_path, const char *line, struct buf *answer, int *board,
    struct fault *fault);

#endif
