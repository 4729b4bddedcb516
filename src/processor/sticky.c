#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/uri.h"
#include "http/vars.h"
#include "processor/client.h"
#include "processor/host.h"
#include "processor/sticky.h"

#define NAME_MAX_HOST 256
#define ADDRESS_MAX   64
#define OWN_MAX       4096      /* an answer of our own */

/* What is known of the connection, from its first request. */
struct sticky {
	struct server *server;
	struct client *client;
	const struct vhost_settings *vhost;     /* of the request that is served */
	const struct vhost_settings *first;     /* of the first one, for its host */
	char host[NAME_MAX_HOST];               /* the first one's Host field */
	char server_name[NAME_MAX_HOST];
	char server_addr[ADDRESS_MAX], server_port[8];
	char remote_addr[ADDRESS_MAX], remote_port[8];
	struct nv vars;                         /* of the request that is served */
	bool logged;                            /* each one is told */
	uint32_t untold;                        /* served, and not told yet */
	uint64_t told_us;                       /* when it was told last */
};

static unsigned char vars_bytes[ENVELOPE_MAX_VARS];
static struct client the_client;

#define REPORT_US 1000000

/* What one step says about the connection. */
enum next { NEXT_ON, NEXT_CLOSE, NEXT_LINGER };

/* ---- what the first request tells */

static void
copy_var(const struct nv *vars, const char *name, char *to, size_t size)
{
	struct nv_pair pair;

	to[0] = '\0';
	if (nv_find(vars, name, &pair) && pair.value_len < size) {
		memcpy(to, pair.value, pair.value_len);
		to[pair.value_len] = '\0';
	}
}

static void
remember(struct sticky *k, const struct nv *vars)
{
	k->first = k->vhost = k->server->request.view.vhost;
	copy_var(vars, "HTTP_HOST", k->host, sizeof k->host);
	copy_var(vars, "SERVER_NAME", k->server_name, sizeof k->server_name);
	copy_var(vars, "SERVER_ADDR", k->server_addr, sizeof k->server_addr);
	copy_var(vars, "SERVER_PORT", k->server_port, sizeof k->server_port);
	copy_var(vars, "REMOTE_ADDR", k->remote_addr, sizeof k->remote_addr);
	copy_var(vars, "REMOTE_PORT", k->remote_port, sizeof k->remote_port);
}

/* ---- what is told of a request */

/* Its meta-variables.  False: they don't fit. */
static bool
build_vars(struct sticky *k, const struct head *head, const char *path)
{
	struct vars_about about = {
		.server_name = k->server_name, .server_addr = k->server_addr,
		.server_port = k->server_port, .remote_addr = k->remote_addr,
		.remote_port = k->remote_port, .document_uri = path,
		.content_length = head->content_length,
	};

	if (head->chunked)
		about.content_length = (int64_t)k->server->request.body.total;
	k->vars.data = vars_bytes;
	k->vars.len = 0;
	k->vars.size = sizeof vars_bytes;
	return vars_build(&k->vars, head, &about);
}

static bool
tell_served(struct sticky *k, struct completion *completion, uint64_t took_us)
{
	size_t len = k->logged && k->vars.len <= COMPLETION_MAX_DATA ? k->vars.len : 0;

	completion->kind = COMPLETION_SERVED;
	completion->answer = ANSWER_NONE;
	completion->count = k->untold;
	completion->wall_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
	k->untold = 0;
	k->told_us = clock_us();
	return channel_send(&k->server->channel, completion, k->vars.data, len);
}

/* One that we answer ourselves, for the access log; without a head there is nothing to tell. */
static void
tell_refused(struct sticky *k, const struct head *head, int status)
{
	struct completion completion = { 0 };

	if (!k->logged || head == NULL || !build_vars(k, head, ""))
		return;
	k->untold++;
	completion.status = (uint16_t)status;
	tell_served(k, &completion, 0);
}

/* ---- answers of our own */

