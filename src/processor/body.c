#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <peruserd/envelope.h>

#include "base/fd.h"
#include "processor/body.h"

void
body_none(struct body *body)
{
	memset(body, 0, sizeof *body);
	body->fd = body->poll_fd = -1;
}

void
body_end(struct body *body)
{
	fd_close(&body->fd);
	body_none(body);
}

static size_t
at_most(const struct body *body, size_t size)
{
	uint64_t left;

	if (body->total == BODY_UNTIL_END)
		return size;
	left = body->total - body->at;
	return left < size ? (size_t)left : size;
}

/* The first bytes, which came with the request. */
static size_t
copy_first(struct body *body, void *to, size_t size)
{
	size_t left = body->first_len - (size_t)body->at;

	if (size > left)
		size = left;
	memcpy(to, body->first + body->at, size);
	return size;
}

static ssize_t
read_arriving(const struct body *body, void *to, size_t size)
{
	struct pollfd more = { body->fd, POLLIN, 0 };
	ssize_t got;

	for (;;) {
		got = read(body->fd, to, size);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got;
		if (errno == EAGAIN)
			poll(&more, 1, -1);
	}
}

static ssize_t
read_more(struct body *body, void *to, size_t size)
{
	ssize_t got = 0;

	if (body->kind == BODY_IN_FILE)
		got = pread(body->fd, to, size, (off_t)body->at);
	else if (body->kind == BODY_ARRIVES)
		got = read_arriving(body, to, size);
	else if (body->kind == BODY_PULLED)
		got = body->pull(body->context, to, size);
	if (got != 0 || body->total == BODY_UNTIL_END)
		return got;
	/* It ended before its length: the client left in the middle. */
	errno = ECONNRESET;
	return -1;
}

ssize_t
body_read(struct body *body, void *to, size_t size)
{
	ssize_t got;

	size = at_most(body, size);
	if (size == 0)
		return 0;
	if (body->kind != BODY_IN_FILE && body->at < body->first_len)
		got = (ssize_t)copy_first(body, to, size);
	else
		got = read_more(body, to, size);
	if (got > 0)
		body->at += (uint64_t)got;
	return got;
}

int
body_file(struct body *body)
{
	/* A memory's position is where its writer left it. */
	if (body->kind != BODY_IN_FILE || lseek(body->fd, 0, SEEK_SET) != 0)
		return -1;
	return body->fd;
}

bool
body_bytes(const struct body *body, const unsigned char **bytes, size_t *len)
{
	if (body->kind != BODY_HERE)
		return false;
	*bytes = body->first;
	*len = body->first_len;
	return true;
}

int
body_poll(const struct body *body)
{
	if (body->kind == BODY_HERE || body->kind == BODY_IN_FILE || body->at < body->first_len ||
	    body->at >= body->total)
		return -1;
	return body->kind == BODY_ARRIVES ? body->fd : body->poll_fd;
}
