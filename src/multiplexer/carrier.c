#include <stdlib.h>
#include <string.h>

#include "multiplexer/carrier.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/out.h"
#include "multiplexer/respond.h"

bool
carrier_begin(struct conn *conn)
{
	struct carrier *carrier = calloc(1, sizeof *carrier);

	if (carrier == NULL)
		return false;
	TAILQ_INIT(&carrier->requests);
	TAILQ_INIT(&carrier->waiting);
	carrier->conn = conn;
	carrier->keep = true;
	conn->carrier = carrier;
	return true;
}

void
carrier_end(struct conn *conn)
{
	struct carrier *carrier = conn->carrier;
	struct conn *request;

	carrier->broken = carrier->busy = true;
	while ((request = TAILQ_FIRST(&carrier->requests)) != NULL) {
		carrier_remove(request);
		conn_close(request);
	}
	buf_free(&carrier->values);
	free(carrier);
	conn->carrier = NULL;
}

struct conn *
carrier_find(const struct carrier *carrier, uint16_t id)
{
	struct conn *conn;

	TAILQ_FOREACH(conn, &carrier->requests, carried_link)
		if (conn->carried_id == id)
			return conn;
	return NULL;
}

struct conn *
carrier_add(struct carrier *carrier, uint16_t id)
{
	struct conn *conn = conn_new_carried(carrier->conn);

	if (conn == NULL)
		return NULL;
	conn->carried_id = id;
	TAILQ_INSERT_TAIL(&carrier->requests, conn, carried_link);
	if (carrier->count++ == 0) {
		carrier->conn->state = CONN_CARRIES;
		if (carrier->conn->out.len == 0)
			timeouts_clear(&carrier->conn->timeout);
	}
	return conn;
}

void
carrier_remove(struct conn *conn)
{
	struct carrier *carrier = conn->carrier;

	carrier_wait(conn, false);
	TAILQ_REMOVE(&carrier->requests, conn, carried_link);
	carrier->count--;
	conn->carrier = NULL;
	if (carrier->stalled_by != conn)
		return;
	carrier->stalled_by = NULL;
	conn_read_events(carrier->conn, !carrier->broken);
}

void
carrier_break(struct carrier *carrier)
{
	carrier->broken = true;
	conn_again(carrier->conn);
}

bool
carrier_has_room(const struct carrier *carrier)
{
	return carrier->conn->out.len == 0 && !carrier->broken;
}

static void
wait_for_socket(struct carrier *carrier)
{
	conn_write_events(carrier->conn, true);
	conn_timeout(carrier->conn, conn_tuning(carrier->conn)->send_timeout);
}

static bool
send_now(struct carrier *carrier, struct iovec *pieces, int count, size_t len)
{
	struct conn *conn = carrier->conn;

	if (carrier->broken)
		return false;
	if (!out_send(conn->fd, &conn->out, pieces, count, len, false)) {
		carrier_break(carrier);
		return false;
	}
	if (conn->out.len > 0)
		wait_for_socket(carrier);
	return true;
}

bool
carrier_send(struct carrier *carrier, const void *bytes, size_t len)
{
	struct iovec piece = { .iov_len = len };

	memcpy(&piece.iov_base, &bytes, sizeof bytes);
	return send_now(carrier, &piece, 1, len);
}

bool
carrier_send_for(struct conn *conn, struct iovec *pieces, int count, size_t len)
{
	struct carrier *carrier = conn->carrier;

	if (carrier == NULL || carrier->broken)
		return false;
	if (conn->out.len == 0 && carrier_has_room(carrier))
		return send_now(carrier, pieces, count, len);
	return out_keep(&conn->out, pieces, count, 0);
}

void
carrier_wait(struct conn *conn, bool on)
{
	if (conn->carrier == NULL || conn->waits_for_room == on)
		return;
	conn->waits_for_room = on;
	if (!on) {
		TAILQ_REMOVE(&conn->carrier->waiting, conn, room_link);
		return;
	}
	TAILQ_INSERT_TAIL(&conn->carrier->waiting, conn, room_link);
	conn_write_events(conn->carrier->conn, true);
}

/* What a request has kept becomes what the socket gets next. */
static bool
pass_on(struct conn *from, struct conn *to)
{
	bool moved;

	to->out = from->out;
	memset(&from->out, 0, sizeof from->out);
	return out_flush(to->fd, &to->out, false, &moved);
}

/* One after another may send, each once, as long as there is room. */
static void
serve_waiting(struct carrier *carrier)
{
	struct conn *conn, *last = TAILQ_LAST(&carrier->waiting, conn_list);

	while (last != NULL && carrier_has_room(carrier) &&
	    (conn = TAILQ_FIRST(&carrier->waiting)) != NULL) {
		if (conn == last)
			last = NULL;
		carrier_wait(conn, false);
		if (conn->out.len > 0 && !pass_on(conn, carrier->conn))
			carrier_break(carrier);
		else
			respond_room(conn);
	}
}

void
carrier_writable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	struct carrier *carrier = conn->carrier;
	bool moved;

	(void)what;
	if (carrier == NULL || !out_flush(fd, &conn->out, false, &moved)) {
		conn_close(conn);
		return;
	}
	carrier->busy = true;
	serve_waiting(carrier);
	carrier->busy = false;
	if (conn->out.len > 0 && moved)
		wait_for_socket(carrier);
	if (conn->out.len > 0)
		return;
	if (TAILQ_EMPTY(&carrier->waiting))
		conn_write_events(conn, false);
	timeouts_clear(&conn->timeout);
	carrier_settle(carrier);
}

void
carrier_settle(struct carrier *carrier)
{
	struct conn *conn = carrier->conn;
	bool unread = carrier->unread;

	if (carrier->busy || carrier->broken || carrier->count > 0 || conn->out.len > 0)
		return;
	if (carrier->keep && !conn->mux->stopping) {
		conn->state = CONN_IDLE;
		conn->fresh = false;
		/* A web server keeps it as long as it likes, but not with half a record. */
		conn_timeout(conn, fcgi_between(&carrier->reader) ? 0 :
		    conn->mux->tables->settings->header_timeout);
		return;
	}
	carrier_end(conn);
	if (unread)
		conn_linger(conn);
	else
		conn_free(conn);
}
