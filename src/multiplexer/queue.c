#include <stdlib.h>

#include "base/memory.h"
#include "multiplexer/handoff_fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/request.h"
#include "multiplexer/respond.h"
#include "multiplexer/sticky.h"

bool
pools_begin(struct multiplexer *mux)
{
	struct pools *pools = &mux->pools;

	TAILQ_INIT(&pools->waiting);
	pools->count = mux->board->pool_count;
	pools->at = memory_sparse((size_t)pools->count + 1, sizeof(struct pool *));
	return pools->at != NULL;
}

void
pools_end(struct multiplexer *mux)
{
	struct pools *pools = &mux->pools;
	uint32_t i;

	for (i = 0; pools->at != NULL && i < pools->count; i++) {
		if (pools->at[i] == NULL)
			continue;
		pool_log_end(&pools->at[i]->log);
		tables_drop(&pools->at[i]->tables);
		free(pools->at[i]);
	}
	memory_sparse_free(pools->at, (size_t)pools->count + 1, sizeof(struct pool *));
	pools->at = NULL;
	pools->count = 0;
}

/* What is configured for it now. */
static void
settle(struct pool *pool, struct tables *tables, uint32_t index)
{
	const struct settings *settings = tables->settings;
	uint32_t i;

	tables_drop(&pool->tables);
	pool->tables = tables_hold(tables);
	pool->settings = &settings->pools[index];
	pool->logged = false;
	for (i = 0; i < pool->settings->vhost_count; i++)
		if (settings->vhosts[pool->settings->vhosts[i]].access_log != NULL)
			pool->logged = true;
}

struct pool *
pool_make(struct multiplexer *mux, uint32_t row)
{
	uint32_t index = tables_pool(mux->tables, row);
	struct pool *pool;

	if (row >= mux->pools.count)
		return NULL;
	pool = mux->pools.at[row];
	if (pool != NULL || index == SETTINGS_NONE)
		return pool;
	pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return NULL;
	pool->row = row;
	TAILQ_INIT(&pool->waiting);
	pool_log_begin(&pool->log, mux, row);
	settle(pool, mux->tables, index);
	mux->pools.at[row] = pool;
	return pool;
}

const char *
pool_name(const struct multiplexer *mux, uint32_t row)
{
	const struct pool *pool = row < mux->pools.count ? mux->pools.at[row] : NULL;

	return pool != NULL ? pool->settings->name : "?";
}

