#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "http/head.h"
#include "http/vars.h"
#include "multiplexer/front_http.h"
#include "multiplexer/front_status.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"
#include "multiplexer/visitor.h"

#define AHEAD_MAX (16u * 1024)          /* bytes of next requests taken while one is served */
#define ALLOW "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"

/* Bytes that are being looked at: of this event, or kept from earlier ones. */
struct input {
	const char *at;
	size_t left;
	bool kept;              /* they are conn->in's last bytes */
};

static size_t
in_max(const struct multiplexer *mux)
{
	return MULTIPLEXER_READ + (size_t)mux->tables->settings->max_request_head;
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

/*
 * The site that is asked for.  0, or the status to answer.  scratch.name
 * becomes the name, in lower case.
 */
static int
find_site(struct conn *conn, const struct head *head)
{
	struct scratch *scratch = conn->mux->scratch;
	struct slice name = { "", 0 };
	unsigned port;
	size_t i;

	if (head->host.at != NULL && head->host.len > 0 &&
	    !head_split_host(head->host, &name, &port))
		return 400;
	if (name.len >= sizeof scratch->name)
		return 400;
	for (i = 0; i < name.len; i++)
		scratch->name[i] = str_lower(name.at[i]);
	scratch->name[i] = '\0';
	return request_find_site(conn, name);
}

/* What the head asks for that we can judge: 0, or the status to answer. */
static int
check_head(struct conn *conn, const struct head *head)
{
	int status = find_site(conn, head);

	if (status != 0)
		return status;
	status = request_check(conn, head->path, head->content_length);
	conn->keep_alive = status == 0 && head->keep_alive &&
	    conn_tuning(conn)->keep_alive;
	return status;
}

static bool
build_vars(struct conn *conn, const struct head *head, struct nv *vars)
{
	struct scratch *scratch = conn->mux->scratch;
	struct vars_about about = {
		.server_name = scratch->name,
		.server_addr = request_local_addr(conn),
		.server_port = conn->listener->port,
		.remote_addr = conn->remote_addr,
		.remote_port = conn->remote_port,
		.document_uri = scratch->uri,
		.content_length = head->content_length,
	};
	struct visitor visitor;

	visitor_about(conn, head, &visitor, &about);
	if (scratch->name[0] == '\0')
		about.server_name = about.server_addr;
	vars->data = scratch->vars;
	vars->len = 0;
	vars->size = sizeof scratch->vars;
	return vars_build(vars, head, &about);
}

/* Bytes of a body that is being spooled or fed. */
static void
take_body(struct conn *conn, struct input *input)
{
	enum body_result result = body_push(conn->body, &input->at, &input->left);

	if (!input_keep(conn, input))
		result = BODY_NO_ROOM;
	request_body_took(conn, result);
}

static void
begin_body(struct conn *conn, const struct head *head, const struct nv *vars,
    struct input *input)
{
	struct request_body body = { head->content_length, head->chunked, .may_stream = true };
	bool silent = input->left == 0;

	if (!request_body_begin(conn, vars, &body))
		return;
	if (head->expect_continue && head->minor > 0 && silent && !front_http_continue(conn)) {
		conn_close(conn);
		return;
	}
	take_body(conn, input);
	if (conn->state == CONN_BODY && conn->body->streaming)
		request_body_stream(conn);
}

/* A whole head, for a site of ours: its meta-variables, and its body if it's there. */
static void
begin_request(struct conn *conn, const struct head *head, struct input *input)
{
	size_t body_len = head->content_length > 0 ? (size_t)head->content_length : 0;
	const char *body;
	struct nv vars;

	if (!build_vars(conn, head, &vars)) {
		request_refuse(conn, 431);
		return;
	}
	/* Kept bytes move when what is left of them is kept on; then a body can't stay there. */
	if (head->chunked || (body_len > 0 && (body_len > ENVELOPE_MAX_BODY ||
	    body_len > input->left || input->kept))) {
		begin_body(conn, head, &vars, input);
		return;
	}
	body = input->at;
	input->at += body_len;
	input->left -= body_len;
	if (!input_keep(conn, input)) {
		request_refuse(conn, 503);
		return;
	}
	request_hand_over(conn, &vars, body, body_len);
}

/* Requests that are about us and not about a site. */
static bool
answer_ours(struct conn *conn, const struct head *head, struct input *input)
{
	if (head->form == HEAD_AUTHORITY) {
		request_refuse(conn, 501);
		return true;
	}
	if (head->form != HEAD_ASTERISK)
		return false;
	if (!str_is(head->method.at, head->method.len, "OPTIONS") || head->chunked ||
	    head->content_length > 0 || !input_keep(conn, input)) {
		request_refuse(conn, 400);
		return true;
	}
	conn->keep_alive = head->keep_alive;
	respond_own(conn, 204, ALLOW);
	return true;
}

/* It has begun to come, and is not whole. */
static void
wait_for_head(struct conn *conn, struct input *input)
{
	if (!input_keep(conn, input)) {
		request_refuse(conn, 431);
	} else if (conn->state == CONN_IDLE) {
		conn->state = CONN_HEAD;
		conn_timeout(conn, conn->mux->tables->settings->header_timeout);
	}
}

/* The PROXY header before the first head.  False: no head has come yet. */
static bool
take_proxy(struct conn *conn, struct input *input)
{
	size_t used;
	enum proxy_result result = visitor_proxy(conn, input->at, input->left, &used);

	if (result == PROXY_BAD) {
		logs_complain(conn->mux, "what %s sends to %s begins with no PROXY header: closed",
		    conn->remote_addr, conn->listener->settings->address);
		conn_close(conn);
		return false;
	}
	input->at += used;
	input->left -= used;
	if (result == PROXY_DONE && input->left > 0)
		return true;
	wait_for_head(conn, input);
	return false;
}

static void
take_head(struct conn *conn, struct input *input)
{
	struct multiplexer *mux = conn->mux;
	struct head *head = &mux->scratch->head;
	struct head_limits limits = {
		.line_max = (size_t)mux->tables->settings->max_request_line,
		.head_max = (size_t)mux->tables->settings->max_request_head,
	};
	enum head_result result;
	size_t used = 0;
	int status = 400;

	conn->minor = 1;
	if (conn->proxy_due && !take_proxy(conn, input))
		return;
	result = head_parse(input->at, input->left, &limits, &conn->scanned, head, &used, &status);
	if (result == HEAD_MORE) {
		wait_for_head(conn, input);
		return;
	}
	conn->scanned = 0;
	/* No longer idle: a stop that is told while a slot is looked for spares it. */
	conn->state = CONN_HEAD;
	conn->started_us = multiplexer_us(mux);
	conn_begin(conn);
	if (result == HEAD_BAD) {
		request_refuse(conn, status);
		return;
	}
	input->at += used;
	input->left -= used;
	conn->minor = (int8_t)head->minor;
	conn->head_only = str_is(head->method.at, head->method.len, "HEAD");
	if (conn->listener->settings->protocol == LISTEN_STATUS) {
		status = front_status_judge(conn, head);
		front_status_answer(conn, input_keep(conn, input) ? status : 413);
		return;
	}
	if (answer_ours(conn, head, input))
		return;
	status = check_head(conn, head);
	if (status != 0)
		request_refuse(conn, status);
	else
		begin_request(conn, head, input);
}

static void
again(struct conn *conn)
{
	struct input input = { conn->in.data, conn->in.len, true };

	if (conn->state == CONN_IDLE && conn->in.len > 0)
		take_head(conn, &input);
}

static void
feed(struct conn *conn, bool on)
{
	conn_read_events(conn, on);
	if (on)
		conn_timeout(conn, conn_tuning(conn)->body_timeout);
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
			request_refuse(conn, 431);
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

static void
readable(evutil_socket_t fd, short what, void *context)
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
	case CONN_ASKING:
	case CONN_SENDING:
		read_ahead(conn);
		return;
	case CONN_LINGER:
		if (receive(conn, MULTIPLEXER_READ, &input))
			return;
		return;
	case CONN_CARRIES:
	case CONN_FREE:
	case CONN_GIVEN:
	case CONN_LEFT:
		return;
	}
}

const struct front front_http = {
	.name = "http",
	.in_max = in_max,
	.readable = readable,
	.writable = front_http_writable,
	.again = again,
	.feed = feed,
	.write_head = front_http_write_head,
	.write_own = front_http_write_own,
	.send = front_http_send,
	.send_file = front_http_send_file,
	.wait = front_http_wait,
	.next = front_http_next,
	.drop = front_http_drop,
};
