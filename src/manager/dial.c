#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/dial.h"
#include "manager/listener.h"
#include "manager/scale.h"

#define TCP     "tcp:"
#define UNIX    "unix:"
#define BACKLOG 8               /* one connection at a time, and those that replace it */
#define BUFFER  (1 << 18)       /* a request's variables, in one go */

struct dial_server {
	struct address address;
	const char *path;               /* of a Unix socket; NULL: TCP */
	uint64_t pause, down_until;     /* ms; 0: it is up */
	int error;                      /* why it is down */
	bool tried;                     /* a connection is being made, and was not said to fail */
};

static int
socket_new(int family)
{
	int size = BUFFER;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && family == AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return fd;
}

/* By its inode, whatever stands at its path now. */
static int
connect_by(int way)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket_new(AF_UNIX);

	if (fd < 0)
		return -1;
	fd_refuse_rights(fd);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", way);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		fd_close(&fd);
	return fd;
}

/* ---- programs */

static bool
bind_at(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	bool bound;

	unlink(address->sun_path);
	bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
	umask(before);
	return bound;
}

bool
dial_listen(const char *folder, uint32_t number, int ends[2], int *way)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path, sizeof address.sun_path, "%s/slot-%u", folder,
	    (unsigned)number);
	bool made;

	ends[0] = ends[1] = *way = -1;
	if (len < 0 || (size_t)len >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	/* Programs expect to wait in accept(). */
	ends[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	made = ends[1] >= 0 && bind_at(ends[1], &address) && listen(ends[1], BACKLOG) == 0;
	if (made) {
		*way = open(address.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		made = *way >= 0;
		unlink(address.sun_path);
	}
	if (made)
		ends[0] = connect_by(*way);
	if (ends[0] >= 0)
		return true;
	fd_close(&ends[1]);
	fd_close(way);
	return false;
}

int
dial_program(int way)
{
	return connect_by(way);
}

/* ---- servers */

bool
dials_begin(struct dials *dials, const struct string_list *connect)
{
	uint32_t i;

	dials->count = (uint32_t)connect->count;
	dials->next = 0;
	dials->at = calloc(connect->count + 1, sizeof *dials->at);
	if (dials->at == NULL)
		return false;
	for (i = 0; i < dials->count; i++) {
		const char *text = connect->at[i];

		if (strncmp(text, UNIX, strlen(UNIX)) == 0)
			dials->at[i].path = text + strlen(UNIX);
		else if (strncmp(text, TCP, strlen(TCP)) != 0 ||
		    !address_parse(text + strlen(TCP), &dials->at[i].address))
			return false;
	}
	return true;
}

void
dials_end(struct dials *dials)
{
	free(dials->at);
	dials->at = NULL;
	dials->count = 0;
}

/*
 * Its owner may write to it, and who configured it means us to: as that one,
 * for we have no capability to write where root may not.
 */
static int
connect_unix(const char *path)
{
	int way = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1, error;
	struct stat st;

	if (way < 0)
		return -1;
	if (fstat(way, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
	} else {
		setfsuid(st.st_uid);
		fd = connect_by(way);
		error = errno;
		setfsuid(0);
		errno = error;
	}
	fd_close(&way);
	return fd;
}

static int
connect_tcp(const struct address *address)
{
	int fd = socket_new(address->bytes.ss_family), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (const struct sockaddr *)&address->bytes, address->len) != 0 &&
	    errno != EINPROGRESS)
		fd_close(&fd);
	return fd;
}

void
dials_failed(struct dials *dials, const struct settings *settings,
    const struct pool_settings *pool, uint32_t which, int error)
{
	struct dial_server *server = &dials->at[which];
	uint64_t now = clock_ms();

	if (which >= dials->count || server->down_until > now)
		return;
	server->pause = scale_pause(server->pause, 0, settings->restart_delay,
	    settings->restart_delay_max);
	server->down_until = now + server->pause;
	server->error = error;
	server->tried = false;
	log_error("pool %s: %s takes no connection: %s; it is left alone for %llu ms", pool->name,
	    pool->connect.at[which], strerror(error), (unsigned long long)server->pause);
}

/*
 * It has taken one.  By TCP that shows later: then the one before did not fail.
 */
static void
worked(struct dials *dials, const struct pool_settings *pool, uint32_t which)
{
	struct dial_server *server = &dials->at[which];

	if (server->down_until == 0)
		return;
	if (server->path == NULL && !server->tried) {
		server->tried = true;
		return;
	}
	log_notice("pool %s: %s takes connections again", pool->name, pool->connect.at[which]);
	server->pause = server->down_until = 0;
	server->tried = false;
}

int
dials_connect(struct dials *dials, const struct settings *settings,
    const struct pool_settings *pool, uint32_t *which)
{
	uint64_t now = clock_ms();
	int fd = -1, error = EAGAIN;
	uint32_t i;

	for (i = 0; i < dials->count && fd < 0; i++) {
		struct dial_server *server = &dials->at[*which = (dials->next + i) % dials->count];

		if (server->down_until > now) {
			error = server->error;
			continue;
		}
		fd = server->path != NULL ? connect_unix(server->path) :
		    connect_tcp(&server->address);
		if (fd >= 0) {
			worked(dials, pool, *which);
			break;
		}
		error = errno;
		dials_failed(dials, settings, pool, *which, error);
	}
	dials->next = fd >= 0 ? (*which + 1) % dials->count : dials->next;
	errno = error;
	return fd;
}
