#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "confine/steps.h"

/*
 * The limit on processor time is a request's, not a life's: the processor
 * moves the soft limit before each one.
 */
static const struct {
	int resource;
	const char *name;
} kinds[CONFINE_LIMITS] = {
	[CONFINE_CPU]    = { -1, "cpu" },
	[CONFINE_AS]     = { RLIMIT_AS, "as" },
	[CONFINE_NPROC]  = { RLIMIT_NPROC, "nproc" },
	[CONFINE_NOFILE] = { RLIMIT_NOFILE, "nofile" },
	[CONFINE_FSIZE]  = { RLIMIT_FSIZE, "fsize" },
	[CONFINE_CORE]   = { RLIMIT_CORE, "core" },
};

bool
confine_limits_raise(const uint64_t limits[CONFINE_LIMITS])
{
	struct rlimit now;
	unsigned kind;

	for (kind = 0; kind < CONFINE_LIMITS; kind++)
		if (kinds[kind].resource >= 0 && limits[kind] != CONFINE_UNSET &&
		    getrlimit(kinds[kind].resource, &now) == 0 && limits[kind] > now.rlim_max)
			return true;
	return false;
}

static bool
set_one(unsigned kind, uint64_t value, struct fault *fault)
{
	struct rlimit limit = { value, value }, now;

	if (kinds[kind].resource < 0 || value == CONFINE_UNSET)
		return true;
	if (setrlimit(kinds[kind].resource, &limit) != 0)
		return fault_set(fault, errno, "cannot limit %s to %llu", kinds[kind].name,
		    (unsigned long long)value);
	if (getrlimit(kinds[kind].resource, &now) != 0 || now.rlim_cur != value ||
	    now.rlim_max != value)
		return fault_set(fault, 0, "the limit of %s did not take", kinds[kind].name);
	return true;
}

bool
limits_set(const struct confinement *record, struct fault *fault)
{
	unsigned kind;

	for (kind = 0; kind < CONFINE_LIMITS; kind++)
		if (!set_one(kind, record->limits[kind], fault))
			return false;
	umask((mode_t)record->umask & 0777);
	/* Who started us may have been nicer than that, which nobody may undo without a capability. */
	if (record->nice > getpriority(PRIO_PROCESS, 0) &&
	    setpriority(PRIO_PROCESS, 0, record->nice) != 0)
		return fault_set(fault, errno, "cannot set nice to %d", record->nice);
	return true;
}
