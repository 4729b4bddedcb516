#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/folder.h"
#include "manager/pidfile.h"

int
pidfile_take(const char *path, struct fault *fault)
{
	int folder, fd, len;
	const char *name;
	char text[32];

	folder = folder_open(path, "the pid file", &name, fault);
	if (folder < 0)
		return -1;
	fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
	fd_close(&folder);
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
