/*
 * mod_peruserd: a handler of Apache 2.4 that gives requests to peruserd.
 *
 *     PeruserdHandoff unix:/run/peruserd/apache.sock
 *     SetHandler peruserd
 *
 * The protocol is include/peruserd/handoff.h.  The body goes up as Apache gets
 * it, the answer comes down through Apache's output filters as it comes.  Each
 * thread of Apache keeps one connection.  Works in event, worker and prefork.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <ap_expr.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <httpd.h>
#include <util_script.h>

#include <peruserd/handoff.h>

#define HANDLER    "peruserd"
#define READ       (64u * 1024)         /* bytes taken from peruserd at once */
#define HEAD_MAX   (64u * 1024)         /* an answer's head */
#define FIRST_MS   100                  /* how long to wait before the client is looked at too */
#define SLICE_MS   1000                 /* how often a stream of HTTP/2 is asked whether it lives */

extern module AP_MODULE_DECLARE_DATA peruserd_module;
APLOG_USE_MODULE(peruserd);

struct place {
	const char *socket;             /* path; NULL: not said here */
	const char *vhost;              /* NULL: by Host */
	int timeout;                    /* seconds without an answer; 0: no bound of ours */
};

static void *
place_make(apr_pool_t *pool, __attribute__((unused)) char *dir)
{
	return apr_pcalloc(pool, sizeof(struct place));
}

static void *
place_merge(apr_pool_t *pool, void *outer, void *inner)
{
	const struct place *base = outer, *over = inner;
	struct place *place = apr_pmemdup(pool, over, sizeof *over);

	place->socket = over->socket != NULL ? over->socket : base->socket;
	place->vhost = over->vhost != NULL ? over->vhost : base->vhost;
	place->timeout = over->timeout != 0 ? over->timeout : base->timeout;
	return place;
}

static int stands_back = 1;             /* what the configuration says */

static const char *
set_batch(__attribute__((unused)) cmd_parms *cmd, __attribute__((unused)) void *dir, int on)
{
	stands_back = on;
	return NULL;
}

