#include "handlers/php_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <php_streams.h>

#include <peruserd/envelope.h>

/*
 * PHP copies a body into a stream of its own, in pieces of 16 KiB, and into a
 * temporary file above that.  Ours lies whole in memory or in a spooled file,
 * so php://input reads it there; only a body that still arrives goes PHP's way.
 */
#define FILE_WINDOW (128u * 1024)       /* bytes of a spooled body read at once */

static struct {
	const unsigned char *bytes;     /* all of it, or NULL */
	int file;                       /* all of it, or -1 */
	uint64_t total;                 /* of these two */
	uint64_t at;                    /* how far read_post has come */
	uint64_t window_at;             /* what of the file is in the window */
	size_t window_len;
	char *window;                   /* FILE_WINDOW bytes once it was needed; kept */
} body;

static void (*default_reader)(void);

void
php_body_begin(void)
{
	const struct handler_host *host = php_now.host;
	size_t len;

	body.bytes = NULL;
	body.file = -1;
	body.at = body.total = body.window_len = 0;
	if (php_now.view->body_total == 0)
		return;
	if (host->body_bytes(php_now.request, &body.bytes, &len)) {
		body.total = len;
		return;
	}
	body.bytes = NULL;
	if (php_now.view->body_total == BODY_UNTIL_END)
		return;
	body.file = host->body_file(php_now.request);
	body.total = php_now.view->body_total;
}

static bool
body_is_here(void)
{
	return body.bytes != NULL || body.file != -1;
}

/* Bytes of the body from that offset on; 0 at its end. */
static ssize_t
body_copy(uint64_t from, char *to, size_t size)
{
	ssize_t got;
	size_t some;

	if (from >= body.total)
		return 0;
	if (size > body.total - from)
		size = body.total - from;
	if (body.bytes != NULL) {
		memcpy(to, body.bytes + from, size);
		return size;
	}
	if (size >= FILE_WINDOW)
		return pread(body.file, to, size, from);
	if (from < body.window_at || from >= body.window_at + body.window_len) {
		if (body.window == NULL)
			body.window = pemalloc(FILE_WINDOW, 1);
		body.window_len = 0;
		got = pread(body.file, body.window, FILE_WINDOW, from);
		if (got <= 0)
			return got;
		body.window_at = from;
		body.window_len = got;
	}
	some = body.window_at + body.window_len - from;
	if (some > size)
		some = size;
	memcpy(to, body.window + (from - body.window_at), some);
	return some;
}

/* sapi_module.read_post: a short answer means the end, so fill all of it. */
size_t
php_body_read(char *to, size_t size)
{
	size_t done = 0;
	ssize_t got;

	if (php_now.request == NULL)
		return 0;
	while (done < size) {
		got = body_is_here() ? body_copy(body.at, to + done, size - done)
		    : php_now.host->body_read(php_now.request, to + done, size - done);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		body.at += got;
		done += got;
	}
	return done;
}

/* ---- the body as a stream */

struct body_stream {
	uint64_t at;
};

static ssize_t
stream_read(php_stream *stream, char *to, size_t size)
{
	struct body_stream *state = stream->abstract;
	size_t done = 0;
	ssize_t got = 0;

	while (done < size) {
		got = body_copy(state->at, to + done, size - done);
		if (got <= 0)
			break;
		state->at += got;
		done += got;
	}
	if (state->at >= body.total || got <= 0)
		stream->eof = 1;
	return done > 0 || got == 0 ? (ssize_t)done : -1;
}

static ssize_t
stream_write(php_stream *stream, const char *from, size_t size)
{
	(void)stream, (void)from, (void)size;
	return -1;
}

static int
stream_close(php_stream *stream, int close_handle)
{
	(void)close_handle;
	efree(stream->abstract);
	stream->abstract = NULL;
	return 0;
}

static int
stream_flush(php_stream *stream)
{
	(void)stream;
	return 0;
}

static int
stream_seek(php_stream *stream, zend_off_t offset, int whence, zend_off_t *new_offset)
{
	struct body_stream *state = stream->abstract;
	int64_t base = whence == SEEK_CUR ? (int64_t)state->at :
	    whence == SEEK_END ? (int64_t)body.total : 0;
	int64_t to = base + offset;

	if (to < 0 || to > (int64_t)body.total) {
		*new_offset = state->at;
		return -1;
	}
	state->at = to;
	*new_offset = to;
	stream->eof = 0;
	return 0;
}

static const php_stream_ops stream_ops = {
	stream_write,
	stream_read,
	stream_close,
	stream_flush,
	"peruserd body",
	stream_seek,
	NULL, /* cast */
	NULL, /* stat */
	NULL, /* set_option */
};

static void
stream_preset(void)
{
	struct body_stream *state = emalloc(sizeof *state);
	php_stream *stream;

	state->at = 0;
	stream = php_stream_alloc(&stream_ops, state, NULL, "rb");
	stream->flags |= PHP_STREAM_FLAG_NO_BUFFER;
	SG(request_info).request_body = stream;
	SG(read_post_bytes) = body.total;
	SG(post_read) = 1;
}

/* The reader of forms, with PHP's own check and words. */
static void
read_form(void)
{
	zend_long length = SG(request_info).content_length;

	if (!body_is_here()) {
		sapi_read_standard_form_data();
		return;
	}
	if (SG(post_max_size) > 0 && length > SG(post_max_size)) {
		php_error_docref(NULL, E_WARNING, "POST Content-Length of " ZEND_LONG_FMT
		    " bytes exceeds the limit of " ZEND_LONG_FMT " bytes", length,
		    SG(post_max_size));
		return;
	}
	stream_preset();
}

/* The reader of whatever else is posted. */
static void
read_default(void)
{
	if (!body_is_here())
		default_reader();
	else if (SG(request_info).post_entry == NULL && SG(request_info).request_body == NULL &&
	    strcmp(SG(request_info).request_method, "POST") == 0)
		read_form();
}

/*
 * A body that no reader of posts wanted: PUT, PATCH, or enable_post_data_reading
 * off.  An upload's (multipart) is being read by PHP itself, through read_post.
 */
void
php_body_preset(void)
{
	if (body_is_here() && SG(request_info).request_body == NULL &&
	    SG(request_info).content_type_dup == NULL)
		stream_preset();
}

/* Extensions may have put readers of their own: only PHP's is replaced. */
void
php_body_take(void)
{
	sapi_post_entry *entry;

	default_reader = sapi_module.default_post_reader;
	sapi_module.default_post_reader = read_default;
	ZEND_HASH_FOREACH_PTR(&SG(known_post_content_types), entry) {
		if (entry->post_reader == sapi_read_standard_form_data)
			entry->post_reader = read_form;
	} ZEND_HASH_FOREACH_END();
}
