/*
 * The static handler: one regular file, whole or in part.  What exists and may
 * be seen was decided by resolve.c; the file is opened as the user, so the
 * kernel has the last word.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "handlers/conditions.h"
#include "handlers/handlers.h"
#include "handlers/mime.h"
#include "handlers/opened.h"
#include "handlers/page.h"
#include "handlers/ranges.h"
#include "http/date.h"

#define SMALL     (32u * 1024)  /* a body up to this is read, a longer one sent by the kernel */
#define HEAD_SIZE 1024
#define ETAG_SIZE 64
#define BOUNDARY  32            /* hexadecimal digits */
#define METHODS   "Allow: GET, HEAD, OPTIONS\r\n"
#define UTF_8     "; charset=utf-8"

static const struct handler_host *host;
static const char *mime_path = "/etc/mime.types";
static struct mime *mime;

/* One answer in the making. */
struct sending {
	struct request *request;
	const struct request_view *view;
	int fd;
	uint64_t size;
	const char *type;
	const char *charset;            /* "" or UTF_8 */
	char etag[ETAG_SIZE];
	char modified[DATE_LEN + 1];
	bool body;                      /* GET: the body follows */
	struct opened_note *note;       /* or NULL */
};

void
static_mime_types(const char *path)
{
	mime_path = path;
}

static bool
static_load(const struct handler_host *with, const struct settings *settings,
    const struct pool_settings *pool)
{
	int error;

	(void)settings;
	(void)pool;
	host = with;
	mime_free(&mime);
	mime = mime_new(mime_path, &error);
	if (mime == NULL) {
		host->log(LEVEL_ERROR, "no memory for the MIME types");
		return false;
	}
	if (error != 0)
		host->log(LEVEL_WARNING, "%s: %s; the most common MIME types only",
		    mime_path, strerror(error));
	return true;
}

static void
fail(struct request *request, const struct request_view *view, int error)
{
	int status = 500;

	if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG)
		status = 404;
	else if (error == EACCES || error == EPERM || error == ELOOP || error == ENXIO)
		status = 403;
	if (status != 404)
		host->log(LEVEL_ERROR, "%s: %s", view->script_filename, strerror(error));
	page_give(host, request, view, status, NULL);
}

/* Send the head where it was formatted whole. */
static bool
give_head(const struct sending *sending, const char *head, int len)
{
	return len > 0 && len < HEAD_SIZE && host->head(sending->request, head, (size_t)len);
}

/* The fields that a 200, a 206 and a 304 share (RFC 9110, 15.4.5). */
static int
shared_fields(const struct sending *sending, const char *status, char head[HEAD_SIZE])
{
	return snprintf(head, HEAD_SIZE, "Status: %s\r\nETag: %s\r\nLast-Modified: %s\r\n",
	    status, sending->etag, sending->modified);
}

static int
body_fields(const struct sending *sending, bool part, const struct range *range,
    char head[HEAD_SIZE])
{
	int len = shared_fields(sending, part ? "206 Partial Content" : "200 OK", head);

	len += snprintf(head + len, HEAD_SIZE - (size_t)len,
	    "Accept-Ranges: bytes\r\nContent-Type: %s%s\r\nContent-Length: %" PRIu64 "\r\n",
	    sending->type, sending->charset, range->len);
	if (len < HEAD_SIZE && part)
		len += snprintf(head + len, HEAD_SIZE - (size_t)len,
		    "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
		    range->first, range->first + range->len - 1, sending->size);
	if (len < HEAD_SIZE)
		len += snprintf(head + len, HEAD_SIZE - (size_t)len, "\r\n");
	return len;
}

