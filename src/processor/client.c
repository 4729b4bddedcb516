#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "processor/client.h"

#define LINGER_MS    1000
#define LINGER_BYTES (256u * 1024)
#define GRACE_MS     20

bool
client_begin(struct client *client, int fd, struct channel *channel, size_t head_max)
{
	size_t size = head_max + CLIENT_BODY_HERE + ENVELOPE_MAX_REST;

	if (client->in == NULL || client->size < size) {
		free(client->in);
		client->in = malloc(size);
		client->size = client->in != NULL ? size : 0;
	}
	client->fd = fd;
	client->channel = channel;
	client->at = client->len = 0;
	return client->in != NULL;
}

bool
client_feed(struct client *client, const void *bytes, size_t len)
{
	if (len > client->size - client->len)
		return false;
	memcpy(client->in + client->len, bytes, len);
	client->len += len;
	return true;
}

void
client_compact(struct client *client)
{
	client->len -= client->at;
	if (client->len > 0 && client->at > 0)
		memmove(client->in, client->in + client->at, client->len);
	client->at = 0;
}

static int
poll_time(uint64_t timeout_ms)
{
	return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

/* The channel has something: true where we should close for it. */
static bool
wanted(struct client *client)
{
	channel_look(client->channel);
	return client->channel->released || client->channel->closed;
}

/*
 * The slot is wanted while the client says nothing.  Closing now would hit a
 * request that is on its way; who asked just before will soon ask again.  So he
 * is given a moment, and his next answer says that it is the last.
 */
static enum client_got
wait_a_moment(const struct client *client, uint64_t since_ms)
{
	struct pollfd more = { client->fd, POLLIN, 0 };
	uint64_t waited = clock_ms() - since_ms;
	int left = waited < GRACE_MS ? (int)(GRACE_MS - waited) : 0;

	return poll(&more, 1, left) > 0 ? CLIENT_BYTES : CLIENT_WANTED;
}

/* Until the client's socket is readable. */
static enum client_got
wait_for(struct client *client, uint64_t timeout_ms, bool idle)
{
	struct pollfd fds[2] = {
		{ client->fd, POLLIN, 0 }, { client->channel->fd, POLLIN, 0 },
	};
	uint64_t since_ms = idle ? clock_ms() : 0;
	int ready;

	for (;;) {
		ready = poll(fds, idle ? 2 : 1, poll_time(timeout_ms));
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready < 0 ? CLIENT_LEFT : CLIENT_LATE;
		if (idle && fds[1].revents != 0 && wanted(client) && fds[0].revents == 0)
			return wait_a_moment(client, since_ms);
		if (fds[0].revents != 0)
			return CLIENT_BYTES;
	}
}

ssize_t
client_read_to(struct client *client, void *to, size_t size, uint64_t timeout_ms)
{
	ssize_t got;

	for (;;) {
		got = recv(client->fd, to, size, MSG_DONTWAIT);
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			return got;
		if (errno == EAGAIN && wait_for(client, timeout_ms, false) == CLIENT_LATE) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

enum client_got
client_read(struct client *client, uint64_t timeout_ms, bool idle)
{
	enum client_got waited;
	ssize_t got;

	if (client->len == client->size)
		return CLIENT_LATE;
	for (;;) {
		waited = wait_for(client, timeout_ms, idle);
		if (waited != CLIENT_BYTES)
			return waited;
		got = recv(client->fd, client->in + client->len, client->size - client->len,
		    MSG_DONTWAIT);
		if (got > 0) {
			client->len += (size_t)got;
			return CLIENT_BYTES;
		}
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return CLIENT_LEFT;
	}
}

void
client_linger(struct client *client)
{
	uint64_t until = clock_ms() + LINGER_MS, now;
	struct pollfd more = { client->fd, POLLIN, 0 };
	size_t dropped = 0;
	ssize_t got;

	if (shutdown(client->fd, SHUT_WR) != 0)
		return;
	while (dropped < LINGER_BYTES && (now = clock_ms()) < until) {
		if (poll(&more, 1, (int)(until - now)) <= 0)
			return;
		got = recv(client->fd, client->in, client->size, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return;
		dropped += got > 0 ? (size_t)got : 0;
	}
}
