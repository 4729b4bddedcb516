#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "http/cgi_request.h"
#include "http/uri.h"
#include "multiplexer/carrier.h"
#include "multiplexer/front_fcgi.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"
#include "wire/fcgi.h"

#define SERVER_VARS_MAX (8u * 1024)     /* for what a web server adds to the fields of a request */
#define VALUES_MAX 1024u                /* a GET_VALUES, at most */

/*
 * A request whose variables have just come: they are in scratch.vars until the
 * next record turns out not to bring its whole body, and are then copied.
 */
struct fresh {
	struct conn *conn;              /* NULL: none */
	struct nv vars;
	int64_t length;
};

static size_t
in_max(const struct multiplexer *mux)
{
	return (size_t)mux->tables->settings->max_request_head + SERVER_VARS_MAX;
}

/* ---- a request's variables */

/* "host:port" without its port, or nothing where it is malformed. */
static struct slice
name_of(struct slice host)
{
	struct slice name = { "", 0 };
	unsigned port;

	if (host.at == NULL || !head_split_host(host, &name, &port))
		name.len = 0;
	return name;
}

/*
 * By the name that the web server says it means, else by the client's Host
 * where that is one of ours, else by the web server's own name.
 */
static int
find_site(struct conn *conn, const struct cgi_request *request)
{
	const struct slice *known = request->known;
	struct slice host = name_of(known[CGI_HTTP_HOST]);
	struct slice server = name_of(known[CGI_SERVER_NAME]);

	if (known[CGI_PERUSERD_VHOST].at != NULL)
		return hosts_has(conn->tables->hosts, known[CGI_PERUSERD_VHOST].at,
		    known[CGI_PERUSERD_VHOST].len) ?
		    request_find_site(conn, known[CGI_PERUSERD_VHOST]) : 421;
	if (known[CGI_HTTP_HOST].at != NULL && host.len == 0)
		return 400;
	if (host.len == 0 || (server.len > 0 && !hosts_has(conn->tables->hosts, host.at, host.len)))
		return request_find_site(conn, server);
	return request_find_site(conn, host);
}

/* Decoded paths, one after the other, encoded again: in scratch.out.  at NULL: no path. */
static struct slice
encode(struct conn *conn, const struct slice *first, const struct slice *second)
{
	struct buf *out = &conn->mux->scratch->out;
	struct slice path = { NULL, 0 };
	size_t size = out->size / 2, len;

	if (first->at == NULL || !uri_encode_path(first->at, first->len, out->data, size))
		return path;
	len = strlen(out->data);
	if (second->at != NULL && !uri_encode_path(second->at, second->len, out->data + len, size))
		return path;
	path.at = out->data;
	path.len = strlen(out->data);
	return path;
}

/*
 * What the web server came to after its rewrites is what is served; a request
 * that was told without a target is for its script's name and what follows.
 */
static int
find_path(struct conn *conn, struct cgi_request *request)
{
	static const struct slice nothing = { NULL, 0 };
	const struct slice *known = request->known;
	int status = 0;

	if (request->target.at == NULL)
		status = cgi_request_target(request,
		    encode(conn, &known[CGI_SCRIPT_NAME], &known[CGI_PATH_INFO]));
	if (status != 0 || known[CGI_PERUSERD_PATH].at == NULL)
		return status;
	request->path = encode(conn, &known[CGI_PERUSERD_PATH], &nothing);
	return request->path.at != NULL ? 0 : 400;
}

static bool
build_vars(struct conn *conn, const struct cgi_request *request, struct nv *vars)
{
	struct vars_about about = {
		.server_name = request_local_addr(conn->carrier->conn),
		.server_addr = request_local_addr(conn->carrier->conn),
		.server_port = conn->listener->port,
		.remote_addr = conn->remote_addr,
		.remote_port = conn->remote_port,
		.document_uri = conn->mux->scratch->uri,
	};

	return cgi_request_vars(vars, request, &about);
}

/* From params to variables: 0, or the status to answer. */
static int
read_params(struct conn *conn, struct cgi_request *request, struct nv *vars)
{
	struct scratch *scratch = conn->mux->scratch;
	struct nv params = { (unsigned char *)conn->in.data, conn->in.len, conn->in.len };
	int status;

	vars->data = scratch->vars;
	vars->len = 0;
	vars->size = sizeof scratch->vars;
	status = cgi_request_read(&params, request, vars);
	if (status != 0)
		return status;
	conn->head_only = str_is(request->known[CGI_REQUEST_METHOD].at,
	    request->known[CGI_REQUEST_METHOD].len, "HEAD");
	status = find_path(conn, request);
	if (status == 0 && request->form == HEAD_ASTERISK)
		status = 204;
	if (status == 0)
		status = find_site(conn, request);
	if (status == 0)
		status = request_check(conn, request->path, request->content_length);
	if (status == 0 && !build_vars(conn, request, vars))
		status = 431;
	return status;
}

