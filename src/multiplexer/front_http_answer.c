#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "multiplexer/front_http.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/out.h"
#include "multiplexer/respond.h"

#define PIECES 5

static bool
may_keep_alive(const struct conn *conn)
{
	return conn->keep_alive && !conn->body_unread && !conn->mux->stopping;
}

bool
front_http_write_head(struct conn *conn, struct buf *out, const struct answer *answer,
    int64_t body_len, struct answer_framing *framing)
{
	*framing = answer_frame(answer, conn->minor, conn->head_only, body_len,
	    may_keep_alive(conn));
	if (!answer_write(out, answer, framing, conn->minor, conn->mux->date,
	    respond_server_name(conn)))
		return false;
	conn->keep_alive = framing->keep_alive;
	return true;
}

bool
front_http_write_own(struct conn *conn, struct buf *out, int status, const char *extra)
{
	conn->keep_alive = may_keep_alive(conn);
	return answer_write_own(out, status, conn->minor, conn->head_only, conn->keep_alive,
	    conn->mux->date, respond_server_name(conn), extra);
}

static void
add(struct iovec *pieces, int *count, const char *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(&pieces[*count].iov_base, &bytes, sizeof bytes);
	pieces[(*count)++].iov_len = len;
}

bool
front_http_send(struct conn *conn, const struct part *part)
{
	bool chunked = part->framing == BODY_CHUNKED;
	struct iovec pieces[PIECES];
	size_t total = 0;
	char size[20];
	int count = 0, i;

	add(pieces, &count, part->head, part->head_len);
	if (chunked && part->len > 0)
		add(pieces, &count, size, answer_chunk_size(size, part->len));
	add(pieces, &count, part->body, part->len);
	if (chunked && part->len > 0)
		add(pieces, &count, "\r\n", 2);
	if (chunked && part->end == PART_END)
		add(pieces, &count, "0\r\n\r\n", 5);
	for (i = 0; i < count; i++)
		total += pieces[i].iov_len;
	return total == 0 ||
	    out_send(conn->fd, &conn->out, pieces, count, total, part->file_len > 0);
}

bool
front_http_send_file(struct conn *conn)
{
	char *copy = conn->mux->scratch->copy;
	size_t budget = OUT_BURST, len;
	ssize_t got, sent = 0;

	while (conn->file_left > 0 && budget > 0) {
		len = sizeof conn->mux->scratch->copy;
		if (len > conn->file_left)
			len = (size_t)conn->file_left;
		got = pread(conn->file, copy, len, (off_t)conn->file_at);
		if (got <= 0)
			return false;
		sent = send(conn->fd, copy, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT |
		    (conn->file_left > (uint64_t)got ? MSG_MORE : 0));
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		conn->file_at += (uint64_t)sent;
		conn->file_left -= (uint64_t)sent;
		if (sent < got)
			break;
		budget -= budget < (size_t)sent ? budget : (size_t)sent;
	}
	return true;
}

void
front_http_wait(struct conn *conn, bool on)
{
	conn_write_events(conn, on);
	conn_timeout(conn, on ? conn_tuning(conn)->send_timeout : 0);
}

void
front_http_writable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	bool moved;

	(void)what;
	if (!out_flush(fd, &conn->out, conn->file_left > 0, &moved))
		conn_close(conn);
	else if (conn->out.len == 0)
		respond_room(conn);
	else if (moved)
		conn_timeout(conn, conn_tuning(conn)->send_timeout);
}

void
front_http_next(struct conn *conn)
{
	bool unread = conn->body_unread || conn->in.len > 0;
	uint64_t idle;

	conn_write_events(conn, false);
	if (!may_keep_alive(conn)) {
		/* Closing with bytes unread would reset, and eat the answer. */
		conn->state = CONN_SENDING;
		if (unread)
			conn_linger(conn);
		else
			conn_free(conn);
		return;
	}
	idle = conn_tuning(conn)->keep_alive_timeout;
	conn_reset(conn);
	conn->state = CONN_IDLE;
	conn->fresh = false;
	conn_timeout(conn, idle);
	conn_read_events(conn, true);
	if (conn->in.len > 0)
		conn_again(conn);
}

/* Its socket is closed with it: that tells enough. */
void
front_http_drop(struct conn *conn)
{
	(void)conn;
}

bool
front_http_continue(struct conn *conn)
{
	static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec piece = { line, sizeof line - 1 };

	return out_send(conn->fd, &conn->out, &piece, 1, sizeof line - 1, false);
}
