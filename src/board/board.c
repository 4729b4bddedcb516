#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peruserd/board.h>

#include "base/fd.h"

/* The word: generation in the upper half, then owner, then state. */
#define WORD_GENERATION 32
#define WORD_OWNER      8

static_assert(sizeof(struct board) % 8 == 0, "the rows after it are aligned");
static_assert(sizeof(struct board_pool) % 8 == 0, "the slots after them are aligned");
static_assert(sizeof(struct board_slot) % 8 == 0, "the parts after them are aligned");

#define POOLS_MAX 1000000u
#define SLOTS_MAX 10000000u

static size_t
board_size(uint32_t pool_count, uint32_t slot_count, uint32_t multiplexer_count)
{
	return sizeof(struct board) + (size_t)pool_count * sizeof(struct board_pool) +
	    (size_t)slot_count * sizeof(struct board_slot) +
	    (size_t)pool_count * multiplexer_count * sizeof(struct board_part);
}

static int
board_memory(size_t size)
{
	int fd = memfd_create("peruserd-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (fchmod(fd, 0600) != 0 || ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		fd_close(&fd);
	return fd;
}

struct board *
board_new(const uint32_t *slots_of, uint32_t pool_count, uint32_t multiplexer_count, int *fd)
{
	struct board *board;
	uint64_t slots = 0;
	uint32_t i;
	size_t size;

	for (i = 0; i < pool_count; i++)
		slots += slots_of[i];
	if (pool_count > POOLS_MAX || slots > SLOTS_MAX || multiplexer_count > BOARD_MULTIPLEXERS) {
		errno = E2BIG;
		return NULL;
	}
	size = board_size(pool_count, (uint32_t)slots, multiplexer_count);
	*fd = board_memory(size);
	if (*fd < 0)
		return NULL;
	board = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (board == MAP_FAILED) {
		fd_close(fd);
		return NULL;
	}
	board->magic = BOARD_MAGIC;
	board->pool_count = pool_count;
	board->slot_count = (uint32_t)slots;
	board->multiplexer_count = multiplexer_count;
	board->size = size;
	slots = 0;
	for (i = 0; i < pool_count; i++) {
		if (slots_of[i] == 0)
			continue;       /* memory is for rows that are used */
		board_pool(board, i)->slot_first = (uint32_t)slots;
		board_pool(board, i)->slot_count = slots_of[i];
		slots += slots_of[i];
	}
	return board;
}

static bool
board_whole(const struct board *board, size_t size)
{
	return board->magic == BOARD_MAGIC && board->size == size &&
	    board->pool_count <= POOLS_MAX && board->slot_count <= SLOTS_MAX &&
	    board->multiplexer_count <= BOARD_MULTIPLEXERS &&
	    board_size(board->pool_count, board->slot_count, board->multiplexer_count) == size;
}

struct board *
board_map(int fd, bool writable)
{
	struct board *board;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size < (off_t)sizeof *board) {
		errno = EPROTO;
		return NULL;
	}
	board = mmap(NULL, (size_t)st.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
	    MAP_SHARED, fd, 0);
	if (board == MAP_FAILED)
		return NULL;
	if (!board_whole(board, (size_t)st.st_size)) {
		munmap(board, (size_t)st.st_size);
		errno = EPROTO;
		return NULL;
	}
	return board;
}

struct board *
board_map_as(int fd, uint32_t pool_count, uint32_t slot_count, uint32_t multiplexer_count)
{
	size_t size = board_size(pool_count, slot_count, multiplexer_count);
	struct board *board;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return NULL;
	if (pool_count > POOLS_MAX || slot_count > SLOTS_MAX ||
	    multiplexer_count > BOARD_MULTIPLEXERS || st.st_size != (off_t)size) {
		errno = EPROTO;
		return NULL;
	}
	board = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return board != MAP_FAILED ? board : NULL;
}

void
board_unmap(struct board **board)
{
	if (*board != NULL)
		munmap(*board, (*board)->size);
	*board = NULL;
}

struct board_pool *
board_pool(struct board *board, uint32_t pool)
{
	return (struct board_pool *)(void *)(board + 1) + pool;
}

struct board_slot *
board_slot(struct board *board, uint32_t slot)
{
	return (struct board_slot *)(void *)board_pool(board, board->pool_count) + slot;
}

struct board_part *
board_part(struct board *board, uint32_t pool, uint32_t multiplexer)
{
	return (struct board_part *)(void *)board_slot(board, board->slot_count) +
	    (size_t)pool * board->multiplexer_count + multiplexer;
}

struct board_part *
board_part_own(struct board *board, uint32_t pool, unsigned multiplexer)
{
	_Atomic uint64_t *used = &board_pool(board, pool)->parts;
	uint64_t bit = UINT64_C(1) << multiplexer;

	if ((atomic_load_explicit(used, memory_order_relaxed) & bit) == 0)
		atomic_fetch_or(used, bit);
	return board_part(board, pool, multiplexer);
}

struct board_sum
board_sum(const struct board_pool *row, const struct board_part *parts,
    uint32_t multiplexer_count)
{
	struct board_sum sum = { 0, 0, 0 };
	uint64_t used = atomic_load(&row->parts), oldest;
	unsigned i;

	for (; used != 0; used &= used - 1) {
		i = (unsigned)__builtin_ctzll(used);
		if (i >= multiplexer_count)
			break;
		sum.queued += atomic_load(&parts[i].queued);
		sum.sticky += atomic_load(&parts[i].sticky);
		oldest = atomic_load(&parts[i].oldest_ms);
		if (oldest != 0 && (sum.oldest_ms == 0 || oldest < sum.oldest_ms))
			sum.oldest_ms = oldest;
	}
	return sum;
}

