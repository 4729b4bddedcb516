#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <peruserd/inherit.h>
#include <peruserd/message.h>

#include "base/fd.h"
#include "processor/host.h"
#include "processor/modules.h"
#include "processor/program.h"
#include "processor/serve.h"
#include "processor/title.h"
#include "processor/trace.h"
#include "processor/zygote.h"

#define EXIT_FAULT 1
#define STEP_NONE  0

/* ---- telling the manager */

/* Waits for room.  False: the manager has gone. */
static bool
tell(int control, struct message *message, enum message_type type)
{
	struct pollfd room = { control, POLLOUT, 0 };

	while (!message_send(control, message, type, -1)) {
		if (errno != EAGAIN && errno != ENOBUFS)
			return false;
		if (poll(&room, 1, -1) < 0 && errno != EINTR)
			return false;
	}
	return true;
}

_Noreturn static void
give_up(int control, unsigned step, const struct fault *fault)
{
	struct message message = { 0 };

	message.body.fault.step = step;
	message.body.fault.error = fault->error;
	snprintf(message.body.fault.text, MESSAGE_TEXT, "%.*s", MESSAGE_TEXT - 1, fault->text);
	tell(control, &message, MESSAGE_FAULT);
	_exit(EXIT_FAULT);
}

/* ---- becoming */

/* Descriptors 0 and 1 may be absent; what is opened next must not take their place. */
static void
fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void
zygote_confine(struct zygote *zygote)
{
	enum confine_step step;
	struct fault fault;
	int fd;

	memset(zygote, 0, sizeof *zygote);
	zygote->control = INHERIT_CONTROL;
	zygote->pid = getpid();
	fill_standard();
	for (fd = INHERIT_CONTROL; fd < INHERIT_COUNT; fd++)
		fd_set_cloexec(fd, true);
	if (!confine_become(INHERIT_CONFINE, INHERIT_CONTROL, &zygote->record, &step, &fault))
		give_up(zygote->control, step, &fault);
	close(INHERIT_CONFINE);
}

static void
say_mistake(void *context, const struct place *place, bool error, const char *text)
{
	struct fault *fault = context;

	if (error && fault->text[0] == '\0')
		fault_set(fault, 0, "the pool's settings, line %u: %s", place->line, text);
}

static void
zygote_read_settings(struct zygote *zygote)
{
	struct fault fault = { 0 };
	struct settings_report report = { say_mistake, &fault, 0, 0 };
	size_t i;

	zygote->settings = settings_read_fd(INHERIT_SETTINGS, &report);
	if (zygote->settings == NULL || zygote->settings->pool_count != 1) {
		if (fault.text[0] == '\0')
			fault_set(&fault, 0, "the pool's settings are not one pool's");
		give_up(zygote->control, STEP_NONE, &fault);
	}
	close(INHERIT_SETTINGS);
	zygote->pool = &zygote->settings->pools[0];
	for (i = 0; i < zygote->pool->env.count; i++)
		putenv(zygote->pool->env.at[i]);
	title_name(zygote->pool->name);
	title_state("zygote");
}

/* ---- loading */

/* What enter_root() of a handler's host needs to know. */
static struct zygote *entering;
static bool entered;

static bool
enter_root(void)
{
	enum confine_step step;
	struct fault fault;

	if (entered || !(entering->record.flags & CONFINE_CHROOT))
		return true;
	if (!confine_enter(INHERIT_ROOT, &step, &fault))
		give_up(entering->control, step, &fault);
	entered = true;
	return true;
}

static bool
is_program(const struct zygote *zygote)
{
	return settings_pool_runs(zygote->pool) == RUNS_PROGRAM;
}

/* A folder to be in: the home directory, where there is one and we may. */
static void
go_home(const struct zygote *zygote)
{
	const char *home = zygote->pool->home;

	if ((zygote->record.flags & CONFINE_CHROOT) || home == NULL || chdir(home) != 0)
		if (chdir("/") != 0)
			processor_host.log(LEVEL_WARNING, "cannot go to the folder /");
}

