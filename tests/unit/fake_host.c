#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"

static struct request *current;         /* log() has no request */
static char directory[] = "/tmp/peruserd-test-XXXXXX";
static bool directory_made;
static char path[PATH_MAX];

static bool
enter_root(void)
{
	return true;
}

static void __attribute__((format(printf, 2, 3)))
take_log(int level, const char *format, ...)
{
	size_t len = strlen(current->log);
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(current->log + len, sizeof current->log - len, format, args);
	va_end(args);
	len = strlen(current->log);
	snprintf(current->log + len, sizeof current->log - len, "\n");
}

static ssize_t
body_read(struct request *request, void *to, size_t size)
{
	size_t left = request->send_len - request->sent;

	if (left > size)
		left = size;
	if (left > 0)
		memcpy(to, request->send + request->sent, left);
	request->sent += left;
	return (ssize_t)left;
}

static int
body_file(struct request *request)
{
	return request->send_file;
}

static bool
body_bytes(struct request *request, const unsigned char **bytes, size_t *len)
{
	if (request->send_streams)
		return false;
	*bytes = (const unsigned char *)request->send;
	*len = request->send_len;
	return true;
}

static bool
give_head(struct request *request, const char *fields, size_t len)
{
	request->heads++;
	assert_true(len < sizeof request->head);
	memcpy(request->head, fields, len);
	request->head[len] = '\0';
	return !request->gone;
}

static bool
give_body(struct request *request, const void *bytes, size_t len)
{
	size_t room = sizeof request->body - 1;

	if (request->body_len < room)
		memcpy(request->body + request->body_len, bytes,
		    len < room - request->body_len ? len : room - request->body_len);
	request->body_len += len;
	return !request->gone;
}

static bool
send_file(struct request *request, int fd, off_t offset, uint64_t len)
{
	char bytes[4096];
	ssize_t got;

	while (len > 0) {
		got = pread(fd, bytes, len < sizeof bytes ? len : sizeof bytes, offset);
		assert_true(got > 0);
		give_body(request, bytes, (size_t)got);
		offset += got;
		len -= (uint64_t)got;
	}
	return !request->gone;
}

static bool
flush(struct request *request)
{
	request->flushes++;
	return !request->gone;
}

static bool
finish(struct request *request)
{
	request->finishes++;
	return true;
}

static bool
aborted(struct request *request)
{
	return request->gone;
}

static bool
head_given(const struct request *request)
{
	return request->heads > 0;
}

static bool
redirect(struct request *request, const char *to, size_t len)
{
	snprintf(request->redirect, sizeof request->redirect, "%.*s", (int)len, to);
	return true;
}

const struct handler_host fake_host = {
	.version = HANDLER_VERSION,
	.enter_root = enter_root, .log = take_log,
	.body_read = body_read, .body_file = body_file, .body_bytes = body_bytes,
	.head = give_head, .write = give_body, .send_file = send_file,
	.flush = flush, .finish = finish, .aborted = aborted,
	.head_given = head_given, .redirect = redirect,
};

void
fake_begin(struct request *request, const char *root, const char *script_name,
    const char *script_filename)
{
	size_t i;

	memset(request, 0, sizeof *request);
	current = request;
	request->send_file = -1;
	request->vars.data = request->vars_room;
	request->vars.size = sizeof request->vars_room;
	for (i = 0; i < CONFINE_LIMITS; i++)
		request->pool.limits[i] = CONFINE_UNSET;
	request->view.vars = &request->vars;
	request->view.pool = &request->pool;
	request->view.vhost = &request->vhost;
	request->view.method = "GET";
	request->view.document_uri = script_name;
	request->view.document_root = root;
	request->view.script_filename = script_filename;
	request->view.script_name = script_name;
	request->view.path_info = request->view.query_string = request->view.content_type = "";
}

void
fake_var(struct request *request, const char *name, const char *value)
{
	assert_true(nv_put_str(&request->vars, name, value));
}

bool
fake_has_field(const struct request *request, const char *field)
{
	size_t len = strlen(field);
	const char *line = request->head;

	for (; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, field, len) == 0 && (line[len] == '\r' || line[len] == '\n'))
			return true;
	}
	return false;
}

const char *
fake_directory(void)
{
	if (!directory_made)
		assert_non_null(mkdtemp(directory));
	directory_made = true;
	return directory;
}

const char *
fake_write(const char *name, const char *text, mode_t mode)
{
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", fake_directory(), name);
	unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

void
fake_remove(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	if (directory_made)
		assert_int_equal(system(command), 0);
}