void
board_forget(struct board_pool *row, struct board_part *part, unsigned multiplexer)
{
	uint64_t others = ~(UINT64_C(1) << multiplexer);

	atomic_fetch_and(&row->waiting, others);
	if ((atomic_fetch_and(&row->parts, others) & ~others) == 0)
		return;
	atomic_store(&part->queued, 0);
	atomic_store(&part->sticky, 0);
	atomic_store(&part->oldest_ms, 0);
}

struct slot_word
slot_word_unpack(uint64_t word)
{
	struct slot_word out = {
		.generation = (uint32_t)(word >> WORD_GENERATION),
		.owner = (uint8_t)(word >> WORD_OWNER),
		.state = (enum slot_state)(word & 0xff),
	};

	return out;
}

uint64_t
slot_word_pack(struct slot_word word)
{
	return (uint64_t)word.generation << WORD_GENERATION |
	    (uint64_t)word.owner << WORD_OWNER | (uint64_t)word.state;
}

static bool
change(struct board *board, uint32_t pool, uint32_t slot, uint64_t from, uint64_t to,
    uint64_t now_ms)
{
	struct board_slot *row = board_slot(board, slot);
	bool was_idle = (from & 0xff) == SLOT_IDLE, is_idle = (to & 0xff) == SLOT_IDLE;

	/* The time first: who sees the new state must not see an old time. */
	if (atomic_load(&row->word) != from)
		return false;
	atomic_store_explicit(&row->since_ms, now_ms, memory_order_relaxed);
	if (!atomic_compare_exchange_strong(&row->word, &from, to))
		return false;
	if (was_idle != is_idle)
		atomic_fetch_add(&board_pool(board, pool)->idle, is_idle ? 1 : (uint32_t)-1);
	return true;
}

bool
board_slot_change(struct board *board, uint32_t pool, uint32_t slot,
    struct slot_word from, struct slot_word to, uint64_t now_ms)
{
	return change(board, pool, slot, slot_word_pack(from), slot_word_pack(to), now_ms);
}

static bool
lease_one(struct board *board, uint32_t pool, uint32_t slot, unsigned owner,
    uint64_t now_ms, uint32_t *generation)
{
	uint64_t word = atomic_load(&board_slot(board, slot)->word);
	struct slot_word to = slot_word_unpack(word);

	if (to.state != SLOT_IDLE)
		return false;
	to.state = SLOT_LEASED;
	to.owner = (uint8_t)owner;
	*generation = to.generation;
	return change(board, pool, slot, word, slot_word_pack(to), now_ms);
}

uint32_t
board_lease(struct board *board, uint32_t pool, unsigned owner,
    bool (*prefer)(uint32_t slot, void *context), void *context,
    uint64_t now_ms, uint32_t *generation)
{
	struct board_pool *row = board_pool(board, pool);
	uint32_t i, slot;

	/* The count may lag behind a release: that one is seen by board_wait's second look. */
	if (atomic_load(&row->idle) == 0)
		return UINT32_MAX;
	for (i = 0; prefer != NULL && i < row->slot_count; i++) {
		slot = row->slot_first + i;
		if (prefer(slot, context) &&
		    lease_one(board, pool, slot, owner, now_ms, generation))
			return slot;
	}
	for (i = 0; i < row->slot_count; i++) {
		slot = row->slot_first + i;
		if (lease_one(board, pool, slot, owner, now_ms, generation))
			return slot;
	}
	return UINT32_MAX;
}

bool
board_release(struct board *board, uint32_t pool, uint32_t slot,
    uint32_t generation, unsigned owner, uint64_t now_ms)
{
	struct slot_word from = { generation, (uint8_t)owner, SLOT_LEASED };
	struct slot_word to = { generation, BOARD_NOBODY, SLOT_IDLE };

	return board_slot_change(board, pool, slot, from, to, now_ms);
}

void
board_wait(struct board *board, uint32_t pool, unsigned owner)
{
	atomic_fetch_or(&board_pool(board, pool)->waiting, UINT64_C(1) << owner);
}

void
board_unwait(struct board *board, uint32_t pool, unsigned owner)
{
	atomic_fetch_and(&board_pool(board, pool)->waiting, ~(UINT64_C(1) << owner));
}

int
board_next_waiter(struct board *board, uint32_t pool, unsigned after)
{
	_Atomic uint64_t *mask = &board_pool(board, pool)->waiting;
	uint64_t seen = atomic_load(mask), bit, later;
	int number;

	while (seen != 0) {
		later = after >= 63 ? 0 : seen & (~UINT64_C(0) << (after + 1));
		number = __builtin_ctzll(later != 0 ? later : seen);
		bit = UINT64_C(1) << number;
		if (atomic_fetch_and(mask, ~bit) & bit)
			return number;
		seen = atomic_load(mask);
	}
	return -1;
}

void
board_row_write(struct board_slot *slot, const char *text, size_t len)
{
	uint32_t version = atomic_load_explicit(&slot->row_version, memory_order_relaxed) | 1;

	if (len >= sizeof slot->row)
		len = sizeof slot->row - 1;
	atomic_store_explicit(&slot->row_version, version, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(slot->row, text, len);
	slot->row[len] = '\0';
	atomic_store_explicit(&slot->row_version, version + 1, memory_order_release);
}

bool
board_row_read(const struct board_slot *slot, char out[BOARD_ROW])
{
	uint32_t before, after;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		before = atomic_load_explicit(&slot->row_version, memory_order_acquire);
		memcpy(out, slot->row, BOARD_ROW);
		out[BOARD_ROW - 1] = '\0';
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&slot->row_version, memory_order_relaxed);
		if (before == after && !(before & 1))
			return true;
	}
	out[0] = '\0';
	return false;
}
