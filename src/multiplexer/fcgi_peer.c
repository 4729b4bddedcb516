#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "multiplexer/fcgi_peer.h"
#include "wire/fcgi.h"
#include "wire/fcgi_taken.h"

bool
fcgi_peer_has_closed(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void
fcgi_peer_abort(int fd)
{
	unsigned char record[FCGI_HEADER];

	fcgi_write_header(record, FCGI_TYPE_ABORT, FCGI_REQUEST_ID, 0, 0);
	if (send(fd, record, sizeof record, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static bool
has_hung_up(int fd)
{
	struct pollfd polled = { fd, 0, 0 };

	return fd < 0 || (poll(&polled, 1, 0) > 0 &&
	    (polled.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
}

static bool
has_taken_all(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof info;

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
	    info[SK_MEMINFO_WMEM_ALLOC] == 0;
}

bool
fcgi_peer_is_done(int fd)
{
	return has_hung_up(fd) || has_taken_all(fd);
}
