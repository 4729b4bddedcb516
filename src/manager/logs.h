/*
 * Open log files, as root, for those who write them.  Nothing of a user's is
 * followed: the folder is reached without symbolic links and must be root's
 * alone, the file a plain one of root's with one name.
 */
#ifndef PERUSERD_MANAGER_LOGS_H
#define PERUSERD_MANAGER_LOGS_H

#include "base/fault.h"

/* An O_APPEND descriptor, the caller's; or -1, and the fault says why. */
int logs_open(const char *path, struct fault *fault);

#endif
