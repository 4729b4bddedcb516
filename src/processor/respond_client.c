#include <string.h>

#include "processor/respond.h"

/* What is in out[], as body bytes to the client; then these. */
static bool
client_put(struct respond *respond, const void *bytes, size_t len)
{
	struct respond *r = respond;
	bool sent = true;

	if (r->used > r->head_len || !r->raw->begun)
		sent = raw_write(r->raw, &r->answer, r->out + r->head_len, r->used - r->head_len,
		    false);
	if (sent && len > 0)
		sent = raw_write(r->raw, &r->answer, bytes, len, false);
	r->used = r->head_len = 0;
	return sent || respond_lose(r);
}

static bool
client_flush(struct respond *respond)
{
	return client_put(respond, NULL, 0);
}

static bool
client_file(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	struct respond *r = respond;

	/* With nothing but the head in out[], the head goes out with the file. */
	if (r->used > r->head_len && !client_put(r, NULL, 0))
		return false;
	r->used = r->head_len = 0;
	return raw_file(r->raw, &r->answer, fd, offset, len, false) || respond_lose(r);
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
		respond_lose(r);
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

	completion.kind = (uint8_t)kind;
	completion.flags = (uint16_t)flags;
	completion.answer = ANSWER_NONE;
	respond_conclude(respond);
	if (!respond->reported)
		respond_account(respond, &completion);
	return channel_send(respond->channel, &completion, NULL, 0);
}

bool
respond_report(struct respond *respond)
{
	bool there = complete(respond, COMPLETION_ANSWER, 0);

	respond->reported = true;
	return there;
}

static bool
client_finish(struct respond *respond)
{
	respond_conclude(respond);
	return !respond->raw->broken;
}

static bool
client_end(struct respond *respond, unsigned flags)
{
	return complete(respond, COMPLETION_DONE, flags);
}

static bool
client_left(struct respond *respond)
{
	if (!respond->channel->aborted)
		channel_look(respond->channel);
	return respond->channel->aborted || raw_left(respond->raw);
}

static const struct outlet to_client = {
	.put = client_put,
	.flush = client_flush,
	.file = client_file,
	.finish = client_finish,
	.end = client_end,
	.left = client_left,
};

void
respond_to_client(struct respond *respond, struct channel *channel, struct raw *raw,
    bool head_only)
{
	respond_begin(respond, &to_client, head_only);
	respond->channel = channel;
	respond->raw = raw;
}
