/*
 * Who a child is to be: a record of fixed size, without text, written by the
 * manager and read by the child before all else.  The child becomes that for
 * good, proves it, and only then parses anything.
 */
#ifndef PERUSERD_CONFINE_H
#define PERUSERD_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"

#define CONFINE_MAGIC  0x50524331u
#define CONFINE_GROUPS 128
#define CONFINE_UNSET  UINT64_MAX       /* a limit that is left as it is */

enum confine_limit {
	CONFINE_CPU, CONFINE_AS, CONFINE_NPROC, CONFINE_NOFILE, CONFINE_FSIZE, CONFINE_CORE,
	CONFINE_LIMITS
};

enum confine_flag {
	CONFINE_NO_NEW_PRIVS = 1 << 0,
	/* INHERIT_ROOT is there; CAP_SYS_CHROOT is kept until confine_enter */
	CONFINE_CHROOT       = 1 << 1,
	CONFINE_NEW_PID      = 1 << 2,  /* we are in a PID and a mount namespace of our own */
	CONFINE_DUMPABLE     = 1 << 3
};

struct confinement {
	uint32_t magic;
	uint32_t flags;                         /* enum confine_flag */
	uint32_t uid;
	uint32_t gid;
	uint32_t group_count;
	uint32_t groups[CONFINE_GROUPS];        /* supplementary, gid included */
	uint32_t umask;
	int32_t nice;
	uint64_t limits[CONFINE_LIMITS];        /* soft and hard; CONFINE_UNSET */
};

/* Where it went wrong; the log names it. */
enum confine_step {
	CONFINE_STEP_NONE,
	CONFINE_STEP_RECORD,
	CONFINE_STEP_MOUNTS,
	CONFINE_STEP_LIMITS,
	CONFINE_STEP_GROUPS,
	CONFINE_STEP_IDS,
	CONFINE_STEP_CAPABILITIES,
	CONFINE_STEP_CHROOT,
	CONFINE_STEP_PRIVILEGES,
	CONFINE_STEP_PROOF,
	CONFINE_STEP_PARENT,
	CONFINE_STEPS
};
const char *confine_step_name(enum confine_step step);

/*
 * Read the record from fd and become it: mounts, limits, umask, nice, groups,
 * ids, capabilities (none; CAP_SYS_CHROOT while CONFINE_CHROOT waits),
 * no_new_privs, not dumpable, SIGKILL at the parent's death.  control_fd is
 * looked at once, for a manager that died before that was asked for.
 * False: *step and *fault say what failed; the child must exit.
 */
bool confine_become(int fd, int control_fd, struct confinement *record,
    enum confine_step *step, struct fault *fault);

/*
 * Enter the directory root_fd for good and drop the capability that was kept
 * for it; closes root_fd.  Proves that there is no way back.
 */
bool confine_enter(int root_fd, enum confine_step *step, struct fault *fault);

/*
 * Prove that this process is that: ids three times over, groups, no capability
 * in any set, no way to become root.
 */
bool confine_prove(const struct confinement *record, struct fault *fault);

/*
 * The loader, which stays root: SETUID, SETGID, SYS_CHROOT and SYS_ADMIN alone,
 * an empty bounding set, no_new_privs, not dumpable, SIGKILL at the manager's
 * death.
 */
bool confine_loader(int control_fd, struct fault *fault);

/* True if one of these limits is above what this process may give without SYS_RESOURCE. */
bool confine_limits_raise(const uint64_t limits[CONFINE_LIMITS]);

/* What a configuration asks the manager to keep beside what it always needs. */
enum manager_ask {
	MANAGER_NAMESPACES = 1 << 0,    /* SYS_ADMIN */
	MANAGER_LIMITS     = 1 << 1     /* SYS_RESOURCE: limits above its own */
};

/*
 * The manager's own set: cut the effective, permitted and bounding sets to
 * what section 2 of the design names, as far as it is held, and what is asked
 * for.  For good: what isn't asked for now needs a restart later.
 */
bool confine_manager(unsigned asked, struct fault *fault);

/* The permitted set as a mask; 0 where it can't be read. */
uint64_t confine_held(void);

/*
 * Around a multiplexer, once its tables are loaded: Landlock (files beneath
 * spool_dir only; -1: none) and seccomp (the calls that it makes).  *how gets a word on
 * what the kernel gave, for the log: "landlock 7, seccomp".
 */
bool confine_sandbox(int spool_dir, const char **how, struct fault *fault);

#endif
