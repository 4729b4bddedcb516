#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/lend.h"
#include "multiplexer/respond.h"

#define OUT_MAX    (512u * 1024)        /* framed bytes that wait for a slow client */
#define FILE_BURST (1024u * 1024)       /* bytes of an answer memory sent in a row */
#define PIECES     5

/* Keep what the socket did not take: all but the first `sent` bytes of the pieces. */
static bool
keep_rest(struct conn *conn, const struct iovec *pieces, int count, size_t sent)
{
	int i;

	conn->out.max = OUT_MAX;
	for (i = 0; i < count; i++) {
		const char *at = pieces[i].iov_base;
		size_t len = pieces[i].iov_len;

		if (sent >= len) {
			sent -= len;
			continue;
		}
		if (!buf_add(&conn->out, at + sent, len - sent))
			return false;
		sent = 0;
	}
	return true;
}

/* Send, in order, after what already waits.  False: the client has gone. */
static bool
send_pieces(struct conn *conn, struct iovec *pieces, int count, size_t len, bool more)
{
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t sent = 0;

	if (conn->out.len == 0) {
		sent = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent < 0)
			sent = 0;
	}
	return (size_t)sent == len || keep_rest(conn, pieces, count, (size_t)sent);
}

static uint64_t
send_timeout(const struct conn *conn)
{
	const struct settings *settings = conn->mux->settings;

	return conn->vhost != SETTINGS_NONE ? settings->vhosts[conn->vhost].tuning.send_timeout :
	    settings->tuning.send_timeout;
}

static void
wait_for_room(struct conn *conn)
{
	conn_write_events(conn, true);
	conn_timeout(conn, send_timeout(conn));
}

/* Bytes of the answer memory, as many as the socket takes.  False: the client has gone. */
static bool
send_file(struct conn *conn)
{
	uint64_t budget = FILE_BURST;
	off_t at = (off_t)conn->file_at;
	ssize_t sent;

	while (conn->file_left > 0 && budget > 0) {
		sent = sendfile(conn->fd, conn->file, &at,
		    conn->file_left < budget ? conn->file_left : budget);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (sent <= 0)
			return false;
		conn->file_at = (uint64_t)at;
		conn->file_left -= (uint64_t)sent;
		budget -= (uint64_t)sent;
	}
	return true;
}

/* The whole answer is framed.  Send what is left of it, finish if that is all. */
static void
answer_complete(struct conn *conn)
{
	conn->state = CONN_SENDING;
	if (conn->out.len == 0 && conn->file_left > 0 && !send_file(conn)) {
		conn_close(conn);
		return;
	}
	if (conn->out.len > 0 || conn->file_left > 0)
		wait_for_room(conn);
	else
		conn_finish(conn);
}

static const char *
server_name(const struct conn *conn)
{
	const char *server = conn->mux->settings->server_header;

	return server != NULL && server[0] != '\0' ? server : NULL;
}

static bool
may_keep_alive(const struct conn *conn)
{
	return conn->keep_alive && !conn->body_unread && !conn->mux->stopping;
}

static void
count_answer(struct conn *conn, int status)
{
	struct multiplexer *mux = conn->mux;

	conn->answered = true;
	conn->status = status;
	if (status >= 500 && conn->vhost != SETTINGS_NONE)
		atomic_fetch_add_explicit(&board_pool(mux->board, conn->pool)->errors, 1,
		    memory_order_relaxed);
}

void
respond_own(struct conn *conn, int status, const char *extra)
{
	struct multiplexer *mux = conn->mux;
	struct buf *out = &mux->scratch->out;
	struct iovec piece;

	out->len = 0;
	conn->keep_alive = may_keep_alive(conn);
	timeouts_clear(&conn->timeout);
	if (!answer_write_own(out, status, conn->minor, conn->head_only, conn->keep_alive,
	    mux->date, server_name(conn), extra)) {
		conn_close(conn);
		return;
	}
	count_answer(conn, status);
	conn->state = CONN_SENDING;
	piece.iov_base = out->data;
	piece.iov_len = out->len;
	if (!send_pieces(conn, &piece, 1, out->len, false))
		conn_close(conn);
	else
		answer_complete(conn);
}

