#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/guard.h"
#include "base/str.h"
#include "manager/control.h"
#include "manager/listener.h"
#include "manager/manager.h"
#include "manager/state.h"
#include "manager/status.h"
#include "wire/fdpass.h"

#define BACKLOG        16
#define ASKING_MAX     32               /* connections at once */
#define REQUEST_MAX    128              /* bytes of a request line */
#define ANSWER_MAX     (64u << 20)
#define PATIENCE_S     10               /* for a request, and for each part of an answer */
#define GROUPS_MAX     256

struct control {
	struct manager *manager;
	int fd;
	gid_t group;
	bool has_group;
	struct event *accepting;
	unsigned asking, waiting;       /* of whom so many wait */
	int reserve;                    /* makes room to accept where no descriptor is left */
	bool paused;                    /* and that one is used: nobody is accepted */
};

struct asking {
	struct control *control;
	int fd;
	struct event *event;            /* reads, then writes, then waits for the end */
	char request[REQUEST_MAX];
	size_t got;
	struct buf answer;
	size_t sent;
	bool with_board;                /* the answer's first byte carries it */
	bool holds;                     /* stays open until the manager ends */
	bool waits;                     /* for the end of a reload or upgrade */
	bool answered;                  /* its answer is on its way */
};

static void
keep_reserve(struct control *control)
{
	if (control->reserve < 0)
		control->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (control->paused && control->reserve >= 0)
		control->paused = event_add(control->accepting, NULL) != 0;
}

void
control_tick(struct manager *manager)
{
	if (manager->control != NULL)
		keep_reserve(manager->control);
}

