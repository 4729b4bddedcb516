#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <peruserd/envelope.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "handlers/cgi_head.h"
#include "handlers/cgi_relay.h"

#define LOOK_MS    100          /* how often the client is looked for */
#define FLUSH_MS   5            /* written bytes wait so long for more */
#define LEAVE_MS   5            /* so does the end of the output for the process's */
#define LINGER_MS  100          /* how long the output may stay open after the exit */
#define MARGIN_MS  1000         /* our time is up before the multiplexer's, which kills us */
#define CHUNK      (64u * 1024)

enum { AT_BODY, AT_OUT, AT_ERROR, AT_PID, AT_COUNT };

void
cgi_relay_begin(struct cgi_relay *relay, const struct handler_host *host,
    struct request *request, const struct request_view *view)
{
	struct buf head = BUF(ANSWER_HEAD_MAX + CHUNK), redirect = BUF(ANSWER_HEAD_MAX);
	uint64_t now = clock_ms(), margin;

	memset(relay, 0, sizeof *relay);
	relay->host = host;
	relay->request = request;
	relay->view = view;
	relay->in = relay->out = relay->error = relay->pidfd = -1;
	relay->head = head;
	relay->redirect = redirect;
	relay->deadline = UINT64_MAX;
	relay->look_at = now + LOOK_MS;
	if (view->timeout_ms != 0) {
		margin = view->timeout_ms / 10 < MARGIN_MS ? view->timeout_ms / 10 : MARGIN_MS;
		relay->deadline = now + view->timeout_ms - margin;
	}
}

void
cgi_relay_end(struct cgi_relay *relay)
{
	fd_close(&relay->in);
	fd_close(&relay->out);
	fd_close(&relay->error);
	buf_free(&relay->head);
	buf_free(&relay->redirect);
}

static void
refill(struct cgi_relay *relay)
{
	ssize_t got = relay->host->body_read(relay->request, relay->body_buffer,
	    sizeof relay->body_buffer);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got < 0)
		relay->end = CGI_CLIENT_LEFT;   /* the body will never be whole */
	relay->body_more = got > 0;
	relay->body = relay->body_buffer;
	relay->body_len = got > 0 ? (size_t)got : 0;
}

void
cgi_relay_feed(struct cgi_relay *relay)
{
	ssize_t put;

	while (relay->in >= 0 && relay->body_len > 0) {
		put = write(relay->in, relay->body, relay->body_len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0) {
			fd_close(&relay->in);   /* it reads no more of it: its choice */
			return;
		}
		relay->body += put;
		relay->body_len -= (size_t)put;
	}
	if (relay->body_len == 0 && !relay->body_more)
		fd_close(&relay->in);
}

static void
log_line_of(struct cgi_relay *relay)
{
	size_t i;

	while (relay->line_len > 0 && relay->line[relay->line_len - 1] == '\r')
		relay->line_len--;
	for (i = 0; i < relay->line_len; i++)
		if (relay->line[i] == '\0')
			relay->line[i] = '?';
	if (relay->line_len > 0)
		relay->host->log(LEVEL_WARNING, "%s: %.*s", relay->view->script_name,
		    (int)relay->line_len, relay->line);
	relay->line_len = 0;
}

static void
take_errors(struct cgi_relay *relay, const char *bytes, size_t len)
{
	const char *newline;
	size_t take, room;

	while (len > 0) {
		room = sizeof relay->line - relay->line_len;
		newline = memchr(bytes, '\n', len < room ? len : room);
		take = newline != NULL ? (size_t)(newline - bytes) : len < room ? len : room;
		memcpy(relay->line + relay->line_len, bytes, take);
		relay->line_len += take;
		if (newline != NULL)
			take++;
		if (newline != NULL || relay->line_len == sizeof relay->line)
			log_line_of(relay);
		bytes += take;
		len -= take;
	}
}

