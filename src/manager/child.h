/*
 * Start a program of ours with an exact list of descriptors (inherit.h) and a
 * clean environment, know it by its pidfd, and signal nothing else.
 */
#ifndef PERUSERD_MANAGER_CHILD_H
#define PERUSERD_MANAGER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"
#include "confine/confine.h"

struct child {
	pid_t pid;              /* 0: none */
	int pidfd;              /* -1: none; readable once it has ended */
	bool namespaced;        /* has PID, mount and IPC namespaces of its own */
};

#define CHILD_NONE { 0, -1, false }

struct child_plan {
	const char *path;
	const char *title;              /* what ps shows */
	struct confinement *record;     /* CONFINE_NEW_PID is set here as the kernel allows */
	bool namespaces;                /* wanted; done without where the kernel refuses */
	const char *settings;           /* its slice of the configuration */
	size_t settings_len;
	int log;                        /* borrowed, all of them; -1: none */
	int control;
	int board;
	int root;                       /* of its chroot; entered with CONFINE_CHROOT */
	const char *handlers;           /* PERUSERD_HANDLERS, or NULL */
};

/* Is that why this kernel gives no namespaces at all, and not just none now? */
bool child_namespaces_missing(int error);

bool child_start(struct child *child, const struct child_plan *plan, struct fault *fault);

/* Take a child that another process made with us as its parent: pid is checked to be one. */
bool child_adopt(struct child *child, pid_t pid, bool namespaced, struct fault *fault);

/*
 * A copy of this process, with plain signals, that ends with it.  0 in the copy;
 * in this process its pid, or -1 with errno.
 */
pid_t child_fork(struct child *child);

/* Signal it.  True also where it has ended already. */
bool child_signal(const struct child *child, int signal);

/* Has it ended?  Then bury it: *status as wait(2) gives it, its pidfd is closed. */
bool child_bury(struct child *child, int *status);

/* "exited with status 1", "was ended by signal 9 (Killed)" */
const char *child_ending(int status, char *out, size_t size);

/* A chroot's directory, by a path without symbolic links; -1 with errno set. */
int child_root(const char *path);

/*
 * A pair for a control channel: ends[0] is the manager's, which takes no
 * descriptor and never blocks; ends[1] the child's.
 */
bool child_control(int ends[2]);

#endif
