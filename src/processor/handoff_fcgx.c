#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "processor/fcgx.h"
#include "processor/handoff.h"
#include "processor/host.h"
#include "processor/serve.h"
#include "processor/trace.h"
#include "wire/fcgi.h"

static struct fcgx fcgx;
static unsigned char vars_bytes[ENVELOPE_MAX_VARS];
static unsigned char here[ENVELOPE_MAX_BODY];  /* a body, or a piece of one */

static uint64_t
body_length(const struct nv *vars)
{
	struct nv_pair length;
	char digits[24];

	if (!nv_find(vars, "CONTENT_LENGTH", &length) || length.value_len >= sizeof digits)
		return 0;
	memcpy(digits, length.value, length.value_len);
	digits[length.value_len] = '\0';
	return strtoull(digits, NULL, 10);
}

/*
 * What a body of that length is kept in: a memory, or a file without a name in
 * the user's /tmp.  -1: nothing can be had.
 */
static int
open_store(const struct server *s, uint64_t length)
{
	if (length <= s->settings->body_memory)
		return memfd_create("body", MFD_CLOEXEC);
	return open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* From the connection into it.  False: it did not come whole, or does not fit. */
static bool
keep_all(int fd, uint64_t left)
{
	ssize_t got;

	for (; left > 0; left -= (uint64_t)got) {
		got = fcgx_read(&fcgx, here, left < sizeof here ? (size_t)left : sizeof here);
		if (got <= 0)
			return false;
		if (!fd_write_all(fd, here, (size_t)got)) {
			processor_host.log(LEVEL_ERROR, "a request body can't be kept: %s",
			    strerror(errno));
			return false;
		}
	}
	return true;
}

/*
 * The multiplexer has it whole, so it comes as fast as it is read.  Handlers
 * want to seek in it and to give it away, so it is kept as an fd handoff would
 * bring it; where it can't be, it is read as it comes.
 */
static bool
begin_body(const struct server *s, struct body *body, uint64_t length)
{
	body_none(body);
	body->total = length;
	if (length <= sizeof here) {
		body->first = here;
		body->first_len = (size_t)length;
		return length == 0 || fcgx_read(&fcgx, here, (size_t)length) == (ssize_t)length;
	}
	body->fd = open_store(s, length);
	body->kind = body->fd >= 0 ? BODY_IN_FILE : BODY_PULLED;
	body->pull = fcgx_read;
	body->context = &fcgx;
	return body->fd < 0 || keep_all(body->fd, length);
}

static bool
begin_request(struct server *s)
{
	struct request *request = &s->request;
	struct nv vars = { vars_bytes, 0, sizeof vars_bytes };
	const struct vhost_settings *vhost;
	struct fcgx_ours ours;

	if (!fcgx_vars(&fcgx, &vars, &ours) || ours.vhost >= s->pool->vhost_count)
		return false;
	vhost = &s->settings->vhosts[s->pool->vhosts[ours.vhost]];
	if (!request_begin(request, &vars, s->pool, vhost))
		return false;
	if (ours.named)
		request_names_file(request);
	if (!begin_body(s, &request->body, body_length(&vars)))
		return false;
	request->view.body_total = request->body.total;
	request->view.timeout_ms = vhost->tuning->expire_timeout > UINT32_MAX ? UINT32_MAX :
	    (uint32_t)vhost->tuning->expire_timeout;
	respond_to_fcgx(&request->respond, &fcgx, strcmp(request->view.method, "HEAD") == 0);
	return true;
}

static bool
fcgx_serve_next(struct server *s)
{
	struct request *request = &s->request;

	if (!fcgx_wait(&fcgx))
		return false;
	serve_counts(s);
	if (!begin_request(s)) {
		/* No answer is 502. */
		body_end(&request->body);
		fcgx_end(&fcgx, serve_is_last(s) ? FCGI_OUR_LEAVING : 0);
		return true;
	}
	serve_begins(s, 0);
	serve_request(s);
	respond_end(&request->respond, serve_is_last(s) ? COMPLETION_LEAVING : 0);
	body_end(&request->body);
	return true;
}

/* ---- its beginning and its end */

static bool
log_to_stderr(int level, const char *text, size_t len)
{
	if (!fcgx.running)
		return false;
	fcgx_log(&fcgx, level, text, len);
	return true;
}

static void
fcgx_serve(struct server *s, int fd)
{
	(void)s;
	/* There is no way beside the request to say what it does. */
	signal(TRACE_SIGNAL, SIG_IGN);
	if (!fcgx_begin(&fcgx, fd))
		_exit(1);
	host_log_to(log_to_stderr);
}

static void
fcgx_told(struct server *s)
{
	(void)s;
	fcgx_leave(&fcgx);
}

const struct handoff handoff_fcgx = {
	.begin = fcgx_serve,
	.serve_next = fcgx_serve_next,
	.leave = fcgx_told,
};
