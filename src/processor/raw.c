#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "http/date.h"
#include "processor/raw.h"

#define PIECES 4                        /* head, chunk size, bytes, chunk end */
#define FILE_PIECE (1u << 30)           /* sendfile takes less than 2 GiB at once */
#define HEAD_MAX (2 * ANSWER_HEAD_MAX)  /* a script's head and what we add */

void
raw_none(struct raw *raw)
{
	memset(raw, 0, sizeof *raw);
	raw->fd = -1;
	raw->head.max = HEAD_MAX;
}

void
raw_begin(struct raw *raw, int fd)
{
	raw->fd = fd;
	raw->broken = false;
}

void
raw_end(struct raw *raw)
{
	fd_close(&raw->fd);
}

void
raw_request(struct raw *raw, int minor, bool head_only, bool keep_alive)
{
	raw->minor = minor;
	raw->head_only = head_only;
	raw->keep_alive = keep_alive;
	raw->begun = false;
	raw->left = raw->sent = 0;
	raw->head.len = 0;
}

const char *
raw_date(void)
{
	static char text[DATE_LEN + 1];
	static time_t written;
	time_t now = time(NULL);

	if (now != written) {
		date_write(text, now);
		written = now;
	}
	return text;
}

static bool
wait_writable(struct raw *raw)
{
	struct pollfd room = { raw->fd, POLLOUT, 0 };
	int ready;

	do
		ready = poll(&room, 1, raw->send_timeout);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* True where the call may be tried again. */
static bool
retry(struct raw *raw)
{
	if (errno == EINTR)
		return true;
	if ((errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) && wait_writable(raw))
		return true;
	raw->broken = true;
	return false;
}

static void
advance(struct msghdr *msg, size_t len)
{
	while (msg->msg_iovlen > 0 && len >= msg->msg_iov->iov_len) {
		len -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + len;
		msg->msg_iov->iov_len -= len;
	}
}

static bool
send_pieces(struct raw *raw, struct iovec *pieces, size_t count, int flags)
{
	struct msghdr msg = { 0 };
	ssize_t sent;

	msg.msg_iov = pieces;
	msg.msg_iovlen = count;
	advance(&msg, 0);
	while (!raw->broken && msg.msg_iovlen > 0) {
		sent = sendmsg(raw->fd, &msg, MSG_NOSIGNAL | flags);
		if (sent >= 0)
			advance(&msg, (size_t)sent);
		else if (!retry(raw))
			return false;
	}
	return !raw->broken;
}

static void
put_piece(struct iovec *piece, const void *bytes, size_t len)
{
	/* sendmsg reads the pieces and never writes them; the struct is const-less. */
	memcpy(&piece->iov_base, &bytes, sizeof bytes);
	piece->iov_len = len;
}

bool
raw_bytes(struct raw *raw, const void *bytes, size_t len)
{
	struct iovec piece;

	put_piece(&piece, bytes, len);
	return send_pieces(raw, &piece, 1, 0);
}

/* Decide the framing and make the head; len is the body's where it is whole. */
static bool
make_head(struct raw *raw, const struct answer *answer, uint64_t len, bool whole)
{
	int64_t known = whole && !raw->head_only ? (int64_t)len : ANSWER_LENGTH_NONE;

	raw->framing = answer_frame(answer, raw->minor, raw->head_only, known, raw->keep_alive);
	raw->keep_alive = raw->framing.keep_alive;
	if (raw->framing.body == BODY_EXACT)
		raw->left = (uint64_t)raw->framing.length;
	raw->begun = true;
	if (answer_write(&raw->head, answer, &raw->framing, raw->minor, raw_date(), raw->server))
		return true;
	raw->broken = true;
	return false;
}

/* How many of the next len body bytes may go out. */
static uint64_t
fitting(const struct raw *raw, uint64_t len)
{
	if (raw->framing.body == BODY_FORBIDDEN)
		return 0;
	return raw->framing.body == BODY_EXACT && len > raw->left ? raw->left : len;
}

static void
count_body(struct raw *raw, uint64_t len)
{
	raw->sent += len;
	if (raw->framing.body == BODY_EXACT)
		raw->left -= len;
}

bool
raw_write(struct raw *raw, const struct answer *answer, const void *bytes, size_t len, bool whole)
{
	struct iovec pieces[PIECES];
	char size_line[20];
	size_t fit, count = 0;

	if (raw->broken)
		return false;
	if (!raw->begun && !make_head(raw, answer, len, whole))
		return false;
	if (raw->head.len > 0)
		put_piece(&pieces[count++], raw->head.data, raw->head.len);
	fit = (size_t)fitting(raw, len);
	if (fit > 0 && raw->framing.body == BODY_CHUNKED)
		put_piece(&pieces[count++], size_line, answer_chunk_size(size_line, fit));
	if (fit > 0)
		put_piece(&pieces[count++], bytes, fit);
	if (fit > 0 && raw->framing.body == BODY_CHUNKED)
		put_piece(&pieces[count++], "\r\n", 2);
	if (!send_pieces(raw, pieces, count, 0))
		return false;
	raw->head.len = 0;
	count_body(raw, fit);
	return true;
}

static bool
send_file_bytes(struct raw *raw, int fd, off_t offset, uint64_t len)
{
	ssize_t sent;

	while (!raw->broken && len > 0) {
		sent = sendfile(raw->fd, fd, &offset, len < FILE_PIECE ? (size_t)len : FILE_PIECE);
		if (sent > 0) {
			len -= (uint64_t)sent;
			raw->sent += (uint64_t)sent;
			continue;
		}
		/* 0: the file is shorter than it was.  The length was said already. */
		if (sent == 0 || !retry(raw))
			raw->broken = true;
	}
	return !raw->broken;
}

bool
raw_file(struct raw *raw, const struct answer *answer, int fd, off_t offset, uint64_t len,
    bool whole)
{
	struct iovec pieces[PIECES];
	char size_line[20];
	size_t count = 0;
	bool chunked;

	if (raw->broken || (!raw->begun && !make_head(raw, answer, len, whole)))
		return false;
	chunked = raw->framing.body == BODY_CHUNKED;
	len = fitting(raw, len);
	if (raw->head.len > 0)
		put_piece(&pieces[count++], raw->head.data, raw->head.len);
	if (len > 0 && chunked)
		put_piece(&pieces[count++], size_line, answer_chunk_size(size_line, len));
	if (!send_pieces(raw, pieces, count, len > 0 ? MSG_MORE : 0))
		return false;
	raw->head.len = 0;
	if (raw->framing.body == BODY_EXACT)
		raw->left -= len;
	if (!send_file_bytes(raw, fd, offset, len))
		return false;
	return len == 0 || !chunked || raw_bytes(raw, "\r\n", 2);
}

bool
raw_finish(struct raw *raw, bool cut)
{
	if (cut || (raw->framing.body == BODY_EXACT && raw->left > 0))
		raw->broken = true;
	if (raw->broken)
		return false;
	return raw->framing.body != BODY_CHUNKED || raw_bytes(raw, "0\r\n\r\n", 5);
}

/*
 * An end of what he sends is taken for his leaving, as the multiplexer does,
 * unless a further request stands before it.
 */
bool
raw_left(const struct raw *raw)
{
	struct pollfd client = { raw->fd, POLLIN | POLLRDHUP, 0 };
	char byte;

	if (raw->broken)
		return true;
	if (poll(&client, 1, 0) <= 0)
		return false;
	if (client.revents & (POLLHUP | POLLERR))
		return true;
	return (client.revents & POLLRDHUP) != 0 &&
	    recv(raw->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
