#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "http/uri.h"
#include "multiplexer/front.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/route.h"

void
request_refuse(struct conn *conn, int status)
{
	conn->keep_alive = false;
	conn->body_unread = true;
	if (status == 503)
		respond_busy(conn);
	else
		respond_own(conn, status, NULL);
}

const char *
request_local_addr(struct conn *conn)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (!conn->listener->wildcard)
		return conn->listener->addr;
	if (conn->local_addr[0] == '\0') {
		memset(&address, 0, sizeof address);
		if (getsockname(conn->fd, (struct sockaddr *)&address, &len) != 0)
			address.ss_family = AF_UNSPEC;
		address_text(&address, conn->local_addr, conn->local_port);
	}
	return conn->local_addr;
}

int
request_find_site(struct conn *conn, struct slice name)
{
	conn->serial = ++conn->mux->serial;
	conn->vhost = hosts_find(conn->tables->hosts, name.at, name.len);
	if (conn->vhost == SETTINGS_NONE)
		return 421;
	if (conn_vhost(conn)->pool != SETTINGS_NONE)
		conn->pool = tables_row(conn->tables, conn_vhost(conn)->pool);
	return 0;
}

/* A file that an answer named is the business of the site's own pool, whatever its name. */
static int
route_named(struct conn *conn)
{
	uint32_t pool = conn_vhost(conn)->pool;

	if (pool == SETTINGS_NONE || settings_pool_runs(&conn_settings(conn)->pools[pool]) != RUNS_OURS)
		return 500;
	conn->pool = tables_row(conn->tables, pool);
	conn->may_pass = false;
	return pool_make(conn->mux, conn->pool) != NULL ? 0 : 503;
}

int
request_adopt(struct conn *conn, const struct nv *vars)
{
	struct nv_pair pair = { "", "", 0, 0 }, path = { "", "/", 0, 1 };
	struct scratch *scratch = conn->mux->scratch;
	struct slice name;
	int status;

	nv_find(vars, "SERVER_NAME", &pair);
	name.at = pair.value;
	name.len = pair.value_len;
	conn_begin(conn);
	status = request_find_site(conn, name);
	if (status != 0)
		return status;
	if (conn_vhost(conn)->disabled != NULL)
		return 503;
	if (conn->named)
		return route_named(conn);
	nv_find(vars, "DOCUMENT_URI", &path);
	if (path.value_len >= sizeof scratch->uri)
		return 414;
	memcpy(scratch->uri, path.value, path.value_len);
	scratch->uri[path.value_len] = '\0';
	return request_route(conn, scratch->uri);
}

int
request_check(struct conn *conn, struct slice path, int64_t length)
{
	struct multiplexer *mux = conn->mux;
	const struct vhost_settings *vhost = conn_vhost(conn);
	size_t len;
	int status;

	if (vhost->disabled != NULL)
		return 503;
	if (vhost->tuning->max_body_size != 0 && length > 0 &&
	    (uint64_t)length > vhost->tuning->max_body_size)
		return 413;
	status = uri_path(path.at, path.len, mux->scratch->uri, sizeof mux->scratch->uri, &len);
	return status != 0 ? status : request_route(conn, mux->scratch->uri);
}

int
request_route(struct conn *conn, const char *path)
{
	const struct vhost_settings *vhost = conn_vhost(conn);
	static struct route route;

	route_find(conn_settings(conn), vhost, path, &route);
	if (route.status != 0)
		return route.status;
	conn->pool = tables_row(conn->tables, route.pool);
	conn->may_pass = route_passes(vhost) && vhost->pool != SETTINGS_NONE &&
	    settings_pool_runs(&conn_settings(conn)->pools[vhost->pool]) == RUNS_OURS;
	return pool_make(conn->mux, conn->pool) != NULL ? 0 : 503;
}

void
request_hand_over(struct conn *conn, const struct nv *vars, const char *body, size_t len)
{
	struct handoff handoff = {
		.vars = *vars, .body = body, .body_len = len, .body_total = len,
		.rest = conn->in.data, .rest_len = conn->in.len,
		.body_file = -1, .body_stream = -1,
	};

	timeouts_clear(&conn->timeout);
	handoff_or_wait(conn, &handoff);
}

/* The variables, for another path. */
static bool
rename_vars(struct conn *conn, const char *path, size_t len)
{
	struct nv from = { (unsigned char *)conn->vars.data, conn->vars.len, conn->vars.len };
	struct nv to = { conn->mux->scratch->vars, 0, sizeof conn->mux->scratch->vars };
	struct nv_pair pair;
	size_t at = 0;

	while (nv_next(&from, &at, &pair) == NV_PAIR)
		if (!str_is(pair.name, pair.name_len, "DOCUMENT_URI") &&
		    !nv_put(&to, pair.name, pair.name_len, pair.value, pair.value_len))
			return false;
	if (!nv_put(&to, "DOCUMENT_URI", sizeof "DOCUMENT_URI" - 1, path, len))
		return false;
	conn->vars.len = 0;
	return buf_add(&conn->vars, to.data, to.len);
}

