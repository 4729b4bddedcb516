#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "processor/host.h"
#include "processor/request.h"

static enum log_level host_least = LEVEL_NOTICE;
static bool (*host_enter)(void);
static bool (*host_log)(int level, const char *text, size_t len);

void
host_begin(enum log_level least, bool (*enter)(void))
{
	host_least = least;
	host_enter = enter;
}

void
host_log_to(bool (*log)(int level, const char *text, size_t len))
{
	host_log = log;
}

static bool
enter_root(void)
{
	return host_enter == NULL || host_enter();
}

/*
 * Between requests: a line to descriptor 2, a socket that a multiplexer reads.
 * Where that is full, or gone, the line is lost; nothing here may wait for it.
 */
static void
log_aside(const char *text, size_t len)
{
	struct iovec pieces[2];
	struct msghdr msg = { 0 };

	memcpy(&pieces[0].iov_base, &text, sizeof text);
	pieces[0].iov_len = len;
	pieces[1].iov_base = (char[]){ '\n' };
	pieces[1].iov_len = 1;
	msg.msg_iov = pieces;
	msg.msg_iovlen = 2;
	if (sendmsg(STDERR_FILENO, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK)
		len = (size_t)writev(STDERR_FILENO, pieces, 2);
	(void)len;
}

__attribute__((format(printf, 2, 3)))
static void
log_text(int level, const char *format, ...)
{
	char text[COMPLETION_MAX_LOG];
	int saved = errno, len;
	va_list args;

	if (level < (int)host_least)
		return;
	if (level > LEVEL_ERROR)
		level = LEVEL_ERROR;
	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof text)
		len = (int)sizeof text - 1;
	if (host_log == NULL || !host_log(level, text, (size_t)len))
		log_aside(text, (size_t)len);
	errno = saved;
}

static ssize_t
read_body(struct request *request, void *to, size_t size)
{
	return body_read(&request->body, to, size);
}

static int
get_body_file(struct request *request)
{
	return body_file(&request->body);
}

static bool
get_body_bytes(struct request *request, const unsigned char **bytes, size_t *len)
{
	return body_bytes(&request->body, bytes, len);
}

static int
get_body_poll(struct request *request)
{
	return body_poll(&request->body);
}

static bool
give_head(struct request *request, const char *fields, size_t len)
{
	const char *why;

	if (respond_head(&request->respond, fields, len, &why))
		return true;
	if (why != NULL)
		log_text(LEVEL_ERROR, "%s: %s", request->view.script_filename[0] != '\0' ?
		    request->view.script_filename : request->view.document_uri, why);
	return false;
}

static bool
give_bytes(struct request *request, const void *bytes, size_t len)
{
	return respond_write(&request->respond, bytes, len);
}

static bool
give_file(struct request *request, int fd, off_t offset, uint64_t len)
{
	return respond_file(&request->respond, fd, offset, len);
}

static bool
give_flush(struct request *request)
{
	return respond_flush(&request->respond);
}

static bool
give_finish(struct request *request)
{
	return respond_finish(&request->respond);
}

static bool
is_aborted(struct request *request)
{
	return respond_left(&request->respond);
}

static bool
is_head_given(const struct request *request)
{
	return request->respond.head_given;
}

static bool
ask_redirect(struct request *request, const char *path_and_query, size_t len)
{
	if (request->respond.head_given || len == 0 || len > sizeof request->redirect ||
	    path_and_query[0] != '/')
		return false;
	memcpy(request->redirect, path_and_query, len);
	request->redirect_len = len;
	return true;
}

static int
get_client(struct request *request)
{
	return request->respond.raw != NULL ? request->respond.raw->fd : -1;
}

static void
abandon(struct request *request)
{
	if (request->respond.raw != NULL)
		respond_abandon(&request->respond);
}

const struct handler_host processor_host = {
	.version = HANDLER_VERSION,
	.enter_root = enter_root,
	.log = log_text,
	.body_read = read_body,
	.body_file = get_body_file,
	.body_bytes = get_body_bytes,
	.head = give_head,
	.write = give_bytes,
	.send_file = give_file,
	.flush = give_flush,
	.finish = give_finish,
	.aborted = is_aborted,
	.head_given = is_head_given,
	.redirect = ask_redirect,
	.body_poll = get_body_poll,
	.client = get_client,
	.abandon = abandon,
};
