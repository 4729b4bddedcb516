#include <string.h>
#include <sys/socket.h>
#include <errno.h>

#include "base/guard.h"
#include "base/log.h"
#include "multiplexer/completion.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/sticky.h"
#include "wire/fdpass.h"

#define BATCH 8                 /* messages taken from one channel in a row */
#define LAST_WORDS 4096         /* of one that has gone: more than its channel can hold */
#define SERVED_MAX 1000000      /* requests that one report may tell of: a second's */
#define RAW_MAX ((uint64_t)1 << 50)     /* bytes that a raw answer may claim */

bool
completion_is_for(const struct slot *from, const struct completion *said)
{
	return from->busy && said->nonce == from->nonce && said->connection == from->connection;
}

/* Of an answer that is here whole; a stream's bytes are counted as they come. */
static uint64_t
answer_bytes(const struct slot *slot, const struct completion *said)
{
	if (said->answer == ANSWER_INLINE)
		return said->data_len;
	if (said->answer == ANSWER_MEMORY)
		return said->answer_len;
	/* Raw: by its own account. */
	return slot->raw && said->answer == ANSWER_NONE && said->sent < RAW_MAX ? said->sent : 0;
}

static void
take_log(struct slot *slot, const struct completion *said, const unsigned char *data)
{
	struct multiplexer *mux = slot->mux;
	enum log_level level = said->status <= LEVEL_ERROR ? (enum log_level)said->status :
	    LEVEL_ERROR;

	pool_say(mux, slot->pool, level, slot->busy ? slot_vhost(slot)->server_name : NULL,
	    (const char *)data, said->data_len);
}

/* More requests on a connection that was given away: so many as its processor may say. */
static void
take_served(struct slot *slot, const struct completion *said, const unsigned char *data)
{
	struct multiplexer *mux = slot->mux;
	struct nv vars = { NULL, said->data_len, said->data_len };

	memcpy(&vars.data, &data, sizeof data);
	if (!slot->sticky || !completion_is_for(slot, said))
		return;
	slot_count_requests(slot, said->count < SERVED_MAX ? said->count : SERVED_MAX);
	slot_count_bytes(slot->mux, slot->pool, slot, answer_bytes(slot, said));
	if (said->data_len > 0 && nv_valid(&vars))
		logs_served(mux, slot, said, &vars);
	slot_sticky_idle(slot);
}

/* Raw: the client has its answer; what is left are the numbers, for the log. */
static void
close_given(struct conn *conn, const struct completion *said)
{
	if (conn->state == CONN_GIVEN && conn->vhost != SETTINGS_NONE) {
		conn->status = said->status;
		conn->sent = said->sent;
		logs_access(conn);
	}
}

static void
give_stream(struct slot *slot, struct conn *conn, const struct completion *said)
{
	if (conn->stream == NULL && (slot->stream == NULL || slot->stream->theirs >= 0)) {
		respond_failed(conn, 502);
		return;
	}
	if (conn->stream == NULL)
		stream_attach(slot->stream, conn);
	stream_ends(conn->stream, said->answer_len, said->flags & COMPLETION_CUT);
}

/* The answer, to a client that waits for it and is no longer tied to the slot. */
static void
give_answer(struct slot *slot, struct conn *conn, const struct completion *said,
    const char *data)
{
	bool cut = said->flags & COMPLETION_CUT;

	/* What came by the stream was the beginning of an answer; another one is one too many. */
	if (conn->stream != NULL && said->answer != ANSWER_STREAM) {
		respond_failed(conn, 502);
		return;
	}
	switch ((enum completion_answer)said->answer) {
	case ANSWER_INLINE:
		respond_inline(conn, data, said->data_len, cut);
		return;
	case ANSWER_MEMORY:
		if (slot->memory_sent)
			respond_memory(conn, slot, said->answer_len, cut);
		else
			respond_failed(conn, 502);
		return;
	case ANSWER_STREAM:
		give_stream(slot, conn, said);
		return;
	case ANSWER_PASS:
		request_pass(conn, data, said->data_len);
		return;
	case ANSWER_FAILED:
		respond_failed(conn, 500);
		return;
	case ANSWER_NONE:
		respond_failed(conn, 502);
		return;
	}
}

