#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/fcgi_answer.h"
#include "multiplexer/front.h"
#include "multiplexer/handoff_fcgi.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"
#include "multiplexer/spool.h"
#include "wire/fcgi_taken.h"
#include "wire/fdpass.h"

#define READS   4               /* of MULTIPLEXER_READ bytes, for one wake-up */
#define TAKES   8               /* chunks given to a client in a row */
#define CHUNK   (64u * 1024)

/* ---- an answer that waits for its client */

static uint64_t
in_memory(const struct waiting *waiting)
{
	return waiting->memory.len;
}

static uint64_t
in_file(const struct waiting *waiting)
{
	return waiting->file_to - waiting->file_from;
}

/* Room is left again, or not: the program goes on, or waits. */
static void
hold_program(struct waiting *waiting, const struct settings *settings)
{
	struct fcgi *from = waiting->from;
	uint64_t most = settings->answer_buffer + settings->answer_spool;
	/* What was taken from the file still has its place on the disk. */
	bool full = in_memory(waiting) + waiting->file_to >= most;

	if (from == NULL || from->phase != FCGI_RUNS || full == from->stopped)
		return;
	from->stopped = full;
	slot_arm(from->slot, !full);
}

static bool
write_file(struct stream *stream, const char *bytes, size_t len)
{
	struct waiting *waiting = stream->waiting;
	int reader = -1;
	ssize_t put;

	if (waiting->file < 0)
		waiting->file = spool_open(stream->mux, &reader);
	fd_close(&reader);
	while (waiting->file >= 0 && len > 0) {
		put = pwrite(waiting->file, bytes, len, (off_t)waiting->file_to);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		waiting->file_to += (uint64_t)put;
		bytes += put;
		len -= (size_t)put;
	}
	return len == 0;
}

/* Behind what waits already: in memory while that is all there is, then in the file. */
static bool
keep(struct stream *stream, const char *bytes, size_t len)
{
	struct waiting *waiting = stream->waiting;

	if (in_file(waiting) == 0 && waiting->memory.len + len <= waiting->memory.max)
		return buf_add(&waiting->memory, bytes, len);
	return write_file(stream, bytes, len);
}

void
waiting_add(struct stream *stream, const char *bytes, size_t len)
{
	struct waiting *waiting = stream->waiting;
	struct conn *conn = stream->conn;

	if (!waiting->paused && in_memory(waiting) + in_file(waiting) == 0) {
		stream->received += len;
		respond_stream(stream, bytes, len);
		return;
	}
	if (keep(stream, bytes, len)) {
		hold_program(waiting, conn_settings(conn));
		return;
	}
	logs_complain(stream->mux, "an answer can't be kept in %s: %s",
	    conn_settings(conn)->spool_dir, strerror(errno));
	respond_failed(conn, 503);
}

void
waiting_end(struct stream *stream, bool whole)
{
	struct waiting *waiting = stream->waiting;

	stream->cut = !whole;
	stream->end = stream->received + in_memory(waiting) + in_file(waiting);
	if (!waiting->paused)
		respond_stream(stream, NULL, 0);
}

/* The next bytes that wait, in the order they came; 0: none, or they can't be read. */
static size_t
take_chunk(struct stream *stream, char *to)
{
	struct waiting *waiting = stream->waiting;
	size_t len = waiting->memory.len < CHUNK ? waiting->memory.len : CHUNK;
	ssize_t got;

	if (len > 0) {
		memcpy(to, waiting->memory.data, len);
		buf_drop(&waiting->memory, len);
		return len;
	}
	len = in_file(waiting) < CHUNK ? (size_t)in_file(waiting) : CHUNK;
	got = len > 0 ? pread(waiting->file, to, len, (off_t)waiting->file_from) : 0;
	if (got <= 0)
		return 0;
	waiting->file_from += (uint64_t)got;
	if (in_file(waiting) == 0 && ftruncate(waiting->file, 0) == 0)
		waiting->file_from = waiting->file_to = 0;
	return (size_t)got;
}

void
waiting_resume(struct stream *stream)
{
	struct waiting *waiting = stream->waiting;
	struct conn *conn = stream->conn;
	char *chunk = stream->mux->scratch->copy;
	int left = TAKES;
	size_t len;

	waiting->paused = false;
	while (left-- > 0 && (len = take_chunk(stream, chunk)) > 0) {
		stream->received += len;
		if (!respond_stream(stream, chunk, len))
			break;
	}
	if (conn->stream != stream)
		return;
	hold_program(waiting, conn_settings(conn));
	if (waiting->paused || in_memory(waiting) + in_file(waiting) == 0)
		return;
	/* It takes all we have: others have their turn before the rest. */
	waiting->paused = true;
	conn->front->wait(conn, true);
}

void
waiting_free(struct stream *stream)
{
	struct waiting *waiting = stream->waiting;

	if (waiting->from != NULL)
		waiting->from->stream = NULL;
	buf_free(&waiting->memory);
	fd_close(&waiting->file);
	free(waiting);
	stream->waiting = NULL;
}

static struct stream *
waiting_new(struct fcgi *fcgi, struct conn *conn)
{
	struct stream *stream = calloc(1, sizeof *stream);
	struct waiting *waiting = calloc(1, sizeof *waiting);

	if (stream == NULL || waiting == NULL) {
		free(stream);
		free(waiting);
		return NULL;
	}
	waiting->from = fcgi;
	waiting->file = -1;
	waiting->memory.max = (size_t)conn_settings(conn)->answer_buffer;
	stream->mux = conn->mux;
	stream->conn = conn;
	stream->ours = stream->theirs = -1;
	stream->end = STREAM_END_UNKNOWN;
	stream->head.max = ANSWER_HEAD_MAX;
	stream->waiting = waiting;
	conn->stream = stream;
	return stream;
}

