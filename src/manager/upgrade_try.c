#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "confine/confine.h"
#include "manager/manager.h"
#include "manager/paths.h"
#include "manager/said.h"
#include "manager/upgrade_parts.h"

#define ACCEPTED "can take over: peruserd "

/* ---- in the manager that runs */

void
upgrade_execute(struct manager *manager, int binary, int state, bool only_try)
{
	char file[] = "-c", check[] = "-t", foreground[] = "-f";
	char *argv[] = { manager->binary, file, manager->config,
	    only_try ? check : manager->foreground ? foreground : NULL, NULL };
	sigset_t all, before;
	char number[16];
	int saved;

	snprintf(number, sizeof number, "%d", state);
	/* What comes while nobody has a handler waits for the successor. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* A script's interpreter opens it by that number. */
	if (fd_set_cloexec(state, false) && fd_set_cloexec(binary, false) &&
	    setenv(UPGRADE_STATE, number, 1) == 0)
		syscall(SYS_execveat, binary, "", argv, environ, AT_EMPTY_PATH);
	saved = errno;
	unsetenv(UPGRADE_STATE);
	fd_set_cloexec(binary, true);
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

static void try_in_child(struct upgrade *upgrade, const struct state *state, int sealed)
    __attribute__((noreturn));

static void
try_in_child(struct upgrade *upgrade, const struct state *state, int sealed)
{
	const struct state_settings *settings;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SETTINGS); i++) {
		settings = state_at(state, STATE_OF_SETTINGS, i);
		fd_set_cloexec(settings->text, false);
	}
	if (dup2(upgrade->said, STDOUT_FILENO) >= 0 && dup2(upgrade->said, STDERR_FILENO) >= 0)
		upgrade_execute(upgrade->manager, upgrade->binary, sealed, true);
	dprintf(STDERR_FILENO, "error: %s can't be executed: %s\n", upgrade->manager->binary,
	    strerror(errno));
	_exit(EXIT_FAILURE);
}

static void
hear(void *context, const char *line)
{
	struct upgrade *upgrade = context;

	upgrade->accepted = strncmp(line, ACCEPTED, strlen(ACCEPTED)) == 0;
	log_line(strstr(line, "error: ") != NULL ? LEVEL_ERROR :
	    strstr(line, "warning: ") != NULL ? LEVEL_WARNING : LEVEL_NOTICE, "the new binary: %s",
	    line);
	said_add(&upgrade->answer, "said", line);
}

static void
on_ended(int fd, short what, void *context)
{
	struct upgrade *upgrade = context;
	char ending[96];
	int status;

	(void)fd;
	(void)what;
	if (!child_bury(&upgrade->child, &status))
		return;
	event_free(upgrade->ended);
	upgrade->ended = NULL;
	said_each(upgrade->said, hear, upgrade);
	if (status != 0) {
		upgrade->accepted = false;
		hear(upgrade, child_ending(status, ending, sizeof ending));
	} else if (!upgrade->accepted)
		hear(upgrade, "it did not say that it can take over");
	upgrade_tried(upgrade);
}

static bool
start(struct upgrade *upgrade, const struct state *state, int sealed, struct fault *fault)
{
	upgrade->said = memfd_create("said", MFD_CLOEXEC);
	if (upgrade->said < 0)
		return fault_set(fault, errno, "make a place for the new binary's words");
	/* Both outputs are one place in it: neither writes over the other. */
	fcntl(upgrade->said, F_SETFL, O_APPEND);
	switch (child_fork(&upgrade->child)) {
	case -1:
		return fault_set(fault, errno, "try the new binary");
	case 0:
		try_in_child(upgrade, state, sealed);
	default:
		break;
	}
	upgrade->ended = event_new(upgrade->manager->base, upgrade->child.pidfd,
	    EV_READ | EV_PERSIST, on_ended, upgrade);
	return (upgrade->ended != NULL && event_add(upgrade->ended, NULL) == 0) ||
	    fault_set(fault, ENOMEM, "watch the new binary");
}

bool
upgrade_try_begin(struct upgrade *upgrade, struct fault *fault)
{
	struct manager *manager = upgrade->manager;
	struct state state;
	int sealed = -1;
	bool begun;

	upgrade->binary = open(manager->binary, O_PATH | O_CLOEXEC);
	if (upgrade->binary < 0)
		return fault_set(fault, errno, "open %s", manager->binary);
	begun = upgrade_give(manager, &state, fault) &&
	    (sealed = upgrade_seal(&state, fault)) >= 0 &&
	    start(upgrade, &state, sealed, fault);
	fd_close(&sealed);
	upgrade_give_end(&state);
	return begun;
}

/* ---- in the new binary */

int
upgrade_inherited(void)
{
	const char *text = getenv(UPGRADE_STATE);
	char *end;
	long number;

	if (text == NULL)
		return -1;
	number = strtol(text, &end, 10);
	unsetenv(UPGRADE_STATE);
	return *end == '\0' && number > STDERR_FILENO && number < 1 << 24 ? (int)number : -1;
}

static void
say_broken(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	if (error)
		fprintf(stderr, "error: the configuration in force, line %u: %s\n", place->line,
		    text);
}

static bool
try_settings(const struct state *state, struct fault *fault)
{
	struct settings_report report = { say_broken, NULL, 0, 0 };
	const struct state_settings *told;
	struct settings *settings;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SETTINGS); i++) {
		told = state_at(state, STATE_OF_SETTINGS, i);
		settings = settings_read_fd(told->text, &report);
		if (settings == NULL)
			return fault_set(fault, 0, "it can't read the configuration in force");
		settings_free(&settings);
	}
	return true;
}

static bool
try_programs(struct fault *fault)
{
	struct paths paths;

	paths_find_own(&paths);
	if (access(paths.multiplexer, X_OK) != 0)
		return fault_set(fault, errno, "%s", paths.multiplexer);
	if (access(paths.processor, X_OK) != 0)
		return fault_set(fault, errno, "%s", paths.processor);
	return true;
}

static bool
try_capabilities(uint64_t wanted, struct fault *fault)
{
	return (confine_held() & wanted) == wanted || fault_set(fault, 0, "it would not have the "
	    "capabilities that the manager has (a security module, or secure bits that take "
	    "root's): restart peruserd");
}

bool
upgrade_try(int sealed)
{
	const struct state_head *head;
	struct state state;
	struct fault fault;
	bool can;

	can = upgrade_read(sealed, &state, &fault);
	head = can ? state_at(&state, STATE_OF_HEAD, 0) : NULL;
	can = can && try_settings(&state, &fault) && try_programs(&fault) &&
	    try_capabilities(head->capabilities, &fault);
	if (can && strcmp(head->processors, state_processors) != 0)
		puts("its processors speak otherwise: all pools will begin anew");
	if (can)
		puts(ACCEPTED PACKAGE_VERSION);
	else
		fprintf(stderr, "error: %s\n", fault.text);
	state_end(&state);
	return can;
}
