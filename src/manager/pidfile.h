/*
 * The pid file: locked while this daemon runs, so a second one with the same
 * file says so and stops; the folders that a daemon needs at run time.
 */
#ifndef PERUSERD_MANAGER_PIDFILE_H
#define PERUSERD_MANAGER_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

/* Its locked descriptor, the caller's; or -1 and why. */
int pidfile_take(const char *path, struct fault *fault);

/* Remove it, while the lock is still held. */
void pidfile_remove(const char *path);

/* Make the folder that this file is to stand in, where it is missing. */
bool folder_of(const char *path, struct fault *fault);

/* Make that folder, where it is missing, with that owner and mode. */
bool folder_make(const char *path, uid_t owner, gid_t group, mode_t mode, struct fault *fault);

#endif
