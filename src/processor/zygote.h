/*
 * The zygote of one pool: becomes the pool's user, loads the interpreters,
 * then forks processors on the manager's word, signals them by slot, and buries
 * them.  Init of its PID namespace where it has one, a subreaper elsewhere.
 *
 * It serves no request and holds no slot's channel: each goes to the processor
 * that is forked for it.
 */
#ifndef PERUSERD_PROCESSOR_ZYGOTE_H
#define PERUSERD_PROCESSOR_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "confine/confine.h"
#include "settings/settings.h"

struct zygote_child {
	pid_t pid;
	uint32_t slot;
	uint32_t generation;
};

struct zygote {
	int control;
	pid_t pid;                      /* our own */
	struct confinement record;
	struct settings *settings;
	const struct pool_settings *pool;
	struct zygote_child *children;
	unsigned child_count, child_size;
};

/*
 * A zygote's whole life, from the descriptors of inherit.h on.  Returns the
 * exit code.  A step that fails is told to the manager (FAULT), and the process
 * exits.
 */
int zygote_live(void);

#endif
