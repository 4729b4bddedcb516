#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "handlers/page.h"
#include "processor/host.h"
#include "processor/modules.h"
#include "processor/serve.h"
#include "processor/title.h"
#include "processor/trace.h"

#define LOCATION_MAX (16 * 1024)

/* Static, and so untouched memory until it is used: a processor shares the rest. */
static struct server server;

static volatile sig_atomic_t told_to_leave;

/* SIGTERM: leave when idle. */
static void
on_term(int signal)
{
	(void)signal;
	told_to_leave = 1;
	server.handoff->leave(&server);
}

/* ---- one request */

void
serve_status(struct server *s, int status, const char *extra)
{
	page_give(&processor_host, &s->request, &s->request.view, status, extra);
}

static void
serve_directory(struct server *s)
{
	const struct request_view *view = &s->request.view;
	char extra[LOCATION_MAX + 32] = "Location: ";
	size_t len = strlen(extra);

	if (!resolve_location(extra + len, LOCATION_MAX, view->document_uri,
	    strlen(view->document_uri), view->query_string)) {
		serve_status(s, 414, NULL);
		return;
	}
	strcat(extra, "\r\n");
	serve_status(s, 301, extra);
}

/* Run what the request resolves to, once. */
static enum handler_result
serve_once(struct server *s)
{
	struct request *request = &s->request;
	const struct handler *handler;
	enum handler_result result;

	if (!request_resolve(request)) {
		if (request->named)
			processor_host.log(LEVEL_ERROR, "%s: an answer named it with X-Accel-Redirect or "
			    "X-Sendfile, and %s", request->view.document_uri,
			    request->resolution.status == 404 ? "there is no such file" :
			    "it can't be read");
		if (request->resolution.what == RESOLVED_DIRECTORY)
			serve_directory(s);
		else
			serve_status(s, request->resolution.status, NULL);
		return HANDLER_DONE;
	}
	if (request->resolution.kind == HANDLER_FASTCGI) {
		if (!respond_pass(&request->respond, request->view.script_name,
		    request->view.path_info))
			serve_status(s, 500, NULL);
		return HANDLER_DONE;
	}
	handler = modules_find(request->resolution.kind);
	if (handler == NULL) {
		processor_host.log(LEVEL_ERROR, "%s: its handler is not built into this server",
		    request->view.script_name);
		serve_status(s, 500, NULL);
		return HANDLER_DONE;
	}
	trace_handler(handler);
	result = handler->serve(request, &request->view);
	trace_handler(NULL);
	return result;
}

/* Follow a local redirect.  False: it was answered instead. */
static bool
follow(struct server *s)
{
	struct request *request = &s->request;
	int status;

	if (request->redirects++ >= REQUEST_REDIRECTS) {
		processor_host.log(LEVEL_ERROR, "%s: more than %d local redirects",
		    request->view.document_uri, REQUEST_REDIRECTS);
		request->redirect_len = 0;
		serve_status(s, 500, NULL);
		return false;
	}
	status = request_redirect(request);
	if (status != 0) {
		processor_host.log(LEVEL_ERROR, "%s: its local redirect leads nowhere",
		    request->view.document_uri);
		request->redirect_len = 0;
		serve_status(s, status, NULL);
		return false;
	}
	body_end(&request->body);
	return true;
}

enum handler_result
serve_request(struct server *s)
{
	struct request *request = &s->request;
	enum handler_result result;

	do
		result = serve_once(s);
	while (request->redirect_len > 0 && result == HANDLER_DONE && follow(s));
	if (!request->respond.head_given && !request->respond.lost)
		serve_status(s, 500, NULL);
	if (result == HANDLER_CUT)
		request->respond.cut = true;
	if (result == HANDLER_LEAVE)
		s->leaving = true;
	return result;
}

/* ---- what every request has */

/* RLIMIT_CPU counts a process's whole life, so its soft limit moves on. */
static void
limit_cpu(const struct server *s)
{
	struct rlimit limit;
	struct rusage used;

	if (s->cpu == CONFINE_UNSET || getrusage(RUSAGE_SELF, &used) != 0 ||
	    getrlimit(RLIMIT_CPU, &limit) != 0)
		return;
	limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1) + s->cpu;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CPU, &limit);
}

/* SIGKILL, as from the zygote: user code can't hold it up. */
static void
limit_time(struct server *s, uint64_t expire_ms)
{
	struct sigevent kill_us = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { 0 };

	if (!s->timed && expire_ms > 0)
		s->timed = timer_create(CLOCK_MONOTONIC, &kill_us, &s->timer) == 0;
	/* A channel request has no time of ours, and never had one: no call for it. */
	if (!s->timed || (expire_ms == 0 && !s->ticking))
		return;
	s->ticking = expire_ms > 0;
	when.it_value.tv_sec = (time_t)(expire_ms / 1000);
	when.it_value.tv_nsec = (long)(expire_ms % 1000) * 1000 * 1000;
	timer_settime(s->timer, 0, &when, NULL);
}

void
serve_begins(struct server *s, uint64_t expire_ms)
{
	limit_cpu(s);
	limit_time(s, expire_ms);
}

void
serve_ends(struct server *s)
{
	limit_time(s, 0);
}

/* By the most that it ever had resident. */
static bool
has_grown(const struct server *s)
{
	uint64_t most = s->pool->tuning->max_memory;
	struct rusage used;

	return most != 0 && getrusage(RUSAGE_SELF, &used) == 0 &&
	    (uint64_t)used.ru_maxrss * 1024 > most;
}

bool
serve_is_last(struct server *s)
{
	s->leaving |= told_to_leave != 0 || has_grown(s);
	return s->leaving;
}

void
serve_counts(struct server *s)
{
	uint64_t limit = s->pool->tuning->max_requests_per_child;

	s->served++;
	if ((limit > 0 && s->served >= limit) || has_grown(s))
		s->leaving = true;
}

/* ---- all of them */

/*
 * A processor that wakes does not preempt the multiplexer that wakes it, which
 * then goes on with the events it has: a quarter less processor time for a
 * small request at 32 connections, half of its involuntary switches gone.
 */
static void
stand_back(void)
{
	struct sched_param param = { 0 };

	sched_setscheduler(0, SCHED_BATCH, &param);
}

const struct handoff *
handoff_of(const struct pool_settings *pool)
{
	return pool->handoff == HANDOFF_FASTCGI ? &handoff_fcgx : &handoff_fd;
}

static void
begin(const struct settings *settings, const struct pool_settings *pool, int fd)
{
	struct sigaction term = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	sigset_t blocked;

	server.settings = settings;
	server.pool = pool;
	server.cpu = pool->limits[CONFINE_CPU];
	server.handoff = handoff_of(pool);
	body_none(&server.request.body);
	server.handoff->begin(&server, fd);
	stand_back();
	sigemptyset(&term.sa_mask);
	sigaction(SIGTERM, &term, NULL);
	/* Writing past a limit is an error of that write, not the end of the processor. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	/* The zygote held these back until there was somebody to take them. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

void
serve_forever(const struct settings *settings, const struct pool_settings *pool, int fd)
{
	begin(settings, pool, fd);
	if (!modules_begin())
		_exit(1);
	title_state("idle");
	while (!server.leaving && server.handoff->serve_next(&server))
		title_served(server.served);
	modules_end();
	_exit(0);
}
