/*
 * The CGI handler: one program, run for one request, as RFC 3875 says.  It is
 * checked as suEXEC would, started in a session of its own, fed and read until
 * it ends, and always buried here: none is left as a zombie, and none that
 * still holds the answer's pipe runs on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "handlers/cgi_child.h"
#include "handlers/cgi_env.h"
#include "handlers/cgi_explain.h"
#include "handlers/cgi_relay.h"
#include "handlers/handlers.h"
#include "handlers/page.h"
#include "handlers/suexec.h"
#include "settings/settings.h"

#define GRACE_MS 1000           /* from SIGTERM to SIGKILL */

static const struct handler_host *host;

/* The child's ends of the pipes. */
struct ends {
	int at[3];
};

static bool
cgi_load(const struct handler_host *with, const struct settings *settings,
    const struct pool_settings *pool)
{
	(void)settings;
	(void)pool;
	host = with;
	return true;
}

/* A program that doesn't read its body must not end us; the child gets the default back. */
static bool
cgi_begin(void)
{
	return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}

static void
ends_close(struct ends *ends)
{
	int i;

	for (i = 0; i < 3; i++)
		fd_close(&ends->at[i]);
}

static bool
open_pipe(int *ours, int *theirs, bool we_write)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return false;
	*ours = pair[we_write ? 1 : 0];
	*theirs = pair[we_write ? 0 : 1];
	return fd_set_nonblocking(*ours, true);
}

/*
 * Standard input: the spooled body itself, else a pipe.  What fits into the
 * pipe is written before the program starts; an empty body is a pipe that has
 * ended (a chroot has no /dev/null).
 */
static bool
open_input(struct cgi_relay *relay, struct ends *ends)
{
	const struct request_view *view = relay->view;
	int file;

	file = view->body_total != 0 ? host->body_file(relay->request) : -1;
	if (file >= 0) {
		ends->at[0] = fcntl(file, F_DUPFD_CLOEXEC, 3);
		return ends->at[0] >= 0;
	}
	if (!open_pipe(&relay->in, &ends->at[0], true))
		return false;
	if (view->body_total != 0 &&
	    !host->body_bytes(relay->request, &relay->body, &relay->body_len)) {
		relay->body_more = true;
		relay->body_len = 0;
	}
	cgi_relay_feed(relay);
	return true;
}

static bool
open_ends(struct cgi_relay *relay, struct ends *ends)
{
	return open_input(relay, ends) &&
	    open_pipe(&relay->out, &ends->at[1], false) &&
	    open_pipe(&relay->error, &ends->at[2], false);
}

static int
log_refusal(const struct request_view *view, const struct cgi_started *started)
{
	char why[512];

	switch (started->step) {
	case CHILD_FORK:
		host->log(LEVEL_ERROR, "%s: no process can be made for it: %s%s",
		    view->script_name, strerror(started->error),
		    started->error == EAGAIN ? " (limits.nproc?)" : "");
		return 503;
	case CHILD_PREPARE:
		host->log(LEVEL_ERROR, "%s: its process can't be prepared: %s",
		    view->script_name, strerror(started->error));
		return 500;
	case CHILD_CHANGED:
		host->log(LEVEL_ERROR, "%s: it was replaced while it was being started",
		    view->script_name);
		return 500;
	case CHILD_EXECUTE:
		break;
	}
	cgi_explain(why, sizeof why, view->script_filename, started->error,
	    view->pool->chroot != NULL);
	host->log(LEVEL_ERROR, "%s: %s", view->script_name, why);
	return 500;
}

/* Start it.  0, or the status to answer; the reason was logged. */
static int
start(struct cgi_relay *relay, struct suexec_script *script, struct cgi_started *started)
{
	const struct request_view *view = relay->view;
	struct ends ends = { { -1, -1, -1 } };
	struct cgi_child child = {
		.file = view->script_filename, .device = script->device, .inode = script->inode,
		.directory = script->directory, .cpu_seconds = view->pool->limits[CONFINE_CPU],
	};
	struct cgi_env env = CGI_ENV_NONE;
	int status = 500;

	if (!cgi_env_build(&env, view)) {
		host->log(LEVEL_ERROR, "%s: its environment is too large", view->script_name);
	} else if (!open_ends(relay, &ends)) {
		host->log(LEVEL_ERROR, "%s: pipes: %s", view->script_name, strerror(errno));
	} else {
		memcpy(child.standard, ends.at, sizeof child.standard);
		child.arguments = env.arguments.at;
		child.environment = env.environment.at;
		status = 0;
		if (!cgi_child_start(&child, started))
			status = log_refusal(view, started);
		relay->pidfd = started->pidfd;
	}
	ends_close(&ends);
	cgi_env_free(&env);
	return status;
}

