#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "processor/handoff.h"
#include "processor/host.h"
#include "processor/serve.h"
#include "processor/sticky.h"
#include "processor/trace.h"

/* Whose lines are logged. */
static struct channel *logged;

static void
begin_body(struct body *body, struct arrival *arrival)
{
	const struct envelope *envelope = &arrival->envelope;

	body_none(body);
	body->first = arrival->parts.body;
	body->first_len = envelope->body_len;
	body->total = envelope->body_total;
	if (envelope->flags & ENVELOPE_BODY_FILE) {
		body->kind = BODY_IN_FILE;
		body->fd = fd_take(&arrival->body_file);
	} else if (envelope->flags & ENVELOPE_BODY_STREAM) {
		body->kind = BODY_ARRIVES;
		body->fd = fd_take(&arrival->body_stream);
	}
}

static void
begin_raw(struct server *s, struct arrival *arrival, const struct vhost_settings *vhost,
    bool head_only)
{
	struct raw *raw = &s->raw;
	unsigned flags = arrival->envelope.flags;
	struct nv_pair protocol;
	bool keep = (flags & ENVELOPE_STICKY) && (flags & ENVELOPE_KEEP_ALIVE) &&
	    vhost->tuning->keep_alive && !s->leaving;
	int minor = 1;

	if (nv_find(&arrival->parts.vars, "SERVER_PROTOCOL", &protocol) &&
	    protocol.value_len == 8 && protocol.value[7] == '0')
		minor = 0;
	raw_begin(raw, fd_take(&arrival->client));
	raw->send_timeout = vhost->tuning->send_timeout > INT_MAX ? INT_MAX :
	    (int)vhost->tuning->send_timeout;
	raw_request(raw, minor, head_only, keep);
}

static bool
begin_request(struct server *s, struct arrival *arrival)
{
	const struct vhost_settings *vhost;
	uint32_t index = arrival->envelope.vhost;
	struct request *request = &s->request;
	bool raw = (arrival->envelope.flags & ENVELOPE_RAW) != 0, head_only;

	if (index >= s->pool->vhost_count)
		return false;
	vhost = &s->settings->vhosts[s->pool->vhosts[index]];
	if (!request_begin(request, &arrival->parts.vars, s->pool, vhost))
		return false;
	request->view.body_total = arrival->envelope.body_total;
	request->view.timeout_ms = arrival->envelope.timeout_ms;
	if (arrival->envelope.flags & ENVELOPE_NAMED)
		request_names_file(request);
	begin_body(&request->body, arrival);
	head_only = strcmp(request->view.method, "HEAD") == 0;
	if (!raw) {
		respond_to_channel(&request->respond, &s->channel, head_only);
		return true;
	}
	begin_raw(s, arrival, vhost, head_only);
	respond_to_client(&request->respond, &s->channel, &s->raw, head_only);
	return true;
}

/* What came is not a request we can serve: its completion says so, and no more. */
static bool
refuse(struct server *s, struct arrival *arrival)
{
	struct completion completion = { 0 };

	fd_close(&arrival->client);
	fd_close(&arrival->body_file);
	fd_close(&arrival->body_stream);
	completion.kind = COMPLETION_DONE;
	completion.answer = ANSWER_FAILED;
	completion.flags = s->leaving ? COMPLETION_LEAVING : 0;
	return channel_send(&s->channel, &completion, NULL, 0);
}

/* False: the channel is closed. */
static bool
serve_arrival(struct server *s, struct arrival *arrival)
{
	struct request *request = &s->request;
	bool there;

	serve_counts(s);
	if (!begin_request(s, arrival))
		return refuse(s, arrival);
	serve_begins(s, 0);
	serve_request(s);
	if (request->respond.raw != NULL)
		sticky_go_on(s, arrival);
	there = respond_end(&request->respond, serve_is_last(s) ? COMPLETION_LEAVING : 0);
	s->channel.serving = false;
	body_end(&request->body);
	return there;
}

static bool
fd_serve_next(struct server *s)
{
	struct arrival arrival;

	return channel_wait(&s->channel, &arrival) && serve_arrival(s, &arrival);
}

/* ---- its beginning and its end */

static bool
log_to_channel(int level, const char *text, size_t len)
{
	if (!logged->serving)
		return false;
	channel_log(logged, level, text, len);
	return true;
}

/* Some vhost of the pool wants to know what slow requests do. */
static bool
is_watched(const struct settings *settings)
{
	uint32_t i;

	for (i = 0; i < settings->vhost_count; i++)
		if (settings->vhosts[i].tuning->slow_timeout != 0)
			return true;
	return false;
}

static void
fd_begin(struct server *s, int fd)
{
	const char *header = s->settings->server_header;

	channel_begin(&s->channel, fd);
	raw_none(&s->raw);
	s->raw.server = header != NULL && header[0] != '\0' ? header : NULL;
	logged = &s->channel;
	host_log_to(log_to_channel);
	trace_begin(&s->channel, s->pool->uses_php && is_watched(s->settings));
}

/* After the shutdown a recvmsg that waits returns, and so does every later one. */
static void
fd_leave(struct server *s)
{
	shutdown(s->channel.fd, SHUT_RD);
}

const struct handoff handoff_fd = {
	.begin = fd_begin,
	.serve_next = fd_serve_next,
	.leave = fd_leave,
};
