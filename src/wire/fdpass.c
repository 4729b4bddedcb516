#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "wire/fdpass.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

ssize_t
fdpass_send(int channel, const struct iovec *pieces, int piece_count,
    const int *fds, unsigned fd_count)
{
	union control control;
	struct msghdr msg = { 0 };
	struct cmsghdr *part;
	ssize_t sent;

	if (fd_count > FDPASS_MAX) {
		errno = EINVAL;
		return -1;
	}
	/* sendmsg reads the pieces and never writes them; the struct is const-less. */
	memcpy(&msg.msg_iov, &pieces, sizeof pieces);
	msg.msg_iovlen = (size_t)piece_count;
	if (fd_count > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		part = CMSG_FIRSTHDR(&msg);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(part), fds, fd_count * sizeof(int));
	}
	do
		sent = sendmsg(channel, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

static void
take_control(struct msghdr *msg, struct fdpass_got *got)
{
	struct cmsghdr *part;
	struct ucred creds;
	size_t i, count;
	int fd;

	for (part = CMSG_FIRSTHDR(msg); part != NULL; part = CMSG_NXTHDR(msg, part)) {
		if (part->cmsg_level != SOL_SOCKET)
			continue;
		if (part->cmsg_type == SCM_CREDENTIALS &&
		    part->cmsg_len == CMSG_LEN(sizeof creds)) {
			memcpy(&creds, CMSG_DATA(part), sizeof creds);
			got->pid = creds.pid;
		}
		if (part->cmsg_type != SCM_RIGHTS)
			continue;
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
			if (got->fd_count < FDPASS_MAX)
				got->fds[got->fd_count++] = fd;
			else {
				fd_close(&fd);
				got->truncated = true;
			}
		}
	}
}

ssize_t
fdpass_receive(int channel, void *to, size_t size, int flags, struct fdpass_got *got)
{
	union control control;
	struct iovec piece = { to, size };
	struct msghdr msg = { 0 };
	ssize_t len;
	unsigned i;

	memset(got, 0, sizeof *got);
	for (i = 0; i < FDPASS_MAX; i++)
		got->fds[i] = -1;
	msg.msg_iov = &piece;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof control.bytes;
	do
		len = recvmsg(channel, &msg, flags | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -1;
	got->len = (size_t)len;
	got->truncated = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	take_control(&msg, got);
	return len;
}

ssize_t
fdpass_receive_bytes(int channel, void *to, size_t size, int flags, bool *sent_fds,
    bool *truncated)
{
	struct iovec piece = { to, size };
	struct msghdr msg = { 0 };
	ssize_t len;

	msg.msg_iov = &piece;
	msg.msg_iovlen = 1;
	do
		len = recvmsg(channel, &msg, flags);
	while (len < 0 && errno == EINTR);
	*sent_fds = len >= 0 && (msg.msg_flags & MSG_CTRUNC) != 0;
	*truncated = len >= 0 && (msg.msg_flags & MSG_TRUNC) != 0;
	return len;
}

ssize_t
fdpass_receive_credited(int channel, void *to, size_t size, int flags, bool *sent_fds,
    bool *truncated, pid_t *pid)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec piece = { to, size };
	struct msghdr msg = { 0 };
	struct cmsghdr *part;
	struct ucred creds;
	ssize_t len;

	msg.msg_iov = &piece;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof control.bytes;
	do
		len = recvmsg(channel, &msg, flags | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	*pid = 0;
	*sent_fds = len >= 0 && (msg.msg_flags & MSG_CTRUNC) != 0;
	*truncated = len >= 0 && (msg.msg_flags & MSG_TRUNC) != 0;
	part = len >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (part != NULL && part->cmsg_level == SOL_SOCKET &&
	    part->cmsg_type == SCM_CREDENTIALS && part->cmsg_len == CMSG_LEN(sizeof creds)) {
		memcpy(&creds, CMSG_DATA(part), sizeof creds);
		*pid = creds.pid;
	}
	return len;
}

void
fdpass_drop(struct fdpass_got *got)
{
	unsigned i;

	for (i = 0; i < got->fd_count; i++)
		fd_close(&got->fds[i]);
	got->fd_count = 0;
}
