#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "handlers/suexec.h"

static bool
inside(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (len == 1)           /* "/" */
		return true;
	return strncmp(path, root, len) == 0 && path[len] == '/';
}

static bool
directory_is(const struct stat *is, uid_t owner, struct fault *fault)
{
	if (is->st_uid != owner)
		return fault_set(fault, 0, "its directory belongs to another user (uid %u)",
		    (unsigned)is->st_uid);
	if ((is->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fault_set(fault, 0, "its directory may be written by group or others "
		    "(chmod go-w)");
	return true;
}

static bool
file_is(const struct stat *is, uid_t owner, struct fault *fault)
{
	if (!S_ISREG(is->st_mode))
		return fault_set(fault, 0, "not a regular file");
	if (is->st_uid != owner)
		return fault_set(fault, 0, "it belongs to another user (uid %u)",
		    (unsigned)is->st_uid);
	if ((is->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fault_set(fault, 0, "it may be written by group or others (chmod go-w)");
	if ((is->st_mode & (S_ISUID | S_ISGID)) != 0)
		return fault_set(fault, 0, "it is set-user-id or set-group-id (chmod ug-s)");
	if ((is->st_mode & S_IXUSR) == 0)
		return fault_set(fault, 0, "its owner may not execute it (chmod u+x)");
	return true;
}

/* Open the real path's directory; *name becomes the rest. */
static int
open_directory(char *path, const char **name)
{
	char *slash = strrchr(path, '/');
	int fd;

	*name = slash + 1;
	if (slash == path)
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*slash = '/';
	return fd;
}

bool
suexec_check(const char *file, const char *root, uid_t owner, struct suexec_script *script,
    struct fault *fault)
{
	char real_root[PATH_MAX];
	struct stat file_stat, directory_stat;
	const char *name;

	script->directory = -1;
	if (realpath(root, real_root) == NULL)
		return fault_set(fault, errno, "document root %s", root);
	if (realpath(file, script->path) == NULL)
		return fault_set(fault, errno, "can't be reached");
	if (!inside(script->path, real_root))
		return fault_set(fault, 0, "it lies outside of the document root, at %s",
		    script->path);
	script->directory = open_directory(script->path, &name);
	if (script->directory < 0 || fstat(script->directory, &directory_stat) < 0 ||
	    fstatat(script->directory, name, &file_stat, AT_SYMLINK_NOFOLLOW) < 0)
		fault_set(fault, errno, "can't be opened");
	else if (directory_is(&directory_stat, owner, fault) &&
	    file_is(&file_stat, owner, fault)) {
		script->device = file_stat.st_dev;
		script->inode = file_stat.st_ino;
		return true;
	}
	fd_close(&script->directory);
	return false;
}
