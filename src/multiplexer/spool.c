#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/guard.h"
#include "multiplexer/front.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/spool.h"

static void
feed_events(struct body *body, bool on)
{
	if (body->armed == on)
		return;
	if (on)
		event_add(&body->event, NULL);
	else
		event_del(&body->event);
	body->armed = on;
}

/* Its user may have sent what lingers; nobody ever read it. */
static void
feed_close(struct body *body)
{
	if (body->ours < 0)
		return;
	guard_rights();
	fd_close(&body->ours);
}

static uint64_t *
used_at(const struct body *body, enum body_place place)
{
	return place == BODY_IN_FILE ? &body->mux->spooled : &body->mux->body_memory;
}

/* Is there room for so much more at that place, among all bodies? */
static bool
has_room(const struct body *body, enum body_place place, uint64_t len)
{
	const struct settings *settings = body->mux->tables->settings;
	uint64_t most = place == BODY_IN_FILE ? settings->spool_total :
	    settings->body_memory_total;
	uint64_t used = *used_at(body, place);

	return used <= most && len <= most - used;
}

static void
claim(struct body *body, uint64_t len)
{
	*used_at(body, body->place) += len;
	body->claimed += len;
}

static void
unclaim(struct body *body)
{
	*used_at(body, body->place) -= body->claimed;
	body->claimed = 0;
}

struct body *
body_new(struct conn *conn, uint64_t total, bool chunked, uint64_t max, bool streaming)
{
	struct body *body = calloc(1, sizeof *body);

	if (body == NULL)
		return NULL;
	body->mux = conn->mux;
	body->conn = conn;
	body->total = total;
	body->chunked = chunked;
	body->max = max;
	body->streaming = streaming;
	body->fd = body->reader = body->ours = body->theirs = -1;
	body->memory.max = streaming ? 2 * MULTIPLEXER_READ : ENVELOPE_MAX_BODY;
	chunked_begin(&body->decoder);
	return body;
}

void
body_free(struct body **body)
{
	feed_events(*body, false);
	unclaim(*body);
	buf_free(&(*body)->memory);
	fd_close(&(*body)->fd);
	fd_close(&(*body)->reader);
	feed_close(*body);
	fd_close(&(*body)->theirs);
	free(*body);
	*body = NULL;
}

/*
 * A file that has no name, or one that loses it at once where the folder can't do
 * that.  In a chroot, where no /proc opens it again to read it, *reader does so now.
 */
