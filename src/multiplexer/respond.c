#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/front.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/named_file.h"
#include "multiplexer/respond.h"

const char *
respond_server_name(const struct conn *conn)
{
	const char *server = conn_settings(conn)->server_header;

	return server != NULL && server[0] != '\0' ? server : NULL;
}

/* The whole answer is framed.  Send what is left of it, finish if that is all. */
static void
answer_complete(struct conn *conn)
{
	conn->state = CONN_SENDING;
	if (conn->out.len == 0 && conn->file_left > 0 && !conn->front->send_file(conn)) {
		conn_close(conn);
		return;
	}
	if (conn->out.len > 0 || conn->file_left > 0)
		conn->front->wait(conn, true);
	else
		conn_finish(conn);
}

/* The last part of an answer that is otherwise framed. */
static void
send_last(struct conn *conn, const struct part *part)
{
	conn->state = CONN_SENDING;
	if (conn->front->send(conn, part))
		answer_complete(conn);
	else
		conn_close(conn);
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
	struct buf *out = &conn->mux->scratch->out;
	struct part part = { .framing = BODY_EXACT, .end = PART_END };

	out->len = 0;
	timeouts_clear(&conn->timeout);
	if (!conn->front->write_own(conn, out, status, extra)) {
		conn_close(conn);
		return;
	}
	count_answer(conn, status);
	part.head = out->data;
	part.head_len = out->len;
	send_last(conn, &part);
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
 * Parse a CGI head and write the client's into scratch.out.  0: the client got
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
		pool_say(mux, conn->pool, LEVEL_ERROR, conn_vhost(conn)->server_name, why,
		    strlen(why));
		respond_failed(conn, 502);
		return 0;
	}
	if (conn->vhost != SETTINGS_NONE && conn_vhost(conn)->x_sendfile &&
	    !named_file(conn, answer, bytes, used))
		return 0;
	if (total >= 0 && !cut)
		body_len = total - (int64_t)used;
	mux->scratch->out.len = 0;
	if (!conn->front->write_head(conn, &mux->scratch->out, answer, body_len, framing)) {
		respond_failed(conn, 502);
		return 0;
	}
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
	struct part part = {
		.head = out->data, .head_len = out->len, .body = body, .len = (size_t)len,
		.file_len = file_len, .framing = framing->body, .end = PART_END,
	};

	conn->sent = len + file_len;
	if ((framing->body == BODY_EXACT && conn->sent < (uint64_t)framing->length) ||
	    (cut && framing->body != BODY_FORBIDDEN)) {
		part.end = PART_CUT;
		conn->keep_alive = false;
	}
	conn->file_left = file_len;
	send_last(conn, &part);
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
respond_file(struct conn *conn, const char *head, size_t head_len, int file, uint64_t file_len)
{
	struct answer_framing framing;
	bool more;

	conn->file = file;
	conn->file_at = 0;
	if (frame(conn, head, head_len, (int64_t)(head_len + file_len), false, &framing, &more) > 0)
		send_whole(conn, &framing, NULL, 0, allowed(&framing, file_len), false);
}

void
respond_memory(struct conn *conn, struct slot *slot, uint64_t len, bool cut)
{
	char *bytes = conn->mux->scratch->copy;
	size_t size = sizeof conn->mux->scratch->copy, used;
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
	/* It was for one answer: the processor has closed its copy. */
	slot->memory_sent = false;
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
	/* Its processor works on, with another memory, while this one is being sent. */
	conn->file = fd_take(&slot->memory);
	conn->borrower = (struct borrower){ slot->index, slot->generation, slot->memory_size };
	if (framing.body == BODY_CHUNKED) {
		/* Only a cut answer that said no length: as much of it as can be framed. */
		send_whole(conn, &framing, bytes + used, (uint64_t)got - used, 0, cut);
		return;
	}
	conn->file_at = used;
	send_whole(conn, &framing, NULL, 0, body, cut);
}

/* All of a stream's answer has been framed: end it as its framing asks. */
static void
stream_complete(struct stream *stream)
{
	struct conn *conn = stream->conn;
	struct part part = { .framing = stream->body, .end = PART_END };
	bool bad = stream->cut || stream->received != stream->end ||
	    (stream->body == BODY_EXACT && stream->left > 0);

	if (bad && stream->body != BODY_FORBIDDEN) {
		part.end = PART_CUT;
		conn->keep_alive = false;
	}
	stream_free(&conn->stream);
	send_last(conn, &part);
}

/* Body bytes of a stream, framed.  False: the client has gone. */
static bool
stream_body(struct stream *stream, const char *bytes, size_t len, size_t head_len)
{
	struct conn *conn = stream->conn;
	struct part part = {
		.head = conn->mux->scratch->out.data, .head_len = head_len, .body = bytes,
		.framing = stream->body, .end = PART_MORE,
	};

	if (stream->body == BODY_FORBIDDEN)
		len = 0;
	if (stream->body == BODY_EXACT) {
		if (len > stream->left)
			len = (size_t)stream->left;
		stream->left -= len;
	}
	part.len = len;
	conn->sent += len;
	return head_len + len == 0 || conn->front->send(conn, &part);
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
		conn->front->wait(conn, true);
		return false;
	}
	return true;
}

void
respond_room(struct conn *conn)
{
	struct stream *stream = conn->stream;

	if (stream != NULL) {
		conn->front->wait(conn, false);
		if (respond_stream(stream, NULL, 0))
			stream_resume(stream);
	} else if (conn->state == CONN_SENDING) {
		answer_complete(conn);
	} else {
		conn->front->wait(conn, false);
	}
}
