/*
 * Settings that were taken, held by the manager and by each pool that runs by
 * them: a pool that leaves keeps its own until it has gone.
 */
#ifndef PERUSERD_MANAGER_CONFIGURATION_H
#define PERUSERD_MANAGER_CONFIGURATION_H

#include "settings/settings.h"

struct configuration {
	unsigned refs;
	struct settings *settings;      /* owned */
};

/* Takes the settings over, also on failure.  NULL: no memory.  The caller holds it. */
struct configuration *configuration_new(struct settings *settings);
struct configuration *configuration_hold(struct configuration *configuration);
void configuration_drop(struct configuration **configuration);

#endif
