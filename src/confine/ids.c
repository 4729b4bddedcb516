#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "confine/steps.h"

bool
ids_set_groups(const struct confinement *record, struct fault *fault)
{
	gid_t groups[CONFINE_GROUPS];
	unsigned i;

	for (i = 0; i < record->group_count; i++)
		groups[i] = record->groups[i];
	if (setgroups(record->group_count, groups) != 0)
		return fault_set(fault, errno, "cannot set %u supplementary groups",
		    record->group_count);
	return true;
}

bool
ids_become(const struct confinement *record, bool keep, struct fault *fault)
{
	uid_t uid = record->uid;
	gid_t gid = record->gid;

	if (prctl(PR_SET_KEEPCAPS, keep ? 1L : 0L, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot say which capabilities to keep");
	/* The user last: after it we could do neither. */
	if (setresgid(gid, gid, gid) != 0)
		return fault_set(fault, errno, "cannot become group %u", gid);
	if (setresuid(uid, uid, uid) != 0)
		return fault_set(fault, errno, "cannot become user %u", uid);
	if (prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) != 0)
		return fault_set(fault, errno, "cannot stop keeping capabilities");
	return true;
}
