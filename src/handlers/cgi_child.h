/*
 * Start a program in a process of its own: a session and group of its own, its
 * three descriptors and no other, signals as the system gives them, SIGKILL
 * when its parent dies.  The processor's memory is not copied for it, however
 * large an interpreter is loaded there: the child borrows it until it runs the
 * program (as vfork does, on a stack of its own).
 */
#ifndef PERUSERD_HANDLERS_CGI_CHILD_H
#define PERUSERD_HANDLERS_CGI_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgi_child {
	const char *file;       /* absolute path of the program */
	dev_t device;           /* it must still be this file */
	ino_t inode;
	int directory;          /* to be its working directory */
	char **arguments;
	char **environment;
	int standard[3];        /* its descriptors 0, 1 and 2 */
	uint64_t cpu_seconds;   /* soft RLIMIT_CPU; UINT64_MAX: as inherited */
};

enum cgi_child_step {
	CHILD_FORK,             /* no process could be made */
	CHILD_PREPARE,          /* descriptors, directory, session */
	CHILD_CHANGED,          /* another file stands there now */
	CHILD_EXECUTE           /* the kernel refused to run it */
};

struct cgi_started {
	pid_t pid;              /* also its process group and session */
	int pidfd;              /* polls readable once it has ended; the caller's */
	enum cgi_child_step step;       /* where it failed */
	int error;              /* the errno, 0 where it runs */
};

/* Start it.  Returns false with step and error set; nothing is left to wait for then. */
bool cgi_child_start(const struct cgi_child *child, struct cgi_started *started);

#endif
