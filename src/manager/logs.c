#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/logs.h"

static int
open_folder(const char *path, size_t len, struct fault *fault)
{
	char folder[PATH_MAX];
	struct open_how how;
	struct stat st;
	int fd;

	if (len >= sizeof folder) {
		fault_set(fault, ENAMETOOLONG, "open the folder of log file %s", path);
		return -1;
	}
	memcpy(folder, path, len);
	folder[len] = '\0';
	memset(&how, 0, sizeof how);
	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, len == 0 ? "/" : folder, &how, sizeof how);
	if (fd < 0) {
		fault_set(fault, errno, "open log folder %s%s", len == 0 ? "/" : folder,
		    errno == ELOOP ? " (give its path without symbolic links)" : "");
		return -1;
	}
	if (fstat(fd, &st) != 0 || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		fault_set(fault, 0, "log folder %s must belong to root and be writable by "
		    "root alone", len == 0 ? "/" : folder);
		fd_close(&fd);
	}
	return fd;
}

int
logs_open(const char *path, struct fault *fault)
{
	const char *name = strrchr(path, '/');
	struct stat st;
	int folder, fd;

	if (name == NULL || name[1] == '\0') {
		fault_set(fault, EINVAL, "open log file %s: an absolute path is needed", path);
		return -1;
	}
	folder = open_folder(path, (size_t)(name - path), fault);
	if (folder < 0)
		return -1;
	fd = openat(folder, name + 1, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0)
		fault_set(fault, errno, "open log file %s", path);
	fd_close(&folder);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == 0)
		return fd;
	fault_set(fault, 0, "log file %s must be a plain file of root's with one name", path);
	fd_close(&fd);
	return -1;
}
