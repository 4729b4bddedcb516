#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/fcgi_answer.h"
#include "multiplexer/fcgi_peer.h"
#include "multiplexer/fcgi_request.h"
#include "multiplexer/handoff_fcgi.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"
#include "multiplexer/route.h"

#define TRIES     8                     /* connections for one request */
#define MOMENT_MS 2                     /* a program that closes after its answer does so by then */
#define GOING_MS  100                   /* one that ends has ended by then */

static const struct pool_settings *
pool_of(const struct slot *slot)
{
	return slot->mux->pools.at[slot->pool]->settings;
}

static void fcgi_event(evutil_socket_t fd, short what, void *context);

struct fcgi *
fcgi_new(struct slot *slot)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);

	if (fcgi == NULL)
		return NULL;
	fcgi->slot = slot;
	fcgi->body = -1;
	fcgi->out.max = FCGI_REQUEST_MAX;
	fcgi->line.max = POOL_LOG_LINE;
	event_assign(&fcgi->event, slot->mux->base, -1, 0, fcgi_event, fcgi);
	return fcgi;
}

/* All of the request has gone out. */
static bool
is_sent(const struct fcgi *fcgi)
{
	return fcgi->out.len == 0 && fcgi->body < 0;
}

/* Its event is about the connection's writing side, or about time. */
static void
listen_for(struct fcgi *fcgi, short what)
{
	static const struct timeval moment = { 0, MOMENT_MS * 1000 };
	static const struct timeval going = { 0, GOING_MS * 1000 };

	event_del(&fcgi->event);
	fcgi->writing = what == EV_WRITE;
	if (what == 0)
		return;
	event_assign(&fcgi->event, fcgi->slot->mux->base, what == EV_WRITE ? fcgi->slot->fd : -1,
	    what == EV_WRITE ? EV_WRITE | EV_PERSIST | (is_sent(fcgi) ? EV_ET : 0) : 0,
	    fcgi_event, fcgi);
	event_add(&fcgi->event, what != EV_TIMEOUT ? NULL :
	    fcgi->phase == FCGI_CLOSED ? &going : &moment);
}

/* The answer that it brought is its client's alone from here on. */
static struct stream *
let_go(struct fcgi *fcgi)
{
	struct stream *stream = fcgi->stream;

	if (stream != NULL)
		stream->waiting->from = NULL;
	fcgi->stream = NULL;
	return stream;
}

static void
send_nothing(struct fcgi *fcgi)
{
	fcgi->out.len = 0;
	fd_close(&fcgi->body);
	fcgi->body_left = 0;
}

void
fcgi_reset(struct fcgi *fcgi)
{
	listen_for(fcgi, 0);
	fcgi->phase = FCGI_FREE;
	fcgi->sent = fcgi->stopped = fcgi->closes = false;
	fcgi->leaves = fcgi->answered = false;
	fcgi->tries = 0;
	send_nothing(fcgi);
	memset(&fcgi->reader, 0, sizeof fcgi->reader);
	let_go(fcgi);
	buf_free(&fcgi->line);
}

void
fcgi_free(struct fcgi **where)
{
	struct fcgi *fcgi = *where;

	fcgi_reset(fcgi);
	buf_free(&fcgi->out);
	free(fcgi);
	*where = NULL;
}

/* ---- connections */

static bool
is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN ||
	    error == ECONNREFUSED || error == ETIMEDOUT || error == EHOSTUNREACH ||
	    error == ENETUNREACH || error == EBADF;
}

static void be_over(struct fcgi *fcgi);

/* Ask the manager for a connection; error: why the last one did not come to be. */
static void
want(struct fcgi *fcgi, int error)
{
	struct slot *slot = fcgi->slot;
	struct message message = { 0 };

	listen_for(fcgi, 0);
	slot_arm(slot, false);
	if (fcgi->server)
		fd_close(&slot->fd);
	fcgi->phase = FCGI_WANTS;
	memset(&fcgi->reader, 0, sizeof fcgi->reader);
	if (++fcgi->tries > TRIES) {
		fcgi_not_connected(slot, error != 0 ? error : EPIPE);
		be_over(fcgi);
		return;
	}
	message.body.gone.slot = slot->index;
	message.body.gone.generation = slot->generation;
	message.body.gone.status = error;
	multiplexer_tell(slot->mux, &message, MESSAGE_WANT_CHANNEL);
}

