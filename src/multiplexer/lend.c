#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/guard.h"
#include "base/log.h"
#include "multiplexer/fcgi_answer.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"

#define STREAM_READS 4          /* of MULTIPLEXER_READ bytes, for one wake-up */

static void stream_readable(evutil_socket_t fd, short what, void *context);

static struct stream *
stream_new(struct slot *slot)
{
	struct stream *stream = calloc(1, sizeof *stream);
	int pair[2];

	if (stream == NULL)
		return NULL;
	if (!fd_pair(SOCK_STREAM, pair)) {
		free(stream);
		return NULL;
	}
	fd_set_nonblocking(pair[0], true);
	fd_refuse_rights(pair[0]);
	stream->mux = slot->mux;
	stream->slot = slot;
	stream->ours = pair[0];
	stream->theirs = pair[1];
	stream->end = STREAM_END_UNKNOWN;
	stream->head.max = ANSWER_HEAD_MAX;
	event_assign(&stream->event, slot->mux->base, stream->ours, EV_READ | EV_PERSIST,
	    stream_readable, stream);
	return stream;
}

/*
 * What another multiplexer lent since then took the place of ours: the
 * processor would answer into that, and we would look into the wrong one.
 */
static void
take_back(struct slot *slot)
{
	struct board_slot *board = board_slot(slot->mux->board, slot->index);

	if (atomic_load_explicit(&board->lender, memory_order_relaxed) == slot->mux->number + 1)
		return;
	/* It has closed its copies; the memory is as good as new, a stream is at its end. */
	slot->memory_sent = false;
	if (slot->stream != NULL)
		stream_free(&slot->stream);
}

void
lend(struct slot *slot)
{
	take_back(slot);
	if (slot->memory < 0) {
		slot->memory_size = slot->mux->tables->settings->answer_memory;
		slot->memory = spare_take(&slot->mux->spares, slot, slot->memory_size);
		if (slot->memory < 0)
			slot->memory = memory_new(&slot->mux->spares, slot->memory_size,
			    slot->mux->tables->settings->answer_memory_total);
		slot->memory_sent = false;
	}
	if (slot->stream == NULL)
		slot->stream = stream_new(slot);
	if (slot->memory < 0 || slot->stream == NULL)
		logs_complain(slot->mux, "cannot lend a processor room for its answer: %s",
		    errno == EDQUOT ? "answer_memory_total is used up" : strerror(errno));
}

void
stream_events(struct stream *stream, bool on)
{
	if (stream->waiting != NULL) {
		stream->waiting->paused = !on;
		return;
	}
	if (stream->armed == on)
		return;
	if (on)
		event_add(&stream->event, NULL);
	else
		event_del(&stream->event);
	stream->armed = on;
}

void
stream_lent(struct stream *stream)
{
	fd_close(&stream->theirs);
	stream_events(stream, true);
}

void
stream_free(struct stream **stream)
{
	if ((*stream)->waiting != NULL)
		waiting_free(*stream);
	else
		stream_events(*stream, false);
	guard_rights();
	fd_close(&(*stream)->ours);
	fd_close(&(*stream)->theirs);
	buf_free(&(*stream)->head);
	free(*stream);
	*stream = NULL;
}

void
stream_attach(struct stream *stream, struct conn *conn)
{
	stream->slot->stream = NULL;
	stream->slot = NULL;
	stream->conn = conn;
	conn->stream = stream;
}

/* Bytes where no request runs are nobody's answer; those for a client that left are dropped. */
static bool
find_reader(struct stream *stream)
{
	struct slot *slot = stream->slot;

	if (stream->conn != NULL)
		return true;
	/* An idle one, whoever leases it: we can't say so to the manager, and needn't. */
	if (!slot->leased) {
		stream_free(&slot->stream);
		return false;
	}
	if (!slot->busy || slot->raw) {
		slot_spoil(slot, "wrote to its stream where no answer was due");
		return false;
	}
	if (slot->conn == NULL || slot->conn->state != CONN_RUNNING) {
		stream_free(&slot->stream);
		return false;
	}
	stream_attach(stream, slot->conn);
	return true;
}

/* One read.  True: there may be more, and the client takes more. */
static bool
read_some(struct stream *stream)
{
	struct multiplexer *mux = stream->mux;
	ssize_t got;

	guard_rights();
	got = recv(stream->ours, mux->scratch->read, sizeof mux->scratch->read, MSG_DONTWAIT);
	/* All that was written is there when its end is told; nothing more will come. */
	if (got < 0 && errno == EAGAIN && stream->end != STREAM_END_UNKNOWN)
		got = 0;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (stream->conn == NULL && got <= 0) {
		/* Closed unused: the next request is lent another one. */
		stream_free(&stream->slot->stream);
		return false;
	}
	if (!find_reader(stream))
		return false;
	if (got <= 0) {
		stream->eof = true;
		stream_events(stream, false);
		respond_stream(stream, NULL, 0);
		return false;
	}
	stream->received += (uint64_t)got;
	slot_count_bytes(mux, stream->conn->pool, stream->conn->slot, (uint64_t)got);
	return respond_stream(stream, mux->scratch->read, (size_t)got) &&
	    ((size_t)got == sizeof mux->scratch->read || stream->end != STREAM_END_UNKNOWN);
}

static void
stream_readable(evutil_socket_t fd, short what, void *context)
{
	struct stream *stream = context;
	unsigned reads = STREAM_READS;

	(void)fd;
	(void)what;
	while (read_some(stream))
		if (--reads == 0) {
			stream_resume(stream);
			return;
		}
}

void
stream_resume(struct stream *stream)
{
	if (stream->waiting != NULL) {
		waiting_resume(stream);
		return;
	}
	if (stream->eof)
		return;
	stream_events(stream, true);
	/* That nothing is there matters too once all should be: no event tells that. */
	if (stream->end != STREAM_END_UNKNOWN)
		event_active(&stream->event, EV_READ, 0);
}

void
stream_ends(struct stream *stream, uint64_t end, bool cut)
{
	struct conn *conn = stream->conn;

	stream->end = end < STREAM_END_MOST ? end : STREAM_END_MOST;
	stream->cut = cut;
	/* What is still in the socket is read now, unless the client is the slow one. */
	if (stream->received < end && !stream->eof && conn->out.len == 0)
		stream_readable(-1, 0, stream);
	else
		respond_stream(stream, NULL, 0);
}
