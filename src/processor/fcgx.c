#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "processor/fcgx.h"
#include "wire/fcgi.h"

#define TYPE_AT 1               /* in a record's header */
#define DRAIN   4096

/* ---- connections */

/* libfcgi takes signals over; what they do here is said elsewhere. */
static bool
init_library(void)
{
	static const int theirs[] = { SIGPIPE, SIGUSR1 };
	struct sigaction before[2];
	bool begun;
	int i;

	for (i = 0; i < 2; i++)
		sigaction(theirs[i], NULL, &before[i]);
	begun = FCGX_Init() == 0;
	for (i = 0; i < 2; i++)
		sigaction(theirs[i], &before[i], NULL);
	return begun;
}

bool
fcgx_begin(struct fcgx *fcgx, int listener)
{
	fcgx->listener = listener;
	fcgx->running = false;
	fd_set_cloexec(listener, true);
	/* It never accepts: with no socket it fails where it would. */
	return init_library() && FCGX_InitRequest(&fcgx->request, -1, 0) == 0;
}

void
fcgx_leave(struct fcgx *fcgx)
{
	/* It polls readable from now on, and gives what was on its way. */
	shutdown(fcgx->listener, SHUT_RD);
}

static void
hang_up(struct fcgx *fcgx)
{
	fd_close(&fcgx->request.ipcFd);
	FCGX_Free(&fcgx->request, 0);
}

/*
 * One is there, or the listener is shut down, which accept tells only where it
 * may wait.  False: none will come, or it could not be served.
 */
static bool
take_connection(struct fcgx *fcgx)
{
	int fd = accept4(fcgx->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED;
	hang_up(fcgx);
	if (fd >= FD_SETSIZE) {
		fd_close(&fd);
		return false;
	}
	fcgx->request.ipcFd = fd;
	fcgx->request.keepConnection = 1;
	return true;
}

/* Is what has come on the connection the beginning of a request? */
static bool
has_begun(const struct fcgx *fcgx)
{
	unsigned char header[FCGI_HEADER];
	ssize_t got = recv(fcgx->request.ipcFd, header, sizeof header, MSG_PEEK | MSG_DONTWAIT);

	return got > 0 && (got <= TYPE_AT || header[TYPE_AT] == FCGI_TYPE_BEGIN);
}

bool
fcgx_wait(struct fcgx *fcgx)
{
	FCGX_Request *request = &fcgx->request;
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	for (;;) {
		fds[0].fd = request->ipcFd;
		fds[1].fd = fcgx->listener;
		fds[0].revents = fds[1].revents = 0;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents != 0 && !has_begun(fcgx))
			hang_up(fcgx);
		else if (fds[0].revents != 0 && FCGX_Accept_r(request) == 0)
			return fcgx->running = true;
		else if (fds[0].revents == 0 && fds[1].revents != 0 && !take_connection(fcgx))
			return false;
	}
}

/* ---- what a request says */

/* Not for the handlers: what the multiplexer says to us, and libfcgi's own addition. */
static bool
is_ours(const char *name, size_t len, const char *value, struct fcgx_ours *ours)
{
	if (str_is(name, len, "PERUSERD_VHOST")) {
		ours->vhost = (uint32_t)strtoul(value, NULL, 10);
		return true;
	}
	if (str_is(name, len, "PERUSERD_NAMED"))
		return ours->named = true;
	return str_is(name, len, "FCGI_ROLE");
}

bool
fcgx_vars(const struct fcgx *fcgx, struct nv *vars, struct fcgx_ours *ours)
{
	char **at;

	*ours = (struct fcgx_ours){ .vhost = UINT32_MAX };
	for (at = fcgx->request.envp; at != NULL && *at != NULL; at++) {
		const char *value = strchr(*at, '=');
		size_t len = value != NULL ? (size_t)(value - *at) : 0;

		if (value == NULL || is_ours(*at, len, ++value, ours))
			continue;
		if (!nv_put(vars, *at, len, value, strlen(value)))
			return false;
	}
	return ours->vhost != UINT32_MAX;
}

ssize_t
fcgx_read(void *context, void *to, size_t size)
{
	struct fcgx *fcgx = context;
	int got = FCGX_GetStr(to, size < INT_MAX ? (int)size : INT_MAX, fcgx->request.in);

	if (got > 0 || FCGX_GetError(fcgx->request.in) == 0)
		return got;
	errno = ECONNRESET;
	return -1;
}

/* ---- the answer */

bool
fcgx_write(struct fcgx *fcgx, const void *bytes, size_t len)
{
	const char *at = bytes;
	int part;

	for (; len > 0; at += part, len -= (size_t)part) {
		part = len < INT_MAX ? (int)len : INT_MAX;
		if (FCGX_PutStr(at, part, fcgx->request.out) != part)
			return false;
	}
	return FCGX_GetError(fcgx->request.out) == 0;
}

bool
fcgx_flush(struct fcgx *fcgx)
{
	return FCGX_FFlush(fcgx->request.out) == 0;
}

bool
fcgx_finish(struct fcgx *fcgx)
{
	return FCGX_FClose(fcgx->request.out) == 0;
}

bool
fcgx_left(const struct fcgx *fcgx)
{
	/* No byte goes out; but where nobody reads any more, that is an error. */
	return send(fcgx->request.ipcFd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
}

void
fcgx_log(struct fcgx *fcgx, int level, const char *text, size_t len)
{
	FCGX_Stream *err = fcgx->request.err;
	const char *end;
	size_t part;

	while (len > 0) {
		end = memchr(text, '\n', len);
		part = end != NULL ? (size_t)(end - text) : len;
		FCGX_PutChar(FCGI_LEVEL_FIRST + level, err);
		FCGX_PutStr(text, (int)part, err);
		FCGX_PutChar('\n', err);
		text += part + (end != NULL);
		len -= part + (end != NULL);
	}
	FCGX_FFlush(err);
}

/* What is left of the body: the next request comes behind it. */
static void
read_rest(struct fcgx *fcgx)
{
	char rest[DRAIN];

	while (FCGX_GetStr(rest, sizeof rest, fcgx->request.in) == (int)sizeof rest)
		continue;
}

/*
 * An answer that ended early has no end of STDOUT, which could be read before
 * the END that says so.
 */
static void
end_cut(struct fcgx *fcgx, unsigned status)
{
	unsigned char end[FCGI_WHOLE];

	fcgi_write_end(end, (unsigned)fcgx->request.requestId, status, FCGI_ENDED_COMPLETE);
	if (fcgx_flush(fcgx))
		fd_write_all(fcgx->request.ipcFd, end, sizeof end);
}

void
fcgx_end(struct fcgx *fcgx, unsigned status)
{
	FCGX_Request *request = &fcgx->request;
	bool kept = request->keepConnection && !(status & FCGI_OUR_CUT);

	read_rest(fcgx);
	FCGX_SetExitStatus((int)status, request->out);
	if (status & FCGI_OUR_CUT)
		end_cut(fcgx, status);
	else
		kept &= (FCGX_FClose(request->err) | FCGX_FClose(request->out)) == 0;
	kept &= FCGX_GetError(request->in) == 0;
	fcgx->running = false;
	if (kept)
		FCGX_Free(request, 0);
	else
		hang_up(fcgx);
}