/* Who asks what is wrong is to be told also where no descriptor is left. */
static int
accept_one(struct control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	if (control->reserve >= 0) {
		fd_close(&control->reserve);
		return accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	event_del(control->accepting);
	control->paused = true;
	return -1;
}

bool
control_open(struct manager *manager, struct fault *fault)
{
	const struct settings *settings = manager->settings;
	const struct group *group = NULL;
	struct control *control;
	struct fault why;

	if (settings->control_group != NULL) {
		group = getgrnam(settings->control_group);
		if (group == NULL)
			return fault_set(fault, 0, "control.group: there is no group %s",
			    settings->control_group);
	}
	control = calloc(1, sizeof *control);
	if (control == NULL)
		return fault_set(fault, ENOMEM, "open the control socket");
	control->manager = manager;
	control->reserve = -1;
	keep_reserve(control);
	control->has_group = group != NULL;
	control->group = group != NULL ? group->gr_gid : 0;
	control->fd = listener_open_unix(settings->control_socket, 0, control->group,
	    settings->control_mode, BACKLOG, &why);
	if (control->fd < 0) {
		free(control);
		return fault_set(fault, 0, "control socket %s: %s", settings->control_socket,
		    why.text);
	}
	manager->control = control;
	return true;
}

static void
asking_end(struct asking *asking)
{
	struct control *control = asking->control;

	if (asking->waits) {
		reload_forget(control->manager, asking);
		upgrade_forget(control->manager, asking);
		control->waiting--;
	}
	control->asking--;
	if (asking->event != NULL)
		event_free(asking->event);
	buf_free(&asking->answer);
	fd_close(&asking->fd);
	free(asking);
	keep_reserve(control);
}

static void
on_held(int fd, short what, void *context)
{
	struct asking *asking = context;
	char more[16];

	(void)what;
	if (recv(fd, more, sizeof more, MSG_DONTWAIT) == 0)
		asking_end(asking);
}

/* A stop is answered twice: by a line, and by the end of the connection. */
static void
hold(struct asking *asking)
{
	event_free(asking->event);
	asking->event = event_new(asking->control->manager->base, asking->fd,
	    EV_READ | EV_PERSIST, on_held, asking);
	if (asking->event == NULL || event_add(asking->event, NULL) != 0)
		asking_end(asking);
}

static ssize_t
send_part(struct asking *asking)
{
	struct iovec first = { asking->answer.data, 1 };
	ssize_t sent;

	if (asking->with_board) {
		sent = fdpass_send(asking->fd, &first, 1, &asking->control->manager->board_reader,
		    1);
		asking->with_board = sent <= 0;
		return sent;
	}
	return send(asking->fd, asking->answer.data + asking->sent,
	    asking->answer.len - asking->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
on_writable(int fd, short what, void *context)
{
	struct asking *asking = context;
	ssize_t sent;

	(void)fd;
	while ((what & EV_TIMEOUT) == 0 && asking->sent < asking->answer.len) {
		sent = send_part(asking);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent <= 0)
			break;
		asking->sent += (size_t)sent;
	}
	if (asking->holds && asking->sent == asking->answer.len)
		hold(asking);
	else
		asking_end(asking);
}

static void
answer(struct asking *asking)
{
	struct timeval patience = { PATIENCE_S, 0 };

	asking->answered = true;
	event_free(asking->event);
	asking->event = event_new(asking->control->manager->base, asking->fd,
	    EV_WRITE | EV_PERSIST, on_writable, asking);
	if (asking->event == NULL || event_add(asking->event, &patience) != 0)
		asking_end(asking);
}

static void
answer_line(struct asking *asking, const char *kind, const char *text)
{
	struct record_writer writer = { &asking->answer, true };

	record_begin(&writer, kind);
	if (text != NULL)
		record_text(&writer, "text", text);
	record_end(&writer);
}

static void
do_status(struct asking *asking)
{
	asking->with_board = status_write(asking->control->manager, &asking->answer);
	if (asking->with_board)
		return;
	buf_free(&asking->answer);
	answer_line(asking, "error", "the status is too long");
}

static void
do_stop(struct asking *asking)
{
	struct manager *manager = asking->control->manager;

	asking->holds = true;
	answer_line(asking, "ok", NULL);
	manager_stop(manager, manager->settings->stop_timeout);
}

static void
do_stop_now(struct asking *asking)
{
	struct manager *manager = asking->control->manager;

	if (manager->phase == MANAGER_RUNNING)
		manager_stop(manager, manager->settings->stop_timeout);
	do_stop(asking);
}

static void
do_reopen_logs(struct asking *asking)
{
	manager_reopen_logs(asking->control->manager);
	answer_line(asking, "ok", NULL);
}

/* What was asked for has ended, one way or the other. */
static void
on_done(void *who, const struct buf *told)
{
	struct asking *asking = who;

	asking->waits = false;
	asking->control->waiting--;
	buf_add(&asking->answer, told->data, told->len);
	answer(asking);
}

/* Nothing is answered before that; who gives up waiting is forgotten. */
static bool
wait_for_end(struct asking *asking)
{
	struct event *event = event_new(asking->control->manager->base, asking->fd,
	    EV_READ | EV_PERSIST, on_held, asking);

	if (event == NULL || event_add(event, NULL) != 0) {
		if (event != NULL)
			event_free(event);
		return false;
	}
	if (asking->event != NULL)
		event_free(asking->event);
	asking->event = event;
	asking->waits = true;
	asking->control->waiting++;
	return true;
}

static void
wait_no_more(struct asking *asking, const char *why)
{
	asking->waits = false;
	asking->control->waiting--;
	answer_line(asking, "error", why);
}

static void
reload(struct asking *asking, const char *pool, size_t len)
{
	struct manager *manager = asking->control->manager;

	if (manager->phase != MANAGER_RUNNING)
		answer_line(asking, "error", "peruserd does not run yet, or is stopping");
	else if (upgrade_is_under_way(manager))
		answer_line(asking, "error", "an upgrade is under way: ask again in a moment");
	else if (!wait_for_end(asking))
		answer_line(asking, "error", "no memory");
	else if (!reload_ask(manager, pool, len, on_done, asking))
		wait_no_more(asking, "too many wait for reloads already");
}

static void
do_upgrade(struct asking *asking)
{
	struct manager *manager = asking->control->manager;

	if (manager->phase != MANAGER_RUNNING)
		answer_line(asking, "error", "peruserd does not run yet, or is stopping");
	else if (!wait_for_end(asking))
		answer_line(asking, "error", "no memory");
	else if (!upgrade_ask(manager, on_done, asking))
		wait_no_more(asking, "too many wait for upgrades already");
}

static void
do_reload(struct asking *asking)
{
	reload(asking, NULL, 0);
}

/* ---- about one pool: what is wrong with the wish, or NULL */

static const char *
do_restart(struct pool *pool)
{
	if (pool->drained)
		return "the pool is drained: resume it first";
	pool_roll(pool, "peruserctl restart");
	return pool->loading == NULL ? pool->roll_reason : NULL;
}

static const char *
do_drain(struct pool *pool)
{
	pool_drain(pool);
	return NULL;
}

static const char *
do_resume(struct pool *pool)
{
	if (!pool->drained)
		return "the pool is not drained";
	pool_resume(pool);
	return NULL;
}

static const struct verb {
	const char *name;
	void (*obey)(struct asking *asking);
	void (*obey_name)(struct asking *asking, const char *pool, size_t len);
	const char *(*obey_pool)(struct pool *pool);
} verbs[] = {
	{ "status", do_status, NULL, NULL },
	{ "stop", do_stop, NULL, NULL },
	{ "stop now", do_stop_now, NULL, NULL },
	{ "reopen-logs", do_reopen_logs, NULL, NULL },
	{ "reload", do_reload, reload, NULL },
	{ "upgrade", do_upgrade, NULL, NULL },
	{ "restart", NULL, NULL, do_restart },
	{ "drain", NULL, NULL, do_drain },
	{ "resume", NULL, NULL, do_resume },
};

static void
obey_pool(struct asking *asking, const struct verb *verb, const char *name, size_t len)
{
	struct manager *manager = asking->control->manager;
	struct pool *pool = pool_by_name(manager, name, len);
	const char *wrong;

	if (pool == NULL)
		wrong = "there is no pool of that name";
	else if (manager->phase != MANAGER_RUNNING)
		wrong = "peruserd does not run yet, or is stopping";
	else if (pool->settings->disabled != NULL)
		wrong = pool->settings->disabled;
	else
		wrong = verb->obey_pool(pool);
	answer_line(asking, wrong != NULL ? "error" : "ok", wrong);
}

/* "status", or "restart POOL" */
static void
obey(struct asking *asking, const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	size_t i, verb_len = space != NULL ? (size_t)(space - line) : len;
	size_t name_len = space != NULL ? len - verb_len - 1 : 0;

	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const struct verb *verb = &verbs[i];

		if (verb->obey != NULL && str_is(line, len, verb->name))
			verb->obey(asking);
		else if (space == NULL || !str_is(line, verb_len, verb->name))
			continue;
		else if (verb->obey_name != NULL)
			verb->obey_name(asking, space + 1, name_len);
		else if (verb->obey_pool != NULL)
			obey_pool(asking, verb, space + 1, name_len);
		else
			continue;
		break;
	}
	if (i == sizeof verbs / sizeof verbs[0])
		answer_line(asking, "error", "this peruserd doesn't know that request");
	if (!asking->waits && !asking->answered)
		answer(asking);
}

static void
on_request(int fd, short what, void *context)
{
	struct asking *asking = context;
	char *end;
	ssize_t got;

	if ((what & EV_TIMEOUT) != 0) {
		asking_end(asking);
		return;
	}
	got = recv(fd, asking->request + asking->got, sizeof asking->request - asking->got,
	    MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		asking_end(asking);
		return;
	}
	asking->got += (size_t)got;
	end = memchr(asking->request, '\n', asking->got);
	if (end != NULL)
		obey(asking, asking->request, (size_t)(end - asking->request));
	else if (asking->got == sizeof asking->request)
		asking_end(asking);
}

/* The mode of the socket said yes already; this is the second lock on the door. */
static bool
may_ask(const struct control *control, int fd)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof groups;
	struct ucred peer;
	socklen_t peer_len = sizeof peer;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) != 0)
		return false;
	if (peer.uid == 0)
		return true;
	if (!control->has_group)
		return false;
	if (peer.gid == control->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (i = 0; i < len / sizeof groups[0]; i++)
		if (groups[i] == control->group)
			return true;
	return false;
}

