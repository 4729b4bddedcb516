#include <string.h>
#include <unistd.h>

#include "multiplexer/carrier.h"
#include "multiplexer/front_fcgi.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/out.h"
#include "multiplexer/respond.h"

#define RECORDS 8               /* sent in a row */
#define END_LEN (FCGI_HEADER + FCGI_WHOLE)

/* What is sent at once: records whose content is not copied. */
struct batch {
	struct iovec pieces[3 * RECORDS + 1];
	unsigned char headers[RECORDS][FCGI_HEADER];
	unsigned char end[END_LEN];
	size_t len;
	int count, records;
};

bool
front_fcgi_write_head(struct conn *conn, struct buf *out, const struct answer *answer,
    int64_t body_len, struct answer_framing *framing)
{
	*framing = answer_frame(answer, ANSWER_CGI, conn->head_only, body_len, true);
	return answer_write(out, answer, framing, ANSWER_CGI, conn->mux->date, NULL);
}

bool
front_fcgi_write_own(struct conn *conn, struct buf *out, int status, const char *extra)
{
	return answer_write_own(out, status, ANSWER_CGI, conn->head_only, true, conn->mux->date,
	    NULL, extra);
}

static void
add(struct batch *batch, const void *bytes, size_t len)
{
	struct iovec *piece = &batch->pieces[batch->count];

	if (len == 0)
		return;
	memcpy(&piece->iov_base, &bytes, sizeof bytes);
	piece->iov_len = len;
	batch->count++;
	batch->len += len;
}

/* Take len bytes off *at. */
static const char *
cut(const char **at, size_t *left, size_t len)
{
	const char *from = *at;

	*at += len;
	*left -= len;
	return from;
}

/* One record of STDOUT: the head's bytes, then the body's, as many as it holds. */
static void
add_record(struct batch *batch, unsigned id, struct part *part)
{
	unsigned char *header = batch->headers[batch->records++];
	size_t head = part->head_len < FCGI_CONTENT_FULL ? part->head_len : FCGI_CONTENT_FULL;
	size_t body = part->len < FCGI_CONTENT_FULL - head ? part->len : FCGI_CONTENT_FULL - head;

	fcgi_write_header(header, FCGI_TYPE_STDOUT, id, head + body, 0);
	add(batch, header, FCGI_HEADER);
	add(batch, cut(&part->head, &part->head_len, head), head);
	add(batch, cut(&part->body, &part->len, body), body);
}

/*
 * The request's end: STDOUT's, and the record that tells it.  An answer that was
 * cut gets none where only a lost connection tells that; other requests on it
 * would be lost with it.
 */
static void
add_end(struct batch *batch, struct conn *conn, enum part_end end)
{
	unsigned id = conn->carried_id;

	conn->carried_ended = true;
	if (end == PART_CUT && conn->carrier->count == 1) {
		conn->carrier->keep = false;
		return;
	}
	fcgi_write_header(batch->end, FCGI_TYPE_STDOUT, id, 0, 0);
	fcgi_write_end(batch->end + FCGI_HEADER, id, end == PART_CUT, FCGI_ENDED_COMPLETE);
	add(batch, batch->end, END_LEN);
}

static bool
send_batch(struct conn *conn, struct batch *batch)
{
	bool good = batch->len == 0 ||
	    carrier_send_for(conn, batch->pieces, batch->count, batch->len);

	batch->len = 0;
	batch->count = batch->records = 0;
	return good;
}

bool
front_fcgi_send(struct conn *conn, const struct part *part)
{
	struct part left = *part;
	struct batch batch;

	batch.len = 0;
	batch.count = batch.records = 0;
	if (conn->carrier == NULL)
		return false;
	while (left.head_len + left.len > 0) {
		if (batch.records == RECORDS && !send_batch(conn, &batch))
			return false;
		add_record(&batch, conn->carried_id, &left);
	}
	if (part->end != PART_MORE && part->file_len == 0)
		add_end(&batch, conn, part->end);
	return send_batch(conn, &batch);
}

/*
 * A copy through our own room: the header of a record must be followed by as
 * many bytes as it says, whatever becomes of the request in between.
 */
bool
front_fcgi_send_file(struct conn *conn)
{
	char *room = conn->mux->scratch->copy;
	struct part part = { .end = PART_MORE };
	uint64_t budget = OUT_BURST;
	ssize_t got;

	while (conn->file_left > 0 && budget >= FCGI_CONTENT_FULL && conn->carrier != NULL &&
	    carrier_has_room(conn->carrier)) {
		got = pread(conn->file, room, conn->file_left < FCGI_CONTENT_FULL ?
		    (size_t)conn->file_left : FCGI_CONTENT_FULL, (off_t)conn->file_at);
		if (got <= 0)
			return false;
		conn->file_at += (uint64_t)got;
		conn->file_left -= (uint64_t)got;
		budget -= (uint64_t)got;
		part.body = room;
		part.len = (size_t)got;
		/* One that ends badly is known by this: no next request was to come. */
		if (conn->file_left == 0)
			part.end = conn->keep_alive ? PART_END : PART_CUT;
		if (!front_fcgi_send(conn, &part))
			return false;
	}
	return conn->carrier != NULL;
}

void
front_fcgi_next(struct conn *conn)
{
	struct carrier *carrier = conn->carrier;

	conn->state = CONN_SENDING;
	if (conn->body_unread)
		carrier->unread = true;
	carrier_remove(conn);
	conn_free(conn);
	carrier_settle(carrier);
}

void
front_fcgi_aborted(struct conn *conn)
{
	unsigned char end[FCGI_WHOLE];

	conn->carried_ended = true;
	fcgi_write_end(end, conn->carried_id, 0, FCGI_ENDED_COMPLETE);
	carrier_send(conn->carrier, end, sizeof end);
	conn_close(conn);
}

/* A request that is given up in the middle, or a carrier that goes with all of its own. */
void
front_fcgi_drop(struct conn *conn)
{
	struct carrier *carrier = conn->carrier;
	struct batch batch;

	if (carrier == NULL)
		return;
	if (carrier->conn == conn) {
		carrier_end(conn);
		return;
	}
	batch.len = 0;
	batch.count = batch.records = 0;
	if (!conn->carried_ended) {
		add_end(&batch, conn, PART_CUT);
		if (batch.len > 0)
			carrier_send(carrier, batch.end, batch.len);
	}
	if (conn->body_unread)
		carrier->unread = true;
	carrier_remove(conn);
	carrier_settle(carrier);
}
