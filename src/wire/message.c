#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <peruserd/message.h>

#include "base/fd.h"
#include "wire/fdpass.h"

struct rule {
	const char *name;
	enum role from, to;
	size_t len;
	unsigned fds;
};

static const struct rule rules[MESSAGE_TYPES] = {
#define M(name, from, to, body, fds) \
	[MESSAGE_##name] = { #name, ROLE_##from, ROLE_##to, sizeof(body), fds },
	MESSAGES(M)
#undef M
};

size_t
message_begin(struct message *message, enum message_type type)
{
	message->header.magic = MESSAGE_MAGIC;
	message->header.type = (uint16_t)type;
	message->header.len = (uint16_t)rules[type].len;
	return sizeof message->header + rules[type].len;
}

bool
message_allowed(const struct message *message, size_t len, unsigned fds,
    enum role from, enum role to)
{
	const struct rule *rule;

	if (len < sizeof message->header || message->header.magic != MESSAGE_MAGIC ||
	    message->header.type == MESSAGE_NONE || message->header.type >= MESSAGE_TYPES)
		return false;
	rule = &rules[message->header.type];
	return rule->from == from && rule->to == to && rule->fds == fds &&
	    message->header.len == rule->len && len == sizeof message->header + rule->len;
}

const char *
message_name(unsigned type)
{
	return type > MESSAGE_NONE && type < MESSAGE_TYPES ? rules[type].name : "unknown";
}

bool
message_send(int channel, struct message *message, enum message_type type, int fd)
{
	struct iovec piece = { message, message_begin(message, type) };

	return fdpass_send(channel, &piece, 1, &fd, fd < 0 ? 0 : 1) >= 0;
}

/*
 * To the manager nobody sends descriptors, and a zygote is a user's: it makes
 * no room for any.
 */
static enum message_got
receive_bytes(int channel, enum role from, struct message *message, pid_t *pid)
{
	bool sent_fds, truncated;
	pid_t sender;
	ssize_t len;

	len = fdpass_receive_credited(channel, message, sizeof *message, MSG_DONTWAIT,
	    &sent_fds, &truncated, &sender);
	if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return MESSAGE_NOTHING;
	if (len <= 0)
		return MESSAGE_CLOSED;
	if (sent_fds || truncated || sender == 0 ||
	    !message_allowed(message, (size_t)len, 0, from, ROLE_MANAGER))
		return MESSAGE_BROKEN;
	if (pid != NULL)
		*pid = sender;
	return MESSAGE_GOT;
}

enum message_got
message_receive(int channel, enum role from, enum role to, struct message *message,
    int *fd, pid_t *pid)
{
	struct fdpass_got got;
	ssize_t len;

	*fd = -1;
	if (to == ROLE_MANAGER)
		return receive_bytes(channel, from, message, pid);
	len = fdpass_receive(channel, message, sizeof *message, MSG_DONTWAIT, &got);
	if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return MESSAGE_NOTHING;
	if (len <= 0) {
		fdpass_drop(&got);
		return MESSAGE_CLOSED;
	}
	if (got.truncated || !message_allowed(message, got.len, got.fd_count, from, to)) {
		fdpass_drop(&got);
		return MESSAGE_BROKEN;
	}
	*fd = fd_take(&got.fds[0]);
	if (pid != NULL)
		*pid = got.pid;
	return MESSAGE_GOT;
}