static enum next
refuse(struct sticky *k, const struct head *head, int status)
{
	struct raw *raw = &k->server->raw;
	struct buf out = BUF(OWN_MAX);
	int minor = head != NULL ? head->minor : 1;
	bool head_only = head != NULL && str_is(head->method.at, head->method.len, "HEAD");

	if (answer_write_own(&out, status, minor, head_only, false, raw_date(), raw->server, NULL))
		raw_bytes(raw, out.data, out.len);
	buf_free(&out);
	tell_refused(k, head, status);
	return NEXT_LINGER;
}

static enum next
answer_asterisk(struct sticky *k, const struct head *head)
{
	struct raw *raw = &k->server->raw;
	struct buf out = BUF(OWN_MAX);
	bool keep = raw->keep_alive, sent;

	sent = answer_write_own(&out, 200, head->minor, false, keep, raw_date(), raw->server,
	    "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n") &&
	    raw_bytes(raw, out.data, out.len);
	buf_free(&out);
	return sent && keep ? NEXT_ON : NEXT_CLOSE;
}

/* ---- whose request it is */

static bool
names_vhost(const struct vhost_settings *vhost, const char *name, size_t len)
{
	size_t i;

	if (str_is_nocase(name, len, vhost->server_name))
		return true;
	for (i = 0; i < vhost->aliases.count; i++)
		if (str_is_nocase(name, len, vhost->aliases.at[i]))
			return true;
	return false;
}

/*
 * The vhost of a further request.  The same host as before is the same vhost.
 * Of others, only exact names are known for sure to be this pool's: a wildcard
 * here may be narrowed by a name of another pool.  One whose answers a multiplexer
 * has to see is not for this connection.
 */
static const struct vhost_settings *
find_vhost(struct sticky *k, const struct head *head)
{
	const struct server *s = k->server;
	struct slice name;
	unsigned port;
	uint32_t i;

	if (str_is_nocase(head->host.at != NULL ? head->host.at : "", head->host.len, k->host))
		return k->first;
	if (head->host.len == 0 || !head_split_host(head->host, &name, &port) ||
	    name.len >= sizeof k->server_name)
		return NULL;
	for (i = 0; i < s->pool->vhost_count; i++) {
		const struct vhost_settings *vhost = &s->settings->vhosts[s->pool->vhosts[i]];

		if (!names_vhost(vhost, name.at, name.len))
			continue;
		if (settings_answers_pass(vhost))
			return NULL;
		for (port = 0; port < name.len; port++)
			k->server_name[port] = str_lower(name.at[port]);
		k->server_name[name.len] = '\0';
		snprintf(k->host, sizeof k->host, "%.*s", (int)head->host.len, head->host.at);
		k->first = vhost;
		return vhost;
	}
	return NULL;
}

/* ---- heads */

/* Read until a head is there.  used: its bytes, in the client's buffer from at on. */
static enum next
read_head(struct sticky *k, struct head *head, size_t *used)
{
	const struct settings *settings = k->server->settings;
	struct head_limits limits = { settings->max_request_line, settings->max_request_head };
	struct client *client = k->client;
	size_t scanned = 0;
	int status = 400;

	client_compact(client);
	for (;;) {
		enum client_got got;
		bool idle = client->len == 0;

		switch (head_parse(client->in, client->len, &limits, &scanned, head, used,
		    &status)) {
		case HEAD_DONE:
			return NEXT_ON;
		case HEAD_BAD:
			return refuse(k, NULL, status);
		case HEAD_MORE:
			break;
		}
		got = client_read(client, idle ? k->vhost->tuning->keep_alive_timeout :
		    settings->header_timeout, idle);
		if (got == CLIENT_LATE && !idle)
			return refuse(k, NULL, 408);
		if (got != CLIENT_BYTES)
			return NEXT_CLOSE;
	}
}

/* ---- bodies */

static bool
too_large(const struct sticky *k, uint64_t len)
{
	uint64_t most = k->vhost->tuning->max_body_size;

	return most != 0 && len > most;
}

static bool
send_continue(struct sticky *k, const struct head *head)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!head->expect_continue || head->minor == 0 || k->client->len > k->client->at)
		return true;
	return raw_bytes(&k->server->raw, go_on, sizeof go_on - 1);
}