int
spool_open(struct multiplexer *mux, int *reader)
{
	char name[40];
	int fd;

	fd = mux->chrooted ? -1 :
	    openat(mux->spool_dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (!mux->chrooted && errno != EOPNOTSUPP && errno != EISDIR &&
	    errno != ENOENT))
		return fd;
	snprintf(name, sizeof name, "body.%016llx", (unsigned long long)multiplexer_nonce(mux));
	fd = openat(mux->spool_dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	*reader = openat(mux->spool_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unlinkat(mux->spool_dir, name, 0);
	if (*reader < 0)
		fd_close(&fd);
	return fd;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	ssize_t written;

	while (len > 0) {
		written = write(fd, bytes, len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		len -= (size_t)written;
	}
	return true;
}

static bool
move_to(struct body *body, enum body_place place)
{
	int fd = place == BODY_IN_MEMFD ?
	    memfd_create("peruser-body", MFD_CLOEXEC | MFD_ALLOW_SEALING) :
	    spool_open(body->mux, &body->reader);
	off_t at = 0;
	bool ok = fd >= 0;

	if (ok && body->place == BODY_IN_MEMORY)
		ok = write_all(fd, body->memory.data, body->memory.len);
	while (ok && body->place == BODY_IN_MEMFD && (uint64_t)at < body->len)
		ok = sendfile(fd, body->fd, &at, body->len - (uint64_t)at) > 0 || errno == EINTR;
	if (!ok) {
		fd_close(&fd);
		return false;
	}
	buf_free(&body->memory);
	fd_close(&body->fd);
	body->fd = fd;
	unclaim(body);
	body->place = place;
	claim(body, body->len);
	return true;
}

/* Where a body of that length belongs. */
static enum body_place
place_for(const struct body *body, uint64_t len)
{
	if (len <= ENVELOPE_MAX_BODY)
		return BODY_IN_MEMORY;
	return len <= body->mux->tables->settings->body_memory ? BODY_IN_MEMFD : BODY_IN_FILE;
}

static bool
store(struct body *body, const char *bytes, size_t len)
{
	/* One whose length was said goes where it will end at once. */
	uint64_t expect = body->total != BODY_UNTIL_END ? body->total : body->len + len;
	enum body_place place = place_for(body, expect);

	/* What memory has no room for waits on the disk. */
	if (!body->streaming && !has_room(body, place, len))
		place = BODY_IN_FILE;
	if (place == BODY_IN_FILE && !has_room(body, place, body->place < place ?
	    body->len + len : len)) {
		errno = EDQUOT;
		return false;
	}
	if (!body->streaming && place > body->place && !move_to(body, place))
		return false;
	claim(body, len);
	if (body->place == BODY_IN_MEMORY)
		return buf_add(&body->memory, bytes, len);
	return write_all(body->fd, bytes, len);
}

/* Streaming, and the processor reads: to it, as much as it takes. */
static bool
feed(struct body *body, const char *bytes, size_t len)
{
	ssize_t sent = 0;

	if (body->ours < 0)
		return true;
	if (body->memory.len == 0) {
		sent = send(body->ours, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			/* It reads no more of it; what comes is dropped. */
			feed_close(body);
			return true;
		}
		if (sent < 0)
			sent = 0;
	}
	if ((size_t)sent == len)
		return true;
	feed_events(body, true);
	body->conn->front->feed(body->conn, false);
	return buf_add(&body->memory, bytes + sent, len - (size_t)sent);
}

static void
complain(struct body *body)
{
	const struct settings *settings = body->mux->tables->settings;

	if (errno == EDQUOT)
		logs_complain(body->mux, "a request body can't be kept: spool_total (%llu bytes) "
		    "is used up", (unsigned long long)settings->spool_total);
	else
		logs_complain(body->mux, "a request body can't be kept in %s: %s",
		    body->place == BODY_IN_FILE ? settings->spool_dir : "memory",
		    strerror(errno));
}

static enum body_result
take(struct body *body, const char *bytes, size_t len)
{
	bool kept;

	if (body->max != 0 && len > body->max - body->len)
		return BODY_TOO_LARGE;
	kept = body->feeding ? feed(body, bytes, len) : store(body, bytes, len);
	if (!kept) {
		complain(body);
		return BODY_NO_ROOM;
	}
	body->len += len;
	return BODY_MORE;
}

static enum body_result
push_chunked(struct body *body, const char **at, size_t *left)
{
	enum body_result result = BODY_MORE;
	enum chunked_result got;
	const char *data;
	size_t used, len;

	do {
		got = chunked_decode(&body->decoder, *at, *left, &used, &data, &len);
		*at += used;
		*left -= used;
		if (got == CHUNKED_DATA)
			result = take(body, data, len);
	} while (got == CHUNKED_DATA && result == BODY_MORE);
	if (result != BODY_MORE)
		return result;
	if (got == CHUNKED_BAD)
		return BODY_BAD;
	return got == CHUNKED_END ? BODY_DONE : BODY_MORE;
}

enum body_result
body_push(struct body *body, const char **at, size_t *left)
{
	enum body_result result;
	size_t len = *left;

	if (body->chunked) {
		result = push_chunked(body, at, left);
	} else {
		if (len > body->total - body->len)
			len = (size_t)(body->total - body->len);
		result = len > 0 ? take(body, *at, len) : BODY_MORE;
		*at += len;
		*left -= len;
		if (result == BODY_MORE && body->len == body->total)
			result = BODY_DONE;
	}
	if (result == BODY_DONE)
		body->whole = true;
	return result;
}

static void feed_writable(evutil_socket_t fd, short what, void *context);

static bool
stream_ready(struct body *body)
{
	int pair[2];

	if (!fd_pair(SOCK_STREAM, pair))
		return false;
	fd_set_nonblocking(pair[0], true);
	fd_refuse_rights(pair[0]);
	body->ours = pair[0];
	body->theirs = pair[1];
	event_assign(&body->event, body->mux->base, body->ours, EV_WRITE | EV_PERSIST,
	    feed_writable, body);
	return true;
}

/*
 * The file is handed over as a description of its own that can't write; the
 * memfd so that nobody can, us included.
 */
bool
body_ready(struct body *body)
{
	char path[40];

	if (body->streaming && !body->whole)
		return stream_ready(body);
	body->streaming = false;
	if (body->place == BODY_IN_MEMFD)
		return lseek(body->fd, 0, SEEK_SET) == 0 && fcntl(body->fd, F_ADD_SEALS,
		    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
	if (body->place == BODY_IN_MEMORY || body->reader >= 0)
		return true;
	snprintf(path, sizeof path, "/proc/self/fd/%d", body->fd);
	body->reader = open(path, O_RDONLY | O_CLOEXEC);
	return body->reader >= 0;
}

void
body_handoff(const struct body *body, struct handoff *handoff)
{
	handoff->body = body->memory.data;
	handoff->body_len = body->memory.len < ENVELOPE_MAX_BODY ? body->memory.len :
	    ENVELOPE_MAX_BODY;
	handoff->body_total = body->whole ? body->len : body->total;
	if (body->place == BODY_IN_MEMFD)
		handoff->body_file = body->fd;
	if (body->place == BODY_IN_FILE)
		handoff->body_file = body->reader;
	if (body->streaming)
		handoff->body_stream = body->theirs;
}

void
body_handed_over(struct conn *conn)
{
	struct body *body = conn->body;

	if (!body->streaming) {
		body_free(&conn->body);
		return;
	}
	fd_close(&body->theirs);
	buf_drop(&body->memory, ENVELOPE_MAX_BODY);
	body->feeding = true;
	if (body->memory.len > 0)
		feed_events(body, true);
	else
		conn->front->feed(conn, true);
}

static void
feed_writable(evutil_socket_t fd, short what, void *context)
{
	struct body *body = context;
	struct conn *conn = body->conn;
	ssize_t sent;

	(void)fd;
	(void)what;
	sent = send(body->ours, body->memory.data, body->memory.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		feed_events(body, false);
		feed_close(body);
		body->memory.len = 0;
	} else
		buf_drop(&body->memory, (size_t)sent);
	if (body->memory.len > 0)
		return;
	feed_events(body, false);
	if (body->whole)
		body_free(&conn->body);
	else
		conn->front->feed(conn, true);
}

bool
body_keep(struct conn *conn, const char *bytes, size_t len)
{
	conn->body = body_new(conn, len, false, 0, false);
	if (conn->body == NULL)
		return false;
	conn->body->whole = true;
	conn->body->len = len;
	if (!has_room(conn->body, BODY_IN_MEMORY, len))
		return false;
	claim(conn->body, len);
	return buf_add(&conn->body->memory, bytes, len);
}