void
request_pass(struct conn *conn, const char *path, size_t len)
{
	struct handoff handoff = { .body_file = -1, .body_stream = -1 };
	char *uri = conn->mux->scratch->uri;
	uint32_t own = conn->pool;

	if (!conn->may_pass || conn->passed || conn->vars.len == 0 || path[0] != '/' ||
	    len >= sizeof conn->mux->scratch->uri || memchr(path, '\0', len) != NULL) {
		respond_failed(conn, 502);
		return;
	}
	memcpy(uri, path, len);
	uri[len] = '\0';
	if (request_route(conn, uri) != 0 || conn->pool == own || !rename_vars(conn, path, len)) {
		respond_failed(conn, 500);
		return;
	}
	conn->passed = true;
	handoff.vars.data = (unsigned char *)conn->vars.data;
	handoff.vars.len = handoff.vars.size = conn->vars.len;
	if (conn->body != NULL)
		body_handoff(conn->body, &handoff);
	handoff_or_wait(conn, &handoff);
}

void
request_send_named(struct conn *conn, const char *path, size_t len)
{
	struct handoff handoff = { .body_file = -1, .body_stream = -1 };
	int status = route_named(conn);

	if (status == 0 && !rename_vars(conn, path, len))
		status = 500;
	if (status != 0) {
		respond_failed(conn, status);
		return;
	}
	/* It was the program's.  One that has not come whole is dropped as it comes. */
	if (conn->body != NULL)
		body_free(&conn->body);
	handoff.vars.data = (unsigned char *)conn->vars.data;
	handoff.vars.len = handoff.vars.size = conn->vars.len;
	handoff_or_wait(conn, &handoff);
}

/* The length of a body that did not say it is known at its end only. */
static bool
add_length(struct conn *conn)
{
	struct nv vars;
	char text[24];

	if (conn->body->total != BODY_UNTIL_END || !conn->body->whole)
		return true;
	if (!buf_reserve(&conn->vars, 64))
		return false;
	vars.data = (unsigned char *)conn->vars.data;
	vars.len = conn->vars.len;
	vars.size = conn->vars.size;
	snprintf(text, sizeof text, "%llu", (unsigned long long)conn->body->len);
	if (!nv_put_str(&vars, "CONTENT_LENGTH", text))
		return false;
	conn->vars.len = vars.len;
	return true;
}

/* A request whose variables and body are in the connection. */
static void
hand_over_kept(struct conn *conn)
{
	struct handoff handoff = {
		.rest = conn->in.data, .rest_len = conn->in.len,
		.body_file = -1, .body_stream = -1,
	};

	timeouts_clear(&conn->timeout);
	if (!add_length(conn) || !body_ready(conn->body)) {
		logs_complain(conn->mux, "a request body can't be handed over: %s",
		    strerror(errno));
		request_refuse(conn, 503);
		return;
	}
	handoff.vars.data = (unsigned char *)conn->vars.data;
	handoff.vars.len = handoff.vars.size = conn->vars.len;
	if (conn->body_unread)
		handoff.rest_len = 0;
	body_handoff(conn->body, &handoff);
	handoff_or_wait(conn, &handoff);
}

bool
request_body_begin(struct conn *conn, const struct nv *vars, const struct request_body *body)
{
	const struct tuning *tuning = conn_tuning(conn);
	uint64_t total = body->length == HEAD_LENGTH_NONE ? BODY_UNTIL_END :
	    (uint64_t)body->length;

	conn->body_unread = true;
	conn->vars.max = ENVELOPE_MAX_VARS;
	conn->body = body_new(conn, total, body->chunked, tuning->max_body_size,
	    tuning->stream_body && body->may_stream);
	if (conn->body == NULL || !buf_add(&conn->vars, vars->data, vars->len)) {
		request_refuse(conn, 503);
		return false;
	}
	conn->state = CONN_BODY;
	return true;
}

enum body_result
request_body_end(struct conn *conn)
{
	struct body *body = conn->body;

	if (!body->whole && body->total != BODY_UNTIL_END)
		return BODY_BAD;
	body->whole = true;
	return BODY_DONE;
}

void
request_body_took(struct conn *conn, enum body_result result)
{
	static const int statuses[] = {
		[BODY_BAD] = 400, [BODY_TOO_LARGE] = 413, [BODY_NO_ROOM] = 503,
	};
	struct body *body = conn->body;
	uint64_t timeout = conn_tuning(conn)->body_timeout;

	if (result == BODY_MORE) {
		/* While the processor is the slow one, the client's time does not run. */
		conn_timeout(conn, body->feeding && body->armed ? 0 : timeout);
		return;
	}
	if (result != BODY_DONE && body->feeding) {
		/* A processor has the request already; it sees its body end too early. */
		conn_close(conn);
		return;
	}
	if (result != BODY_DONE) {
		request_refuse(conn, statuses[result]);
		return;
	}
	conn->body_unread = false;
	timeouts_clear(&conn->timeout);
	if (!body->feeding)
		hand_over_kept(conn);
	else if (body->memory.len == 0)
		body_free(&conn->body);
}

void
request_body_stream(struct conn *conn)
{
	/* Nothing more is read before it has a processor. */
	conn->front->feed(conn, false);
	hand_over_kept(conn);
}
