#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/log.h"
#include "processor/channel.h"
#include "wire/fdpass.h"

#define PACKET_MAX (sizeof(struct envelope) + ENVELOPE_MAX_VARS + ENVELOPE_MAX_BODY + \
	ENVELOPE_MAX_REST)

static unsigned char packet[PACKET_MAX];

void
channel_begin(struct channel *channel, int fd)
{
	memset(channel, 0, sizeof *channel);
	channel->fd = fd;
	channel->memory = channel->stream = -1;
}

static int
take_fd(struct fdpass_got *got, unsigned *at, const struct envelope *envelope, unsigned flag)
{
	if (!(envelope->flags & flag) || *at >= got->fd_count)
		return -1;
	return fd_take(&got->fds[(*at)++]);
}

/* The descriptors, in the order of their flags. */
static void
take_fds(struct channel *channel, struct arrival *arrival, struct fdpass_got *got)
{
	const struct envelope *envelope = &arrival->envelope;
	unsigned at = 0;

	arrival->body_file = take_fd(got, &at, envelope, ENVELOPE_BODY_FILE);
	arrival->body_stream = take_fd(got, &at, envelope, ENVELOPE_BODY_STREAM);
	if (envelope->flags & ENVELOPE_MEMORY) {
		fd_close(&channel->memory);
		channel->memory = take_fd(got, &at, envelope, ENVELOPE_MEMORY);
		channel->memory_size = envelope->memory_size;
	}
	if (envelope->flags & ENVELOPE_STREAM) {
		fd_close(&channel->stream);
		channel->stream = take_fd(got, &at, envelope, ENVELOPE_STREAM);
	}
	arrival->client = take_fd(got, &at, envelope, ENVELOPE_RAW);
}

bool
channel_wait(struct channel *channel, struct arrival *arrival)
{
	struct fdpass_got got;
	ssize_t len;

	for (;;) {
		len = fdpass_receive(channel->fd, packet, sizeof packet, 0, &got);
		if (len <= 0 || got.truncated ||
		    !envelope_check(packet, got.len, got.fd_count, &arrival->parts)) {
			fdpass_drop(&got);
			channel->closed = true;
			return false;
		}
		memcpy(&arrival->envelope, packet, sizeof arrival->envelope);
		if (arrival->envelope.kind == ENVELOPE_REQUEST)
			break;
	}
	take_fds(channel, arrival, &got);
	channel->nonce = arrival->envelope.nonce;
	channel->connection = arrival->envelope.connection;
	channel->aborted = channel->released = channel->last = false;
	channel->serving = true;
	return true;
}

void
channel_look(struct channel *channel)
{
	struct envelope envelope;
	ssize_t len;

	for (;;) {
		len = recv(channel->fd, &envelope, sizeof envelope, MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (len <= 0) {
			channel->closed = channel->aborted = true;
			return;
		}
		if (len != (ssize_t)sizeof envelope || envelope.magic != ENVELOPE_MAGIC ||
		    !channel->serving || envelope.nonce != channel->nonce)
			continue;
		if (envelope.kind == ENVELOPE_ABORT)
			channel->aborted = true;
		else if (envelope.kind == ENVELOPE_RELEASE)
			channel->released = true;
		else if (envelope.kind == ENVELOPE_LAST)
			channel->last = true;
	}
}

static ssize_t
send_packet(const struct channel *channel, struct completion *completion, const void *data,
    size_t len, int flags)
{
	struct iovec pieces[2];
	struct msghdr msg = { 0 };

	completion->magic = COMPLETION_MAGIC;
	completion->nonce = channel->nonce;
	completion->connection = channel->connection;
	completion->data_len = (uint32_t)len;
	pieces[0].iov_base = completion;
	pieces[0].iov_len = sizeof *completion;
	/* sendmsg reads the pieces and never writes them; the struct is const-less. */
	memcpy(&pieces[1].iov_base, &data, sizeof data);
	pieces[1].iov_len = len;
	msg.msg_iov = pieces;
	msg.msg_iovlen = len > 0 ? 2 : 1;
	return sendmsg(channel->fd, &msg, flags | MSG_NOSIGNAL);
}

/* Full: wait until the multiplexer reads.  False: it is gone. */
static bool
wait_for_room(const struct channel *channel)
{
	struct pollfd room = { channel->fd, POLLOUT, 0 };

	if (poll(&room, 1, -1) < 0)
		return errno == EINTR;
	return (room.revents & (POLLERR | POLLNVAL)) == 0;
}

bool
channel_send(struct channel *channel, struct completion *completion, const void *data,
    size_t len)
{
	for (;;) {
		if (send_packet(channel, completion, data, len, 0) >= 0)
			return true;
		if (errno == EINTR)
			continue;
		if ((errno == EAGAIN || errno == ENOBUFS) && wait_for_room(channel))
			continue;
		channel->closed = true;
		return false;
	}
}

static bool
send_line(struct channel *channel, int level, const char *text, size_t len)
{
	struct completion completion = { 0 };

	completion.kind = COMPLETION_LOG;
	completion.status = (uint16_t)level;
	if (len > COMPLETION_MAX_LOG)
		len = COMPLETION_MAX_LOG;
	return send_packet(channel, &completion, text, len, MSG_DONTWAIT) >= 0;
}

void
channel_log(struct channel *channel, int level, const char *text, size_t len)
{
	char lost[64];
	int lost_len;

	if (channel->lost > 0) {
		lost_len = snprintf(lost, sizeof lost, "%u log lines were lost before this one",
		    channel->lost);
		if (!send_line(channel, LEVEL_WARNING, lost, (size_t)lost_len)) {
			channel->lost++;
			return;
		}
		channel->lost = 0;
	}
	if (!send_line(channel, level, text, len))
		channel->lost++;
}
