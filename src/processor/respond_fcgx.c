/* By FastCGI: bytes on one stream, as they come.  See respond.h, fcgx.h. */
#include "processor/fcgx.h"
#include "processor/respond.h"
#include "wire/fcgi.h"

static bool
fcgx_put(struct respond *respond, const void *bytes, size_t len)
{
	size_t used = respond->used;

	respond->used = 0;
	return (fcgx_write(respond->fcgx, respond->out, used) &&
	    fcgx_write(respond->fcgx, bytes, len)) || respond_lose(respond);
}

static bool
fcgx_put_now(struct respond *respond)
{
	return fcgx_put(respond, NULL, 0) && (fcgx_flush(respond->fcgx) || respond_lose(respond));
}

static bool
fcgx_file(struct respond *respond, int fd, off_t offset, uint64_t len)
{
	size_t part;

	for (; len > 0; len -= part, offset += (off_t)part) {
		if (respond->used == sizeof respond->out && !fcgx_put(respond, NULL, 0))
			return false;
		part = sizeof respond->out - respond->used;
		if (part > len)
			part = (size_t)len;
		if (!respond_take(respond, fd, offset, part))
			return false;
	}
	return true;
}

static bool
fcgx_whole(struct respond *respond)
{
	if (respond->cut || !fcgx_put(respond, NULL, 0))
		return false;
	respond->finished = true;
	return fcgx_finish(respond->fcgx) || respond_lose(respond);
}

static bool
fcgx_over(struct respond *respond, unsigned flags)
{
	unsigned status = flags & COMPLETION_LEAVING ? FCGI_OUR_LEAVING : 0;

	if (!respond->finished && !respond->lost)
		fcgx_put(respond, NULL, 0);
	if (!respond->finished && respond->cut)
		status |= FCGI_OUR_CUT;
	respond->finished = true;
	fcgx_end(respond->fcgx, status);
	return true;
}

static bool
fcgx_gone(struct respond *respond)
{
	return fcgx_left(respond->fcgx);
}

static const struct outlet to_fcgx = {
	.put = fcgx_put,
	.flush = fcgx_put_now,
	.file = fcgx_file,
	.finish = fcgx_whole,
	.end = fcgx_over,
	.left = fcgx_gone,
};

void
respond_to_fcgx(struct respond *respond, struct fcgx *fcgx, bool head_only)
{
	respond_begin(respond, &to_fcgx, head_only);
	respond->fcgx = fcgx;
}
