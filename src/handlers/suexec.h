/*
 * What a program must be before it is run for the world, after Apache's
 * suEXEC: nobody else may have put it there, or be able to change it.
 */
#ifndef PERUSERD_HANDLERS_SUEXEC_H
#define PERUSERD_HANDLERS_SUEXEC_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

struct suexec_script {
	char path[PATH_MAX];    /* the real one: no symbolic link in it */
	int directory;          /* the directory that holds it, O_PATH; the caller's to close */
	dev_t device;           /* the file that was checked: compare before running it */
	ino_t inode;
};

/*
 * Check a script: it is a regular file inside root, links resolved; it may be
 * executed and is not set-user-id or set-group-id; it and its directory belong
 * to owner, and neither group nor others may write to them.  False: fault says
 * which rule is broken; fault->error is ENOENT where the file is not there.
 * script->directory is -1 then.
 */
bool suexec_check(const char *file, const char *root, uid_t owner,
    struct suexec_script *script, struct fault *fault);

#endif