static void
wait_exit(int pidfd, uint64_t for_ms)
{
	struct pollfd polled = { pidfd, POLLIN, 0 };
	uint64_t until = clock_ms() + for_ms, now;

	for (now = until - for_ms; now < until; now = clock_ms())
		if (poll(&polled, 1, (int)(until - now)) > 0)
			return;
}

/*
 * End the whole group, gently first.  The leader is not reaped yet, so the
 * group's number is still its own.
 */
static void
kill_group(const struct cgi_started *started, bool exited)
{
	if (!exited) {
		kill(-started->pid, SIGTERM);
		wait_exit(started->pidfd, GRACE_MS);
	}
	kill(-started->pid, SIGKILL);
}

/* Its status as waitpid gives it, or 0 where somebody else has it. */
static int
reap(struct cgi_started *started)
{
	int status = 0;
	pid_t pid;

	do
		pid = waitpid(started->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	fd_close(&started->pidfd);
	return pid < 0 ? 0 : status;
}

/* It ended by itself.  Was there an answer? */
static enum handler_result
judge_end(struct cgi_relay *relay, int status)
{
	const struct request_view *view = relay->view;
	const char *what = relay->head.len > 0 ? "its head has no end" : "it printed nothing";

	if (WIFSIGNALED(status))
		host->log(LEVEL_WARNING, "%s: killed by signal %d (%s)", view->script_name,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (relay->redirect.len > 0) {
		if (host->redirect(relay->request, relay->redirect.data, relay->redirect.len))
			return HANDLER_DONE;
		host->log(LEVEL_ERROR, "%s: local redirect to %.*s refused", view->script_name,
		    (int)relay->redirect.len, relay->redirect.data);
		page_give(host, relay->request, view, 500, NULL);
	} else if (relay->output == OUTPUT_HEAD) {
		if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
			host->log(LEVEL_ERROR, "%s: %s, exit status %d", view->script_name, what,
			    WEXITSTATUS(status));
		else
			host->log(LEVEL_ERROR, "%s: %s", view->script_name, what);
		page_give(host, relay->request, view, 500, NULL);
	} else if (WIFSIGNALED(status)) {
		return HANDLER_CUT;
	}
	return HANDLER_DONE;
}

static enum handler_result
judge(struct cgi_relay *relay, int status)
{
	const struct request_view *view = relay->view;
	bool begun = host->head_given(relay->request);

	switch (relay->end) {
	case CGI_TIME_UP:
		host->log(LEVEL_ERROR, "%s: killed, it ran longer than its time (%u ms)",
		    view->script_name, (unsigned)view->timeout_ms);
		page_give(host, relay->request, view, 504, NULL);
		return begun ? HANDLER_CUT : HANDLER_DONE;
	case CGI_CLIENT_LEFT:
		return begun ? HANDLER_CUT : HANDLER_DONE;
	case CGI_STOP:
		host->log(LEVEL_ERROR, "%s: %s", view->script_name,
		    relay->why != NULL ? relay->why : "poll failed");
		page_give(host, relay->request, view, 500, NULL);
		return begun ? HANDLER_CUT : HANDLER_DONE;
	case CGI_ENDED:
	case CGI_LEFT_OPEN:
	case CGI_RUNS:
		break;
	}
	return judge_end(relay, status);
}

static enum handler_result
run(struct request *request, const struct request_view *view, struct suexec_script *script)
{
	struct cgi_started started = { -1, -1, CHILD_FORK, 0 };
	enum handler_result result = HANDLER_DONE;
	struct cgi_relay relay;
	int status;

	cgi_relay_begin(&relay, host, request, view);
	status = start(&relay, script, &started);
	if (status != 0) {
		page_give(host, request, view, status, NULL);
	} else {
		if (cgi_relay_run(&relay) != CGI_ENDED)
			kill_group(&started, relay.exited);
		result = judge(&relay, reap(&started));
	}
	cgi_relay_end(&relay);
	return result;
}

static enum handler_result
cgi_serve(struct request *request, const struct request_view *view)
{
	enum handler_result result = HANDLER_DONE;
	struct suexec_script script;
	struct fault fault;

	if (!suexec_check(view->script_filename, view->document_root, geteuid(), &script, &fault)) {
		host->log(LEVEL_ERROR, "%s: not run: %s", view->script_name, fault.text);
		page_give(host, request, view, fault.error == ENOENT ? 404 : 403, NULL);
		return HANDLER_DONE;
	}
	result = run(request, view, &script);
	fd_close(&script.directory);
	return result;
}

const struct handler cgi_handler = {
	.version = HANDLER_VERSION,
	.name = "cgi",
	.load = cgi_load,
	.begin = cgi_begin,
	.serve = cgi_serve,
};
