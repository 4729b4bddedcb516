#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "processor/respond.h"

void
respond_begin(struct respond *respond, const struct outlet *outlet, bool head_only)
{
	respond->outlet = outlet;
	respond->channel = NULL;
	respond->raw = NULL;
	respond->fcgx = NULL;
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

bool
respond_lose(struct respond *respond)
{
	respond->lost = respond->cut = true;
	return false;
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
	return respond->outlet->put(respond, bytes, len);
}

bool
respond_flush(struct respond *respond)
{
	if (respond->lost)
		return false;
	if (respond->finished || respond->used == 0)
		return true;
	return respond->outlet->flush(respond);
}

bool
respond_take(struct respond *respond, int fd, off_t offset, size_t len)
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

bool
respond_file(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	if (respond->lost)
		return false;
	if (respond->finished || respond->no_body || len == 0)
		return true;
	if (len <= sizeof respond->out - respond->used)
		return respond_take(respond, fd, offset, (size_t)len);
	return respond->outlet->file(respond, fd, offset, len);
}

bool
respond_finish(struct respond *respond)
{
	if (respond->finished || !respond->head_given)
		return respond->finished;
	return respond->outlet->finish(respond);
}

bool
respond_end(struct respond *respond, unsigned flags)
{
	return respond->outlet->end(respond, flags);
}

bool
respond_left(struct respond *respond)
{
	return respond->lost || respond->outlet->left(respond);
}