/* All params have come. */
static void
params_end(struct conn *conn, struct fresh *fresh)
{
	struct cgi_request request;
	int status;

	conn->started_us = multiplexer_us(conn->mux);
	status = read_params(conn, &request, &fresh->vars);
	buf_free(&conn->in);
	if (status == 204) {
		respond_own(conn, status, NULL);
	} else if (status != 0) {
		request_refuse(conn, status);
	} else if (request.content_length == 0) {
		request_hand_over(conn, &fresh->vars, NULL, 0);
	} else {
		conn->state = CONN_BODY;
		fresh->conn = conn;
		fresh->length = request.content_length;
	}
}

/* ---- a request's body */

/* It will not come whole at once: begin to keep it. */
static void
keep_fresh(struct fresh *fresh)
{
	struct conn *conn = fresh->conn;
	struct request_body body = { .length = fresh->length, .may_stream = true };

	if (conn == NULL)
		return;
	fresh->conn = NULL;
	if (request_body_begin(conn, &fresh->vars, &body))
		request_body_took(conn, BODY_MORE);
}

/*
 * A body that is to be streamed is, once all that has come of it is kept: nothing
 * is read then until its processor reads.  Only of a request that is alone, or
 * else the others' records would wait for that processor.
 */
static void
stream_alone(struct carrier *carrier)
{
	struct conn *conn;

	TAILQ_FOREACH(conn, &carrier->requests, carried_link) {
		if (conn->state != CONN_BODY || !conn->body->streaming)
			continue;
		if (carrier->count == 1) {
			request_body_stream(conn);
			return;
		}
		conn->body->streaming = false;
	}
}

/* True while what comes is its body's: not behind its end, nor once it is answered. */
static bool
wants_body(const struct conn *conn)
{
	if (conn == NULL || conn->body == NULL || conn->body->whole)
		return false;
	return conn->state == CONN_BODY || (conn->state == CONN_RUNNING && conn->body->feeding);
}

/* True if this record brings all of the body that there is. */
static bool
takes_whole(struct fresh *fresh, const struct fcgi_piece *piece)
{
	if (fresh->length == HEAD_LENGTH_NONE)
		return piece->content == 0;
	return (uint64_t)fresh->length <= piece->len && fresh->length <= ENVELOPE_MAX_BODY;
}

static void
take_body(struct conn *conn, const struct fcgi_piece *piece)
{
	enum body_result result = BODY_MORE;
	size_t left = piece->len;
	const char *at;

	memcpy(&at, &piece->bytes, sizeof at);
	if (left > 0)
		result = body_push(conn->body, &at, &left);
	if (result == BODY_MORE && piece->content == 0)
		result = request_body_end(conn);
	request_body_took(conn, result);
}

static void
got_stdin(struct carrier *carrier, const struct fcgi_piece *piece, struct fresh *fresh)
{
	struct conn *conn = carrier_find(carrier, piece->id);
	const char *bytes;

	if (conn != NULL && conn == fresh->conn && takes_whole(fresh, piece)) {
		fresh->conn = NULL;
		memcpy(&bytes, &piece->bytes, sizeof bytes);
		request_hand_over(conn, &fresh->vars, bytes,
		    fresh->length > 0 ? (size_t)fresh->length : 0);
		return;
	}
	keep_fresh(fresh);
	conn = carrier_find(carrier, piece->id);
	if (wants_body(conn))
		take_body(conn, piece);
}

/* ---- records about requests */

static bool
refuse_begin(struct carrier *carrier, unsigned id, enum fcgi_ended ended, unsigned flags)
{
	unsigned char end[FCGI_WHOLE];

	if (!(flags & FCGI_FLAG_KEEP))
		carrier->keep = false;
	carrier->unread = true;
	return carrier_send(carrier, end, fcgi_write_end(end, id, 0, ended));
}

/* False: the web server does not speak FastCGI as it should. */
static bool
got_begin(struct carrier *carrier, const struct fcgi_piece *piece)
{
	struct multiplexer *mux = carrier->conn->mux;
	struct conn *conn;
	unsigned role, flags;

	fcgi_read_begin(piece, &role, &flags);
	if (piece->id == 0 || carrier_find(carrier, piece->id) != NULL)
		return false;
	if (role != FCGI_ROLE_RESPONDER)
		return refuse_begin(carrier, piece->id, FCGI_ENDED_UNKNOWN_ROLE, flags);
	if (carrier->count >= carrier->conn->listener->settings->max_multiplexed ||
	    mux->conns.open >= mux->conns.max || (mux->stopping && !mux->replaced) ||
	    (conn = carrier_add(carrier, piece->id)) == NULL)
		return refuse_begin(carrier, piece->id, FCGI_ENDED_OVERLOADED, flags);
	carrier->keep = flags & FCGI_FLAG_KEEP;
	conn->state = CONN_HEAD;
	conn->minor = ANSWER_CGI;
	conn->keep_alive = true;
	conn_timeout(conn, mux->tables->settings->header_timeout);
	return true;
}

