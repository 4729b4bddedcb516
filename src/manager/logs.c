#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/folder.h"
#include "manager/logs.h"

int
logs_open(const char *path, struct fault *fault)
{
	const char *name;
	struct stat st;
	int folder, fd;

	folder = folder_open(path, "log file", &name, fault);
	if (folder < 0)
		return -1;
	fd = openat(folder, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
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