/* All of a small body, into the buffer behind its head. */
static enum next
read_small(struct sticky *k, const struct head *head, size_t len)
{
	struct client *client = k->client;
	struct body *body = &k->server->request.body;
	enum client_got got;

	while (client->len - client->at < len) {
		got = client_read(client, k->vhost->tuning->body_timeout, false);
		if (got == CLIENT_LATE)
			return refuse(k, head, 408);
		if (got != CLIENT_BYTES)
			return NEXT_CLOSE;
	}
	body->first = (const unsigned char *)client->in + client->at;
	body->first_len = len;
	client->at += len;
	return NEXT_ON;
}

static ssize_t
pull(void *context, void *to, size_t size)
{
	struct sticky *k = context;

	return client_read_to(k->client, to, size, k->vhost->tuning->body_timeout);
}

/* A longer one is read when the handler asks for it. */
static void
pull_later(struct sticky *k)
{
	struct client *client = k->client;
	struct body *body = &k->server->request.body;
	size_t here = client->len - client->at;

	if (here > body->total)
		here = (size_t)body->total;
	body->kind = BODY_PULLED;
	body->first = (const unsigned char *)client->in + client->at;
	body->first_len = here;
	body->poll_fd = client->fd;
	body->pull = pull;
	body->context = k;
	client->at += here;
}

/* Decode what is in the buffer into the file.  False where more must come. */
static bool
decode(struct client *client, struct chunked *chunked, int fd, uint64_t *total, int *status)
{
	const char *data;
	size_t used, len;
	enum chunked_result result;

	for (;;) {
		result = chunked_decode(chunked, client->in + client->at, client->len - client->at,
		    &used, &data, &len);
		client->at += used;
		if (result == CHUNKED_DATA) {
			if (!fd_write_all(fd, data, len))
				*status = 500;
			*total += len;
		}
		if (result == CHUNKED_BAD)
			*status = 400;
		if (result != CHUNKED_DATA || *status != 0)
			return result == CHUNKED_END || *status != 0;
	}
}

/* A chunked body: its length must be known before it is served, so it is kept in memory. */
static enum next
read_chunked(struct sticky *k, const struct head *head)
{
	struct client *client = k->client;
	struct body *body = &k->server->request.body;
	struct chunked chunked;
	enum client_got got;
	size_t start = client->at;
	uint64_t total = 0;
	int status = 0;

	body->kind = BODY_IN_FILE;
	body->fd = memfd_create("body", MFD_CLOEXEC);
	if (body->fd < 0)
		return refuse(k, head, 500);
	chunked_begin(&chunked);
	while (!decode(client, &chunked, body->fd, &total, &status)) {
		if (too_large(k, total))
			return refuse(k, head, 413);
		/* The head before it must stay: variables are made of it. */
		if (client->at == client->len)
			client->at = client->len = start;
		got = client_read(client, k->vhost->tuning->body_timeout, false);
		if (got != CLIENT_BYTES)
			return got == CLIENT_LATE ? refuse(k, head, 408) : NEXT_CLOSE;
	}
	if (status == 0 && too_large(k, total))
		status = 413;
	body->total = total;
	return status != 0 ? refuse(k, head, status) : NEXT_ON;
}

static enum next
begin_body(struct sticky *k, const struct head *head)
{
	struct body *body = &k->server->request.body;
	uint64_t len = head->content_length == HEAD_LENGTH_NONE ? 0 :
	    (uint64_t)head->content_length;

	body_end(body);
	if (too_large(k, len))
		return refuse(k, head, 413);
	if (!head->chunked && len == 0)
		return NEXT_ON;
	if (!send_continue(k, head))
		return NEXT_CLOSE;
	body->total = len;
	if (head->chunked)
		return read_chunked(k, head);
	if (len <= CLIENT_BODY_HERE)
		return read_small(k, head, (size_t)len);
	pull_later(k);
	return NEXT_ON;
}

/* ---- serving */

static bool
report(struct sticky *k, uint64_t took_us)
{
	struct completion completion = { 0 };

	respond_account(&k->server->request.respond, &completion);
	return tell_served(k, &completion, took_us);
}

