#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/memory.h"
#include "multiplexer/completion.h"
#include "multiplexer/fcgi_answer.h"
#include "multiplexer/handoff_fcgi.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/lend.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"

#define HOLD_MS 10              /* a slot is ours for so long where others wait too */
#define GONE_MS 1000            /* how long a processor may live on after its channel's end */

bool
slots_begin(struct multiplexer *mux)
{
	struct slots *slots = &mux->slots;

	TAILQ_INIT(&slots->sticky);
	TAILQ_INIT(&slots->resting);
	slots->count = mux->board->slot_count;
	slots->at = memory_sparse((size_t)slots->count + 1, sizeof(struct slot *));
	return slots->at != NULL;
}

/* That slot's struct, made when it is first heard of; NULL: no memory, or no such slot. */
static struct slot *
slot_make(struct multiplexer *mux, uint32_t index)
{
	struct slot *slot;

	if (index >= mux->slots.count)
		return NULL;
	if (mux->slots.at[index] != NULL)
		return mux->slots.at[index];
	slot = calloc(1, sizeof *slot);
	if (slot == NULL)
		return NULL;
	slot->mux = mux;
	slot->index = index;
	slot->fd = slot->memory = -1;
	slot->expire.kind = TIMEOUT_SLOT;
	slot->slow.timeout.kind = TIMEOUT_SLOW;
	mux->slots.at[index] = slot;
	return slot;
}

void
slot_arm(struct slot *slot, bool on)
{
	if (slot->armed == on)
		return;
	if (on)
		event_add(&slot->event, NULL);
	else
		event_del(&slot->event);
	slot->armed = on;
}

/* The request on it is no more: forget what was about that. */
static void
slot_end(struct slot *slot)
{
	slow_end(slot);
	timeouts_clear(&slot->expire);
	if (slot->busy && slot->sticky) {
		TAILQ_REMOVE(&slot->mux->slots.sticky, slot, sticky_link);
		atomic_fetch_sub_explicit(&board_part_own(slot->mux->board, slot->pool,
		    slot->mux->number)->sticky, 1, memory_order_relaxed);
	}
	slot->busy = slot->raw = slot->sticky = slot->released = slot->last = false;
	slot->aborted = slot->expired = slot->ended = slot->orphan = false;
	slot->conn = NULL;
	slot->nonce = 0;
	if (slot->fcgi != NULL)
		fcgi_reset(slot->fcgi);
	tables_drop(&slot->tables);
}

/* Close everything that leads to that processor. */
static void
slot_drop(struct slot *slot)
{
	slot_arm(slot, false);
	chatter_end(slot);
	guard_rights();
	fd_close(&slot->fd);
	memory_close(&slot->mux->spares, &slot->memory, slot->memory_size);
	slot->memory_sent = false;
	if (slot->stream != NULL)
		stream_free(&slot->stream);
}

/* Its client, if one waits, gets 502, or 504 where its time was up. */
static void
fail_client(struct slot *slot)
{
	struct conn *conn = slot->conn;
	int status = slot->expired ? 504 : 502;

	slot_end(slot);
	if (conn == NULL)
		return;
	conn->slot = NULL;
	respond_failed(conn, status);
}

void
slots_swap(struct multiplexer *mux)
{
	struct slot *slot;
	uint32_t i, vhost;

	for (i = 0; i < mux->slots.count; i++) {
		slot = mux->slots.at[i];
		if (slot == NULL || slot->tables == NULL)
			continue;
		vhost = tables_follow(slot->tables, slot->vhost, mux->tables);
		if (vhost == SETTINGS_NONE)
			continue;
		tables_drop(&slot->tables);
		slot->tables = tables_hold(mux->tables);
		slot->vhost = vhost;
	}
}

void
slots_end(struct multiplexer *mux)
{
	uint32_t i;

	for (i = 0; mux->slots.at != NULL && i < mux->slots.count; i++) {
		if (mux->slots.at[i] == NULL)
			continue;
		slot_drop(mux->slots.at[i]);
		slot_end(mux->slots.at[i]);
		if (mux->slots.at[i]->fcgi != NULL)
			fcgi_free(&mux->slots.at[i]->fcgi);
		free(mux->slots.at[i]);
	}
	memory_sparse_free(mux->slots.at, (size_t)mux->slots.count + 1, sizeof(struct slot *));
	mux->slots.at = NULL;
	mux->slots.count = 0;
}

