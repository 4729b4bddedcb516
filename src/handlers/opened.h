/*
 * Files that were served less than a second ago: a busy file is opened once a
 * second, not for each request.  What changes in it, or takes its place, is
 * seen at once (fstat); a folder that is renamed above it after that second.
 * A fixed table; only files of at most OPENED_SIZE bytes stay open, for what is
 * deleted meanwhile keeps its blocks.
 */
#ifndef PERUSERD_HANDLERS_OPENED_H
#define PERUSERD_HANDLERS_OPENED_H

#include <sys/stat.h>

#define OPENED_SIZE (1024 * 1024)

/*
 * Open to read, without waiting for whatever it is, and look at it.  Returns
 * the descriptor, to be given to opened_close(), or -1 with errno.
 */
int opened_open(const char *path, struct stat *is);

/* Done with it.  It may stay open for the next one who asks. */
void opened_close(int fd);

/* Close all. */
void opened_end(void);

#endif