void
pool_say(struct multiplexer *mux, uint32_t row, enum log_level level, const char *site,
    const char *text, size_t len)
{
	struct pool *pool = row < mux->pools.count ? mux->pools.at[row] : NULL;

	if (pool != NULL)
		pool_log_line(&pool->log, level, site, text, len);
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

static struct board_sum
sum_of(const struct multiplexer *mux, uint32_t pool)
{
	return board_sum(board_pool(mux->board, pool), board_part(mux->board, pool, 0),
	    mux->board->multiplexer_count);
}

/* One more waits.  False: over all multiplexers it would be one too many. */
static bool
count_in(struct multiplexer *mux, uint32_t pool)
{
	struct board_part *part = board_part_own(mux->board, pool, mux->number);

	atomic_fetch_add(&part->queued, 1);
	if (sum_of(mux, pool).queued <= mux->pools.at[pool]->settings->tuning->queue_length)
		return true;
	atomic_fetch_sub(&part->queued, 1);
	return false;
}

/* For the status: how long has the first of them waited? */
static void
tell_oldest(struct multiplexer *mux, uint32_t index)
{
	const struct conn *first = TAILQ_FIRST(&mux->pools.at[index]->waiting);

	atomic_store_explicit(&board_part_own(mux->board, index, mux->number)->oldest_ms,
	    first != NULL ? first->queued_us / 1000 : 0, memory_order_relaxed);
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
	struct pool *pool = mux->pools.at[conn->pool];
	struct board_pool *board = board_pool(mux->board, conn->pool);

	if (refuses(conn, board)) {
		respond_busy(conn);
		return false;
	}
	if (!count_in(mux, conn->pool)) {
		atomic_fetch_add_explicit(&board->queue_full, 1, memory_order_relaxed);
		respond_busy(conn);
		return false;
	}
	conn->state = CONN_QUEUED;
	if (conn->queued_us == 0)
		conn->queued_us = multiplexer_us(mux);
	TAILQ_INSERT_TAIL(&pool->waiting, conn, link);
	conn_timeout(conn, conn_tuning(conn)->queue_timeout);
	if (pool->count++ == 0) {
		tell_oldest(mux, conn->pool);
		TAILQ_INSERT_TAIL(&mux->pools.waiting, pool, link);
		board_wait(mux->board, conn->pool, mux->number);
		multiplexer_relook(mux);
		if (sum_of(mux, conn->pool).sticky > 0) {
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
	struct pool *pool = mux->pools.at[conn->pool];

	TAILQ_REMOVE(&pool->waiting, conn, link);
	tell_oldest(mux, conn->pool);
	timeouts_clear(&conn->timeout);
	atomic_fetch_sub_explicit(&board_part(mux->board, conn->pool, mux->number)->queued, 1,
	    memory_order_relaxed);
	if (--pool->count == 0) {
		TAILQ_REMOVE(&mux->pools.waiting, pool, link);
		board_unwait(mux->board, conn->pool, mux->number);
	}
}

void
pools_silence(struct multiplexer *mux)
{
	uint32_t i;

	for (i = 0; i < mux->pools.count; i++)
		if (mux->pools.at[i] != NULL)
			pool_log_end(&mux->pools.at[i]->log);
}

static void
pool_free(struct multiplexer *mux, struct pool *pool)
{
	pool_log_end(&pool->log);
	tables_drop(&pool->tables);
	mux->pools.at[pool->row] = NULL;
	free(pool);
}

/* A slot of that row still leads somewhere, or something runs on it. */
static bool
has_slots(struct multiplexer *mux, uint32_t row)
{
	const struct board_pool *board = board_pool(mux->board, row);
	const struct slot *slot;
	uint32_t i;

	for (i = board->slot_first; i < board->slot_first + board->slot_count &&
	    i < mux->slots.count; i++) {
		slot = mux->slots.at[i];
		if (slot != NULL && slot->pool == row && (slot->fd >= 0 || slot->busy))
			return true;
	}
	return false;
}

void
pools_sweep(struct multiplexer *mux)
{
	struct pool *pool;
	uint32_t i;

	mux->pools.sweep = false;
	for (i = 0; i < mux->pools.count; i++) {
		pool = mux->pools.at[i];
		if (pool != NULL && pool->tables != mux->tables && pool->count == 0 &&
		    TAILQ_EMPTY(&pool->log.read) && !has_slots(mux, i))
			pool_free(mux, pool);
	}
}

/* Those that wait, in all pools, off their queues. */
static void
take_all(struct multiplexer *mux, struct conn_list *waiting)
{
	struct pool *pool;
	struct conn *conn;

	while ((pool = TAILQ_FIRST(&mux->pools.waiting)) != NULL) {
		conn = TAILQ_FIRST(&pool->waiting);
		queue_remove(conn);
		TAILQ_INSERT_TAIL(waiting, conn, link);
	}
}

void
queue_swap(struct multiplexer *mux)
{
	struct conn_list waiting;
	struct conn *conn;
	struct nv vars;
	uint32_t i, index;
	int status;

	mux->pools.sweep = true;
	TAILQ_INIT(&waiting);
	take_all(mux, &waiting);
	for (i = 0; i < mux->pools.count; i++) {
		index = tables_pool(mux->tables, i);
		if (mux->pools.at[i] != NULL && index != SETTINGS_NONE)
			settle(mux->pools.at[i], mux->tables, index);
	}
	while ((conn = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, conn, link);
		vars.data = (unsigned char *)conn->vars.data;
		vars.len = vars.size = conn->vars.len;
		status = request_adopt(conn, &vars);
		if (status == 0)
			queue_add(conn);
		else
			request_refuse(conn, status);
	}
}

struct conn *
queue_first(struct multiplexer *mux, uint32_t pool)
{
	return mux->pools.at[pool] != NULL ? TAILQ_FIRST(&mux->pools.at[pool]->waiting) : NULL;
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
	struct pool *pool = mux->pools.at[index];
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
		serve_pool(mux, pool->row);
	}
}