/*
 * One who had our number before us and died may have left this slot leased:
 * it is given back when its processor says that it is done.
 */
static void
look_for_orphan(struct slot *slot)
{
	struct multiplexer *mux = slot->mux;
	struct board_slot *board = board_slot(mux->board, slot->index);
	struct slot_word word = slot_word_unpack(atomic_load(&board->word));

	if (word.state != SLOT_LEASED || word.owner != mux->number ||
	    word.generation != slot->generation)
		return;
	slot->orphan = slot->leased = true;
	multiplexer_timeout(mux, &slot->expire,
	    mux->pools.at[slot->pool]->settings->tuning->expire_timeout);
	slot_arm(slot, true);
}

/* True if its pool's handoff is "fastcgi", and the slot has what it takes. */
static bool
speaks_fcgi(struct slot *slot)
{
	const struct pool *pool = slot->mux->pools.at[slot->pool];

	if (pool->settings->handoff == HANDOFF_FD) {
		if (slot->fcgi != NULL)
			fcgi_free(&slot->fcgi);
		return false;
	}
	if (slot->fcgi == NULL)
		slot->fcgi = fcgi_new(slot);
	return slot->fcgi != NULL;
}

void
slot_take(struct multiplexer *mux, const struct message_slot *said, int fd)
{
	struct slot *slot = pool_make(mux, said->pool) != NULL ? slot_make(mux, said->slot) : NULL;

	if (slot == NULL) {
		fd_close(&fd);
		return;
	}
	if (slot->fcgi != NULL && slot->generation == said->generation && slot->pool == said->pool) {
		fcgi_connected(slot, fd);
		return;
	}
	slot_drop(slot);
	fail_client(slot);
	slot->leased = false;
	fd_refuse_rights(fd);
	slot->fd = fd;
	slot->generation = said->generation;
	slot->pool = said->pool;
	slot->pid = said->pid;
	if (slot->fcgi != NULL)
		fcgi_free(&slot->fcgi);
	if (speaks_fcgi(slot)) {
		fcgi_connected(slot, fd_take(&slot->fd));
		return;
	}
	event_assign(&slot->event, mux->base, fd, EV_READ | EV_PERSIST, completion_readable,
	    slot);
	look_for_orphan(slot);
}

void
slot_gone(struct multiplexer *mux, const struct message_slot_gone *said)
{
	struct slot *slot = said->slot < mux->slots.count ? mux->slots.at[said->slot] : NULL;

	if (slot == NULL || slot->generation != said->generation)
		return;
	/* What it said before it died may still be there, a whole answer too. */
	if (slot->busy && slot->fd >= 0 && slot->fcgi != NULL)
		fcgi_drain(slot);
	else if (slot->busy && slot->fd >= 0)
		completion_drain(slot);
	slot_drop(slot);
	fail_client(slot);
	slot->leased = false;
	mux->pools.sweep = true;
}

void
slot_not_reached(struct multiplexer *mux, const struct message_slot_gone *said)
{
	struct slot *slot = said->slot < mux->slots.count ? mux->slots.at[said->slot] : NULL;

	if (slot != NULL && slot->generation == said->generation && slot->fcgi != NULL)
		fcgi_not_connected(slot, said->status);
}

static bool
is_armed(uint32_t index, void *context)
{
	const struct multiplexer *mux = context;

	return mux->slots.at[index] != NULL && mux->slots.at[index]->armed;
}

/* One that speaks FastCGI gets its connection when it is needed. */
static bool
has_channel(const struct slot *slot, uint32_t generation)
{
	return slot != NULL && slot->generation == generation &&
	    (slot->fd >= 0 || slot->fcgi != NULL);
}

/* A connection to a server: nobody tells of it, for there is no process. */
static struct slot *
server_slot(struct multiplexer *mux, uint32_t pool, uint32_t index, uint32_t generation)
{
	struct slot *slot;

	if (settings_pool_runs(mux->pools.at[pool]->settings) != RUNS_SERVER)
		return mux->slots.at[index];
	slot = slot_make(mux, index);
	if (slot == NULL)
		return NULL;
	slot->pool = pool;
	slot->generation = generation;
	return speaks_fcgi(slot) ? slot : NULL;
}

