#include <assert.h>
#include <string.h>

#include <peruserd/envelope.h>

static_assert(sizeof(struct envelope) == 56, "the envelope has no holes");
static_assert(sizeof(struct completion) == 56, "the completion has no holes");

#define FD_FLAGS (ENVELOPE_BODY_FILE | ENVELOPE_BODY_STREAM | ENVELOPE_MEMORY | \
	ENVELOPE_STREAM | ENVELOPE_RAW)

unsigned
envelope_fds(unsigned flags)
{
	return (unsigned)__builtin_popcount(flags & FD_FLAGS);
}

static bool
flags_fit(unsigned flags)
{
	if ((flags & ~ENVELOPE_FLAGS) != 0 || envelope_fds(flags) > ENVELOPE_MAX_FDS)
		return false;
	if ((flags & ENVELOPE_BODY_FILE) && (flags & ENVELOPE_BODY_STREAM))
		return false;
	/* Its head is put together with another answer's, by us. */
	if ((flags & ENVELOPE_NAMED) && (flags & ENVELOPE_RAW))
		return false;
	/* Sticky and keep-alive are about a socket that was given away. */
	return (flags & ENVELOPE_RAW) ||
	    !(flags & (ENVELOPE_STICKY | ENVELOPE_KEEP_ALIVE | ENVELOPE_LOGGED));
}

static bool
lengths_fit(const struct envelope *e, size_t len)
{
	if (e->vars_len > ENVELOPE_MAX_VARS || e->body_len > ENVELOPE_MAX_BODY ||
	    e->rest_len > ENVELOPE_MAX_REST)
		return false;
	if (len != sizeof *e + e->vars_len + e->body_len + e->rest_len)
		return false;
	if (e->kind != ENVELOPE_REQUEST)
		return len == sizeof *e && e->flags == 0;
	if (!(e->flags & (ENVELOPE_BODY_FILE | ENVELOPE_BODY_STREAM)))
		return e->body_total == e->body_len;
	return e->body_total >= e->body_len;
}

bool
envelope_check(const void *bytes, size_t len, unsigned fds, struct envelope_parts *parts)
{
	const unsigned char *at = bytes;
	struct envelope e;
	const unsigned char *vars;

	if (len < sizeof e)
		return false;
	memcpy(&e, bytes, sizeof e);
	if (e.magic != ENVELOPE_MAGIC || e.kind < ENVELOPE_REQUEST || e.kind > ENVELOPE_LAST ||
	    !flags_fit(e.flags) || envelope_fds(e.flags) != fds || !lengths_fit(&e, len))
		return false;
	vars = at + sizeof e;
	/* The nv borrows for reading here; it is handed on as such. */
	memcpy(&parts->vars.data, &vars, sizeof vars);
	parts->vars.len = parts->vars.size = e.vars_len;
	parts->body = vars + e.vars_len;
	parts->rest = parts->body + e.body_len;
	return nv_valid(&parts->vars);
}

static bool
answer_fits(const struct completion *c, uint64_t memory_size)
{
	switch (c->answer) {
	case ANSWER_NONE:
	case ANSWER_FAILED:
		return c->answer_len == 0;
	case ANSWER_INLINE:
		return c->answer_len == c->data_len;
	case ANSWER_MEMORY:
		return c->data_len == 0 && c->answer_len <= memory_size;
	case ANSWER_STREAM:
		return c->data_len == 0;
	case ANSWER_PASS:
		return c->data_len > 0 && c->answer_len == 0;
	}
	return false;
}

static bool
kind_fits(const struct completion *c, uint64_t memory_size)
{
	switch (c->kind) {
	case COMPLETION_LOG:
		return c->answer == ANSWER_NONE && c->data_len <= COMPLETION_MAX_LOG;
	case COMPLETION_TRACE:
		return c->answer == ANSWER_NONE && c->data_len <= COMPLETION_MAX_TRACE;
	case COMPLETION_SERVED:
		return c->answer == ANSWER_NONE && c->count > 0 &&
		    c->data_len <= COMPLETION_MAX_DATA;
	case COMPLETION_ANSWER:
	case COMPLETION_DONE:
		if (c->answer != ANSWER_INLINE && c->answer != ANSWER_PASS && c->data_len != 0)
			return false;
		return c->data_len <= COMPLETION_MAX_DATA && answer_fits(c, memory_size);
	}
	return false;
}

bool
completion_check(const void *bytes, size_t len, uint64_t memory_size,
    const unsigned char **data)
{
	struct completion c;

	if (len < sizeof c)
		return false;
	memcpy(&c, bytes, sizeof c);
	if (c.magic != COMPLETION_MAGIC || (c.flags & ~COMPLETION_FLAGS) != 0 ||
	    len - sizeof c != c.data_len || !kind_fits(&c, memory_size))
		return false;
	*data = (const unsigned char *)bytes + sizeof c;
	return true;
}
