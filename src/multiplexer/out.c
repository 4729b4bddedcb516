#include <errno.h>
#include <sys/socket.h>

#include "multiplexer/out.h"

bool
out_keep(struct buf *kept, const struct iovec *pieces, int count, size_t sent)
{
	int i;

	kept->max = OUT_MAX;
	for (i = 0; i < count; i++) {
		const char *at = pieces[i].iov_base;
		size_t len = pieces[i].iov_len;

		if (sent >= len) {
			sent -= len;
			continue;
		}
		if (!buf_add(kept, at + sent, len - sent))
			return false;
		sent = 0;
	}
	return true;
}

bool
out_send(int fd, struct buf *kept, struct iovec *pieces, int count, size_t len, bool more)
{
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t sent = 0;

	if (kept->len == 0) {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent < 0)
			sent = 0;
	}
	return (size_t)sent == len || out_keep(kept, pieces, count, (size_t)sent);
}

bool
out_flush(int fd, struct buf *kept, bool more, bool *moved)
{
	ssize_t sent;

	*moved = false;
	if (kept->len == 0)
		return true;
	sent = send(fd, kept->data, kept->len,
	    MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	*moved = sent > 0;
	buf_drop(kept, (size_t)sent);
	if (kept->len == 0)
		buf_free(kept);
	return true;
}
