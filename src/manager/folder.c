#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/folder.h"

/* A symbolic link that every system has, and that is root's: autoconf's default leads there. */
static const char *
without_var_run(const char *path)
{
	return strncmp(path, "/var/run/", 9) == 0 ? path + 4 : path;
}

int
folder_open(const char *path, const char *what, const char **name, struct fault *fault)
{
	char folder[PATH_MAX] = "/";
	struct open_how how;
	const char *end;
	struct stat st;
	int fd;

	path = without_var_run(path);
	end = strrchr(path, '/');
	if (path[0] != '/' || end[1] == '\0' || (size_t)(end - path) >= sizeof folder) {
		fault_set(fault, EINVAL, "%s %s: an absolute path is needed", what, path);
		return -1;
	}
	if (end != path) {
		memcpy(folder, path, (size_t)(end - path));
		folder[end - path] = '\0';
	}
	*name = end + 1;
	memset(&how, 0, sizeof how);
	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
	if (fd < 0) {
		fault_set(fault, errno, "open %s, the folder of %s %s%s", folder, what, *name,
		    errno == ELOOP ? " (give its path without symbolic links)" : "");
		return -1;
	}
	if (fstat(fd, &st) != 0 || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		fault_set(fault, 0, "%s, the folder of %s %s, must belong to root and be writable "
		    "by root alone", folder, what, *name);
		fd_close(&fd);
	}
	return fd;
}

bool
folder_make(const char *path, uid_t owner, gid_t group, mode_t mode, struct fault *fault)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST || fault_set(fault, errno, "make the folder %s", path);
	if (chown(path, owner, group) != 0 || chmod(path, mode) != 0)
		return fault_set(fault, errno, "give the folder %s its owner and mode", path);
	return true;
}

bool
folder_of(const char *path, struct fault *fault)
{
	const char *end = strrchr(path, '/');
	char folder[PATH_MAX];

	if (end == NULL || end == path || (size_t)(end - path) >= sizeof folder)
		return true;
	memcpy(folder, path, (size_t)(end - path));
	folder[end - path] = '\0';
	return folder_make(folder, 0, 0, 0755, fault);
}
