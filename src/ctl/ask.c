#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/ask.h"
#include "wire/fdpass.h"

#define PART 16384

static int
connect_to(const char *path, struct fault *fault)
{
	struct sockaddr_un to;
	int fd;

	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof to.sun_path) {
		fault_set(fault, ENAMETOOLONG, "%s", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	fault_set(fault, errno, "connect to %s%s", path,
	    errno == ENOENT || errno == ECONNREFUSED ? " (is peruserd running?)" : "");
	fd_close(&fd);
	return -1;
}

static bool
read_answer(int fd, struct buf *answer, int *board, struct fault *fault)
{
	struct fdpass_got got;
	ssize_t len;

	while (buf_reserve(answer, PART)) {
		len = fdpass_receive(fd, answer->data + answer->len, PART, 0, &got);
		if (len < 0)
			return fault_set(fault, errno, "read the answer");
		if (*board < 0)
			*board = fd_take(&got.fds[0]);
		fdpass_drop(&got);
		if (len == 0)
			return answer->len > 0 ||
			    fault_set(fault, 0, "peruserd closed the connection without an "
			    "answer: only root and members of control.group may ask");
		answer->len += (size_t)len;
	}
	return fault_set(fault, ENOMEM, "read the answer");
}

bool
ask(const char *socket_path, const char *line, struct buf *answer, int *board,
    struct fault *fault)
{
	int fd = connect_to(socket_path, fault);
	bool answered;

	*board = -1;
	if (fd < 0)
		return false;
	answered = send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line) ||
	    errno == EPIPE || fault_set(fault, errno, "send the request");
	answered = answered && read_answer(fd, answer, board, fault);
	fd_close(&fd);
	return answered;
}