static ssize_t
read_part(int fd, char *to, size_t len, uint64_t from)
{
	size_t done = 0;
	ssize_t got;

	while (done < len) {
		got = pread(fd, to + done, len - done, (off_t)(from + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* The same will be asked for again: what is short is kept, head and body. */
static void
note_answer(const struct sending *sending, const char *head, int head_len, const char *body,
    size_t len)
{
	struct opened_note *note = sending->note;

	if (note == NULL || (size_t)head_len > sizeof note->head || len > sizeof note->body)
		return;
	memcpy(note->head, head, (size_t)head_len);
	memcpy(note->body, body, len);
	note->head_len = (size_t)head_len;
	note->body_len = len;
}

static enum handler_result
send_noted(const struct sending *sending)
{
	const struct opened_note *note = sending->note;

	if (host->head(sending->request, note->head, note->head_len) && note->body_len > 0)
		host->write(sending->request, note->body, note->body_len);
	return HANDLER_DONE;
}

/* One stretch of the file, or all of it.  A small one is read before the head promises it. */
static enum handler_result
send_stretch(const struct sending *sending, const struct range *range, bool part)
{
	char head[HEAD_SIZE], body[SMALL];
	int head_len = body_fields(sending, part, range, head);
	bool small = range->len <= sizeof body;

	if (small && sending->body &&
	    read_part(sending->fd, body, (size_t)range->len, range->first) != (ssize_t)range->len) {
		host->log(LEVEL_ERROR, "%s: it shrank, or can't be read",
		    sending->view->script_filename);
		page_give(host, sending->request, sending->view, 500, NULL);
		return HANDLER_DONE;
	}
	if (!give_head(sending, head, head_len) || !sending->body || range->len == 0)
		return HANDLER_DONE;
	if (small && !part)
		note_answer(sending, head, head_len, body, (size_t)range->len);
	if (small)
		host->write(sending->request, body, (size_t)range->len);
	else
		host->send_file(sending->request, sending->fd, (off_t)range->first, range->len);
	return HANDLER_DONE;
}

static int
part_head(const struct sending *sending, const char *boundary, const struct range *range,
    char out[HEAD_SIZE])
{
	return snprintf(out, HEAD_SIZE,
	    "\r\n--%s\r\nContent-Type: %s%s\r\n"
	    "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
	    boundary, sending->type, sending->charset, range->first,
	    range->first + range->len - 1, sending->size);
}

static void
make_boundary(char boundary[BOUNDARY + 1])
{
	unsigned char random[BOUNDARY / 2] = { 0 };
	size_t i;

	while (getrandom(random, sizeof random, 0) < 0 && errno == EINTR)
		;
	for (i = 0; i < sizeof random; i++)
		snprintf(boundary + 2 * i, 3, "%02x", random[i]);
}

/* Several stretches: multipart/byteranges (RFC 9110, 14.6). */
static enum handler_result
send_parts(const struct sending *sending, const struct ranges *ranges)
{
	char boundary[BOUNDARY + 1], head[HEAD_SIZE], part[HEAD_SIZE];
	uint64_t length = sizeof "\r\n----\r\n" - 1 + BOUNDARY;
	unsigned i;
	int len;

	make_boundary(boundary);
	for (i = 0; i < ranges->count; i++) {
		len = part_head(sending, boundary, &ranges->at[i], part);
		if (len < 0 || len >= HEAD_SIZE)
			return HANDLER_DONE;
		length += (uint64_t)len + ranges->at[i].len;
	}
	len = shared_fields(sending, "206 Partial Content", head);
	len += snprintf(head + len, HEAD_SIZE - (size_t)len,
	    "Content-Type: multipart/byteranges; boundary=%s\r\nContent-Length: %" PRIu64 "\r\n\r\n",
	    boundary, length);
	if (!give_head(sending, head, len))
		return HANDLER_DONE;
	for (i = 0; i < ranges->count; i++) {
		len = part_head(sending, boundary, &ranges->at[i], part);
		if (!host->write(sending->request, part, (size_t)len) ||
		    !host->send_file(sending->request, sending->fd,
		    (off_t)ranges->at[i].first, ranges->at[i].len))
			return HANDLER_DONE;
	}
	len = snprintf(part, sizeof part, "\r\n--%s--\r\n", boundary);
	host->write(sending->request, part, (size_t)len);
	return HANDLER_DONE;
}

static enum handler_result
send_file(const struct sending *sending, const struct conditions *conditions,
    const struct validators *is)
{
	struct range whole = { 0, sending->size };
	struct ranges ranges;
	char extra[64];

	if (!sending->body || conditions->range.at == NULL ||
	    !conditions_allow_range(conditions, is))
		return send_stretch(sending, &whole, false);
	switch (ranges_read(conditions->range.at, conditions->range.len, sending->size, &ranges)) {
	case RANGES_SOME:
		if (ranges.count > 1)
			return send_parts(sending, &ranges);
		return send_stretch(sending, &ranges.at[0], true);
	case RANGES_BEYOND:
		snprintf(extra, sizeof extra, "Content-Range: bytes */%" PRIu64 "\r\n",
		    sending->size);
		page_give(host, sending->request, sending->view, 416, extra);
		return HANDLER_DONE;
	case RANGES_IGNORE:
		break;
	}
	return send_stretch(sending, &whole, false);
}

static enum handler_result
answer(struct sending *sending, const struct stat *is)
{
	struct conditions conditions;
	struct validators validators;
	char head[HEAD_SIZE];
	time_t now = time(NULL);
	int status, len;

	conditions_find(sending->view->vars, &conditions);
	sending->note = opened_note(sending->fd, is);
	if (sending->body && sending->note != NULL && sending->note->head_len > 0 &&
	    !conditions_any(&conditions))
		return send_noted(sending);
	/* RFC 9110, 8.8.2.1: never a date that is still to come */
	validators.modified = is->st_mtim.tv_sec < now ? is->st_mtim.tv_sec : now;
	date_write(sending->modified, validators.modified);
	len = snprintf(sending->etag, sizeof sending->etag, "\"%llx%08lx-%llx-%llx\"",
	    (unsigned long long)is->st_mtim.tv_sec, (unsigned long)is->st_mtim.tv_nsec,
	    (unsigned long long)is->st_size, (unsigned long long)is->st_ino);
	validators.etag.at = sending->etag;
	validators.etag.len = (size_t)len;
	status = conditions_status(&conditions, &validators);
	if (status == 304) {
		len = shared_fields(sending, "304 Not Modified", head);
		len += snprintf(head + len, sizeof head - (size_t)len, "\r\n");
		give_head(sending, head, len);
		return HANDLER_DONE;
	}
	if (status != 0) {
		page_give(host, sending->request, sending->view, status, NULL);
		return HANDLER_DONE;
	}
	sending->type = mime_find(mime, sending->view->script_filename);
	sending->charset = strncmp(sending->type, "text/", 5) == 0 ? UTF_8 : "";
	return send_file(sending, &conditions, &validators);
}

static enum handler_result
static_serve(struct request *request, const struct request_view *view)
{
	struct sending sending = { .request = request, .view = view, .fd = -1 };
	enum handler_result result = HANDLER_DONE;
	struct stat is;

	sending.body = strcmp(view->method, "GET") == 0;
	if (!sending.body && strcmp(view->method, "HEAD") != 0) {
		page_give(host, request, view,
		    strcmp(view->method, "OPTIONS") == 0 ? 200 : 405, METHODS);
		return HANDLER_DONE;
	}
	sending.fd = opened_open(view->script_filename, &is);
	if (sending.fd < 0) {
		fail(request, view, errno);
	} else if (!S_ISREG(is.st_mode)) {
		page_give(host, request, view, S_ISDIR(is.st_mode) ? 404 : 403, NULL);
	} else {
		sending.size = (uint64_t)is.st_size;
		result = answer(&sending, &is);
	}
	opened_close(sending.fd);
	return result;
}

static void
static_end(void)
{
	opened_end();
	mime_free(&mime);
}

const struct handler static_handler = {
	.version = HANDLER_VERSION,
	.name = "static",
	.load = static_load,
	.serve = static_serve,
	.end = static_end,
};