struct slot *
slot_lease(struct multiplexer *mux, uint32_t pool)
{
	uint32_t index, generation = 0;
	struct slot *slot;

	if (mux->number == BOARD_NOBODY)
		return NULL;
	index = board_lease(mux->board, pool, mux->number, is_armed, mux, multiplexer_ms(mux),
	    &generation);
	if (index >= mux->slots.count)
		return NULL;
	slot = server_slot(mux, pool, index, generation);
	/*
	 * The manager told us of it before it turned idle, so its message is on the
	 * way: who wants the slot waits for that.  Nothing of the manager's is read
	 * here, for the caller may hold an answer or a request that it would tread on.
	 */
	if (!has_channel(slot, generation)) {
		board_release(mux->board, pool, index, generation, mux->number,
		    multiplexer_ms(mux));
		return NULL;
	}
	slot->leased = true;
	slot->leased_ms = multiplexer_ms(mux);
	if (slot->fcgi == NULL)
		slot_arm(slot, true);
	return slot;
}

void
slot_release(struct slot *slot)
{
	struct multiplexer *mux = slot->mux;
	int next;

	slot->leased = false;
	if (!board_release(mux->board, slot->pool, slot->index, slot->generation, mux->number,
	    multiplexer_ms(mux)))
		return;
	next = board_next_waiter(mux->board, slot->pool, mux->number);
	if (next >= 0 && (unsigned)next != mux->number)
		multiplexer_ring(mux, (unsigned)next);
}

/*
 * True if this slot is better given to another multiplexer's client now.  One
 * that changes hands at each request would cost a bell, a wake-up and new
 * answer memory each time; so it does once it was ours for a while.
 */
static bool
should_yield(struct slot *slot)
{
	struct multiplexer *mux = slot->mux;
	uint64_t waiting = atomic_load_explicit(&board_pool(mux->board, slot->pool)->waiting,
	    memory_order_relaxed);

	return (waiting & ~((uint64_t)1 << mux->number)) != 0 &&
	    multiplexer_ms(mux) - slot->leased_ms >= HOLD_MS;
}

bool
slot_is_to_leave(const struct slot *slot)
{
	return atomic_load_explicit(&board_slot(slot->mux->board, slot->index)->leave,
	    memory_order_relaxed) != 0;
}

void
slot_done(struct slot *slot)
{
	struct multiplexer *mux = slot->mux;
	struct conn *conn;

	slot_end(slot);
	if (slot_is_to_leave(slot)) {
		slot_leave(slot);
		multiplexer_ring(mux, BOARD_BELL_MANAGER);
		return;
	}
	conn = queue_first(mux, slot->pool);
	if (conn == NULL || should_yield(slot)) {
		slot_release(slot);
		return;
	}
	queue_remove(conn);
	handoff_waiting(conn, slot);
}

void
slot_leave(struct slot *slot)
{
	struct multiplexer *mux = slot->mux;
	struct slot_word from = { slot->generation, (uint8_t)mux->number, SLOT_LEASED };
	struct slot_word to = { slot->generation, BOARD_NOBODY, SLOT_LEAVING };

	/* While the word is ours: what is still to be told of it. */
	slow_end(slot);
	if (slot->leased)
		board_slot_change(mux->board, slot->pool, slot->index, from, to,
		    multiplexer_ms(mux));
	slot_drop(slot);
	fail_client(slot);
	slot->leased = false;
}

void
slot_tell(struct slot *slot, enum message_type type)
{
	struct message message = { 0 };

	message.body.slot.slot = slot->index;
	message.body.slot.generation = slot->generation;
	message.body.slot.pool = slot->pool;
	multiplexer_tell(slot->mux, &message, type);
}

void
slot_ended(struct slot *slot)
{
	if (slot->busy && !slot->expired)
		log_notice("pool %s: the processor with pid %d ended in the middle of a request",
		    pool_name(slot->mux, slot->pool), (int)slot->pid);
	slot_lost(slot);
}

void
slot_lost(struct slot *slot)
{
	slot_drop(slot);
	fail_client(slot);
	/*
	 * The word stays ours until the manager empties the slot: so it sees that
	 * the processor died at work.  One that only shut its channel is reported.
	 */
	slot->ended = true;
	multiplexer_timeout(slot->mux, &slot->expire, GONE_MS);
}

void
slot_disarm(struct slot *slot)
{
	slot_arm(slot, false);
}

void
slot_listen(struct slot *slot)
{
	if (slot->leased && slot->fd >= 0)
		slot_arm(slot, true);
}

