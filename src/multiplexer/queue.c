#include <stdlib.h>

#include "multiplexer/handoff_fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/respond.h"

bool
pools_begin(struct multiplexer *mux)
{
	struct pools *pools = &mux->pools;
	uint32_t i;

	TAILQ_INIT(&pools->waiting);
	pools->count = mux->settings->pool_count;
	pools->at = calloc(pools->count + 1, sizeof *pools->at);
	if (pools->at == NULL)
		return false;
	for (i = 0; i < pools->count; i++) {
		TAILQ_INIT(&pools->at[i].waiting);
		pool_log_begin(&pools->at[i].log, mux, i);
	}
	for (i = 0; i < mux->settings->vhost_count; i++)
		if (mux->settings->vhosts[i].log != SETTINGS_NONE &&
		    mux->settings->vhosts[i].pool < pools->count)
			pools->at[mux->settings->vhosts[i].pool].logged = true;
	return true;
}

void
pools_end(struct multiplexer *mux)
{
	struct pools *pools = &mux->pools;
	uint32_t i;

	for (i = 0; i < pools->count; i++)
		pool_log_end(&pools->at[i].log);
	free(pools->at);
	pools->at = NULL;
	pools->count = 0;
}

bool
queue_worth_ringing(uint32_t length)
{
	return length != 0 && (length & (length - 1)) == 0;
}

/* True if the manager could start one more processor: an empty slot is left. */
static bool
can_grow(struct multiplexer *mux, const struct board_pool *pool)
{
	uint32_t i;

	if (atomic_load_explicit(&pool->state, memory_order_relaxed) != POOL_READY)
		return true;
	for (i = 0; i < pool->slot_count; i++) {
		const struct board_slot *slot = board_slot(mux->board, pool->slot_first + i);

		if (slot_word_unpack(atomic_load_explicit(&slot->word,
		    memory_order_relaxed)).state == SLOT_EMPTY)
			return true;
	}
	return false;
}

static void
ring_all(struct multiplexer *mux)
{
	unsigned i;

	for (i = 0; i < BOARD_MULTIPLEXERS; i++)
		if (mux->bells[i] >= 0 && i != mux->number)
			multiplexer_ring(mux, i);
}

bool
queue_is_drained(struct multiplexer *mux, uint32_t pool)
{
	return atomic_load_explicit(&board_pool(mux->board, pool)->state,
	    memory_order_relaxed) == POOL_DRAINED;
}

/* One that waits already stays when its pool is drained. */
static bool
refuses(const struct conn *conn, const struct board_pool *board)
{
	uint32_t state = atomic_load_explicit(&board->state, memory_order_relaxed);

	return state == POOL_FAILED || (state == POOL_DRAINED && conn->state != CONN_QUEUED);
}

bool
queue_add(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;
	struct pool *pool = &mux->pools.at[conn->pool];
	struct board_pool *board = board_pool(mux->board, conn->pool);
	const struct tuning *tuning = &mux->settings->vhosts[conn->vhost].tuning;

	if (refuses(conn, board)) {
		respond_busy(conn);
		return false;
	}
	if (atomic_fetch_add_explicit(&board->queued, 1, memory_order_relaxed) >=
	    mux->settings->pools[conn->pool].tuning.queue_length) {
		atomic_fetch_sub_explicit(&board->queued, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&board->queue_full, 1, memory_order_relaxed);
		respond_busy(conn);
		return false;
	}
	conn->state = CONN_QUEUED;
	TAILQ_INSERT_TAIL(&pool->waiting, conn, link);
	conn_timeout(conn, tuning->queue_timeout);
	if (pool->count++ == 0) {
		TAILQ_INSERT_TAIL(&mux->pools.waiting, pool, link);
		board_wait(mux->board, conn->pool, mux->number);
		multiplexer_relook(mux);
		if (atomic_load_explicit(&board->sticky, memory_order_relaxed) > 0) {
			slots_release_sticky(mux);
			ring_all(mux);
		}
	}
	if (queue_worth_ringing(pool->count) && can_grow(mux, board))
		multiplexer_ring(mux, BOARD_BELL_MANAGER);
	return true;
}

void
queue_remove(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;
	struct pool *pool = &mux->pools.at[conn->pool];

	TAILQ_REMOVE(&pool->waiting, conn, link);
	timeouts_clear(&conn->timeout);
	atomic_fetch_sub_explicit(&board_pool(mux->board, conn->pool)->queued, 1,
	    memory_order_relaxed);
	if (--pool->count == 0) {
		TAILQ_REMOVE(&mux->pools.waiting, pool, link);
		board_unwait(mux->board, conn->pool, mux->number);
	}
}

struct conn *
queue_first(struct multiplexer *mux, uint32_t pool)
{
	return TAILQ_FIRST(&mux->pools.at[pool].waiting);
}

static void
refuse_all(struct multiplexer *mux, struct pool *pool)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&pool->waiting)) != NULL) {
		queue_remove(conn);
		respond_busy(conn);
	}
	(void)mux;
}

static void
serve_pool(struct multiplexer *mux, uint32_t index)
{
	struct pool *pool = &mux->pools.at[index];
	struct conn *conn;
	struct slot *slot;

	if (atomic_load_explicit(&board_pool(mux->board, index)->state,
	    memory_order_relaxed) == POOL_FAILED) {
		refuse_all(mux, pool);
		return;
	}
	/* Whoever rang has cleared the bit; say it again before looking. */
	board_wait(mux->board, index, mux->number);
	while ((conn = TAILQ_FIRST(&pool->waiting)) != NULL) {
		slot = slot_lease(mux, index);
		if (slot == NULL)
			return;
		queue_remove(conn);
		if (!handoff_waiting(conn, slot))
			return;
	}
}

void
queue_serve(struct multiplexer *mux)
{
	struct pool *pool, *next;

	for (pool = TAILQ_FIRST(&mux->pools.waiting); pool != NULL; pool = next) {
		next = TAILQ_NEXT(pool, link);
		serve_pool(mux, (uint32_t)(pool - mux->pools.at));
	}
}