static void
take_answer(struct slot *slot, const struct completion *said, const char *data)
{
	struct conn *conn;

	if (!completion_is_for(slot, said) || slot->conn == NULL)
		return;
	slot_count_bytes(slot->mux, slot->pool, slot, answer_bytes(slot, said));
	if (slot->raw) {
		/* The first request of a sticky connection is answered; the numbers are its own. */
		if (slot->conn->vhost == SETTINGS_NONE)
			return;
		close_given(slot->conn, said);
		slot->conn->vhost = SETTINGS_NONE;
		if (slot->sticky)
			slot_sticky_idle(slot);
		return;
	}
	conn = slot_untie(slot);
	if (conn->state == CONN_LEFT)
		conn_free(conn);
	else
		give_answer(slot, conn, said, data);
}

static void
next_one(struct slot *slot, const struct completion *said)
{
	/*
	 * One whose time was up is being killed, whatever it says now; its word stays
	 * ours, so that the manager knows it by that.
	 */
	if (slot->expired)
		slot_ended(slot);
	else if (said->flags & COMPLETION_LEAVING)
		slot_leave(slot);
	else
		slot_done(slot);
}

static void
take_done(struct slot *slot, const struct completion *said, const char *data)
{
	struct conn *conn;

	if (slot->orphan) {
		next_one(slot, said);
		return;
	}
	if (!completion_is_for(slot, said))
		return;
	slot_count_requests(slot, 1);
	slot_count_bytes(slot->mux, slot->pool, slot, answer_bytes(slot, said));
	conn = slot_untie(slot);
	if (conn != NULL && (conn->state == CONN_GIVEN || conn->state == CONN_LEFT)) {
		close_given(conn, said);
		conn_free(conn);
		conn = NULL;
	}
	/*
	 * The processor gets its next request first: it works while the answer
	 * is being sent.  What it was lent has to be taken from it before that.
	 */
	if (conn == NULL || said->answer == ANSWER_INLINE) {
		if (conn != NULL && conn->stream == NULL)
			later_answer(conn, data, said->data_len, said->flags & COMPLETION_CUT);
		next_one(slot, said);
		if (conn != NULL && conn->stream != NULL)
			give_answer(slot, conn, said, data);
	} else {
		give_answer(slot, conn, said, data);
		next_one(slot, said);
	}
}

/* One message, or the end.  True: there may be another that is ours. */
static bool
take_one(struct slot *slot)
{
	char *room = later_room(slot->mux);
	struct completion said;
	const unsigned char *data;
	bool sent_fds, truncated;
	ssize_t len;

	guard_rights();
	len = fdpass_receive_bytes(slot->fd, room, LATER_ROOM, MSG_DONTWAIT, &sent_fds, &truncated);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0) {
		slot_ended(slot);
		return false;
	}
	if (sent_fds) {
		slot_sent_descriptor(slot);
		return false;
	}
	if (truncated || !completion_check(room, (size_t)len,
	    slot->memory_sent ? slot->memory_size : 0, &data)) {
		slot_spoil(slot, "sent a malformed completion");
		return false;
	}
	memcpy(&said, room, sizeof said);
	if ((said.kind != COMPLETION_DONE || !completion_is_for(slot, &said)) &&
	    !chatter_more(slot))
		return false;
	switch ((enum completion_kind)said.kind) {
	case COMPLETION_LOG:
		take_log(slot, &said, data);
		return true;
	case COMPLETION_TRACE:
		slow_traced(slot, &said, (const char *)data);
		return slot->fd >= 0;
	case COMPLETION_SERVED:
		take_served(slot, &said, data);
		return true;
	case COMPLETION_ANSWER:
		take_answer(slot, &said, (const char *)data);
		return slot->fd >= 0;
	case COMPLETION_DONE:
		take_done(slot, &said, (const char *)data);
		return false;
	}
	return false;
}

void
completion_readable(evutil_socket_t fd, short what, void *context)
{
	struct slot *slot = context;
	int left = BATCH;

	(void)fd;
	(void)what;
	if (!slot->leased) {
		/* Another multiplexer's, or nobody's: not ours to read. */
		slot_disarm(slot);
		return;
	}
	while (left-- > 0 && take_one(slot))
		continue;
}

void
completion_drain(struct slot *slot)
{
	int left = LAST_WORDS;

	while (left-- > 0 && slot->fd >= 0 && slot->busy && take_one(slot))
		continue;
}
