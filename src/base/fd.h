/*
 * Descriptors: one owner each, and -1 is the only "none".
 */
#ifndef PERUSERD_BASE_FD_H
#define PERUSERD_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

/* Close *fd unless it is -1, and make it -1.  errno is kept. */
void fd_close(int *fd);

/* Take *fd over: returns it, leaves -1. */
int fd_take(int *fd);

bool fd_set_nonblocking(int fd, bool on);
bool fd_set_cloexec(int fd, bool on);

/* Read, write all of len bytes of a blocking descriptor; false on error or early end. */
bool fd_read_all(int fd, void *to, size_t len);
bool fd_write_all(int fd, const void *from, size_t len);

/*
 * Put fds[i] at number i for each i (those of -1 are left closed), close every
 * other descriptor, clear close-on-exec.  For a child between fork and exec:
 * async-signal-safe.  False: the process should _exit.
 */
bool fd_arrange(const int *fds, int count);

/*
 * Refuse descriptors sent to this Unix socket (SO_PASSRIGHTS 0, Linux 6.16).
 * False where the kernel can't.
 */
bool fd_refuse_rights(int socket_fd);

/* For tests: from now on this kernel is one that can't. */
void fd_refuse_rights_never(void);

/* A sealed memfd holding these bytes, positioned at its start, or -1. */
int fd_sealed(const char *name, const void *bytes, size_t len);

/* A pair of SOCK_SEQPACKET or SOCK_STREAM sockets, close-on-exec; false with errno. */
bool fd_pair(int type, int pair[2]);

#endif