static void
spoil(struct slot *slot, const char *why, enum message_type what)
{
	struct multiplexer *mux = slot->mux;

	log_warning("pool %s: the processor with pid %d %s; it will be killed",
	    pool_name(mux, slot->pool), (int)slot->pid, why);
	slot_tell(slot, what);
	slot_drop(slot);
	fail_client(slot);
}

void
slot_spoil(struct slot *slot, const char *why)
{
	spoil(slot, why, MESSAGE_SLOT_SPOILT);
}

void
slot_sent_descriptor(struct slot *slot)
{
	spoil(slot, "sent a descriptor", MESSAGE_SLOT_SENT);
}

void
slot_begin(struct slot *slot, struct conn *conn, bool raw, bool sticky)
{
	struct multiplexer *mux = slot->mux;
	uint64_t ms = conn_tuning(conn)->expire_timeout;

	slot->busy = true;
	slot->raw = raw;
	slot->sticky = sticky;
	slot->connection = conn->index;
	slot->tables = tables_hold(conn->tables);
	slot->vhost = conn->vhost;
	slot->conn = conn;
	conn->slot = slot;
	conn->pid = slot->pid;
	if (sticky) {
		TAILQ_INSERT_TAIL(&mux->slots.sticky, slot, sticky_link);
		atomic_fetch_add_explicit(&board_part_own(mux->board, slot->pool,
		    mux->number)->sticky, 1, memory_order_relaxed);
	}
	multiplexer_timeout(mux, &slot->expire, ms);
	slow_begin(slot);
}

void
slot_abort(struct slot *slot)
{
	if (slot->aborted)
		return;
	if (slot->fcgi != NULL) {
		slot->aborted = true;
		fcgi_abort(slot);
		return;
	}
	if (slot->fd < 0)
		return;
	slot->aborted = true;
	handoff_signal(slot, ENVELOPE_ABORT);
}

void
slot_expired(struct slot *slot)
{
	struct conn *conn = slot->conn;

	if (!slot->leased || slot->expired)
		return;
	if (slot->ended) {
		slot->ended = false;
		slot_tell(slot, MESSAGE_SLOT_SPOILT);
		return;
	}
	if (slot->fcgi != NULL && fcgi_expired(slot))
		return;
	slot->expired = true;
	if (conn != NULL && conn->state == CONN_RUNNING) {
		slot->conn = NULL;
		conn->slot = NULL;
		respond_failed(conn, 504);
	}
	if (slot->busy)
		slow_expired(slot);
	else
		slot_kill(slot);
}

/* Its word stays leased: the manager empties the slot when it has gone. */
void
slot_kill(struct slot *slot)
{
	slot_tell(slot, MESSAGE_SLOT_EXPIRED);
}

void
slot_count_bytes(struct multiplexer *mux, uint32_t pool, const struct slot *slot, uint64_t bytes)
{
	struct board_slot *board;

	if (bytes == 0)
		return;
	atomic_fetch_add_explicit(&board_pool(mux->board, pool)->bytes, bytes,
	    memory_order_relaxed);
	if (slot == NULL)
		return;
	/* Written by one process at a time. */
	board = board_slot(mux->board, slot->index);
	atomic_store_explicit(&board->bytes,
	    atomic_load_explicit(&board->bytes, memory_order_relaxed) + bytes,
	    memory_order_relaxed);
}

void
slot_count_requests(struct slot *slot, uint32_t count)
{
	struct multiplexer *mux = slot->mux;
	struct board_slot *board = board_slot(mux->board, slot->index);

	atomic_fetch_add_explicit(&board_pool(mux->board, slot->pool)->requests, count,
	    memory_order_relaxed);
	/* Written by one process at a time: no need to lock the bus. */
	atomic_store_explicit(&board->requests,
	    atomic_load_explicit(&board->requests, memory_order_relaxed) + count,
	    memory_order_relaxed);
	atomic_store_explicit(&mux->self->requests,
	    atomic_load_explicit(&mux->self->requests, memory_order_relaxed) + count,
	    memory_order_relaxed);
}

struct conn *
slot_untie(struct slot *slot)
{
	struct conn *conn = slot->conn;

	if (conn == NULL)
		return NULL;
	slot->conn = NULL;
	conn->slot = NULL;
	if (conn->state == CONN_RUNNING)
		conn->state = CONN_SENDING;
	return conn;
}
