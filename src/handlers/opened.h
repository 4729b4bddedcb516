/*
 * Files that were served less than a second ago: a busy file is opened once a
 * second, not for each request.  What changes in it, or takes its place, is
 * seen at once (fstat); a folder that is renamed above it after that second.
 * A fixed table; only files of at most OPENED_SIZE bytes stay open, for what is
 * deleted meanwhile keeps its blocks.
 *
 * With each goes a note: the last answer that was made of it, whole, where that
 * is short.
 */
#ifndef PERUSERD_HANDLERS_OPENED_H
#define PERUSERD_HANDLERS_OPENED_H

#include <stddef.h>
#include <sys/stat.h>

#define OPENED_SIZE (1024 * 1024)
#define OPENED_HEAD 512
#define OPENED_BODY 4096

struct opened_note {
	size_t head_len;        /* 0: nothing is noted */
	size_t body_len;
	char head[OPENED_HEAD];
	char body[OPENED_BODY];
};

/*
 * Open to read, without waiting for whatever it is, and look at it.  Returns
 * the descriptor, to be given to opened_close(), or -1 with errno.
 */
int opened_open(const char *path, struct stat *is);

/*
 * The note of that file, as opened_open() just found it, empty where the file
 * has changed since it was written.  NULL where there is none: the file does
 * not stay open, or changed so lately that its time would not tell of one more.
 */
struct opened_note *opened_note(int fd, const struct stat *is);

/* Done with it.  It may stay open for the next one who asks. */
void opened_close(int fd);

/* Close all. */
void opened_end(void);

#endif
