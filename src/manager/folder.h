/*
 * Folders in which root makes files: logs, the pid file, sockets, the spool.
 */
#ifndef PERUSERD_MANAGER_FOLDER_H
#define PERUSERD_MANAGER_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

/*
 * The folder that this file is in (O_PATH), the caller's to close: reached
 * without symbolic links, root's, writable by root alone; so that nobody else
 * can put anything in the place of the file *name.  Else -1, and why; what: what
 * the file is, for that.
 */
int folder_open(const char *path, const char *what, const char **name, struct fault *fault);

/* Make the folder that this file is to stand in, where it is missing. */
bool folder_of(const char *path, struct fault *fault);

/* Make that folder, where it is missing, with that owner and mode. */
bool folder_make(const char *path, uid_t owner, gid_t group, mode_t mode, struct fault *fault);

#endif
