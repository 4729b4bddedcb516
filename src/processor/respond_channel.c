#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "processor/respond.h"

#define COPY_PIECE (16 * 1024)
#define FILE_PIECE (1u << 30)

/* ---- the memory */

/* How long the whole answer will be: as it said, else at least this. */
static uint64_t
expected(const struct respond *respond, uint64_t more)
{
	uint64_t so_far = respond->sent + respond->used + more;
	uint64_t said;

	if (respond->sent > 0 || respond->answer.content_length == ANSWER_LENGTH_NONE)
		return so_far;
	said = respond->head_len + (uint64_t)respond->answer.content_length;
	return said > so_far ? said : so_far;
}

static bool
memory_takes(const struct respond *respond, uint64_t more)
{
	return respond->where != ANSWER_STREAM && respond->channel->memory >= 0 &&
	    expected(respond, more) <= respond->channel->memory_size;
}

/*
 * What is in out[], then these bytes, to the end of the memory.  False, and
 * nothing changed: it is full, for the machine's memory or the pool's limit on
 * file sizes; the stream may still take it.
 */
static bool
put_memory(struct respond *respond, const void *bytes, size_t len)
{
	struct iovec pieces[2] = { { respond->out, respond->used }, { NULL, len } };
	size_t total = respond->used + len;
	ssize_t put;

	memcpy(&pieces[1].iov_base, &bytes, sizeof bytes);
	do
		put = pwritev(respond->channel->memory, pieces, 2, (off_t)respond->sent);
	while (put < 0 && errno == EINTR);
	if (put != (ssize_t)total)
		return false;
	respond->where = ANSWER_MEMORY;
	respond->sent += total;
	respond->used = 0;
	return true;
}

/* ---- the stream */

static bool
wait_stream(struct respond *respond)
{
	struct pollfd room = { respond->channel->stream, POLLOUT, 0 };

	return poll(&room, 1, -1) >= 0 || errno == EINTR;
}

static bool
stream_bytes(struct respond *respond, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t sent;

	while (len > 0) {
		sent = send(respond->channel->stream, at, len, MSG_NOSIGNAL);
		if (sent >= 0) {
			at += sent;
			len -= (size_t)sent;
		} else if (errno != EINTR && (errno != EAGAIN || !wait_stream(respond))) {
			return respond_lose(respond);
		}
	}
	return true;
}

/*
 * From the memory, which turned out too short, to the stream.  Copied: the
 * memory is used again for the next answer.
 */
static bool
move_to_stream(struct respond *respond)
{
	char piece[COPY_PIECE];
	uint64_t at = 0;
	ssize_t got;

	if (respond->where == ANSWER_STREAM)
		return true;
	if (respond->channel->stream < 0)
		return respond_lose(respond);
	while (respond->where == ANSWER_MEMORY && at < respond->sent) {
		got = pread(respond->channel->memory, piece, sizeof piece, (off_t)at);
		if (got <= 0 || (uint64_t)got > respond->sent - at)
			got = got > 0 ? (ssize_t)(respond->sent - at) : got;
		if (got <= 0)
			return respond_lose(respond);
		if (!stream_bytes(respond, piece, (size_t)got))
			return false;
		at += (uint64_t)got;
	}
	respond->where = ANSWER_STREAM;
	return true;
}

static bool
put_stream(struct respond *respond, const void *bytes, size_t len)
{
	if (!move_to_stream(respond) || !stream_bytes(respond, respond->out, respond->used) ||
	    !stream_bytes(respond, bytes, len))
		return false;
	respond->sent += respond->used + len;
	respond->used = 0;
	return true;
}

static bool
channel_put(struct respond *respond, const void *bytes, size_t len)
{
	return (memory_takes(respond, len) && put_memory(respond, bytes, len)) ||
	    put_stream(respond, bytes, len);
}

static bool
channel_flush(struct respond *respond)
{
	return put_stream(respond, NULL, 0);
}

/* ---- files */