static void
got_params(struct carrier *carrier, const struct fcgi_piece *piece, struct fresh *fresh)
{
	struct conn *conn = carrier_find(carrier, piece->id);

	if (conn == NULL || conn->state != CONN_HEAD)
		return;
	if (piece->content == 0)
		params_end(conn, fresh);
	else if (!buf_add(&conn->in, piece->bytes, piece->len))
		request_refuse(conn, 431);
}

static void
got_abort(struct carrier *carrier, const struct fcgi_piece *piece)
{
	struct conn *conn = carrier_find(carrier, piece->id);

	if (conn != NULL && piece->last)
		front_fcgi_aborted(conn);
}

/* ---- records about the connection */

static bool
got_get_values(struct carrier *carrier, const struct fcgi_piece *piece)
{
	const struct settings *settings = carrier->conn->mux->tables->settings;
	struct fcgi_values values = {
		.max_conns = (unsigned)settings->max_clients,
		.max_reqs = (unsigned)settings->max_clients,
		.multiplexes = carrier->conn->listener->settings->max_multiplexed > 1,
	};
	unsigned char out[FCGI_VALUES_MAX];
	struct nv asked;

	if (piece->first)
		carrier->values.len = 0;
	carrier->values.max = VALUES_MAX;
	if (!buf_add(&carrier->values, piece->bytes, piece->len))
		return false;
	if (!piece->last)
		return true;
	asked.data = (unsigned char *)carrier->values.data;
	asked.len = asked.size = carrier->values.len;
	return carrier_send(carrier, out, fcgi_write_values(out, &asked, &values));
}

static bool
got_unknown(struct carrier *carrier, const struct fcgi_piece *piece)
{
	unsigned char out[FCGI_WHOLE];

	/* Of an application's own records there is none that we would not know. */
	if (piece->id != 0 || !piece->last)
		return true;
	return carrier_send(carrier, out, fcgi_write_unknown(out, piece->type));
}

/* False: the connection is of no use any more. */
static bool
got_piece(struct carrier *carrier, const struct fcgi_piece *piece, struct fresh *fresh)
{
	if (piece->type != FCGI_TYPE_STDIN)
		keep_fresh(fresh);
	switch (piece->type) {
	case FCGI_TYPE_BEGIN:
		return got_begin(carrier, piece);
	case FCGI_TYPE_PARAMS:
		got_params(carrier, piece, fresh);
		return true;
	case FCGI_TYPE_STDIN:
		got_stdin(carrier, piece, fresh);
		return true;
	case FCGI_TYPE_ABORT:
		got_abort(carrier, piece);
		return true;
	case FCGI_TYPE_DATA:
		return true;
	case FCGI_TYPE_GET_VALUES:
		return piece->id != 0 || got_get_values(carrier, piece);
	default:
		return got_unknown(carrier, piece);
	}
}

/* ---- bytes */

static void
take_bytes(struct carrier *carrier, const char *at, size_t left)
{
	struct fresh fresh = { .conn = NULL };
	struct fcgi_piece piece;
	enum fcgi_got got;

	carrier->busy = true;
	while ((got = fcgi_next(&carrier->reader, &at, &left, &piece)) == FCGI_PIECE &&
	    got_piece(carrier, &piece, &fresh))
		continue;
	keep_fresh(&fresh);
	stream_alone(carrier);
	carrier->busy = false;
	if (got != FCGI_MORE && !carrier->broken) {
		logs_complain(carrier->conn->mux, "what came from %s on %s is not FastCGI; that "
		    "connection is closed", carrier->conn->remote_addr,
		    carrier->conn->listener->settings->address);
		carrier_break(carrier);
	}
	carrier_settle(carrier);
}

static void
readable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	char *bytes = conn->mux->scratch->read;
	ssize_t got;

	(void)what;
	got = recv(fd, bytes, MULTIPLEXER_READ, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || (conn->carrier == NULL && conn->state != CONN_LINGER &&
	    !carrier_begin(conn)))
		conn_close(conn);
	else if (conn->carrier != NULL && !conn->carrier->broken) {
		conn_begin(conn);
		take_bytes(conn->carrier, bytes, (size_t)got);
	}
}

static void
again(struct conn *conn)
{
	if (conn->carrier != NULL && conn->carrier->broken)
		conn_close(conn);
}

static void
feed(struct conn *conn, bool on)
{
	if (conn->carrier == NULL)
		return;
	conn->carrier->stalled_by = on ? NULL : conn;
	conn_read_events(conn->carrier->conn, on);
	if (on)
		conn_timeout(conn,
		    conn_tuning(conn)->body_timeout);
}

const struct front front_fcgi = {
	.name = "fastcgi",
	.in_max = in_max,
	.readable = readable,
	.writable = carrier_writable,
	.again = again,
	.feed = feed,
	.write_head = front_fcgi_write_head,
	.write_own = front_fcgi_write_own,
	.send = front_fcgi_send,
	.send_file = front_fcgi_send_file,
	.wait = carrier_wait,
	.next = front_fcgi_next,
	.drop = front_fcgi_drop,
};