void
respond_busy(struct conn *conn)
{
	respond_own(conn, 503, "Retry-After: 5\r\n");
}

/* Whoever still works on its request does so for nobody. */
static void
detach(struct conn *conn)
{
	struct slot *slot = conn->slot;

	if (slot == NULL)
		return;
	conn->slot = NULL;
	slot->conn = NULL;
	if (slot->busy)
		slot_abort(slot);
}

void
respond_failed(struct conn *conn, int status)
{
	detach(conn);
	if (conn->state == CONN_GIVEN || conn->state == CONN_LEFT) {
		if (conn->state == CONN_GIVEN) {
			conn->status = status;
			logs_access(conn);
		}
		conn_free(conn);
		return;
	}
	if (!conn->answered) {
		if (conn->stream != NULL)
			stream_free(&conn->stream);
		respond_own(conn, status, NULL);
		return;
	}
	/* Part of it went out: only a closed connection tells the client. */
	conn->state = CONN_SENDING;
	conn_close(conn);
}

/*
 * Parse a CGI head and write the HTTP one into scratch.out.  0: the client got
 * 502, or more is needed where *more says so; else the CGI head's length.
 */
static size_t
frame(struct conn *conn, const char *bytes, size_t len, int64_t total, bool cut,
    struct answer_framing *framing, bool *more)
{
	struct multiplexer *mux = conn->mux;
	struct answer *answer = &mux->scratch->answer;
	const char *why = "its head has no end";
	int64_t body_len = ANSWER_LENGTH_NONE;
	enum answer_result result;
	size_t used = 0;

	result = answer_parse(bytes, len, answer, &used, &why);
	*more = result == ANSWER_MORE;
	if (result == ANSWER_MORE && (total < 0 || (uint64_t)total > len))
		return 0;
	*more = false;
	if (result != ANSWER_HEAD) {
		pool_log_line(&mux->pools.at[conn->pool].log, LEVEL_ERROR, conn->vhost, why,
		    strlen(why));
		respond_failed(conn, 502);
		return 0;
	}
	if (total >= 0 && !cut)
		body_len = total - (int64_t)used;
	*framing = answer_frame(answer, conn->minor, conn->head_only, body_len,
	    may_keep_alive(conn));
	mux->scratch->out.len = 0;
	if (!answer_write(&mux->scratch->out, answer, framing, conn->minor, mux->date,
	    server_name(conn))) {
		respond_failed(conn, 502);
		return 0;
	}
	conn->keep_alive = framing->keep_alive;
	count_answer(conn, answer->status);
	return used;
}

/* How many of these body bytes go out, as the head said. */
static uint64_t
allowed(const struct answer_framing *framing, uint64_t have)
{
	if (framing->body == BODY_FORBIDDEN)
		return 0;
	if (framing->body == BODY_EXACT && have > (uint64_t)framing->length)
		return (uint64_t)framing->length;
	return have;
}

/*
 * Write head and body pieces of a body that is here whole.  file_len further
 * bytes come from conn->file.
 */
static void
send_whole(struct conn *conn, const struct answer_framing *framing, const char *body,
    uint64_t len, uint64_t file_len, bool cut)
{
	struct buf *out = &conn->mux->scratch->out;
	bool chunked = framing->body == BODY_CHUNKED && len + file_len > 0;
	struct iovec pieces[PIECES];
	char size[20], end[] = "\r\n0\r\n\r\n";
	size_t total = 0;
	int count = 0, i;

	pieces[count++] = (struct iovec){ out->data, out->len };
	if (chunked)
		pieces[count++] = (struct iovec){ size, answer_chunk_size(size, len) };
	if (len > 0) {
		memcpy(&pieces[count].iov_base, &body, sizeof body);
		pieces[count++].iov_len = (size_t)len;
	}
	/* A length that nobody said, of a body that was cut: no good end for it. */
	if (chunked)
		pieces[count++] = (struct iovec){ end, cut ? 2 : sizeof end - 1 };
	for (i = 0; i < count; i++)
		total += pieces[i].iov_len;
	conn->sent = len + file_len;
	if (framing->body == BODY_EXACT && conn->sent < (uint64_t)framing->length)
		conn->keep_alive = false;
	if (cut && framing->body != BODY_FORBIDDEN)
		conn->keep_alive = false;
	conn->file_left = file_len;
	if (send_pieces(conn, pieces, count, total, file_len > 0))
		answer_complete(conn);
	else {
		conn->state = CONN_SENDING;
		conn_close(conn);
	}
}

