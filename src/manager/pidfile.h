/*
 * The pid file: locked while this daemon runs, so a second one with the same
 * file says so and stops.
 */
#ifndef PERUSERD_MANAGER_PIDFILE_H
#define PERUSERD_MANAGER_PIDFILE_H

#include "base/fault.h"

/* Its locked descriptor, the caller's; or -1 and why. */
int pidfile_take(const char *path, struct fault *fault);

/* Remove it, while the lock is still held. */
void pidfile_remove(const char *path);

#endif
