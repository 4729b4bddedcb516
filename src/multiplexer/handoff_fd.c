#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/str.h"
#include "multiplexer/handoff_fcgi.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"
#include "wire/fdpass.h"

#define ROW_METHOD 20           /* bytes of the row on the board */
#define ROW_VHOST  100

static size_t
row_add(char row[BOARD_ROW], size_t len, const char *text, size_t text_len, size_t most)
{
	if (text_len > most)
		text_len = most;
	memcpy(row + len, text, text_len);
	return len + text_len;
}

/* "METHOD vhost URL" for status, out of the meta-variables. */
static void
write_row(struct slot *slot, const struct nv *vars, const char *vhost)
{
	struct nv_pair pair, method = { NULL, NULL, 0, 0 };
	char row[BOARD_ROW];
	size_t at = 0, len = 0;

	while (nv_next(vars, &at, &pair) == NV_PAIR) {
		if (str_is(pair.name, pair.name_len, "REQUEST_METHOD"))
			method = pair;
		if (str_is(pair.name, pair.name_len, "REQUEST_URI"))
			break;
	}
	if (method.value == NULL)
		return;
	len = row_add(row, 0, method.value, method.value_len, ROW_METHOD);
	row[len++] = ' ';
	len = row_add(row, len, vhost, strlen(vhost), ROW_VHOST);
	row[len++] = ' ';
	len = row_add(row, len, pair.value, pair.value_len, sizeof row - len);
	board_row_write(board_slot(slot->mux->board, slot->index), row, len);
}

#define CROWDED_MS 1000 /* how long a pool is taken for crowded */

/*
 * May this one go away with its socket?  Only where the processor reads on by
 * itself, and while another one is left for who comes next: a kept connection
 * that must be closed again for somebody else costs more than it saved.  Where
 * one had to be, the next would have to be too.
 */
static bool
may_give_away(const struct conn *conn, const struct handoff *handoff)
{
	struct multiplexer *mux = conn->mux;
	const struct board_pool *pool = board_pool(mux->board, conn->pool);
	uint64_t crowded_ms = mux->pools.at[conn->pool]->crowded_ms;

	if (crowded_ms != 0 && multiplexer_ms(mux) - crowded_ms < CROWDED_MS)
		return false;
	return conn->listener->is_private && !settings_answers_pass(conn_vhost(conn)) &&
	    !conn->body_unread && !mux->stopping &&
	    handoff->body_stream < 0 && handoff->rest_len <= ENVELOPE_MAX_REST &&
	    conn->out.len == 0 &&
	    atomic_load_explicit(&pool->idle, memory_order_relaxed) > 0 &&
	    atomic_load_explicit(&pool->waiting, memory_order_relaxed) == 0;
}

static int
collect_fds(const struct conn *conn, const struct slot *slot, const struct handoff *handoff,
    struct envelope *e, int fds[ENVELOPE_MAX_FDS])
{
	int count = 0;

	if (handoff->body_file >= 0) {
		e->flags |= ENVELOPE_BODY_FILE;
		fds[count++] = handoff->body_file;
	}
	if (handoff->body_stream >= 0) {
		e->flags |= ENVELOPE_BODY_STREAM;
		fds[count++] = handoff->body_stream;
	}
	if (e->flags & ENVELOPE_RAW) {
		fds[count++] = conn->fd;
		return count;
	}
	if (slot->memory >= 0 && !slot->memory_sent) {
		e->flags |= ENVELOPE_MEMORY;
		e->memory_size = slot->memory_size;
		fds[count++] = slot->memory;
	}
	if (slot->stream != NULL && slot->stream->theirs >= 0) {
		e->flags |= ENVELOPE_STREAM;
		fds[count++] = slot->stream->theirs;
	}
	return count;
}

static ssize_t
send_envelope(struct conn *conn, struct slot *slot, const struct handoff *handoff,
    struct envelope *e)
{
	struct iovec pieces[4] = {
		{ e, sizeof *e },
		{ handoff->vars.data, handoff->vars.len },
	};
	int fds[ENVELOPE_MAX_FDS], count, piece_count = 2;