/*
 * Tell the multiplexer of one more: each, where there is a log for it, else how
 * many there were, once a second.  To wake it for each would cost a fifth of
 * what a small request does.
 */
static bool
count_served(struct sticky *k, uint64_t began_us)
{
	uint64_t now_us = clock_us();

	k->untold++;
	if (!k->logged && now_us - k->told_us < REPORT_US)
		return true;
	return report(k, now_us - began_us);
}

/* An answer went out whole: on, or close; kindly where bytes would be left unread. */
static enum next
after_answer(const struct sticky *k)
{
	const struct server *s = k->server;

	if (s->raw.broken)
		return NEXT_CLOSE;
	if (s->raw.keep_alive && !s->leaving)
		return NEXT_ON;
	return k->client->at < k->client->len ? NEXT_LINGER : NEXT_CLOSE;
}

static enum next
serve_further(struct sticky *k, const struct head *head)
{
	struct server *s = k->server;
	struct request *request = &s->request;
	uint64_t began = clock_us();
	bool head_only = str_is(head->method.at, head->method.len, "HEAD");
	bool keep = head->keep_alive && k->vhost->tuning->keep_alive;

	if (!request_begin(request, &k->vars, s->pool, k->vhost))
		return refuse(k, head, 400);
	request->view.body_total = request->body.total;
	serve_counts(s);
	keep = keep && !s->leaving && !s->channel.released &&
	    !s->channel.last && !s->channel.closed;
	raw_request(&s->raw, head->minor, head_only, keep);
	respond_to_client(&request->respond, &s->channel, &s->raw, head_only);
	serve_begins(s, k->vhost->tuning->expire_timeout);
	serve_request(s);
	respond_conclude(&request->respond);
	serve_ends(s);
	if (!count_served(k, began))
		return NEXT_CLOSE;
	if (request->body.kind == BODY_PULLED && request->body.at < request->body.total)
		return NEXT_LINGER;
	return after_answer(k);
}

/* One more request, from its head to its answer's last byte. */
static enum next
serve_next(struct sticky *k)
{
	static char path[ENVELOPE_MAX_VARS];
	static struct head head;
	const struct vhost_settings *vhost;
	enum next next;
	size_t used, path_len;
	int status;

	next = read_head(k, &head, &used);
	if (next != NEXT_ON)
		return next;
	k->client->at = used;
	vhost = find_vhost(k, &head);
	if (vhost == NULL)
		return refuse(k, &head, 421);
	k->vhost = vhost;
	if (head.form == HEAD_ASTERISK) {
		k->server->raw.keep_alive = head.keep_alive && head.content_length <= 0 &&
		    !head.chunked;
		return answer_asterisk(k, &head);
	}
	status = uri_path(head.path.at, head.path.len, path, sizeof path, &path_len);
	if (status != 0)
		return refuse(k, &head, status);
	next = begin_body(k, &head);
	if (next == NEXT_ON && !build_vars(k, &head, path))
		next = refuse(k, &head, 431);
	return next == NEXT_ON ? serve_further(k, &head) : next;
}

void
sticky_go_on(struct server *s, const struct arrival *first)
{
	struct sticky k = {
		.server = s, .client = &the_client, .told_us = clock_us(),
		.logged = first->envelope.flags & ENVELOPE_LOGGED,
	};
	size_t head_max = s->settings->max_request_head;
	enum next next;

	respond_conclude(&s->request.respond);
	if (!client_begin(k.client, s->raw.fd, &s->channel, head_max) ||
	    !client_feed(k.client, first->parts.rest, first->envelope.rest_len)) {
		raw_end(&s->raw);
		return;
	}
	next = after_answer(&k);
	if (next == NEXT_ON) {
		remember(&k, &first->parts.vars);
		if (!respond_report(&s->request.respond))
			next = NEXT_CLOSE;
	}
	while (next == NEXT_ON)
		next = serve_next(&k);
	if (k.untold > 0)
		report(&k, 0);
	s->request.respond.reported |= k.first != NULL;
	if (next == NEXT_LINGER)
		client_linger(k.client);
	raw_end(&s->raw);
	body_end(&s->request.body);
}
