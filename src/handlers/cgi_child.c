#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handlers/cgi_child.h"

#define STACK_SIZE (64u * 1024)
#define ABOVE_STANDARD 3

/*
 * The child shares all of this memory; nothing of the parent's runs meanwhile.
 * It makes system calls only and writes to nothing but `started` and its stack.
 */
struct birth {
	const struct cgi_child *child;
	struct cgi_started *started;
	pid_t parent;
};

static char stack[STACK_SIZE] __attribute__((aligned(16)));

/*
 * Handlers are reset by exec, signals that we ignore are not.  All are blocked
 * here, so none of our handlers runs in the child.
 */
static void
reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int number;

	for (number = 1; number <= SIGRTMAX; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Make 0, 1 and 2 of the three, wherever they are now, and close the rest. */
static bool
arrange(const int standard[3])
{
	int at[3], i;

	for (i = 0; i < 3; i++) {
		at[i] = standard[i];
		if (at[i] < ABOVE_STANDARD)
			at[i] = fcntl(at[i], F_DUPFD_CLOEXEC, ABOVE_STANDARD);
		if (at[i] < 0)
			return false;
	}
	for (i = 0; i < 3; i++)
		if (dup2(at[i], i) < 0)
			return false;
	return true;
}

static bool
prepare(const struct birth *birth)
{
	const struct cgi_child *child = birth->child;
	struct rlimit cpu;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != birth->parent)
		return false;
	if (setsid() < 0 || fchdir(child->directory) != 0 || !arrange(child->standard) ||
	    syscall(SYS_close_range, ABOVE_STANDARD, ~0u, 0) != 0)
		return false;
	/* the processor's own soft limit has moved on with each request that it served */
	if (child->cpu_seconds != UINT64_MAX && getrlimit(RLIMIT_CPU, &cpu) == 0 &&
	    child->cpu_seconds < cpu.rlim_max) {
		cpu.rlim_cur = child->cpu_seconds;
		if (setrlimit(RLIMIT_CPU, &cpu) != 0)
			return false;
	}
	reset_signals();
	return true;
}

static int
be_born(void *argument)
{
	struct birth *birth = argument;
	const struct cgi_child *child = birth->child;
	struct stat is;

	birth->started->step = CHILD_PREPARE;
	if (prepare(birth)) {
		birth->started->step = CHILD_CHANGED;
		if (stat(child->file, &is) == 0) {
			errno = ESTALE;
			if (is.st_dev == child->device && is.st_ino == child->inode) {
				birth->started->step = CHILD_EXECUTE;
				execve(child->file, child->arguments, child->environment);
			}
		}
	}
	birth->started->error = errno != 0 ? errno : ESRCH;
	_exit(127);
}

bool
cgi_child_start(const struct cgi_child *child, struct cgi_started *started)
{
	struct birth birth = { child, started, getpid() };
	sigset_t all, before;
	int saved;

	started->pidfd = -1;
	started->error = 0;
	started->step = CHILD_FORK;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	started->pid = clone(be_born, stack + STACK_SIZE,
	    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, &started->pidfd);
	saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (started->pid < 0) {
		started->error = saved;
		return false;
	}
	if (started->error == 0)
		return true;
	while (waitpid(started->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(started->pidfd);
	started->pidfd = -1;
	return false;
}
