#include <errno.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "confine/steps.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof(list)[0]))

/* What a set-user-id mailer gains where no_new_privs is off. */
static const cap_value_t mailer_caps[] = {
	CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE,
};

/* The manager's: needed, or used where they are held. */
static const cap_value_t manager_needs[] = {
	CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL,
};
static const cap_value_t manager_uses[] = {
	CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_SYS_CHROOT, CAP_NET_BIND_SERVICE,
	CAP_CHOWN, CAP_FOWNER, CAP_DAC_READ_SEARCH,
};
/* And these, where the configuration asks for them. */
static const struct {
	enum manager_ask ask;
	cap_value_t cap;
} manager_asks[] = {
	{ MANAGER_NAMESPACES, CAP_SYS_ADMIN },
	{ MANAGER_LIMITS, CAP_SYS_RESOURCE },
};

/* The loader's: what its children need to become who they are to be. */
static const cap_value_t loader_caps[] = {
	CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SYS_ADMIN,
};

static const cap_value_t chroot_cap[] = { CAP_SYS_CHROOT };

static bool
listed(const cap_value_t *list, int count, cap_value_t cap)
{
	int i;

	for (i = 0; i < count; i++)
		if (list[i] == cap)
			return true;
	return false;
}

static bool
cut_bounding_to(const cap_value_t *list, int count, struct fault *fault)
{
	cap_value_t cap, bound = cap_max_bits();

	for (cap = 0; cap < bound; cap++) {
		if (listed(list, count, cap) || cap_get_bound(cap) != 1)
			continue;
		if (cap_drop_bound(cap) != 0)
			return fault_set(fault, errno,
			    "cannot drop capability %d from the bounding set", (int)cap);
	}
	return true;
}

static const cap_value_t *
bounding_of(const struct confinement *record, int *count)
{
	*count = record->flags & CONFINE_NO_NEW_PRIVS ? 0 : COUNT(mailer_caps);
	return mailer_caps;
}

bool
caps_cut_bounding(const struct confinement *record, struct fault *fault)
{
	const cap_value_t *list;
	int count;

	list = bounding_of(record, &count);
	return cut_bounding_to(list, count, fault);
}

/* Permitted and effective become that list, inheritable and ambient empty. */
static bool
set_to(const cap_value_t *list, int count, struct fault *fault)
{
	cap_t caps = cap_init();
	bool done;

	if (caps == NULL)
		return fault_set(fault, errno, "cannot make a capability set");
	done = (count == 0 ||
	    (cap_set_flag(caps, CAP_PERMITTED, count, list, CAP_SET) == 0 &&
	     cap_set_flag(caps, CAP_EFFECTIVE, count, list, CAP_SET) == 0)) &&
	    cap_set_proc(caps) == 0;
	if (!done)
		fault_set(fault, errno, "cannot reduce the capabilities");
	cap_free(caps);
	if (done && cap_reset_ambient() != 0)
		return fault_set(fault, errno, "cannot clear the ambient capabilities");
	return done;
}

bool
caps_cut(enum caps_left left, struct fault *fault)
{
	return set_to(chroot_cap, left == CAPS_CHROOT ? COUNT(chroot_cap) : 0, fault);
}

static bool
set_is(enum caps_left left, struct fault *fault)
{
	cap_t have = cap_get_proc(), want = cap_init();
	bool same;

	if (have == NULL || want == NULL) {
		fault_set(fault, errno, "cannot read the capabilities");
		cap_free(have);
		cap_free(want);
		return false;
	}
	if (left == CAPS_CHROOT) {
		cap_set_flag(want, CAP_PERMITTED, 1, chroot_cap, CAP_SET);
		cap_set_flag(want, CAP_EFFECTIVE, 1, chroot_cap, CAP_SET);
	}
	same = cap_compare(have, want) == 0;
	if (!same)
		fault_set(fault, 0, "capabilities are left that must be gone");
	cap_free(have);
	cap_free(want);
	return same;
}

bool
caps_are(const struct confinement *record, enum caps_left left, struct fault *fault)
{
	cap_value_t cap, bound = cap_max_bits();
	const cap_value_t *list;
	int count;

	list = bounding_of(record, &count);
	if (!set_is(left, fault))
		return false;
	for (cap = 0; cap < bound; cap++) {
		if (cap_get_ambient(cap) == 1)
			return fault_set(fault, 0, "ambient capability %d is left", (int)cap);
		if (cap_get_bound(cap) == 1 && !listed(list, count, cap))
			return fault_set(fault, 0,
			    "capability %d is left in the bounding set", (int)cap);
	}
	return true;
}

static bool
is_held(cap_t have, cap_value_t cap)
{
	cap_flag_value_t held = CAP_CLEAR;

	return cap_get_flag(have, cap, CAP_PERMITTED, &held) == 0 && held == CAP_SET;
}

bool
confine_manager(unsigned asked, struct fault *fault)
{
	cap_value_t keep[COUNT(manager_uses) + COUNT(manager_asks)];
	cap_t have = cap_get_proc();
	int i, count = 0;

	if (have == NULL)
		return fault_set(fault, errno, "cannot read the capabilities");
	for (i = 0; i < COUNT(manager_uses); i++)
		if (is_held(have, manager_uses[i]))
			keep[count++] = manager_uses[i];
	for (i = 0; i < COUNT(manager_asks); i++)
		if ((asked & manager_asks[i].ask) != 0 && is_held(have, manager_asks[i].cap))
			keep[count++] = manager_asks[i].cap;
	cap_free(have);
	for (i = 0; i < COUNT(manager_needs); i++)
		if (!listed(keep, count, manager_needs[i]))
			return fault_set(fault, 0, "capability %d is needed and not held: "
			    "start as root", (int)manager_needs[i]);
	return cut_bounding_to(keep, count, fault) && set_to(keep, count, fault);
}

uint64_t
confine_held(void)
{
	cap_t have = cap_get_proc();
	cap_value_t cap, bound = cap_max_bits();
	uint64_t held = 0;

	for (cap = 0; have != NULL && cap < bound && cap < 64; cap++)
		if (is_held(have, cap))
			held |= UINT64_C(1) << cap;
	cap_free(have);
	return held;
}

bool
caps_loader(struct fault *fault)
{
	return cut_bounding_to(NULL, 0, fault) && set_to(loader_caps, COUNT(loader_caps), fault);
}