static void
zygote_load(struct zygote *zygote)
{
	struct message message = { 0 };
	struct fault fault = { 0 };
	bool chrooted = (zygote->record.flags & CONFINE_CHROOT) != 0;

	entering = zygote;
	host_begin(zygote->settings->log_level, enter_root);
	if (!is_program(zygote) && !modules_load(zygote->settings, zygote->pool, &fault))
		give_up(zygote->control, STEP_NONE, &fault);
	/* What runs from here on is the user's, if it was not already. */
	if (!enter_root() || (chrooted && !confine_prove(&zygote->record, &fault)))
		give_up(zygote->control, CONFINE_STEP_PROOF, &fault);
	if (is_program(zygote) && !program_check(zygote->pool, &fault))
		give_up(zygote->control, STEP_NONE, &fault);
	go_home(zygote);
	if (zygote->pid != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) != 0)
		processor_host.log(LEVEL_WARNING, "cannot become the one who buries orphans");
	if (!tell(zygote->control, &message, MESSAGE_LOADED))
		_exit(EXIT_FAULT);
}

/* ---- children */

static volatile sig_atomic_t told_to_stop;

static void
on_signal(int signal)
{
	if (signal == SIGTERM)
		told_to_stop = 1;
}

static struct zygote_child *
child_of_slot(struct zygote *zygote, uint32_t slot, uint32_t generation)
{
	unsigned i;

	for (i = 0; i < zygote->child_count; i++)
		if (zygote->children[i].slot == slot &&
		    zygote->children[i].generation == generation)
			return &zygote->children[i];
	return NULL;
}

static bool
room_for_child(struct zygote *zygote)
{
	unsigned size = zygote->child_size == 0 ? 16 : 2 * zygote->child_size;
	struct zygote_child *more;

	if (zygote->child_count < zygote->child_size)
		return true;
	more = realloc(zygote->children, size * sizeof *more);
	if (more == NULL)
		return false;
	zygote->children = more;
	zygote->child_size = size;
	return true;
}

/* In the new processor. */
_Noreturn static void
become_processor(struct zygote *zygote, const struct message_slot *slot, int channel)
{
	struct message message = { 0 };

	/* Asked for first, then looked: the zygote may have died in between. */
	if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) != 0 || getppid() != zygote->pid)
		_exit(EXIT_FAULT);
	message.body.slot = *slot;
	if (!tell(zygote->control, &message, MESSAGE_FORKED))
		_exit(EXIT_FAULT);
	fd_close(&zygote->control);
	free(zygote->children);
	zygote->children = NULL;
	if (is_program(zygote))
		program_run(zygote->pool, channel);
	serve_forever(zygote->settings, zygote->pool, channel);
}

static bool
do_fork(struct zygote *zygote, const struct message_slot *slot, int channel)
{
	struct message message = { 0 };
	struct zygote_child *child;
	pid_t pid = -1;
	int error = EBUSY;

	if (child_of_slot(zygote, slot->slot, slot->generation) == NULL) {
		pid = room_for_child(zygote) ? fork() : -1;
		error = pid < 0 ? errno : 0;
	}
	if (pid == 0)
		become_processor(zygote, slot, channel);
	fd_close(&channel);
	if (pid > 0) {
		child = &zygote->children[zygote->child_count++];
		child->pid = pid;
		child->slot = slot->slot;
		child->generation = slot->generation;
		return true;
	}
	message.body.gone.slot = slot->slot;
	message.body.gone.generation = slot->generation;
	message.body.gone.status = error;
	return tell(zygote->control, &message, MESSAGE_NOT_FORKED);
}

static void
do_signal(struct zygote *zygote, const struct message_signal *wish)
{
	struct zygote_child *child = child_of_slot(zygote, wish->slot, wish->generation);

	if (child != NULL && (wish->signal == SIGTERM || wish->signal == SIGKILL))
		kill(child->pid, (int)wish->signal);
	else if (child != NULL && wish->signal == MESSAGE_SIGNAL_TRACE)
		kill(child->pid, TRACE_SIGNAL);
}

/*
 * A program that can't be executed or finds no library is not there: the pool
 * fails, and says why, unless some of it run well.
 */