static const char *
set_handoff(cmd_parms *cmd, void *dir, const char *address)
{
	struct place *place = dir;

	if (strncmp(address, "unix:/", 6) != 0)
		return "PeruserdHandoff: write unix:/path, the address of a listener of peruserd "
		    "with protocol = \"handoff\"";
	if (strlen(address + 5) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		return "PeruserdHandoff: the path is too long for a socket";
	place->socket = apr_pstrdup(cmd->pool, address + 5);
	return NULL;
}

static const command_rec commands[] = {
	AP_INIT_TAKE1("PeruserdHandoff", set_handoff, NULL, RSRC_CONF | ACCESS_CONF,
	    "the socket of peruserd: unix:/path"),
	AP_INIT_TAKE1("PeruserdVhost", ap_set_string_slot,
	    (void *)APR_OFFSETOF(struct place, vhost), RSRC_CONF | ACCESS_CONF,
	    "the name of peruserd's vhost, where it is not the request's Host"),
	AP_INIT_TAKE1("PeruserdTimeout", ap_set_int_slot,
	    (void *)APR_OFFSETOF(struct place, timeout), RSRC_CONF | ACCESS_CONF,
	    "seconds to wait for an answer; 0: as long as peruserd allows"),
	AP_INIT_FLAG("PeruserdBatch", set_batch, NULL, RSRC_CONF,
	    "whether Apache's threads let those who wake them go on first (SCHED_BATCH)"),
	{ NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};

/* What a thread of Apache keeps. */
struct channel {
	int fd;                         /* -1: none */
	char path[sizeof ((struct sockaddr_un *)0)->sun_path];
	unsigned char in[READ];
	char head[HEAD_MAX + 1];        /* an answer's, until it is whole */
	unsigned char out[HANDOFF_CONTENT_MAX];         /* a request's variables, then its body */
};

/* Apache's threads end with their process, and so does this. */
static __thread struct channel *own;

static void
channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

static struct channel *
channel_of_thread(void)
{
	if (own == NULL && (own = malloc(sizeof *own)) != NULL)
		own->fd = -1;
	return own;
}

/* Connected to that socket; *kept tells whether it was before. */
static bool
channel_open(struct channel *channel, const char *path, bool *kept)
{
	static const struct timeval first = { 0, FIRST_MS * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* One whose other end has gone takes nothing any more: sending shows that. */
	*kept = channel->fd >= 0 && strcmp(channel->path, path) == 0;
	if (*kept)
		return true;
	channel_close(channel);
	apr_cpystrn(address.sun_path, path, sizeof address.sun_path);
	apr_cpystrn(channel->path, path, sizeof channel->path);
	channel->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(channel->fd, SOL_SOCKET, SO_RCVTIMEO, &first, sizeof first);
	/* Blocking, so that a full backlog is waited for; what is sent says MSG_DONTWAIT. */
	if (channel->fd >= 0 && connect(channel->fd, (struct sockaddr *)&address, sizeof address) == 0)
		return true;
	channel_close(channel);
	return false;
}

enum outcome {
	GOING_ON,
	ENDED,                          /* END has come: the connection may be kept */
	LOST,                           /* peruserd has gone */
	LATE,                           /* no answer in time */
	LEFT                            /* the client has gone, or takes no more */
};

struct exchange {                       /* one request, one answer */
	request_rec *r;
	const struct place *place;
	struct channel *channel;
	enum outcome outcome;
	bool cut;                       /* by END's word */
	apr_bucket_brigade *out;        /* the answer's body, on its way to the filters */
	unsigned char header[HANDOFF_HEADER], end[8];
	size_t header_len, end_len, content_left, padding_left;
	size_t head_len;                /* of the answer's head, until it is whole */
	bool head_done;
};

static void
add_body(struct exchange *x, const char *bytes, size_t len)
{
	if (len > 0 && !x->r->header_only)
		APR_BRIGADE_INSERT_TAIL(x->out, apr_bucket_transient_create(bytes, len,
		    x->r->connection->bucket_alloc));
}

/* Content of STDOUT: the head first, what is behind it is the body. */
static void
take_stdout(struct exchange *x, const char *bytes, size_t len)
{
	size_t before = x->head_len, most = HEAD_MAX - before < len ? HEAD_MAX - before : len;
	char *head = x->channel->head, *end;

	if (x->head_done) {
		add_body(x, bytes, len);
		return;
	}
	memcpy(head + before, bytes, most);
	x->head_len += most;
	head[x->head_len] = '\0';
	end = strstr(head, "\r\n\r\n");
	if (end == NULL && x->head_len < HEAD_MAX)
		return;
	if (end != NULL)
		end[4] = '\0';
	x->head_done = end != NULL && ap_scan_script_header_err_strs_ex(x->r, NULL,
	    APLOG_MODULE_INDEX, NULL, NULL, head, NULL) == OK;
	if (!x->head_done)
		x->outcome = LOST;
	else
		add_body(x, bytes + (end + 4 - head) - before,
		    len - (size_t)(end + 4 - head) + before);
}

static void
take_content(struct exchange *x, const unsigned char *bytes, size_t len)
{
	if (x->header[1] == HANDOFF_STDOUT) {
		take_stdout(x, (const char *)bytes, len);
	} else if (x->header[1] == HANDOFF_END && x->end_len + len <= sizeof x->end) {
		memcpy(x->end + x->end_len, bytes, len);
		if ((x->end_len += len) < sizeof x->end)
			return;
		x->cut = x->end[3] != 0;
		x->outcome = ENDED;
	}
}

static void
take_bytes(struct exchange *x, const unsigned char *at, size_t left)
{
	size_t len;

	while (left > 0 && x->outcome == GOING_ON) {
		if (x->content_left > 0) {
			len = left < x->content_left ? left : x->content_left;
			take_content(x, at, len);
			x->content_left -= len;
		} else if (x->padding_left > 0) {
			len = left < x->padding_left ? left : x->padding_left;
			x->padding_left -= len;
		} else {
			len = 1;
			x->header[x->header_len++] = *at;
			if (x->header_len == HANDOFF_HEADER) {
				x->header_len = 0;
				x->content_left = (size_t)x->header[4] << 8 | x->header[5];
				x->padding_left = x->header[6];
			}
		}
		at += len;
		left -= len;
	}
	/* An answer that has ended is all that there is: one request at a time. */
	if (left > 0 && x->outcome == ENDED)
		channel_close(x->channel);
}

/* What has come goes to the client; flushed where nothing more is there yet. */
static void
pass_on(struct exchange *x)
{
	struct pollfd more = { x->channel->fd, POLLIN, 0 };
	apr_bucket_alloc_t *alloc = x->r->connection->bucket_alloc;

	if (!x->head_done)
		return;
	if (x->outcome == ENDED && !x->cut)
		APR_BRIGADE_INSERT_TAIL(x->out, apr_bucket_eos_create(alloc));
	else if (x->outcome == GOING_ON && poll(&more, 1, 0) == 0)
		APR_BRIGADE_INSERT_TAIL(x->out, apr_bucket_flush_create(alloc));
	if (APR_BRIGADE_EMPTY(x->out))
		return;
	if (ap_pass_brigade(x->r->output_filters, x->out) != APR_SUCCESS ||
	    x->r->connection->aborted)
		x->outcome = x->outcome == ENDED ? ENDED : LEFT;
	apr_brigade_cleanup(x->out);
}

static void
receive(struct exchange *x, int flags)
{
	ssize_t got = recv(x->channel->fd, x->channel->in, READ, flags);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		x->outcome = LOST;
	if (got <= 0)
		return;
	take_bytes(x, x->channel->in, (size_t)got);
	pass_on(x);
}

/* The client's socket, where this request has one of its own. */
static int
client_fd(const request_rec *r)
{
	apr_socket_t *socket = r->connection->master == NULL ? ap_get_conn_socket(r->connection) : NULL;
	int fd = -1;

	if (socket != NULL)
		apr_os_sock_get(&fd, socket);
	return fd;
}

/* Wait until peruserd's socket is ready; false where the outcome is there instead. */
static bool
wait_ready(struct exchange *x, short events)
{
	struct pollfd fds[2] = {
		{ x->channel->fd, events, 0 }, { client_fd(x->r), POLLRDHUP, 0 },
	};
	int left = x->place->timeout > 0 ? x->place->timeout % 100000 * 1000 : 0, slice, ready;

	do {
		slice = left > 0 && left < SLICE_MS ? left : fds[1].fd < 0 ? SLICE_MS :
		    left > 0 ? left : -1;
		ready = poll(fds, 2, slice);
		if (ready > 0 && fds[0].revents != 0)
			return true;
		if (ready > 0 || x->r->connection->aborted) {
			x->r->connection->aborted = 1;
			x->outcome = LEFT;
		} else if (left > 0 && ready == 0 && (left -= slice) <= 0)
			x->outcome = LATE;
	} while (x->outcome == GOING_ON);
	return false;
}

/* Send all; what is answered meanwhile is taken, for both sides may be full. */
static void
send_all(struct exchange *x, struct iovec *pieces, int count)
{
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t sent;

	while (x->outcome == GOING_ON && msg.msg_iovlen > 0) {
		sent = sendmsg(x->channel->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			if (wait_ready(x, POLLIN | POLLOUT))
				receive(x, MSG_DONTWAIT);
			continue;
		}
		if (sent < 0 && errno != EINTR)
			x->outcome = LOST;
		for (; sent >= 0 && msg.msg_iovlen > 0 && (size_t)sent >= msg.msg_iov->iov_len;
		    msg.msg_iov++, msg.msg_iovlen--)
			sent -= (ssize_t)msg.msg_iov->iov_len;
		if (sent > 0) {
			msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + sent;
			msg.msg_iov->iov_len -= (size_t)sent;
		}
	}
	if (msg.msg_iovlen > 0)         /* half a record: nothing can follow it */
		channel_close(x->channel);
}

struct pairs {                          /* a request's variables */
	unsigned char *at;              /* HANDOFF_CONTENT_MAX bytes of room */
	size_t len;
	bool full;
};

static void
put_length(struct pairs *pairs, size_t len)
{
	if (len >= 128) {
		pairs->at[pairs->len++] = (unsigned char)(0x80 | len >> 24);
		pairs->at[pairs->len++] = (unsigned char)(len >> 16);
		pairs->at[pairs->len++] = (unsigned char)(len >> 8);
	}
	pairs->at[pairs->len++] = (unsigned char)len;
}

static void
put_pair(struct pairs *pairs, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = value != NULL ? strlen(value) : 0;

	if (value == NULL)
		return;
	pairs->full |= name_len + value_len + 8 > HANDOFF_CONTENT_MAX - pairs->len;
	if (pairs->full)
		return;
	put_length(pairs, name_len);
	put_length(pairs, value_len);
	memcpy(pairs->at + pairs->len, name, name_len);
	memcpy(pairs->at + pairs->len + name_len, value, value_len);
	pairs->len += name_len + value_len;
}

static int
put_variable(void *context, const char *name, const char *value)
{
	/* Apache's own environment is nothing of the request's. */
	if (strcmp(name, "PATH") != 0 && strcmp(name, "LD_LIBRARY_PATH") != 0)
		put_pair(context, name, value);
	return 1;
}

static void
put_all(struct pairs *pairs, const struct exchange *x)
{
	const request_rec *r = x->r, *first = r;

	while (first->prev != NULL)
		first = first->prev;
	put_pair(pairs, "REQUEST_METHOD", r->method);
	put_pair(pairs, "REQUEST_URI", first->unparsed_uri);
	put_pair(pairs, "QUERY_STRING", r->args);
	put_pair(pairs, "SERVER_PROTOCOL", r->protocol);
	put_pair(pairs, HANDOFF_PATH, r->uri[0] == '/' ? r->uri : NULL);
	put_pair(pairs, HANDOFF_VHOST, x->place->vhost);
	apr_table_do(put_variable, pairs, r->subprocess_env, NULL);
}

/* BEGIN, all PARAMS, and STDIN's end where there is no body: in one write. */
static int
send_request(struct exchange *x, bool has_body)
{
	static const unsigned char begin[8] = { 0, 1, 1 };
	struct pairs pairs = { x->channel->out, 0, false };
	unsigned char first[2 * HANDOFF_HEADER + sizeof begin], last[2 * HANDOFF_HEADER];
	struct iovec pieces[3] = { { first, sizeof first }, { pairs.at, 0 }, { last, 0 } };

	put_all(&pairs, x);
	if (pairs.full)
		return HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	handoff_header(first, HANDOFF_BEGIN, sizeof begin);
	memcpy(first + HANDOFF_HEADER, begin, sizeof begin);
	handoff_header(first + HANDOFF_HEADER + sizeof begin, HANDOFF_PARAMS, pairs.len);
	pieces[1].iov_len = pairs.len;
	pieces[2].iov_len = handoff_header(last, HANDOFF_PARAMS, 0);
	if (!has_body)
		pieces[2].iov_len += handoff_header(last + HANDOFF_HEADER, HANDOFF_STDIN, 0);
	send_all(x, pieces, 3);
	return OK;
}

/* What has come of the body, then more, and its end (a record without content). */
static int
send_body(struct exchange *x)
{
	unsigned char header[HANDOFF_HEADER];
	long got = 1;

	while (got > 0 && x->outcome == GOING_ON) {
		struct iovec pieces[2] = { { header, sizeof header }, { x->channel->out, 0 } };

		got = ap_get_client_block(x->r, (char *)x->channel->out, HANDOFF_CONTENT_MAX);
		if (got < 0)
			return HTTP_BAD_REQUEST;
		handoff_header(header, HANDOFF_STDIN, (size_t)got);
		pieces[1].iov_len = (size_t)got;
		send_all(x, pieces, 2);
	}
	/* What is left unsent must not be read as the next request's. */
	if (got > 0)
		x->r->connection->keepalive = AP_CONN_CLOSE;
	return OK;
}

/* An answer that is not whole: its client must not take it for one that is. */
static int
break_off(struct exchange *x)
{
	apr_bucket_alloc_t *alloc = x->r->connection->bucket_alloc;

	x->r->connection->keepalive = AP_CONN_CLOSE;
	APR_BRIGADE_INSERT_TAIL(x->out,
	    ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, x->r->pool, alloc));
	APR_BRIGADE_INSERT_TAIL(x->out, apr_bucket_eos_create(alloc));
	ap_pass_brigade(x->r->output_filters, x->out);
	return OK;
}

static int
finish(struct exchange *x)
{
	if (x->outcome != ENDED)
		channel_close(x->channel);
	if (x->outcome == LEFT)
		return OK;
	if (x->outcome == LOST || x->outcome == LATE)
		ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, x->r, "peruserd at %s %s", x->place->socket,
		    x->outcome == LATE ? "gave no answer in PeruserdTimeout" :
		    "closed the connection in the middle of a request");
	if (!x->head_done)
		return x->outcome == LATE ? HTTP_GATEWAY_TIME_OUT : HTTP_BAD_GATEWAY;
	return x->outcome != ENDED || x->cut ? break_off(x) : OK;
}

/* Send the request; once more where a kept connection turns out to be gone unread. */
static int
begin(struct exchange *x, bool has_body)
{
	bool kept;
	int status;

	do {
		x->outcome = GOING_ON;
		if (!channel_open(x->channel, x->place->socket, &kept)) {
			ap_log_rerror(APLOG_MARK, APLOG_ERR, errno, x->r, "peruserd at %s can't be "
			    "reached (is it running, with a listener of protocol = \"handoff\" whose "
			    "group has Apache's user?)", x->place->socket);
			return HTTP_SERVICE_UNAVAILABLE;
		}
		status = send_request(x, has_body);
		if (x->outcome == LOST)
			channel_close(x->channel);
	} while (status == OK && x->outcome == LOST && kept);
	return status;
}

static int
handle(request_rec *r)
{
	struct exchange x = { .r = r };
	bool has_body;
	int status;

	if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0)
		return DECLINED;
	x.place = ap_get_module_config(r->per_dir_config, &peruserd_module);
	x.channel = channel_of_thread();
	if (x.place->socket == NULL || x.channel == NULL) {
		ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "SetHandler peruserd, but no "
		    "PeruserdHandoff says where peruserd is");
		return HTTP_INTERNAL_SERVER_ERROR;
	}
	status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
	if (status != OK)
		return status;
	has_body = ap_should_client_block(r);
	x.out = apr_brigade_create(r->pool, r->connection->bucket_alloc);
	ap_add_common_vars(r);
	status = begin(&x, has_body);
	if (status == OK && has_body)
		status = send_body(&x);
	if (status != OK) {
		channel_close(x.channel);
		return x.head_done ? break_off(&x) : status;
	}
	/* Most answers are there within FIRST_MS: one call instead of two. */
	if (x.outcome == GOING_ON)
		receive(&x, 0);
	while (x.outcome == GOING_ON)
		if (wait_ready(&x, POLLIN))
			receive(&x, MSG_DONTWAIT);
	return finish(&x);
}