/* Nothing more of a request goes through it: for every holder of a copy. */
static void
hang_up(struct slot *slot)
{
	slot_arm(slot, false);
	if (slot->fd < 0)
		return;
	shutdown(slot->fd, SHUT_RDWR);
	fd_close(&slot->fd);
}

/* Give the slot back, but not now: who calls may still be at work with it. */
static void
be_over(struct fcgi *fcgi)
{
	listen_for(fcgi, 0);
	fcgi->phase = FCGI_OVER;
	event_assign(&fcgi->event, fcgi->slot->mux->base, -1, 0, fcgi_event, fcgi);
	event_active(&fcgi->event, EV_TIMEOUT, 1);
}

/*
 * The other side has closed the connection, and no request runs.  A program
 * that ends does so first, and still takes connections for an instant: what is
 * sent there would be lost.  One that was seen to go on is given another at once.
 */
static void
hung_up_on(struct fcgi *fcgi)
{
	hang_up(fcgi->slot);
	if (fcgi->server || (fcgi->goes_on && fcgi->phase == FCGI_ENDS)) {
		be_over(fcgi);
		return;
	}
	fcgi->phase = FCGI_CLOSED;
	listen_for(fcgi, EV_TIMEOUT);
}

static void
done(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;
	uint64_t most = pool_of(slot)->tuning->max_requests_per_child;
	uint64_t served = atomic_load_explicit(
	    &board_slot(slot->mux->board, slot->index)->requests, memory_order_relaxed);

	if (fcgi->leaves || (!fcgi->server && most != 0 && served >= most)) {
		slot_leave(slot);
		multiplexer_ring(slot->mux, BOARD_BELL_MANAGER);
	} else
		slot_done(slot);
}

/* The client of a request that was not served is told, if it is still there. */
static void
fail(struct fcgi *fcgi, int status)
{
	struct conn *conn = slot_untie(fcgi->slot);
	struct stream *stream = let_go(fcgi);

	if (conn == NULL)
		return;
	if (conn->state == CONN_LEFT) {
		conn_free(conn);
	} else if (stream != NULL && stream->head_done) {
		waiting_end(stream, false);
	} else
		respond_failed(conn, status);
}

/* ---- sending */

static void
send_failed(struct fcgi *fcgi, int error)
{
	if (!fcgi->sent && is_gone(error)) {
		want(fcgi, fcgi->server ? error : 0);
		return;
	}
	/* It may have answered all the same: what it said is looked at first. */
	listen_for(fcgi, 0);
	send_nothing(fcgi);
	fcgi->closes = true;
}

/* As much as the connection takes. */
static void
send_more(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;
	ssize_t sent;

	for (;;) {
		if (is_sent(fcgi))
			break;
		if (fcgi->out.len == 0 && !fcgi_request_more(fcgi)) {
			logs_complain(slot->mux, "a request body can't be read: %s", strerror(errno));
			fcgi_broken(fcgi, "did not get its whole body");
			return;
		}
		sent = send(slot->fd, fcgi->out.data, fcgi->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			send_failed(fcgi, errno);
			return;
		}
		if (sent <= 0) {
			if (!fcgi->writing)
				listen_for(fcgi, EV_WRITE);
			return;
		}
		if (!fcgi->sent && fcgi->server)
			multiplexer_timeout(slot->mux, &slot->expire,
			    slot_vhost(slot)->tuning->expire_timeout);
		fcgi->sent = true;
		buf_drop(&fcgi->out, (size_t)sent);
	}
	if (fcgi->writing)
		listen_for(fcgi, 0);
}

static void
begin_sending(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;

	fcgi->phase = FCGI_RUNS;
	/* Until something goes out, what runs is the time to connect. */
	if (fcgi->server)
		multiplexer_timeout(slot->mux, &slot->expire, pool_of(slot)->connect_timeout);
	slot_arm(slot, true);
	send_more(fcgi);
}

