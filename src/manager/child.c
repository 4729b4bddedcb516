#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "base/fd.h"
#include "base/process.h"
#include "manager/child.h"
#include "manager/orphans.h"

#define CHANNEL_BUFFER (1 << 20)        /* the kernel cuts it to wmem_max */
#define ENVIRONMENT_MAX 8

/* P_PIDFD of waitid(2); C libraries before 2.36 don't name it. */
#define WAIT_BY_PIDFD ((idtype_t)3)

struct environment {
	char text[ENVIRONMENT_MAX][512];
	char *list[ENVIRONMENT_MAX + 1];
	int count;
};

static void
environment_add(struct environment *env, const char *name, const char *value)
{
	int len;

	if (value == NULL || env->count == ENVIRONMENT_MAX)
		return;
	len = snprintf(env->text[env->count], sizeof env->text[0], "%s=%s", name, value);
	if (len < 0 || (size_t)len >= sizeof env->text[0])
		return;
	env->list[env->count] = env->text[env->count];
	env->count++;
	env->list[env->count] = NULL;
}

static void
environment_make(struct environment *env, const char *handlers)
{
	memset(env->list, 0, sizeof env->list);
	env->count = 0;
	environment_add(env, "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	environment_add(env, "TZ", getenv("TZ"));
	environment_add(env, "LANG", getenv("LANG"));
	environment_add(env, "PERUSERD_HANDLERS", handlers);
	environment_add(env, OLD_KERNEL, getenv(OLD_KERNEL));
#ifdef WITH_SANITIZERS
	environment_add(env, "ASAN_OPTIONS", getenv("ASAN_OPTIONS"));
	environment_add(env, "UBSAN_OPTIONS", getenv("UBSAN_OPTIONS"));
	environment_add(env, "LSAN_OPTIONS", getenv("LSAN_OPTIONS"));
#endif
}

/* Our handlers write to the loop's own pipe. */
static void
plain_signals(void)
{
	struct sigaction plain;
	sigset_t none;
	int number;

	memset(&plain, 0, sizeof plain);
	plain.sa_handler = SIG_DFL;
	for (number = 1; number < NSIG; number++)
		sigaction(number, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: async-signal-safe calls only. */
static void
become_program(const struct child_plan *plan, const int fds[INHERIT_COUNT],
    char *const argv[], char *const env[])
{
	plain_signals();
	if (fd_arrange(fds, INHERIT_COUNT))
		execve(plan->path, argv, env);
	_exit(127);
}

static pid_t
spawn(const struct child_plan *plan, uint64_t flags, const int fds[INHERIT_COUNT],
    struct environment *env, int *pidfd)
{
	char title[256];
	char *argv[] = { title, NULL };
	sigset_t all, before;
	pid_t pid;
	int saved;

	snprintf(title, sizeof title, "%s", plan->title);
	/* Our handlers write to the loop's own pipe: none may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = process_clone(flags, pidfd);
	if (pid == 0)
		become_program(plan, fds, argv, env->list);
	saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}

static bool
start_with(struct child *child, const struct child_plan *plan, uint64_t flags,
    int fds[INHERIT_COUNT], struct environment *env)
{
	int pidfd = -1;
	pid_t pid;

	plan->record->flags &= ~(uint32_t)CONFINE_NEW_PID;
	if (flags != 0)
		plan->record->flags |= CONFINE_NEW_PID;
	fds[INHERIT_CONFINE] = fd_sealed("confinement", plan->record, sizeof *plan->record);
	if (fds[INHERIT_CONFINE] < 0)
		return false;
	pid = spawn(plan, flags, fds, env, &pidfd);
	fd_close(&fds[INHERIT_CONFINE]);
	if (pid < 0)
		return false;
	child->pid = pid;
	child->pidfd = pidfd;
	child->namespaced = flags != 0;
	orphans_spare(pid);
	return true;
}

bool
child_namespaces_missing(int error)
{
	return error == EPERM || error == EINVAL || error == ENOSYS;
}

/* Without namespaces only where there are none: for want of memory it fails, and is tried again. */
static bool
start_either(struct child *child, const struct child_plan *plan, int fds[INHERIT_COUNT],
    struct environment *env)
{
	if (plan->namespaces && start_with(child, plan, PROCESS_NAMESPACES, fds, env))
		return true;
	return (!plan->namespaces || child_namespaces_missing(errno)) &&
	    start_with(child, plan, 0, fds, env);
}

bool
child_start(struct child *child, const struct child_plan *plan, struct fault *fault)
{
	struct environment env;
	int fds[INHERIT_COUNT];
	bool started = false;
	int nowhere;

	environment_make(&env, plan->handlers);
	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[0] = fds[1] = nowhere;
	fds[INHERIT_LOG] = plan->log;
	fds[INHERIT_CONTROL] = plan->control;
	fds[INHERIT_CONFINE] = -1;
	fds[INHERIT_SETTINGS] = fd_sealed("settings", plan->settings, plan->settings_len);
	fds[INHERIT_BOARD] = plan->board;
	fds[INHERIT_ROOT] = plan->root;
	if (nowhere >= 0 && fds[INHERIT_SETTINGS] >= 0)
		started = start_either(child, plan, fds, &env);
	if (!started)
		fault_set(fault, errno, "start %s%s", plan->path, errno == ENOSPC ?
		    " (sysctl user.max_pid_namespaces bounds namespaces)" : "");
	fd_close(&fds[INHERIT_SETTINGS]);
	fd_close(&nowhere);
	return started;
}

pid_t
child_fork(struct child *child)
{
	sigset_t all, before;
	pid_t parent = getpid(), pid;
	int saved;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = process_clone(0, &child->pidfd);
	if (pid == 0) {
		plain_signals();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
		return 0;
	}
	saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	if (pid > 0) {
		child->pid = pid;
		orphans_spare(pid);
	}
	return pid;
}

bool
child_adopt(struct child *child, pid_t pid, bool namespaced, struct fault *fault)
{
	siginfo_t info;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return fault_set(fault, errno, "open the process %d", (int)pid);
	memset(&info, 0, sizeof info);
	/* Only of a child of ours may one ask whether it has ended. */
	if (waitid(WAIT_BY_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
		fault_set(fault, errno, "process %d is no child of ours", (int)pid);
		fd_close(&pidfd);
		return false;
	}
	child->pid = pid;
	child->pidfd = pidfd;
	child->namespaced = namespaced;
	orphans_spare(pid);
	return true;
}

bool
child_signal(const struct child *child, int signal)
{
	if (child->pidfd < 0)
		return true;
	return syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0) == 0 ||
	    errno == ESRCH;
}

bool
child_bury(struct child *child, int *status)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	if (child->pidfd < 0 ||
	    waitid(WAIT_BY_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid == 0)
		return false;
	*status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 :
	    info.si_status & 0x7f;
	fd_close(&child->pidfd);
	orphans_spared(child->pid);
	child->pid = 0;
	return true;
}

const char *
child_ending(int status, char *out, size_t size)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		snprintf(out, size, "could not be executed, or exited with status 127");
	else if (WIFEXITED(status))
		snprintf(out, size, "exited with status %d", WEXITSTATUS(status));
	else
		snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	return out;
}

int
child_root(const char *path)
{
	struct open_how how;

	memset(&how, 0, sizeof how);
	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

bool
child_control(int ends[2])
{
	int on = 1, size = CHANNEL_BUFFER;

	if (!fd_pair(SOCK_SEQPACKET, ends))
		return false;
	fd_refuse_rights(ends[0]);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
	    fd_set_nonblocking(ends[0], true))
		return true;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return false;
}