void
respond_inline(struct conn *conn, const char *bytes, size_t len, bool cut)
{
	struct answer_framing framing;
	size_t used;
	bool more;

	used = frame(conn, bytes, len, (int64_t)len, cut, &framing, &more);
	if (used > 0)
		send_whole(conn, &framing, bytes + used, allowed(&framing, len - used), 0, cut);
}

void
respond_memory(struct conn *conn, struct slot *slot, uint64_t len, bool cut)
{
	char *bytes = conn->mux->scratch->completion;
	size_t size = sizeof conn->mux->scratch->completion, used;
	struct answer_framing framing;
	uint64_t body;
	ssize_t got;
	bool more;

	if (len > size)
		size = ANSWER_HEAD_MAX;
	/* A copy: the processor may write on while we look. */
	got = pread(slot->memory, bytes, len < size ? (size_t)len : size, 0);
	if (got < 0 || (uint64_t)got != (len < size ? len : size)) {
		respond_failed(conn, 502);
		return;
	}
	used = frame(conn, bytes, (size_t)got, (int64_t)len, cut, &framing, &more);
	if (used == 0) {
		if (more)
			respond_failed(conn, 502);
		return;
	}
	body = allowed(&framing, len - used);
	if (body <= (uint64_t)got - used) {
		send_whole(conn, &framing, bytes + used, body, 0, cut);
		return;
	}
	/* Its pages go into the socket as they are: this memory is not lent again. */
	conn->file = fd_take(&slot->memory);
	slot->memory_sent = false;
	if (framing.body == BODY_CHUNKED) {
		/* Only a cut answer that said no length: as much of it as can be framed. */
		send_whole(conn, &framing, bytes + used, (uint64_t)got - used, 0, cut);
		return;
	}
	conn->file_at = used;
	send_whole(conn, &framing, NULL, 0, body, cut);
}

bool
respond_continue(struct conn *conn)
{
	static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec piece = { line, sizeof line - 1 };

	return send_pieces(conn, &piece, 1, sizeof line - 1, false);
}

/* All of a stream's answer has been framed: end it as its framing asks. */
static void
stream_complete(struct stream *stream)
{
	struct conn *conn = stream->conn;
	struct iovec piece;
	char end[] = "0\r\n\r\n";
	bool bad = stream->cut || stream->received != stream->end ||
	    (stream->body == BODY_EXACT && stream->left > 0);
	bool good = true;

	if (bad && stream->body != BODY_FORBIDDEN)
		conn->keep_alive = false;
	else if (stream->body == BODY_CHUNKED) {
		piece.iov_base = end;
		piece.iov_len = sizeof end - 1;
		good = send_pieces(conn, &piece, 1, sizeof end - 1, false);
	}
	stream_free(&conn->stream);
	conn->state = CONN_SENDING;
	if (good)
		answer_complete(conn);
	else
		conn_close(conn);
}

/* Body bytes of a stream, framed.  False: the client has gone. */
static bool
stream_body(struct stream *stream, const char *bytes, size_t len, size_t head_len)
{
	struct conn *conn = stream->conn;
	struct iovec pieces[PIECES];
	char size[20], line_end[] = "\r\n";
	size_t total = 0;
	int count = 0, i;

	if (stream->body == BODY_FORBIDDEN)
		len = 0;
	if (stream->body == BODY_EXACT) {
		if (len > stream->left)
			len = (size_t)stream->left;
		stream->left -= len;
	}
	if (head_len > 0)
		pieces[count++] = (struct iovec){ conn->mux->scratch->out.data, head_len };
	if (len > 0) {
		if (stream->body == BODY_CHUNKED)
			pieces[count++] = (struct iovec){ size, answer_chunk_size(size, len) };
		memcpy(&pieces[count].iov_base, &bytes, sizeof bytes);
		pieces[count++].iov_len = len;
		if (stream->body == BODY_CHUNKED)
			pieces[count++] = (struct iovec){ line_end, 2 };
	}
	for (i = 0; i < count; i++)
		total += pieces[i].iov_len;
	conn->sent += len;
	return total == 0 || send_pieces(conn, pieces, count, total, false);
}