void
fcgi_give(struct conn *conn, struct slot *slot, const struct handoff *handoff)
{
	const struct pool_settings *pool = pool_of(slot);
	struct fcgi *fcgi = slot->fcgi;
	int status;

	fcgi_reset(fcgi);
	fcgi->server = settings_pool_runs(pool) == RUNS_SERVER;
	fcgi->ours = settings_pool_runs(pool) == RUNS_OURS;
	fcgi->keep = !fcgi->server || pool->keep_connections;
	status = fcgi_request_build(fcgi, conn, pool, handoff);
	if (status == 0 && handoff->body_file >= 0) {
		fcgi->body = fcntl(handoff->body_file, F_DUPFD_CLOEXEC, 0);
		fcgi->body_at = 0;
		fcgi->body_left = handoff->body_total;
		status = fcgi->body < 0 ? 503 : 0;
	}
	if (status != 0) {
		slot_done(slot);
		respond_own(conn, status, NULL);
		return;
	}
	slot_begin(slot, conn, false, false);
	handoff_note(conn, slot, handoff);
	if (slot->fd < 0)
		want(fcgi, 0);
	else
		begin_sending(fcgi);
}

/* ---- the manager's answer */

void
fcgi_connected(struct slot *slot, int fd)
{
	struct fcgi *fcgi = slot->fcgi;

	/* One that is at work has its own; nobody asked for this one here. */
	if ((slot->busy && fcgi->phase != FCGI_WANTS) || (!slot->leased && fcgi->server)) {
		fd_close(&fd);
		return;
	}
	slot_arm(slot, false);
	fd_close(&slot->fd);
	slot->fd = fd;
	fd_refuse_rights(fd);
	event_assign(&slot->event, slot->mux->base, fd, EV_READ | EV_PERSIST, fcgi_readable, slot);
	fcgi->keeps = false;
	fcgi->again = slot->busy;
	if (!slot->busy)
		return;
	if (slot->conn != NULL && slot->conn->state != CONN_LEFT) {
		begin_sending(fcgi);
		return;
	}
	fail(fcgi, 502);
	done(fcgi);
}

void
fcgi_not_connected(struct slot *slot, int error)
{
	struct fcgi *fcgi = slot->fcgi;
	char text[160];
	int len;

	if (!slot->busy || fcgi->phase != FCGI_WANTS)
		return;
	len = snprintf(text, sizeof text, "no connection to %s: %s",
	    fcgi->server ? "any of its servers" : "its program", strerror(error));
	if (slot->conn != NULL)
		pool_say(slot->mux, slot->pool, LEVEL_ERROR, slot_vhost(slot)->server_name, text,
	    len < (int)sizeof text ? (size_t)len : sizeof text - 1);
	fail(fcgi, 502);
	/* A program that can't be reached is being killed: its slot ends with it. */
	if (fcgi->server)
		be_over(fcgi);
}

/* ---- the end */

/*
 * After an answer: one that keeps its connection gets the next request at
 * once.  Whether it does is seen the first time, for a request that goes out
 * while the connection is being closed would be lost.
 */
static void
settle(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;

	if (!fcgi->keep || !is_sent(fcgi) || fcgi->closes || fcgi->leaves) {
		hang_up(slot);
		done(fcgi);
	} else if (fcgi->keeps || fcgi->ours) {
		done(fcgi);
	} else {
		fcgi->phase = FCGI_ENDS;
		if (fcgi_peer_has_closed(slot->fd))
			hung_up_on(fcgi);
		else
			listen_for(fcgi, EV_TIMEOUT);
	}
}

/* Who waits for the answer of that slot, and is tied to it no more; NULL: nobody. */
static struct conn *
untie(struct slot *slot)
{
	struct conn *conn = slot_untie(slot);

	if (conn == NULL || conn->state != CONN_LEFT)
		return conn;
	conn_free(conn);
	return NULL;
}

/* The rest of an answer, or all of it. */
static void
give_answer(struct conn *conn, struct stream *stream, const char *bytes, size_t len, bool whole)
{
	if (conn == NULL)
		return;
	if (stream == NULL) {
		respond_inline(conn, bytes, len, !whole);
		return;
	}
	if (len > 0)
		waiting_add(stream, bytes, len);
	if (conn->stream == stream)
		waiting_end(stream, whole);
}

void
fcgi_answered(struct fcgi *fcgi, const char *bytes, size_t len)
{
	struct stream *stream = let_go(fcgi);

	fcgi->answered = true;
	give_answer(untie(fcgi->slot), stream, bytes, len, true);
}

