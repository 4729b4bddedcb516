#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "confine/confine.h"

/*
 * What the kernel's header may be too old to name.  Everything is asked for by
 * the version that the running kernel has, not by the one we were built on.
 */
#define LANDLOCK_FS_EXECUTE     (1ull << 0)
#define LANDLOCK_FS_WRITE_FILE  (1ull << 1)
#define LANDLOCK_FS_READ_FILE   (1ull << 2)
#define LANDLOCK_FS_REMOVE_FILE (1ull << 5)
#define LANDLOCK_FS_MAKE_REG    (1ull << 8)
#define LANDLOCK_FS_ABI1        ((1ull << 13) - 1)
#define LANDLOCK_FS_REFER       (1ull << 13)    /* from version 2 on */
#define LANDLOCK_FS_TRUNCATE    (1ull << 14)    /* 3 */
#define LANDLOCK_FS_IOCTL_DEV   (1ull << 15)    /* 5 */
#define LANDLOCK_NET_TCP        3ull            /* 4: bind and connect */
#define LANDLOCK_SCOPES         3ull            /* 6: abstract sockets and signals */

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static const char *const words[] = {
	"no sandbox", "seccomp", "landlock", "landlock, seccomp",
};

/* The rule set for that version, and how many bytes of it that kernel knows. */
static size_t
ruleset_for(int version, struct ruleset *rules)
{
	rules->fs = LANDLOCK_FS_ABI1;
	rules->net = version >= 4 ? LANDLOCK_NET_TCP : 0;
	rules->scoped = version >= 6 ? LANDLOCK_SCOPES : 0;
	if (version >= 2)
		rules->fs |= LANDLOCK_FS_REFER;
	if (version >= 3)
		rules->fs |= LANDLOCK_FS_TRUNCATE;
	if (version >= 5)
		rules->fs |= LANDLOCK_FS_IOCTL_DEV;
	if (version >= 6)
		return sizeof *rules;
	return version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

/* Files may be made, written, read and removed beneath spool_dir, nothing else. */
static bool
allow_spool(int ruleset, const struct ruleset *rules, int spool_dir, struct fault *fault)
{
	struct landlock_path_beneath_attr beneath = { 0 };

	if (spool_dir < 0)
		return true;
	beneath.allowed_access = rules->fs & (LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE |
	    LANDLOCK_FS_REMOVE_FILE | LANDLOCK_FS_MAKE_REG | LANDLOCK_FS_TRUNCATE);
	beneath.parent_fd = spool_dir;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 ||
	    fault_set(fault, errno, "landlock does not take spool_dir");
}

/* True where it is in force, or where this kernel has none: then *on stays false. */
static bool
landlock_on(int spool_dir, bool *on, struct fault *fault)
{
	struct ruleset rules = { 0 };
	size_t size;
	int fd, version;

	version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return true;
	size = ruleset_for(version, &rules);
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return fault_set(fault, errno, "cannot make a landlock rule set");
	if (!allow_spool(fd, &rules, spool_dir, fault)) {
		fd_close(&fd);
		return false;
	}
	*on = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	if (!*on)
		fault_set(fault, errno, "cannot enter the landlock");
	fd_close(&fd);
	return *on;
}

#ifndef WITH_SANITIZERS

/* The calls that a multiplexer makes, libevent's and libc's included. */
static const int allowed[] = {
	/* events and time */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(setitimer), SCMP_SYS(timer_create),
	SCMP_SYS(timer_settime), SCMP_SYS(timer_delete), SCMP_SYS(restart_syscall),
	/* sockets that are there */
	SCMP_SYS(accept4), SCMP_SYS(socketpair), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	/* descriptors and bytes */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(preadv), SCMP_SYS(sendfile),
	SCMP_SYS(splice), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2),
	SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(stat), SCMP_SYS(statx), SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
	SCMP_SYS(memfd_create), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(pipe2),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* the process itself */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(getppid), SCMP_SYS(getrandom), SCMP_SYS(futex),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending),
	SCMP_SYS(sigaltstack), SCMP_SYS(signalfd4), SCMP_SYS(tgkill), SCMP_SYS(getrusage),
	SCMP_SYS(getrlimit), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* No mistake of ours makes these: whoever does has taken the process over. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
	SCMP_SYS(clone3), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(kexec_load), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(keyctl),
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(pidfd_getfd), SCMP_SYS(setuid),
	SCMP_SYS(setgid), SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups),
};

/* Calls of which some arguments alone are ours. */
static int
add_narrow(scmp_filter_ctx filter)
{
	int error = 0;

	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
	    SCMP_A1(SCMP_CMP_EQ, FIONREAD, 0));
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
	    SCMP_A1(SCMP_CMP_EQ, FIONBIO, 0));
	/* Limits may be read (a null new one), never set. */
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
	    SCMP_A2(SCMP_CMP_EQ, 0, 0));
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	return error;
}

static int
add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	size_t i;
	int error;

	for (i = 0; i < count; i++) {
		/* A negative number is a call that this architecture does not have. */
		error = calls[i] < 0 ? 0 : seccomp_rule_add(filter, action, calls[i], 0);
		if (error != 0)
			return error;
	}
	return 0;
}

static bool
seccomp_on(bool *on, struct fault *fault)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (filter == NULL)
		return fault_set(fault, ENOMEM, "cannot make a seccomp filter");
	/* A decision tree: a linear list would cost each call a microsecond. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	error = add_list(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof allowed[0]);
	if (error == 0)
		error = add_list(filter, SCMP_ACT_KILL_PROCESS, deadly,
		    sizeof deadly / sizeof deadly[0]);
	if (error == 0)
		error = add_narrow(filter);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	if (error != 0)
		return fault_set(fault, error < 0 ? -error : EINVAL, "cannot load the seccomp filter");
	*on = true;
	return true;
}

#else

/* A sanitizer's own threads and calls are not a multiplexer's. */
static bool
seccomp_on(bool *on, struct fault *fault)
{
	(void)fault;
	*on = false;
	return true;
}

#endif

bool
confine_sandbox(int spool_dir, const char **how, struct fault *fault)
{
	bool landlock = false, seccomp = false;

	*how = words[0];
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot set no_new_privs");
	if (!landlock_on(spool_dir, &landlock, fault) || !seccomp_on(&seccomp, fault))
		return false;
	*how = words[(landlock ? 2 : 0) + (seccomp ? 1 : 0)];
	return true;
}