	count = collect_fds(conn, slot, handoff, e, fds);
	e->vars_len = (uint32_t)handoff->vars.len;
	if (handoff->body_len > 0) {
		memcpy(&pieces[piece_count].iov_base, &handoff->body, sizeof handoff->body);
		pieces[piece_count++].iov_len = handoff->body_len;
	}
	if (e->flags & ENVELOPE_RAW && handoff->rest_len > 0) {
		memcpy(&pieces[piece_count].iov_base, &handoff->rest, sizeof handoff->rest);
		pieces[piece_count++].iov_len = handoff->rest_len;
		e->rest_len = (uint32_t)handoff->rest_len;
	}
	return fdpass_send(slot->fd, pieces, piece_count, fds, (unsigned)count);
}

/* The socket is the processor's now; the connection waits for the log's numbers. */
static void
give_away(struct conn *conn)
{
	conn_read_events(conn, false);
	conn_write_events(conn, false);
	/* Its new owner may have made it linger and closed it already: then ours is the last close. */
	guard_now();
	fd_close(&conn->fd);
	buf_free(&conn->in);
	conn->state = CONN_GIVEN;
}

/* Its answer may be that somebody else has to answer it. */
static bool
may_go_on(const struct conn *conn)
{
	return conn->may_pass || (conn_vhost(conn)->x_sendfile && !conn->named);
}

void
handoff_note(struct conn *conn, struct slot *slot, const struct handoff *handoff)
{
	struct board_slot *board = board_slot(conn->mux->board, slot->index);

	write_row(slot, &handoff->vars, conn_vhost(conn)->server_name);
	atomic_store_explicit(&board->vhost, conn->vhost, memory_order_relaxed);
	atomic_store_explicit(&board->began_ms, multiplexer_ms(conn->mux), memory_order_relaxed);
	if (conn_vhost(conn)->access_log == NULL && !may_go_on(conn))
		buf_free(&conn->vars);
	else if (conn->vars.len == 0)
		buf_add(&conn->vars, handoff->vars.data, handoff->vars.len);
	timeouts_clear(&conn->timeout);
	conn->waited_us = conn->queued_us == 0 ? 0 :
	    multiplexer_us(conn->mux) - conn->queued_us;
	conn->state = CONN_RUNNING;
}

static void
handed_over(struct conn *conn, struct slot *slot, const struct handoff *handoff,
    const struct envelope *e)
{
	struct multiplexer *mux = conn->mux;
	struct board_slot *board = board_slot(mux->board, slot->index);
	bool raw = e->flags & ENVELOPE_RAW;

	slot->nonce = e->nonce;
	if (e->flags & ENVELOPE_MEMORY)
		slot->memory_sent = true;
	if (e->flags & ENVELOPE_STREAM)
		stream_lent(slot->stream);
	if (e->flags & (ENVELOPE_MEMORY | ENVELOPE_STREAM))
		atomic_store_explicit(&board->lender, mux->number + 1, memory_order_relaxed);
	slot_begin(slot, conn, raw, e->flags & ENVELOPE_STICKY);
	handoff_note(conn, slot, handoff);
	if (conn->body != NULL && !conn->may_pass)
		body_handed_over(conn);
	if (raw)
		give_away(conn);
}

/* Copy what the request borrows into the connection, which is going to wait. */
static bool
keep(struct conn *conn, const struct handoff *handoff)
{
	conn->vars.max = ENVELOPE_MAX_VARS;
	if (conn->vars.len == 0 &&
	    !buf_add(&conn->vars, handoff->vars.data, handoff->vars.len))
		return false;
	if (conn->body == NULL && handoff->body_len > 0)
		return body_keep(conn, handoff->body, handoff->body_len);
	return true;
}

/*
 * To this leased slot.  False: it could not take it, and is no longer ours; *dead
 * tells whether another one may.
 */