void
fcgi_ended(struct fcgi *fcgi, const char *bytes, size_t len, bool whole)
{
	struct slot *slot = fcgi->slot;
	struct stream *stream = let_go(fcgi);
	struct conn *conn = untie(slot);

	slot_count_requests(slot, 1);
	fcgi->goes_on |= fcgi->again;
	/* The program gets its next request first: it works while the answer is being sent. */
	settle(fcgi);
	give_answer(conn, stream, bytes, len, whole);
}

void
fcgi_closed(struct fcgi *fcgi)
{
	static const char why[] = "the FastCGI connection was closed before the end of the answer";
	struct slot *slot = fcgi->slot;

	if (fcgi->phase == FCGI_RUNS && !fcgi->sent) {
		want(fcgi, 0);
		return;
	}
	if (fcgi->phase == FCGI_RUNS && !slot->expired && !fcgi->answered)
		pool_say(slot->mux, slot->pool, LEVEL_ERROR, slot_vhost(slot)->server_name, why,
		    sizeof why - 1);
	fail(fcgi, 502);
	if (!fcgi->server && fcgi->phase == FCGI_RUNS)
		slot_lost(slot);
	else
		hung_up_on(fcgi);
}

void
fcgi_broken(struct fcgi *fcgi, const char *why)
{
	struct slot *slot = fcgi->slot;
	char text[160];
	int len;

	fail(fcgi, 502);
	if (!fcgi->server) {
		slot_spoil(slot, why);
		return;
	}
	len = snprintf(text, sizeof text, "its FastCGI server %s; the connection is closed", why);
	pool_say(slot->mux, slot->pool, LEVEL_ERROR, slot_vhost(slot)->server_name, text,
	    (size_t)len);
	hang_up(slot);
	be_over(fcgi);
}

/*
 * A program is told (ABORT), and that nobody reads any more: its writes fail.
 * What it was not given yet still goes out, for it may wait for that.  It is
 * free when it hangs up.
 */
void
fcgi_abort(struct slot *slot)
{
	struct fcgi *fcgi = slot->fcgi;

	let_go(fcgi);
	if (fcgi->phase != FCGI_RUNS)
		return;
	if (fcgi->server || !fcgi->sent) {
		if (is_sent(fcgi))
			fcgi_peer_abort(fcgi->slot->fd);
		hang_up(slot);
		be_over(fcgi);
		return;
	}
	fcgi->phase = FCGI_ABORTS;
	slot_arm(slot, false);
	shutdown(slot->fd, SHUT_RD);
	if (is_sent(fcgi))
		fcgi_peer_abort(fcgi->slot->fd);
	listen_for(fcgi, EV_WRITE);
}

bool
fcgi_expired(struct slot *slot)
{
	struct fcgi *fcgi = slot->fcgi;

	if (!fcgi->server)
		return false;
	if (fcgi->phase == FCGI_RUNS && !fcgi->sent) {
		want(fcgi, ETIMEDOUT);
		return true;
	}
	if (fcgi->phase == FCGI_RUNS)
		log_warning("pool %s: a request of %s ran longer than expire_timeout: its connection "
		    "is closed", pool_name(slot->mux, slot->pool), slot_vhost(slot)->server_name);
	hang_up(slot);
	fail(fcgi, 504);
	be_over(fcgi);
	return true;
}

static void
go_on_aborting(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;

	if (!is_sent(fcgi)) {
		send_more(fcgi);
		if (!is_sent(fcgi))
			return;
		fcgi_peer_abort(fcgi->slot->fd);
		listen_for(fcgi, EV_WRITE);
	}
	if ((!fcgi_peer_is_done(slot->fd) && !fcgi_has_ended(fcgi)) || fcgi->phase != FCGI_ABORTS)
		return;
	slot_count_requests(slot, 1);
	fail(fcgi, 502);
	hung_up_on(fcgi);
}

static void
fcgi_event(evutil_socket_t fd, short what, void *context)
{
	struct fcgi *fcgi = context;

	(void)fd;
	(void)what;
	switch (fcgi->phase) {
	case FCGI_RUNS:
		send_more(fcgi);
		return;
	case FCGI_ABORTS:
		go_on_aborting(fcgi);
		return;
	case FCGI_ENDS:
		fcgi->keeps = true;
		done(fcgi);
		return;
	case FCGI_CLOSED:
	case FCGI_OVER:
		fail(fcgi, 502);
		done(fcgi);
		return;
	case FCGI_FREE:
	case FCGI_WANTS:
		return;
	}
}