/*
 * Where all of a vhost or location is peruserd's, Apache has no business among
 * the site's files, and may not even be able to see them.  What a location says
 * is known before the file's name is made, and forgotten for the walk.
 */
static int
look_at_location(request_rec *r)
{
	const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
	const char *error, *handler = core->expr_handler == NULL ? core->handler :
	    ap_expr_str_exec(r, core->expr_handler, &error);

	if (handler != NULL && strcmp(handler, HANDLER) == 0)
		ap_set_module_config(r->request_config, &peruserd_module, r);
	return DECLINED;
}

static int
spare_the_walk(request_rec *r)
{
	return ap_get_module_config(r->request_config, &peruserd_module) != NULL ? OK : DECLINED;
}

/*
 * A thread that is woken does not preempt who woke it, as with peruserd's processors: a
 * multiplexer goes on with its other answers.  For all threads that this child will have.
 */
static void
stand_back(__attribute__((unused)) apr_pool_t *pool, __attribute__((unused)) server_rec *server)
{
	static const struct sched_param same;

	if (stands_back && sched_getscheduler(0) == SCHED_OTHER)
		sched_setscheduler(0, SCHED_BATCH, &same);
}

static void
hooks(__attribute__((unused)) apr_pool_t *pool)
{
	ap_hook_translate_name(look_at_location, NULL, NULL, APR_HOOK_FIRST);
	ap_hook_map_to_storage(spare_the_walk, NULL, NULL, APR_HOOK_FIRST);
	ap_hook_child_init(stand_back, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

__attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA peruserd_module = {
	STANDARD20_MODULE_STUFF, place_make, place_merge, NULL, NULL, commands, hooks,
	AP_MODULE_FLAG_NONE
};