/* ---- records */

static void
say_line(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;
	const char *text = fcgi->line.data;
	size_t len = fcgi->line.len;
	enum log_level level = LEVEL_NOTICE;

	if (fcgi->ours && len > 0 && text[0] >= FCGI_LEVEL_FIRST &&
	    text[0] <= FCGI_LEVEL_FIRST + LEVEL_ERROR) {
		level = (enum log_level)(text[0] - FCGI_LEVEL_FIRST);
		text++;
		len--;
	}
	if (len > 0)
		pool_say(slot->mux, slot->pool, level, slot_vhost(slot)->server_name, text, len);
	fcgi->line.len = 0;
}

/* Lines of STDERR, each to the log; a long one in pieces. */
static void
take_stderr(void *context, const char *bytes, size_t len)
{
	struct fcgi *fcgi = context;
	const char *end;
	size_t part;

	while (len > 0) {
		end = memchr(bytes, '\n', len);
		part = end != NULL ? (size_t)(end - bytes) : len;
		if (part > fcgi->line.max - fcgi->line.len) {
			part = fcgi->line.max - fcgi->line.len;
			end = NULL;
		}
		if (!buf_add(&fcgi->line, bytes, part))
			return;
		bytes += part + (end != NULL);
		len -= part + (end != NULL);
		if (end != NULL || fcgi->line.len == fcgi->line.max)
			say_line(fcgi);
	}
}

/* A processor of ours says more of its answer's end than others do. */
static void
take_status(struct fcgi *fcgi, struct fcgi_taken *taken)
{
	fcgi->leaves = (taken->app_status & FCGI_OUR_LEAVING) != 0;
	if (taken->app_status & FCGI_OUR_CUT) {
		taken->whole = false;
		fcgi->closes = true;
	}
}

/* Records out of these bytes, which become the answer's. */
static void
take_records(struct fcgi *fcgi, char *bytes, size_t len, struct fcgi_taken *taken)
{
	fcgi_take(&fcgi->reader, fcgi->answered, bytes, len, taken, take_stderr, fcgi);
	if (!taken->ended)
		return;
	fcgi->closes |= taken->surplus;
	if (fcgi->ours)
		take_status(fcgi, taken);
}

/* Some of the answer, and there is more to come. */
static void
relay(struct fcgi *fcgi, const char *bytes, size_t len)
{
	struct conn *conn = fcgi->slot->conn;

	if (conn == NULL || conn->state != CONN_RUNNING || len == 0)
		return;
	if (fcgi->stream == NULL && conn->stream == NULL)
		fcgi->stream = waiting_new(fcgi, conn);
	if (fcgi->stream == NULL)
		respond_failed(conn, 503);
	else
		waiting_add(fcgi->stream, bytes, len);
}

/* One read.  True: there may be more, and it is wanted. */
static bool
read_some(struct fcgi *fcgi)
{
	struct slot *slot = fcgi->slot;
	char *room = slot->mux->scratch->read;
	bool sent_fds, truncated;
	struct fcgi_taken taken;
	ssize_t got;

	got = fdpass_receive_bytes(slot->fd, room, MULTIPLEXER_READ, MSG_DONTWAIT, &sent_fds,
	    &truncated);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		fcgi_closed(fcgi);
		return false;
	}
	if (sent_fds || fcgi->phase != FCGI_RUNS) {
		fcgi_broken(fcgi, sent_fds ? "sent a descriptor" : "sent more than its answer");
		return false;
	}
	take_records(fcgi, room, (size_t)got, &taken);
	if (taken.wrong != NULL) {
		fcgi_broken(fcgi, taken.wrong);
		return false;
	}
	if (taken.ended) {
		say_line(fcgi);
		slot_count_bytes(slot->mux, slot->pool, slot, taken.len);
		fcgi_ended(fcgi, room, taken.len, taken.whole);
		return false;
	}
	slot_count_bytes(slot->mux, slot->pool, slot, taken.len);
	if (taken.answered)
		fcgi_answered(fcgi, room, taken.len);
	else
		relay(fcgi, room, taken.len);
	return fcgi->phase == FCGI_RUNS && !fcgi->stopped && got == MULTIPLEXER_READ;
}

void
fcgi_readable(evutil_socket_t fd, short what, void *context)
{
	struct slot *slot = context;
	unsigned reads = READS;

	(void)fd;
	(void)what;
	if (!slot->leased || slot->fcgi->phase == FCGI_FREE) {
		/* Another multiplexer's, or nobody's: not ours to read. */
		slot_arm(slot, false);
		return;
	}
	while (reads-- > 0 && read_some(slot->fcgi))
		continue;
}

bool
fcgi_has_ended(struct fcgi *fcgi)
{
	char *room = fcgi->slot->mux->scratch->read;
	struct fcgi_taken taken = { 0 };
	bool sent_fds, truncated;
	ssize_t got;

	while (!taken.ended && (got = fdpass_receive_bytes(fcgi->slot->fd, room, MULTIPLEXER_READ,
	    MSG_DONTWAIT, &sent_fds, &truncated)) > 0) {
		take_records(fcgi, room, (size_t)got, &taken);
		if (!sent_fds && taken.wrong == NULL)
			continue;
		fcgi_broken(fcgi, sent_fds ? "sent a descriptor" : taken.wrong);
		return false;
	}
	return taken.ended;
}

void
fcgi_drain(struct slot *slot)
{
	while (slot->fd >= 0 && slot->busy && slot->fcgi->phase == FCGI_RUNS &&
	    read_some(slot->fcgi))
		continue;
}
