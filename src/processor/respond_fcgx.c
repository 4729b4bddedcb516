/* By FastCGI: bytes on one stream, as they come.  See respond.h, fcgx.h. */
#include <errno.h>
#include <unistd.h>

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
	ssize_t got;

	while (len > 0) {
		if (respond->used == sizeof respond->out && !fcgx_put(respond, NULL, 0))
			return false;
		got = pread(fd, respond->out + respond->used,
		    len < sizeof respond->out - respond->used ? (size_t)len :
		    sizeof respond->out - respond->used, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			respond->cut = true;
			return false;
		}
		respond->used += (size_t)got;
		offset += got;
		len -= (uint64_t)got;
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