static void
on_connection(int listener, short what, void *context)
{
	struct control *control = context;
	struct timeval patience = { PATIENCE_S, 0 };
	struct asking *asking;
	int fd = accept_one(control);

	(void)listener;
	(void)what;
	if (fd < 0)
		return;
	fd_refuse_rights(fd);
	guard_rights();
	asking = control->asking < ASKING_MAX && may_ask(control, fd) ?
	    calloc(1, sizeof *asking) : NULL;
	if (asking == NULL) {
		fd_close(&fd);
		keep_reserve(control);
		return;
	}
	control->asking++;
	asking->control = control;
	asking->fd = fd;
	asking->answer.max = ANSWER_MAX;
	asking->event = event_new(control->manager->base, fd, EV_READ | EV_PERSIST, on_request,
	    asking);
	if (asking->event == NULL || event_add(asking->event, &patience) != 0)
		asking_end(asking);
}

/* ---- from one binary to the next */

bool
control_is_busy(const struct manager *manager)
{
	return manager->control->asking > manager->control->waiting;
}

void
control_give(const struct manager *manager, struct state_head *head)
{
	head->control = manager->control->fd;
	head->control_has_group = manager->control->has_group;
	head->control_group = manager->control->group;
}

int
control_asker(const void *who)
{
	const struct asking *asking = who;

	return asking->fd;
}

bool
control_take(struct manager *manager, const struct state_head *head)
{
	struct control *control = calloc(1, sizeof *control);

	if (control == NULL)
		return false;
	control->manager = manager;
	control->fd = head->control;
	control->has_group = head->control_has_group != 0;
	control->group = (gid_t)head->control_group;
	control->reserve = -1;
	keep_reserve(control);
	manager->control = control;
	return true;
}

void
control_take_asker(struct manager *manager, int fd)
{
	struct asking *asking = calloc(1, sizeof *asking);

	if (asking == NULL) {
		fd_close(&fd);
		return;
	}
	manager->control->asking++;
	asking->control = manager->control;
	asking->fd = fd;
	asking->answer.max = ANSWER_MAX;
	if (!wait_for_end(asking) || !upgrade_ask(manager, on_done, asking))
		asking_end(asking);
}

bool
control_serve(struct manager *manager, struct fault *fault)
{
	struct control *control = manager->control;

	control->accepting = event_new(manager->base, control->fd, EV_READ | EV_PERSIST,
	    on_connection, control);
	if (control->accepting != NULL && event_add(control->accepting, NULL) == 0)
		return true;
	return fault_set(fault, ENOMEM, "serve the control socket");
}

void
control_close(struct manager *manager)
{
	if (manager->control == NULL)
		return;
	unlink(manager->settings->control_socket);
	fd_close(&manager->control->fd);
	fd_close(&manager->control->reserve);
	free(manager->control);
	manager->control = NULL;
}
