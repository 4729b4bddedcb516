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

void
respond_begin(struct respond *respond, struct channel *channel, struct raw *raw, bool head_only)
{
	respond->channel = channel;
	respond->raw = raw;
	respond->no_body = head_only;
	respond->head_given = respond->finished = respond->lost = respond->cut = false;
	respond->reported = false;
	respond->where = ANSWER_INLINE;
	respond->sent = 0;
	respond->head_len = respond->used = 0;
}

bool
respond_head(struct respond *respond, const char *fields, size_t len, const char **why)
{
	size_t used = 0;

	*why = NULL;
	if (respond->head_given) {
		*why = "a second head was given";
		return false;
	}
	if (len > ANSWER_HEAD_MAX) {
		*why = "the script's head is too long";
		return false;
	}
	memcpy(respond->out, fields, len);
	switch (answer_parse(respond->out, len, &respond->answer, &used, why)) {
	case ANSWER_HEAD:
		break;
	case ANSWER_MORE:
		*why = "the script's head has no end";
		return false;
	case ANSWER_BAD:
		return false;
	}
	if (used != len) {
		*why = "the script's head ends before its end";
		return false;
	}
	respond->head_len = respond->used = len;
	respond->head_given = true;
	if (respond->answer.status == 204 || respond->answer.status == 304)
		respond->no_body = true;
	return !respond->lost;
}

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

static bool
lose(struct respond *respond)
{
	respond->lost = respond->cut = true;
	return false;
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
			return lose(respond);
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
		return lose(respond);
	while (respond->where == ANSWER_MEMORY && at < respond->sent) {
		got = pread(respond->channel->memory, piece, sizeof piece, (off_t)at);
		if (got <= 0 || (uint64_t)got > respond->sent - at)
			got = got > 0 ? (ssize_t)(respond->sent - at) : got;
		if (got <= 0)
			return lose(respond);
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

/* ---- both, or the client */

/* What is in out[], as body bytes to the client; then these. */
static bool
put_client(struct respond *respond, const void *bytes, size_t len)
{
	struct respond *r = respond;
	bool sent = true;

	if (r->used > r->head_len || !r->raw->begun)
		sent = raw_write(r->raw, &r->answer, r->out + r->head_len, r->used - r->head_len,
		    false);
	if (sent && len > 0)
		sent = raw_write(r->raw, &r->answer, bytes, len, false);
	r->used = r->head_len = 0;
	return sent || lose(r);
}

static bool
put(struct respond *respond, const void *bytes, size_t len)
{
	if (respond->raw != NULL)
		return put_client(respond, bytes, len);
	return (memory_takes(respond, len) && put_memory(respond, bytes, len)) ||
	    put_stream(respond, bytes, len);
}

bool
respond_write(struct respond *respond, const void *bytes, size_t len)
{
	if (respond->lost)
		return false;
	if (respond->finished || respond->no_body)
		return true;
	if (len <= sizeof respond->out - respond->used) {
		memcpy(respond->out + respond->used, bytes, len);
		respond->used += len;
		return true;
	}
	return put(respond, bytes, len);
}

bool
respond_flush(struct respond *respond)
{
	if (respond->lost)
		return false;
	if (respond->finished || respond->used == 0)
		return true;
	if (respond->raw != NULL)
		return put_client(respond, NULL, 0);
	return put_stream(respond, NULL, 0);
}

/* ---- files */

static bool
small_file(struct respond *respond, int fd, off_t offset, size_t len)
{
	ssize_t got;

	while (len > 0) {
		got = pread(fd, respond->out + respond->used, len, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			respond->cut = true;
			return false;
		}
		respond->used += (size_t)got;
		offset += got;
		len -= (size_t)got;
	}
	return true;
}

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
			return lose(respond);
		}
	}
	return true;
}

static bool
file_to_memory(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	if (respond->used > 0 && !put_memory(respond, NULL, 0))
		return lose(respond);
	respond->where = ANSWER_MEMORY;
	if (lseek(respond->channel->memory, (off_t)respond->sent, SEEK_SET) < 0)
		return lose(respond);
	return send_pages(respond, respond->channel->memory, fd, offset, len);
}

static bool
file_to_client(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	struct respond *r = respond;

	/* With nothing but the head in out[], the head goes out with the file. */
	if (r->used > r->head_len && !put_client(r, NULL, 0))
		return false;
	r->used = r->head_len = 0;
	return raw_file(r->raw, &r->answer, fd, offset, len, false) || lose(r);
}

bool
respond_file(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	if (respond->lost)
		return false;
	if (respond->finished || respond->no_body || len == 0)
		return true;
	if (len <= sizeof respond->out - respond->used)
		return small_file(respond, fd, offset, (size_t)len);
	if (respond->raw != NULL)
		return file_to_client(respond, fd, offset, len);
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
		put(respond, NULL, 0);
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

bool
respond_pass(struct respond *respond, const char *script_name, const char *path_info)
{
	size_t script = strlen(script_name), info = strlen(path_info);

	if (respond->raw != NULL || respond->head_given || script + info > sizeof respond->out)
		return false;
	memcpy(respond->out, script_name, script);
	memcpy(respond->out + script, path_info, info);
	respond->used = script + info;
	respond->where = ANSWER_PASS;
	respond->head_given = true;
	return true;
}

void
respond_conclude(struct respond *respond)
{
	struct respond *r = respond;

	if (r->finished)
		return;
	r->finished = true;
	if (!r->head_given) {
		r->raw->broken = true;
		return;
	}
	if (!r->lost && (r->used > r->head_len || !r->raw->begun) &&
	    !raw_write(r->raw, &r->answer, r->out + r->head_len, r->used - r->head_len,
	    !r->raw->begun && !r->cut))
		lose(r);
	raw_finish(r->raw, r->cut);
}

void
respond_abandon(struct respond *respond)
{
	respond->head_given = respond->finished = respond->lost = respond->cut = true;
	respond->answer.status = 101;
	respond->raw->broken = true;
}

void
respond_account(const struct respond *respond, struct completion *completion)
{
	completion->status = (uint16_t)(respond->head_given ? respond->answer.status : 500);
	completion->sent = respond->raw->sent;
}

static bool
complete(struct respond *respond, enum completion_kind kind, unsigned flags)
{
	struct completion completion = { 0 };
	size_t len = 0;

	completion.kind = (uint8_t)kind;
	completion.flags = (uint16_t)flags;
	completion.answer = ANSWER_NONE;
	if (respond->raw != NULL) {
		respond_conclude(respond);
		if (!respond->reported)
			respond_account(respond, &completion);
	} else if (!respond->finished) {
		locate(respond, &completion);
		len = completion.answer == ANSWER_INLINE ||
		    completion.answer == ANSWER_PASS ? respond->used : 0;
	}
	respond->finished = true;
	return channel_send(respond->channel, &completion, respond->out, len);
}

bool
respond_finish(struct respond *respond)
{
	if (respond->finished || !respond->head_given)
		return respond->finished;
	if (respond->raw == NULL)
		return complete(respond, COMPLETION_ANSWER, 0);
	respond_conclude(respond);
	return !respond->raw->broken;
}

bool
respond_report(struct respond *respond)
{
	bool there = complete(respond, COMPLETION_ANSWER, 0);

	respond->reported = true;
	return there;
}

bool
respond_end(struct respond *respond, unsigned flags)
{
	return complete(respond, COMPLETION_DONE, flags);
}
