#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "multiplexer/front.h"
#include "multiplexer/front_status.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"

#define LINGER_MS 2000          /* how long a client may take to read an error */
#define FRESH_MS  1000          /* for a first request, when it stops */
#define STATUS_LEFT 499         /* in the log: the client left before its answer */

bool
conns_begin(struct multiplexer *mux)
{
	struct conns *conns = &mux->conns;

	TAILQ_INIT(&conns->free);
	TAILQ_INIT(&conns->again);
	conns_swap(mux);
	return true;
}

void
conns_end(struct multiplexer *mux)
{
	struct conns *conns = &mux->conns;
	uint32_t i;

	for (i = 0; i < conns->made; i++) {
		if (conns->at[i]->state != CONN_FREE)
			conn_free(conns->at[i]);
		free(conns->at[i]);
	}
	free(conns->at);
	conns->at = NULL;
	conns->made = conns->size = 0;
}

static struct conn *
conn_make(struct conns *conns)
{
	struct conn **at, *conn;
	uint32_t size;

	if (conns->made == conns->size) {
		size = conns->size == 0 ? 64 : conns->size * 2;
		at = realloc(conns->at, size * sizeof *at);
		if (at == NULL)
			return NULL;
		conns->at = at;
		conns->size = size;
	}
	conn = calloc(1, sizeof *conn);
	if (conn == NULL)
		return NULL;
	conn->index = conns->made;
	conn->fd = conn->file = -1;
	conns->at[conns->made++] = conn;
	return conn;
}

/* One that is in use from now on; NULL: no memory. */
static struct conn *
conn_take(struct multiplexer *mux, struct listener *listener)
{
	struct conns *conns = &mux->conns;
	struct conn *conn = TAILQ_FIRST(&conns->free);

	if (conn != NULL)
		TAILQ_REMOVE(&conns->free, conn, link);
	else
		conn = conn_make(conns);
	if (conn == NULL)
		return NULL;
	conn->mux = mux;
	conn->listener = listener;
	listener->users++;
	conn->front = listener->front;
	conn->in.max = conn->front->in_max(mux);
	conn->state = CONN_IDLE;
	conn->fresh = true;
	conn->timeout.kind = TIMEOUT_CONN;
	conn->local_addr[0] = '\0';
	conn->tables = tables_hold(mux->tables);
	conn->vhost = SETTINGS_NONE;
	conn->carrier = NULL;
	conns->open++;
	if (mux->self != NULL)
		atomic_store_explicit(&mux->self->connections, conns->open, memory_order_relaxed);
	return conn;
}

struct conn *
conn_new(struct multiplexer *mux, struct listener *listener, int fd)
{
	struct conn *conn = conn_take(mux, listener);

	if (conn == NULL) {
		fd_close(&fd);
		return NULL;
	}
	conn->fd = fd;
	event_assign(&conn->read_event, mux->base, fd, EV_READ | EV_PERSIST,
	    conn->front->readable, conn);
	event_assign(&conn->write_event, mux->base, fd, EV_WRITE | EV_PERSIST,
	    conn->front->writable, conn);
	return conn;
}

struct conn *
conn_new_carried(struct conn *on)
{
	struct conn *conn = conn_take(on->mux, on->listener);

	if (conn == NULL)
		return NULL;
	conn->carrier = on->carrier;
	conn->carried_ended = conn->waits_for_room = false;
	memcpy(conn->remote_addr, on->remote_addr, sizeof conn->remote_addr);
	memcpy(conn->remote_port, on->remote_port, sizeof conn->remote_port);
	return conn;
}

void
conn_read_events(struct conn *conn, bool on)
{
	if (conn->read_armed == on || conn->fd < 0)
		return;
	if (on)
		event_add(&conn->read_event, NULL);
	else
		event_del(&conn->read_event);
	conn->read_armed = on;
}

void
conn_write_events(struct conn *conn, bool on)
{
	if (conn->write_armed == on || conn->fd < 0)
		return;
	if (on)
		event_add(&conn->write_event, NULL);
	else
		event_del(&conn->write_event);
	conn->write_armed = on;
}

void
conn_timeout(struct conn *conn, uint64_t ms)
{
	multiplexer_timeout(conn->mux, &conn->timeout, ms);
}

void
conn_begin(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;

	if (conn->tables == mux->tables)
		return;
	tables_drop(&conn->tables);
	conn->tables = tables_hold(mux->tables);
}

void
conn_reset(struct conn *conn)
{
	if (conn->body != NULL)
		body_free(&conn->body);
	if (conn->stream != NULL)
		stream_free(&conn->stream);
	if (conn->vars.data != NULL)
		buf_free(&conn->vars);
	if (conn->out.data != NULL)
		buf_free(&conn->out);
	if (conn->file >= 0)
		spare_keep(&conn->mux->spares, &conn->file, &conn->borrower,
		    multiplexer_ms(conn->mux));
	conn->borrower.size = 0;
	conn->vhost = SETTINGS_NONE;
	conn->head_only = conn->keep_alive = conn->body_unread = conn->answered = false;
	conn->may_pass = conn->passed = conn->named = false;
	if (conn->named_head.data != NULL)
		buf_free(&conn->named_head);
	conn->file_at = conn->file_left = 0;
	conn->sent = 0;
	conn->queued_us = conn->waited_us = conn->serial = 0;
	conn->status = 0;
	conn->pid = 0;
}

