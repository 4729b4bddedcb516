#include <errno.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "confine/steps.h"

static bool
prove_ids(const struct confinement *record, struct fault *fault)
{
	uid_t real, effective, saved;
	gid_t greal, geffective, gsaved;

	if (getresuid(&real, &effective, &saved) != 0 ||
	    getresgid(&greal, &geffective, &gsaved) != 0)
		return fault_set(fault, errno, "cannot read the ids");
	if (real != record->uid || effective != record->uid || saved != record->uid ||
	    (uid_t)setfsuid((uid_t)-1) != record->uid)
		return fault_set(fault, 0, "user ids are %u %u %u, not %u", real, effective, saved,
		    record->uid);
	if (greal != record->gid || geffective != record->gid || gsaved != record->gid ||
	    (gid_t)setfsgid((gid_t)-1) != record->gid)
		return fault_set(fault, 0, "group ids are %u %u %u, not %u", greal, geffective,
		    gsaved, record->gid);
	return true;
}

static bool
group_listed(const struct confinement *record, gid_t gid)
{
	unsigned i;

	for (i = 0; i < record->group_count; i++)
		if (record->groups[i] == gid)
			return true;
	return false;
}

static bool
prove_groups(const struct confinement *record, struct fault *fault)
{
	gid_t groups[CONFINE_GROUPS];
	int i, count = getgroups(CONFINE_GROUPS, groups);

	if (count < 0 || (unsigned)count > record->group_count)
		return fault_set(fault, 0, "there are %d supplementary groups, not %u", count,
		    record->group_count);
	for (i = 0; i < count; i++)
		if (!group_listed(record, groups[i]))
			return fault_set(fault, 0, "group %u is left", groups[i]);
	return true;
}

/* Asking for more than we may be must fail. */
static bool
prove_no_way_back(struct fault *fault)
{
	gid_t root = 0;

	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresuid(0, 0, 0) == 0)
		return fault_set(fault, 0, "there is a way back to root");
	if (setresgid((gid_t)-1, 0, (gid_t)-1) == 0)
		return fault_set(fault, 0, "there is a way back to root's group");
	if (setgroups(1, &root) == 0)
		return fault_set(fault, 0, "supplementary groups can still be set");
	return true;
}

bool
proof_take(const struct confinement *record, enum caps_left left, struct fault *fault)
{
	if (record->uid == 0 || record->gid == 0)
		return fault_set(fault, 0, "nothing is proved of root");
	if (!prove_ids(record, fault) || !prove_groups(record, fault) ||
	    !caps_are(record, left, fault) || !prove_no_way_back(fault))
		return false;
	if ((record->flags & CONFINE_NO_NEW_PRIVS) &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) != 1)
		return fault_set(fault, 0, "no_new_privs is not set");
	if (!(record->flags & CONFINE_DUMPABLE) && prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 1)
		return fault_set(fault, 0, "the process is dumpable");
	return true;
}

bool
confine_prove(const struct confinement *record, struct fault *fault)
{
	return proof_take(record, CAPS_NONE, fault);
}