static void
judge_program(struct zygote *zygote, int status)
{
	struct fault fault;

	if (!is_program(zygote) || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != PROGRAM_NOT_RUN || zygote->child_count > 0)
		return;
	fault_set(&fault, 0, "command: %s exited with status %d: it, or a library that it needs, "
	    "is not there%s; the pool's log may say which", zygote->pool->command.at[0],
	    PROGRAM_NOT_RUN, zygote->pool->chroot != NULL ? " inside the chroot" : "");
	give_up(zygote->control, STEP_NONE, &fault);
}

/* Bury who died: our processors, and what they left behind. */
static bool
reap(struct zygote *zygote)
{
	struct message message = { 0 };
	int status;
	unsigned i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < zygote->child_count && zygote->children[i].pid != pid; i++)
			;
		if (i == zygote->child_count)
			continue;
		message.body.gone.slot = zygote->children[i].slot;
		message.body.gone.generation = zygote->children[i].generation;
		message.body.gone.status = status;
		zygote->children[i] = zygote->children[--zygote->child_count];
		judge_program(zygote, status);
		if (!tell(zygote->control, &message, MESSAGE_GONE))
			return false;
	}
	return true;
}

/* ---- the end */

/* Strangers that became our children, where /proc tells. */
static void
kill_strangers(void)
{
	FILE *list = fopen("/proc/thread-self/children", "re");
	int pid;

	if (list == NULL)
		return;
	while (fscanf(list, "%d", &pid) == 1)
		kill((pid_t)pid, SIGKILL);
	fclose(list);
}

/*
 * Leave nothing behind.  As init of a PID namespace our exit alone would do.
 */
static void
kill_all(struct zygote *zygote)
{
	struct timespec pause = { 0, 1000 * 1000 };
	unsigned i, rounds;

	for (i = 0; i < zygote->child_count; i++)
		kill(zygote->children[i].pid, SIGKILL);
	if (zygote->pid == 1)
		return;
	for (rounds = 0; rounds < 1000; rounds++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (errno == ECHILD)
			return;
		kill_strangers();
		nanosleep(&pause, NULL);
	}
}

/* ---- the loop */

/* False: the manager has gone, or spoke nonsense. */
static bool
take_messages(struct zygote *zygote)
{
	struct message message;
	enum message_got got;
	int fd;

	while ((got = message_receive(zygote->control, ROLE_MANAGER, ROLE_ZYGOTE, &message, &fd,
	    NULL)) == MESSAGE_GOT) {
		if (message.header.type == MESSAGE_FORK) {
			if (!do_fork(zygote, &message.body.slot, fd))
				return false;
		} else if (message.header.type == MESSAGE_SIGNAL) {
			do_signal(zygote, &message.body.signal);
		}
	}
	return got == MESSAGE_NOTHING;
}

static void
catch_signals(sigset_t *outside)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&action.sa_mask);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, outside);
	sigdelset(outside, SIGCHLD);
	sigdelset(outside, SIGTERM);
}

/* SIGTERM: let each processor finish what it runs, then go.  The manager keeps the time. */
static void
pass_term_on(const struct zygote *zygote)
{
	unsigned i;

	for (i = 0; i < zygote->child_count; i++)
		kill(zygote->children[i].pid, SIGTERM);
}

static int
zygote_run(struct zygote *zygote)
{
	struct pollfd control = { zygote->control, POLLIN, 0 };
	bool passed_on = false;
	sigset_t outside;

	catch_signals(&outside);
	for (;;) {
		if (!reap(zygote))
			break;
		if (told_to_stop && !passed_on) {
			pass_term_on(zygote);
			passed_on = true;
		}
		if (told_to_stop && zygote->child_count == 0)
			break;
		control.revents = 0;
		if (ppoll(&control, 1, NULL, &outside) < 0 && errno != EINTR)
			break;
		if (control.revents != 0 && !take_messages(zygote))
			break;
	}
	kill_all(zygote);
	return 0;
}

int
zygote_live(void)
{
	struct zygote zygote;

	zygote_confine(&zygote);        /* a fixed record: the pool's user from here on */
	zygote_read_settings(&zygote);
	zygote_load(&zygote);           /* interpreters, then the chroot, then the user's code */
	return zygote_run(&zygote);
}