void
conn_free(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;

	conn_read_events(conn, false);
	conn_write_events(conn, false);
	timeouts_clear(&conn->timeout);
	if (conn->again)
		TAILQ_REMOVE(&mux->conns.again, conn, again_link);
	conn->again = false;
	later_forget(conn);
	conn->front->drop(conn);
	fd_close(&conn->fd);
	conn_reset(conn);
	tables_drop(&conn->tables);
	listener_unuse(conn->listener);
	buf_free(&conn->in);
	conn->scanned = 0;
	conn->slot = NULL;
	conn->state = CONN_FREE;
	TAILQ_INSERT_HEAD(&mux->conns.free, conn, link);
	mux->conns.open--;
	if (mux->self != NULL)
		atomic_store_explicit(&mux->self->connections, mux->conns.open,
		    memory_order_relaxed);
	if (mux->listeners.paused && mux->listeners.resume_ms == 0)
		listeners_resume(mux);
}

/* The client has left while a processor runs its request: that one is told. */
static void
conn_leave(struct conn *conn)
{
	conn_read_events(conn, false);
	conn_write_events(conn, false);
	timeouts_clear(&conn->timeout);
	conn->front->drop(conn);
	fd_close(&conn->fd);
	if (conn->status == 0)
		conn->status = STATUS_LEFT;
	logs_access(conn);
	conn_reset(conn);
	buf_free(&conn->in);
	conn->state = CONN_LEFT;
	slot_abort(conn->slot);
}

void
conn_close(struct conn *conn)
{
	switch (conn->state) {
	case CONN_FREE:
	case CONN_GIVEN:
	case CONN_LEFT:
		return;
	case CONN_RUNNING:
		conn_leave(conn);
		return;
	case CONN_QUEUED:
		queue_remove(conn);
		conn->status = STATUS_LEFT;
		logs_access(conn);
		break;
	case CONN_ASKING:
		front_status_forget(conn);
		break;
	case CONN_SENDING:
		logs_access(conn);
		break;
	case CONN_IDLE:
	case CONN_HEAD:
	case CONN_BODY:
	case CONN_CARRIES:
	case CONN_LINGER:
		break;
	}
	conn_free(conn);
}

void
conn_linger(struct conn *conn)
{
	conn_write_events(conn, false);
	conn_reset(conn);
	buf_free(&conn->in);
	if (shutdown(conn->fd, SHUT_WR) != 0) {
		conn_free(conn);
		return;
	}
	conn->state = CONN_LINGER;
	conn_read_events(conn, true);
	conn_timeout(conn, LINGER_MS);
}

void
conn_finish(struct conn *conn)
{
	logs_access(conn);
	conn->front->next(conn);
}

void
conn_again(struct conn *conn)
{
	if (conn->again)
		return;
	conn->again = true;
	TAILQ_INSERT_TAIL(&conn->mux->conns.again, conn, again_link);
}

void
conns_again(struct multiplexer *mux)
{
	struct conns *conns = &mux->conns;
	struct conn *conn, *last = TAILQ_LAST(&conns->again, conn_list);

	/* Those that come back on the list meanwhile wait for the next round. */
	while (last != NULL && (conn = TAILQ_FIRST(&conns->again)) != NULL) {
		TAILQ_REMOVE(&conns->again, conn, again_link);
		conn->again = false;
		if (conn == last)
			last = NULL;
		conn->front->again(conn);
	}
}

void
conn_timed_out(struct conn *conn)
{
	switch (conn->state) {
	case CONN_HEAD:
	case CONN_BODY:
		conn->keep_alive = false;
		respond_own(conn, 408, NULL);
		return;
	case CONN_QUEUED:
		queue_remove(conn);
		atomic_fetch_add_explicit(
		    &board_pool(conn->mux->board, conn->pool)->queue_timeouts, 1,
		    memory_order_relaxed);
		respond_busy(conn);
		return;
	case CONN_ASKING:
		front_status_late(conn);
		return;
	case CONN_FREE:
	case CONN_GIVEN:
	case CONN_LEFT:
		return;
	case CONN_IDLE:
	case CONN_RUNNING:
	case CONN_SENDING:
	case CONN_CARRIES:
	case CONN_LINGER:
		conn_close(conn);
		return;
	}
}

/* What runs in a pool that is as it was goes on under the new tables. */
static void
conn_follow(struct conn *conn)
{
	uint32_t vhost = SETTINGS_NONE;

	if (conn->state == CONN_FREE || conn->state == CONN_QUEUED || conn->state == CONN_BODY)
		return;
	if (conn->vhost != SETTINGS_NONE) {
		vhost = tables_follow(conn->tables, conn->vhost, conn->mux->tables);
		if (vhost == SETTINGS_NONE)
			return;
	}
	conn_begin(conn);
	conn->vhost = vhost;
}

void
conns_swap(struct multiplexer *mux)
{
	const struct settings *settings = mux->tables->settings;
	uint32_t i;

	mux->conns.max = settings->max_clients > UINT32_MAX / 2 ? UINT32_MAX / 2 :
	    (uint32_t)settings->max_clients;
	for (i = 0; i < mux->conns.made; i++)
		conn_follow(mux->conns.at[i]);
	slots_swap(mux);
	queue_swap(mux);
}

void
conns_close_idle(struct multiplexer *mux)
{
	struct conn *conn;
	uint32_t i;

	for (i = 0; i < mux->conns.made; i++) {
		conn = mux->conns.at[i];
		if (conn->state == CONN_IDLE && conn->fd >= 0)
			conn->front->readable(conn->fd, EV_READ, conn);
		if (conn->state != CONN_IDLE)
			continue;
		if (conn->fresh)
			conn_timeout(conn, FRESH_MS);
		else
			conn_close(conn);
	}
}
