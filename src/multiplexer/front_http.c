#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/str.h"
#include "http/head.h"
#include "http/uri.h"
#include "http/vars.h"
#include "multiplexer/front_http.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"

#define AHEAD_MAX (16u * 1024)          /* bytes of next requests taken while one is served */
#define ALLOW "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

/* Bytes that are being looked at: of this event, or kept from earlier ones. */
struct input {
	const char *at;
	size_t left;
	bool kept;              /* they are conn->in's last bytes */
};

size_t
front_http_in_max(const struct multiplexer *mux)
{
	return MULTIPLEXER_READ + (size_t)mux->settings->max_request_head;
}

/* What was not used stays for later. */
static bool
input_keep(struct conn *conn, struct input *input)
{
	if (input->kept) {
		buf_drop(&conn->in, conn->in.len - input->left);
		if (conn->in.len == 0)
			buf_free(&conn->in);
	} else if (input->left > 0 && !buf_add(&conn->in, input->at, input->left))
		return false;
	input->left = 0;
	return true;
}

/* An error of the client's: answered, and the connection closes. */
static void
refuse(struct conn *conn, int status)
{
	conn->keep_alive = false;
	conn->body_unread = true;
	respond_own(conn, status, NULL);
}

static const char *
local_addr(struct conn *conn)
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

/*
 * The site that is asked for.  0, or the status to answer.  scratch.name
 * becomes the name, in lower case.
 */
static int
find_vhost(struct conn *conn, const struct head *head)
{
	struct multiplexer *mux = conn->mux;
	char *out = mux->scratch->name;
	struct slice name = { "", 0 };
	unsigned port;
	size_t i;

	if (head->host.at != NULL && head->host.len > 0 &&
	    !head_split_host(head->host, &name, &port))
		return 400;
	if (name.len >= sizeof mux->scratch->name)
		return 400;
	conn->vhost = hosts_find(mux->hosts, name.at, name.len);
	if (conn->vhost == SETTINGS_NONE)
		return 421;
	conn->pool = mux->settings->vhosts[conn->vhost].pool;
	for (i = 0; i < name.len; i++)
		out[i] = str_lower(name.at[i]);
	out[i] = '\0';
	return 0;
}

/* What the head asks for that we can judge: 0, or the status to answer. */
static int
check_request(struct conn *conn, const struct head *head)
{
	struct multiplexer *mux = conn->mux;
	const struct vhost_settings *vhost;
	int status = find_vhost(conn, head);
	size_t len;

	if (status != 0)
		return status;
	vhost = &mux->settings->vhosts[conn->vhost];
	if (vhost->disabled != NULL || vhost->pool >= mux->pools.count)
		return 503;
	if (vhost->tuning.max_body_size != 0 && head->content_length > 0 &&
	    (uint64_t)head->content_length > vhost->tuning.max_body_size)
		return 413;
	conn->keep_alive = head->keep_alive && vhost->tuning.keep_alive;
	return uri_path(head->path.at, head->path.len, mux->scratch->uri,
	    sizeof mux->scratch->uri, &len);
}

static bool
build_vars(struct conn *conn, const struct head *head, struct nv *vars)
{
	struct scratch *scratch = conn->mux->scratch;
	struct vars_about about = {
		.server_name = scratch->name,
		.server_addr = local_addr(conn),
		.server_port = conn->listener->port,
		.remote_addr = conn->remote_addr,
		.remote_port = conn->remote_port,
		.document_uri = scratch->uri,
		.content_length = head->content_length,
	};

	if (scratch->name[0] == '\0')
		about.server_name = about.server_addr;
	vars->data = scratch->vars;
	vars->len = 0;
	vars->size = sizeof scratch->vars;
	return vars_build(vars, head, &about);
}

