#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83        /* Linux 6.16; older C libraries don't name it */
#endif

#define ARRANGE_MAX 16
#define ARRANGE_ABOVE 64        /* sources are moved up here first, out of the targets' way */

void
fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int
fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

bool
fd_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return false;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

bool
fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == 0;
}

bool
fd_read_all(int fd, void *to, size_t len)
{
	char *at = to;
	ssize_t got;

	while (len > 0) {
		got = read(fd, at, len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

bool
fd_write_all(int fd, const void *from, size_t len)
{
	const char *at = from;
	ssize_t put;

	while (len > 0) {
		put = write(fd, at, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		at += put;
		len -= (size_t)put;
	}
	return true;
}

bool
fd_arrange(const int *fds, int count)
{
	int high[ARRANGE_MAX];
	int i;

	if (count > ARRANGE_MAX)
		return false;
	for (i = 0; i < count; i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, ARRANGE_ABOVE);
		if (fds[i] >= 0 && high[i] < 0)
			return false;
	}
	for (i = 0; i < count; i++) {
		if (high[i] < 0)
			close(i);
		else if (dup2(high[i], i) < 0)
			return false;
	}
	return syscall(SYS_close_range, (unsigned)count, ~0u, 0) == 0;
}

static bool never_refuse;

void
fd_refuse_rights_never(void)
{
	never_refuse = true;
}

bool
fd_refuse_rights(int socket_fd)
{
	int off = 0;

	return !never_refuse && setsockopt(socket_fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

int
fd_sealed(const char *name, const void *bytes, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (!fd_write_all(fd, bytes, len) || lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		fd_close(&fd);
	return fd;
}

bool
fd_pair(int type, int pair[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0)
		return true;
	pair[0] = pair[1] = -1;
	return false;
}
