#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "confine/steps.h"

static const char *const step_names[CONFINE_STEPS] = {
	[CONFINE_STEP_NONE] = "none",
	[CONFINE_STEP_RECORD] = "reading who to be",
	[CONFINE_STEP_MOUNTS] = "mounts",
	[CONFINE_STEP_LIMITS] = "limits",
	[CONFINE_STEP_GROUPS] = "supplementary groups",
	[CONFINE_STEP_IDS] = "user and group",
	[CONFINE_STEP_CAPABILITIES] = "capabilities",
	[CONFINE_STEP_CHROOT] = "chroot",
	[CONFINE_STEP_PRIVILEGES] = "no_new_privs",
	[CONFINE_STEP_PROOF] = "proof",
	[CONFINE_STEP_PARENT] = "tie to the manager",
};

const char *
confine_step_name(enum confine_step step)
{
	return (unsigned)step < CONFINE_STEPS ? step_names[step] : "unknown";
}

static bool
read_record(int fd, struct confinement *record, struct fault *fault)
{
	unsigned i;
	char more;

	if (pread(fd, record, sizeof *record, 0) != (ssize_t)sizeof *record)
		return fault_set(fault, errno, "the record of who to be is short");
	if (record->magic != CONFINE_MAGIC || record->group_count > CONFINE_GROUPS ||
	    pread(fd, &more, 1, sizeof *record) != 0)
		return fault_set(fault, 0, "the record of who to be is not one");
	if (record->uid == 0 || record->gid == 0 || record->uid == (uint32_t)-1 ||
	    record->gid == (uint32_t)-1)
		return fault_set(fault, 0, "refusing to run as user %u, group %u", record->uid,
		    record->gid);
	for (i = 0; i < record->group_count; i++)
		if (record->groups[i] == 0 || record->groups[i] == (uint32_t)-1)
			return fault_set(fault, 0, "refusing the supplementary group %u",
			    record->groups[i]);
	return true;
}

static bool
set_privileges(const struct confinement *record, struct fault *fault)
{
	long dumpable = record->flags & CONFINE_DUMPABLE ? 1 : 0;

	if ((record->flags & CONFINE_NO_NEW_PRIVS) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, dumpable, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot set whether the process is dumpable");
	return true;
}

/*
 * Asked for after the ids are dropped, for that makes the kernel forget it; so
 * the manager may have died in between, which its end of the channel tells.
 */
static bool
tie_to_parent(int control_fd, struct fault *fault)
{
	struct pollfd poll_control = { control_fd, POLLIN, 0 };

	if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot ask to die with the manager");
	if (poll(&poll_control, 1, 0) < 0 ||
	    (poll_control.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		return fault_set(fault, 0, "the manager has gone");
	return true;
}

bool
confine_become(int fd, int control_fd, struct confinement *record, enum confine_step *step,
    struct fault *fault)
{
	enum caps_left left;
	bool jailed;

	*step = CONFINE_STEP_RECORD;
	if (!read_record(fd, record, fault))
		return false;
	jailed = (record->flags & CONFINE_CHROOT) != 0;
	left = jailed ? CAPS_CHROOT : CAPS_NONE;
	*step = CONFINE_STEP_MOUNTS;
	if ((record->flags & CONFINE_NEW_PID) && !jail_mounts(jailed ? INHERIT_ROOT : -1, fault))
		return false;
	*step = CONFINE_STEP_LIMITS;
	if (!limits_set(record, fault))
		return false;
	*step = CONFINE_STEP_GROUPS;
	if (!ids_set_groups(record, fault))
		return false;
	*step = CONFINE_STEP_CAPABILITIES;
	if (!caps_cut_bounding(record, fault))
		return false;
	*step = CONFINE_STEP_IDS;
	if (!ids_become(record, jailed, fault))
		return false;
	*step = CONFINE_STEP_CAPABILITIES;
	if (!caps_cut(left, fault))
		return false;
	*step = CONFINE_STEP_PRIVILEGES;
	if (!set_privileges(record, fault))
		return false;
	*step = CONFINE_STEP_PROOF;
	if (!proof_take(record, left, fault))
		return false;
	*step = CONFINE_STEP_PARENT;
	if (!tie_to_parent(control_fd, fault))
		return false;
	*step = CONFINE_STEP_NONE;
	return true;
}

bool
confine_loader(int control_fd, struct fault *fault)
{
	static const struct confinement plain = { .flags = CONFINE_NO_NEW_PRIVS };

	umask(077);
	return caps_loader(fault) && set_privileges(&plain, fault) &&
	    tie_to_parent(control_fd, fault);
}
