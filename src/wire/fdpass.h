/*
 * The only sendmsg and recvmsg with SCM_RIGHTS in the tree.
 */
#ifndef PERUSERD_WIRE_FDPASS_H
#define PERUSERD_WIRE_FDPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FDPASS_MAX 4

/*
 * Send these pieces as one packet with fd_count descriptors, which stay the
 * caller's.  Never blocks.  Returns the bytes sent, or -1 with errno.
 */
ssize_t fdpass_send(int channel, const struct iovec *pieces, int piece_count,
    const int *fds, unsigned fd_count);

struct fdpass_got {
	size_t len;
	int fds[FDPASS_MAX];    /* the caller's; -1 where there is none */
	unsigned fd_count;
	bool truncated;         /* the packet, or its descriptors, did not fit */
	pid_t pid;              /* of the sender, where SO_PASSCRED is set; else 0 */
};

/*
 * Receive one packet from a peer that may send descriptors (a trusted one).
 * Returns bytes, 0 at the end, -1 with errno.  flags: MSG_DONTWAIT or 0.
 */
ssize_t fdpass_receive(int channel, void *to, size_t size, int flags, struct fdpass_got *got);

/*
 * Receive one packet from a peer that may send none (a user's process).
 * *sent_fds becomes true where it tried to; the kernel has closed them.
 */
ssize_t fdpass_receive_bytes(int channel, void *to, size_t size, int flags, bool *sent_fds,
    bool *truncated);

/*
 * The same on a socket that has SO_PASSCRED set: *pid becomes the sender's, as
 * the kernel sees it.  There is room for the credentials alone.
 */
ssize_t fdpass_receive_credited(int channel, void *to, size_t size, int flags, bool *sent_fds,
    bool *truncated, pid_t *pid);

/* Close what was received and not taken. */
void fdpass_drop(struct fdpass_got *got);

#endif