/* A chunked body's length is known at its end only. */
static bool
add_length(struct conn *conn)
{
	struct nv vars;
	char text[24];

	if (!conn->body->chunked || !conn->body->whole)
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

static void
hand_over_kept(struct conn *conn)
{
	struct handoff handoff = {
		.vars = { (unsigned char *)conn->vars.data, conn->vars.len, conn->vars.len },
		.rest = conn->in.data, .rest_len = conn->in.len,
		.body_file = -1, .body_stream = -1,
	};

	timeouts_clear(&conn->timeout);
	if (!add_length(conn) || !body_ready(conn->body)) {
		logs_complain(conn->mux, "a request body can't be handed over: %s",
		    strerror(errno));
		refuse(conn, 503);
		return;
	}
	handoff.vars.data = (unsigned char *)conn->vars.data;
	handoff.vars.len = handoff.vars.size = conn->vars.len;
	if (conn->body_unread)
		handoff.rest_len = 0;
	body_handoff(conn->body, &handoff);
	handoff_or_wait(conn, &handoff);
}

/* Bytes of a body that is being spooled or fed. */
static void
take_body(struct conn *conn, struct input *input)
{
	static const int statuses[] = {
		[BODY_BAD] = 400, [BODY_TOO_LARGE] = 413, [BODY_NO_ROOM] = 503,
	};
	struct body *body = conn->body;
	enum body_result result = body_push(body, &input->at, &input->left);
	uint64_t timeout = conn->mux->settings->vhosts[conn->vhost].tuning.body_timeout;

	if (!input_keep(conn, input))
		result = BODY_NO_ROOM;
	if (result == BODY_MORE) {
		/* While the processor is the slow one, the client's time does not run. */
		conn_timeout(conn, body->feeding && !conn->read_armed ? 0 : timeout);
		return;
	}
	if (result != BODY_DONE && body->feeding) {
		/* A processor has the request already; it sees its body end too early. */
		conn_close(conn);
		return;
	}
	if (result != BODY_DONE) {
		refuse(conn, statuses[result]);
		return;
	}
	conn->body_unread = false;
	timeouts_clear(&conn->timeout);
	if (!body->feeding)
		hand_over_kept(conn);
	else if (body->memory.len == 0)
		body_free(&conn->body);
}

static void
begin_body(struct conn *conn, const struct head *head, const struct nv *vars,
    struct input *input)
{
	const struct tuning *tuning = &conn->mux->settings->vhosts[conn->vhost].tuning;
	uint64_t total = head->chunked ? BODY_UNTIL_END : (uint64_t)head->content_length;
	bool silent = input->left == 0;

	conn->body_unread = true;
	conn->vars.max = ENVELOPE_MAX_VARS;
	conn->body = body_new(conn, total, head->chunked, tuning->max_body_size,
	    tuning->stream_body);
	if (conn->body == NULL || !buf_add(&conn->vars, vars->data, vars->len)) {
		refuse(conn, 503);
		return;
	}
	conn->state = CONN_BODY;
	if (head->expect_continue && head->minor > 0 && silent && !respond_continue(conn)) {
		conn_close(conn);
		return;
	}
	take_body(conn, input);
	if (conn->state == CONN_BODY && tuning->stream_body) {
		/* Nothing more is read before it has a processor. */
		conn_read_events(conn, false);
		hand_over_kept(conn);
	}
}

/* A whole head, for a site of ours: its meta-variables, and its body if it's there. */
static void
begin_request(struct conn *conn, const struct head *head, struct input *input)
{
	struct handoff handoff = { .body_file = -1, .body_stream = -1 };
	size_t body_len = head->content_length > 0 ? (size_t)head->content_length : 0;

	if (!build_vars(conn, head, &handoff.vars)) {
		refuse(conn, 431);
		return;
	}
	/* Kept bytes move when what is left of them is kept on; then a body can't stay there. */
	if (head->chunked || (body_len > 0 && (body_len > ENVELOPE_MAX_BODY ||
	    body_len > input->left || input->kept))) {
		begin_body(conn, head, &handoff.vars, input);
		return;
	}
	handoff.body = input->at;
	handoff.body_len = handoff.body_total = body_len;
	input->at += body_len;
	input->left -= body_len;
	if (!input_keep(conn, input)) {
		refuse(conn, 503);
		return;
	}
	handoff.rest = conn->in.data;
	handoff.rest_len = conn->in.len;
	timeouts_clear(&conn->timeout);
	handoff_or_wait(conn, &handoff);
}

/* Requests that are about us and not about a site. */
static bool
answer_ours(struct conn *conn, const struct head *head, struct input *input)
{
	if (head->form == HEAD_AUTHORITY) {
		refuse(conn, 501);
		return true;
	}
	if (head->form != HEAD_ASTERISK)
		return false;
	if (!str_is(head->method.at, head->method.len, "OPTIONS") || head->chunked ||
	    head->content_length > 0 || !input_keep(conn, input)) {
		refuse(conn, 400);
		return true;
	}
	conn->keep_alive = head->keep_alive;
	respond_own(conn, 204, ALLOW);
	return true;
}

static void
take_head(struct conn *conn, struct input *input)
{
	struct multiplexer *mux = conn->mux;
	struct head *head = &mux->scratch->head;
	struct head_limits limits = {
		.line_max = (size_t)mux->settings->max_request_line,
		.head_max = (size_t)mux->settings->max_request_head,
	};
	enum head_result result;
	size_t used = 0;
	int status = 400;

	conn->minor = 1;
	result = head_parse(input->at, input->left, &limits, &conn->scanned, head, &used, &status);
	if (result == HEAD_MORE) {
		if (!input_keep(conn, input))
			refuse(conn, 431);
		else if (conn->state == CONN_IDLE) {
			conn->state = CONN_HEAD;
			conn_timeout(conn, mux->settings->header_timeout);
		}
		return;
	}
	conn->scanned = 0;
	/* No longer idle: a stop that is told while a slot is looked for spares it. */
	conn->state = CONN_HEAD;
	conn->started_us = multiplexer_us(mux);
	if (result == HEAD_BAD) {
		refuse(conn, status);
		return;
	}
	input->at += used;
	input->left -= used;
	conn->minor = (uint8_t)head->minor;
	conn->head_only = str_is(head->method.at, head->method.len, "HEAD");
	if (answer_ours(conn, head, input))
		return;
	status = check_request(conn, head);
	if (status != 0)
		refuse(conn, status);
	else
		begin_request(conn, head, input);
}

void
front_http_again(struct conn *conn)
{
	struct input input = { conn->in.data, conn->in.len, true };

	if (conn->state == CONN_IDLE && conn->in.len > 0)
		take_head(conn, &input);
}

void
front_http_feed(struct conn *conn)
{
	conn_read_events(conn, true);
	conn_timeout(conn, conn->mux->settings->vhosts[conn->vhost].tuning.body_timeout);
}

/*
 * Read what came.  0 bytes: nothing now.  False: the client has gone and the
 * connection with it.
 */
static bool
receive(struct conn *conn, size_t most, struct input *input)
{
	char *to = conn->mux->scratch->read;
	ssize_t got;

	input->kept = conn->in.len > 0;
	if (input->kept) {
		if (most > 4096)
			most = 4096;
		if (!buf_reserve(&conn->in, most)) {
			refuse(conn, 431);
			return false;
		}
		to = conn->in.data + conn->in.len;
	}
	got = recv(conn->fd, to, most, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		got = 0;
	else if (got <= 0) {
		conn_close(conn);
		return false;
	}
	if (input->kept)
		conn->in.len += (size_t)got;
	input->at = input->kept ? conn->in.data : to;
	input->left = input->kept ? conn->in.len : (size_t)got;
	return got > 0;
}

/* While a request is served: is the client still there?  Some of what follows is kept. */
static void
read_ahead(struct conn *conn)
{
	struct input input;

	if (conn->in.len >= AHEAD_MAX) {
		conn_read_events(conn, false);
		return;
	}
	if (!receive(conn, AHEAD_MAX, &input) || input.kept)
		return;
	if (!input_keep(conn, &input))
		conn_close(conn);
}

void
front_http_readable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	struct input input;

	(void)fd;
	(void)what;
	switch (conn->state) {
	case CONN_IDLE:
	case CONN_HEAD:
		if (receive(conn, MULTIPLEXER_READ, &input))
			take_head(conn, &input);
		return;
	case CONN_BODY:
		if (receive(conn, MULTIPLEXER_READ, &input))
			take_body(conn, &input);
		return;
	case CONN_RUNNING:
		if (conn->body != NULL && !conn->body->whole) {
			if (receive(conn, MULTIPLEXER_READ, &input))
				take_body(conn, &input);
			return;
		}
		read_ahead(conn);
		return;
	case CONN_QUEUED:
	case CONN_SENDING:
		read_ahead(conn);
		return;
	case CONN_LINGER:
		if (receive(conn, MULTIPLEXER_READ, &input))
			return;
		return;
	case CONN_FREE:
	case CONN_GIVEN:
	case CONN_LEFT:
		return;
	}
}