static void
pass_body(struct cgi_relay *relay, const char *bytes, size_t len)
{
	if (len == 0 || relay->output != OUTPUT_BODY)
		return;
	if (!relay->host->write(relay->request, bytes, len))
		relay->end = CGI_CLIENT_LEFT;
	if (relay->flush_at == 0)
		relay->flush_at = clock_ms() + FLUSH_MS;
}

static void
stop(struct cgi_relay *relay, const char *why)
{
	relay->output = OUTPUT_BAD;
	relay->why = why;
	relay->end = CGI_STOP;
}

/* The head is whole: pass it and what came with it on. */
static void
begin_answer(struct cgi_relay *relay, const struct cgi_head *head)
{
	if (head->redirect.at != NULL) {
		relay->output = OUTPUT_DROP;
		buf_add(&relay->redirect, head->redirect.at, head->redirect.len);
		return;
	}
	if (!relay->host->head(relay->request, relay->head.data, head->len)) {
		relay->end = CGI_CLIENT_LEFT;
		return;
	}
	relay->output = strcmp(relay->view->method, "HEAD") == 0 ? OUTPUT_DROP : OUTPUT_BODY;
	pass_body(relay, relay->head.data + head->len, relay->head.len - head->len);
	buf_free(&relay->head);
}

static void
take_output(struct cgi_relay *relay, const char *bytes, size_t len)
{
	struct cgi_head head;

	if (relay->output != OUTPUT_HEAD) {
		pass_body(relay, bytes, len);
		return;
	}
	if (!buf_add(&relay->head, bytes, len)) {
		stop(relay, "its head is too long");
		return;
	}
	switch (cgi_head_read(&relay->head, &head, &relay->why)) {
	case ANSWER_HEAD:
		begin_answer(relay, &head);
		break;
	case ANSWER_BAD:
		stop(relay, relay->why);
		break;
	case ANSWER_MORE:
		break;
	}
}

/* Read once; returns the bytes taken, 0 where nothing is there now.  Closes at the end. */
static size_t
take(struct cgi_relay *relay, int *fd, size_t most)
{
	char bytes[CHUNK];
	ssize_t got;

	if (*fd < 0)
		return 0;
	got = read(*fd, bytes, most < sizeof bytes ? most : sizeof bytes);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		fd_close(fd);
		return 0;
	}
	if (fd == &relay->out)
		take_output(relay, bytes, (size_t)got);
	else
		take_errors(relay, bytes, (size_t)got);
	return (size_t)got;
}

/*
 * The program has exited: what it left in a pipe still counts.  Not more than is
 * there now, for others may go on writing.
 */
static void
drain(struct cgi_relay *relay, int *fd)
{
	int there = 0;
	size_t left, took;

	if (*fd < 0 || ioctl(*fd, FIONREAD, &there) != 0)
		return;
	for (left = (size_t)there; left > 0; left -= took) {
		took = take(relay, fd, left);
		if (took == 0)
			return;
	}
	take(relay, fd, 1);     /* the end, where nobody else holds it */
}

/*
 * It has exited.  Where the output is still open, a process that it left behind
 * may just be about to let go of it ("job >/dev/null &"): that gets LINGER_MS.
 */
static void
after_exit(struct cgi_relay *relay)
{
	uint64_t now;

	drain(relay, &relay->out);
	drain(relay, &relay->error);
	if (relay->end != CGI_RUNS)
		return;
	now = clock_ms();
	if (!relay->exited)
		relay->linger_until = now + LINGER_MS;
	relay->exited = true;
	if (relay->out < 0)
		relay->end = CGI_ENDED;
	else if (now >= relay->linger_until)
		relay->end = CGI_LEFT_OPEN;
}