static bool
hand_over(struct conn *conn, struct slot *slot, const struct handoff *handoff, bool *dead)
{
	struct multiplexer *mux = conn->mux;
	struct envelope e = { .magic = ENVELOPE_MAGIC, .kind = ENVELOPE_REQUEST };
	const struct vhost_settings *vhost = conn_vhost(conn);
	uint64_t expire = vhost->tuning->expire_timeout;

	if (slot->fcgi != NULL) {
		fcgi_give(conn, slot, handoff);
		return true;
	}
	/* What may come back to be handed over anew has to be kept. */
	if (conn->may_pass && !keep(conn, handoff)) {
		slot_release(slot);
		*dead = false;
		return false;
	}
	if (may_give_away(conn, handoff)) {
		e.flags = ENVELOPE_RAW;
		if (conn->keep_alive)
			e.flags |= ENVELOPE_STICKY | ENVELOPE_KEEP_ALIVE;
		if (mux->pools.at[conn->pool]->logged)
			e.flags |= ENVELOPE_LOGGED;
	} else
		lend(slot);
	if (conn->named)
		e.flags |= ENVELOPE_NAMED;
	e.nonce = multiplexer_nonce(mux);
	e.connection = conn->index;
	e.vhost = vhost->pool_vhost;
	e.body_len = (uint32_t)handoff->body_len;
	e.body_total = handoff->body_total;
	e.timeout_ms = expire > UINT32_MAX ? UINT32_MAX : (uint32_t)expire;
	if (send_envelope(conn, slot, handoff, &e) >= 0) {
		handed_over(conn, slot, handoff, &e);
		return true;
	}
	/* Full, or too many descriptors in flight: later.  Else it has died: at most once is kept. */
	*dead = errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN;
	if (*dead)
		slot_ended(slot);
	else {
		log_warning("pool %s: a request could not be handed over: %s",
		    pool_name(mux, slot->pool), strerror(errno));
		slot_release(slot);
	}
	return false;
}

/* Give it to this slot, or where that one turns out dead to another one. */
static bool
hand_over_any(struct conn *conn, struct slot *slot, const struct handoff *handoff)
{
	bool dead = true;

	while (slot != NULL && dead) {
		if (hand_over(conn, slot, handoff, &dead))
			return true;
		if (dead)
			slot = slot_lease(conn->mux, conn->pool);
	}
	return false;
}

void
handoff_or_wait(struct conn *conn, const struct handoff *handoff)
{
	struct multiplexer *mux = conn->mux;
	struct slot *slot = NULL;
	int status = conn->tables == mux->tables ? 0 : request_adopt(conn, &handoff->vars);

	if (status != 0) {
		request_refuse(conn, status);
		return;
	}
	conn->vars.max = ENVELOPE_MAX_VARS;
	if (queue_first(mux, conn->pool) == NULL && !queue_is_drained(mux, conn->pool))
		slot = slot_lease(mux, conn->pool);
	if (slot != NULL && hand_over_any(conn, slot, handoff))
		return;
	if (!keep(conn, handoff)) {
		respond_busy(conn);
		return;
	}
	if (!queue_add(conn))
		return;
	/* Look again: one may have turned idle before we were seen to wait. */
	if (conn->state == CONN_QUEUED && queue_first(mux, conn->pool) == conn &&
	    (slot = slot_lease(mux, conn->pool)) != NULL) {
		queue_remove(conn);
		handoff_waiting(conn, slot);
	}
}

bool
handoff_waiting(struct conn *conn, struct slot *slot)
{
	struct handoff handoff = {
		.vars = { (unsigned char *)conn->vars.data, conn->vars.len, conn->vars.len },
		.body_file = -1, .body_stream = -1,
	};

	if (conn->body != NULL)
		body_handoff(conn->body, &handoff);
	handoff.rest = conn->in.data;
	handoff.rest_len = conn->body_unread ? 0 : conn->in.len;
	if (hand_over_any(conn, slot, &handoff))
		return true;
	queue_add(conn);
	return false;
}

void
handoff_signal(struct slot *slot, enum envelope_kind kind)
{
	struct envelope e = {
		.magic = ENVELOPE_MAGIC, .kind = (uint16_t)kind, .nonce = slot->nonce,
		.connection = slot->connection,
	};
	struct iovec piece = { &e, sizeof e };

	/* A channel that is full belongs to one that doesn't listen: its time will be up. */
	if (fdpass_send(slot->fd, &piece, 1, NULL, 0) < 0)
		return;
}
