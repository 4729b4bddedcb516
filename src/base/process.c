#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/process.h"

/* clone3 is missing where an older seccomp filter hides it. */
pid_t
process_clone(uint64_t flags, int *pidfd)
{
	struct clone_args args;
	long pid;

	if (pidfd != NULL)
		flags |= CLONE_PIDFD;
	memset(&args, 0, sizeof args);
	args.flags = flags;
	args.pidfd = (uint64_t)(uintptr_t)pidfd;
	/* A sibling's end is told as our own is. */
	args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0 && errno == ENOSYS)
		pid = syscall(SYS_clone, (unsigned long)(flags | args.exit_signal), NULL, pidfd,
		    NULL, NULL);
	return (pid_t)pid;
}