static void
set_polls(const struct cgi_relay *relay, struct pollfd polls[AT_COUNT])
{
	int body = -1;

	memset(polls, 0, AT_COUNT * sizeof *polls);
	polls[AT_BODY].fd = -1;
	if (relay->in >= 0 && relay->body_len > 0) {
		polls[AT_BODY].fd = relay->in;
		polls[AT_BODY].events = POLLOUT;
	} else if (relay->in >= 0 && relay->body_more) {
		if (relay->host->body_poll != NULL)
			body = relay->host->body_poll(relay->request);
		polls[AT_BODY].fd = body;
		polls[AT_BODY].events = POLLIN;
	}
	polls[AT_OUT].fd = relay->out;
	polls[AT_OUT].events = POLLIN;
	polls[AT_ERROR].fd = relay->error;
	polls[AT_ERROR].events = POLLIN;
	polls[AT_PID].fd = relay->exited ? -1 : relay->pidfd;
	polls[AT_PID].events = POLLIN;
}

static int
poll_time(const struct cgi_relay *relay, const struct pollfd polls[AT_COUNT])
{
	uint64_t now, until = relay->look_at;

	if (relay->in >= 0 && relay->body_len == 0 && relay->body_more &&
	    polls[AT_BODY].fd < 0)
		return 0;       /* a body that never waits */
	if (relay->deadline < until)
		until = relay->deadline;
	if (relay->flush_at != 0 && relay->flush_at < until)
		until = relay->flush_at;
	if (relay->leave_at != 0 && relay->leave_at < until)
		until = relay->leave_at;
	if (relay->exited && relay->linger_until < until)
		until = relay->linger_until;
	now = clock_ms();
	return until > now ? (int)(until - now) : 0;
}

/* What is due by the clock. */
static void
keep_time(struct cgi_relay *relay)
{
	uint64_t now = clock_ms();

	if (now >= relay->deadline) {
		relay->end = CGI_TIME_UP;
		return;
	}
	if (relay->flush_at != 0 && now >= relay->flush_at) {
		relay->flush_at = 0;
		if (!relay->host->flush(relay->request))
			relay->end = CGI_CLIENT_LEFT;
	}
	if (relay->leave_at != 0 && now >= relay->leave_at) {
		relay->leave_at = UINT64_MAX;
		if (relay->output != OUTPUT_HEAD && relay->redirect.len == 0)
			relay->host->finish(relay->request);
	}
	if (now >= relay->look_at) {
		relay->look_at = now + LOOK_MS;
		if (relay->leave_at != UINT64_MAX && relay->host->aborted(relay->request))
			relay->end = CGI_CLIENT_LEFT;
	}
}

static void
move_body(struct cgi_relay *relay, const struct pollfd *polled)
{
	if (relay->in < 0)
		return;
	if (relay->body_len == 0 && relay->body_more && (polled->revents != 0 || polled->fd < 0))
		refill(relay);
	if (relay->body_len == 0 || polled->revents != 0 || polled->fd != relay->in)
		cgi_relay_feed(relay);
}

enum cgi_end
cgi_relay_run(struct cgi_relay *relay)
{
	struct pollfd polls[AT_COUNT];

	while (relay->end == CGI_RUNS) {
		set_polls(relay, polls);
		if (poll(polls, AT_COUNT, poll_time(relay, polls)) < 0 && errno != EINTR)
			return relay->end = CGI_STOP;
		move_body(relay, &polls[AT_BODY]);
		if (polls[AT_OUT].revents != 0)
			take(relay, &relay->out, CHUNK);
		if (polls[AT_ERROR].revents != 0)
			take(relay, &relay->error, CHUNK);
		if (relay->out < 0 && relay->leave_at == 0) {
			relay->leave_at = clock_ms() + LEAVE_MS;
			relay->flush_at = 0;
		}
		if (relay->end == CGI_RUNS && (relay->exited || polls[AT_PID].revents != 0))
			after_exit(relay);
		if (relay->end == CGI_RUNS)
			keep_time(relay);
	}
	log_line_of(relay);
	return relay->end;
}