/* The CGI head, perhaps in several pieces.  False: answered otherwise, or more must come. */
static bool
stream_head(struct stream *stream, const char **bytes, size_t *len, size_t *head_len)
{
	struct conn *conn = stream->conn;
	struct answer_framing framing;
	int64_t total = stream->end == STREAM_END_UNKNOWN ? -1 : (int64_t)stream->end;
	const char *all = *bytes;
	size_t all_len = *len, before = stream->head.len, used;
	bool more;

	if (before > 0) {
		all_len = ANSWER_HEAD_MAX - before < *len ? ANSWER_HEAD_MAX - before : *len;
		if (!buf_add(&stream->head, *bytes, all_len)) {
			respond_failed(conn, 502);
			return false;
		}
		all = stream->head.data;
		all_len = stream->head.len;
	}
	used = frame(conn, all, all_len, total, stream->cut, &framing, &more);
	if (used == 0) {
		if (more && stream->head.len == 0 && !buf_add(&stream->head, *bytes, *len))
			respond_failed(conn, 502);
		return false;
	}
	stream->head_done = true;
	stream->body = framing.body;
	stream->left = framing.body == BODY_EXACT ? (uint64_t)framing.length : 0;
	*head_len = conn->mux->scratch->out.len;
	/* The head ends within the bytes that have just come. */
	used -= before;
	*bytes += used;
	*len -= used;
	return true;
}

bool
respond_stream(struct stream *stream, const char *bytes, size_t len)
{
	struct conn *conn = stream->conn;
	size_t head_len = 0;

	if (stream->received > stream->end) {
		/* More than it says it sent: the excess is not an answer. */
		stream->cut = true;
		len -= stream->received - stream->end < len ? stream->received - stream->end : len;
	}
	if (!stream->head_done && len > 0 && !stream_head(stream, &bytes, &len, &head_len)) {
		if (conn->stream != stream || stream->end == STREAM_END_UNKNOWN)
			return conn->stream == stream;
	} else if (stream->head_done && !stream_body(stream, bytes, len, head_len)) {
		conn_close(conn);
		return false;
	}
	if (stream->end != STREAM_END_UNKNOWN && (stream->received >= stream->end || stream->eof)) {
		if (stream->head_done)
			stream_complete(stream);
		else
			respond_failed(conn, 502);
		return false;
	}
	if (conn->out.len > 0) {
		stream_events(stream, false);
		wait_for_room(conn);
		return false;
	}
	return true;
}

/* False: still not all of it, or the client has gone. */
static bool
send_kept(struct conn *conn)
{
	ssize_t sent;

	if (conn->out.len == 0)
		return true;
	sent = send(conn->fd, conn->out.data, conn->out.len,
	    MSG_NOSIGNAL | MSG_DONTWAIT | (conn->file_left > 0 ? MSG_MORE : 0));
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(conn);
		return false;
	}
	if (sent > 0)
		buf_drop(&conn->out, (size_t)sent);
	if (conn->out.len == 0)
		buf_free(&conn->out);
	else if (sent > 0)
		conn_timeout(conn, send_timeout(conn));
	return conn->out.len == 0;
}

void
respond_writable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	struct stream *stream = conn->stream;

	(void)fd;
	(void)what;
	if (!send_kept(conn))
		return;
	if (stream != NULL) {
		conn_write_events(conn, false);
		timeouts_clear(&conn->timeout);
		if (respond_stream(stream, NULL, 0))
			stream_resume(stream);
		return;
	}
	if (conn->state != CONN_SENDING) {
		conn_write_events(conn, false);
		return;
	}
	answer_complete(conn);
}
