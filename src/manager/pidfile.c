#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/pidfile.h"

int
pidfile_take(const char *path, struct fault *fault)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	char text[32];
	int len;

	if (fd < 0) {
		fault_set(fault, errno, "open the pid file %s", path);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		fault_set(fault, errno == EWOULDBLOCK ? 0 : errno,
		    "lock the pid file %s: is another peruserd running with it?", path);
		fd_close(&fd);
		return -1;
	}
	len = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || !fd_write_all(fd, text, (size_t)len)) {
		fault_set(fault, errno, "write the pid file %s", path);
		fd_close(&fd);
	}
	return fd;
}

void
pidfile_remove(const char *path)
{
	unlink(path);
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