/* To the memory or the stream, from the file's pages. */
static bool
send_pages(struct respond *respond, int to, int fd, off_t offset, uint64_t len)
{
	ssize_t sent;

	while (len > 0) {
		sent = sendfile(to, fd, &offset, len < FILE_PIECE ? (size_t)len : FILE_PIECE);
		if (sent > 0) {
			respond->sent += (uint64_t)sent;
			len -= (uint64_t)sent;
		} else if (sent == 0) {
			respond->cut = true;
			return false;
		} else if (errno != EINTR && (errno != EAGAIN || !wait_stream(respond))) {
			return respond_lose(respond);
		}
	}
	return true;
}

static bool
file_to_memory(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	if (respond->used > 0 && !put_memory(respond, NULL, 0))
		return respond_lose(respond);
	respond->where = ANSWER_MEMORY;
	if (lseek(respond->channel->memory, (off_t)respond->sent, SEEK_SET) < 0)
		return respond_lose(respond);
	return send_pages(respond, respond->channel->memory, fd, offset, len);
}

static bool
channel_file(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	if (memory_takes(respond, len))
		return file_to_memory(respond, fd, offset, len);
	return put_stream(respond, NULL, 0) &&
	    send_pages(respond, respond->channel->stream, fd, offset, len);
}

/* ---- the end */

/* Where the answer is, now that it is whole; its memory or stream is used up. */
static void
locate(struct respond *respond, struct completion *completion)
{
	struct channel *channel = respond->channel;

	if (respond->where == ANSWER_MEMORY && respond->used > 0 && !respond->lost)
		channel_put(respond, NULL, 0);
	if (respond->where == ANSWER_STREAM && respond->used > 0 && !respond->lost)
		put_stream(respond, NULL, 0);
	completion->answer = (uint8_t)respond->where;
	completion->answer_len = respond->sent;
	if (respond->where == ANSWER_INLINE)
		completion->answer_len = respond->used;
	if (!respond->head_given || (respond->lost && respond->where != ANSWER_STREAM)) {
		completion->answer = ANSWER_FAILED;
		completion->answer_len = 0;
	}
	if (completion->answer == ANSWER_MEMORY)
		fd_close(&channel->memory);
	if (respond->where == ANSWER_STREAM)
		fd_close(&channel->stream);
	if (respond->cut)
		completion->flags |= COMPLETION_CUT;
}

static bool
complete(struct respond *respond, enum completion_kind kind, unsigned flags)
{
	struct completion completion = { 0 };
	size_t len = 0;

	completion.kind = (uint8_t)kind;
	completion.flags = (uint16_t)flags;
	completion.answer = ANSWER_NONE;
	if (!respond->finished) {
		locate(respond, &completion);
		len = completion.answer == ANSWER_INLINE ||
		    completion.answer == ANSWER_PASS ? respond->used : 0;
	}
	respond->finished = true;
	return channel_send(respond->channel, &completion, respond->out, len);
}

static bool
channel_finish(struct respond *respond)
{
	return complete(respond, COMPLETION_ANSWER, 0);
}

static bool
channel_end(struct respond *respond, unsigned flags)
{
	return complete(respond, COMPLETION_DONE, flags);
}

static bool
channel_left(struct respond *respond)
{
	if (!respond->channel->aborted)
		channel_look(respond->channel);
	return respond->channel->aborted;
}

static const struct outlet to_channel = {
	.put = channel_put,
	.flush = channel_flush,
	.file = channel_file,
	.finish = channel_finish,
	.end = channel_end,
	.left = channel_left,
};

void
respond_to_channel(struct respond *respond, struct channel *channel, bool head_only)
{
	respond_begin(respond, &to_channel, head_only);
	respond->channel = channel;
}

bool
respond_pass(struct respond *respond, const char *script_name, const char *path_info)
{
	size_t script = strlen(script_name), info = strlen(path_info);

	if (respond->outlet != &to_channel || respond->head_given || script + info > sizeof respond->out)
		return false;
	memcpy(respond->out, script_name, script);
	memcpy(respond->out + script, path_info, info);
	respond->used = script + info;
	respond->where = ANSWER_PASS;
	respond->head_given = true;
	return true;
}
