#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "manager/manager.h"
#include "manager/rows.h"

/* Room for as many again, and some: all pools may change at once. */
#define ROWS_MORE  64
#define SLOTS_MORE 1024
#define MULTIPLEXERS_MORE 8

static uint32_t
slots_of(const struct pool_settings *settings)
{
	return (uint32_t)settings->tuning->max_processors;
}

/* The whole line of slots belongs to the first row until we cut it into ranges. */
static bool
make_board(struct manager *manager, struct fault *fault)
{
	uint32_t *ranges = calloc((size_t)manager->pool_count + 1, sizeof *ranges);
	char path[64];

	if (ranges == NULL)
		return fault_set(fault, ENOMEM, "make the board");
	ranges[0] = manager->slot_count;
	manager->board = board_new(ranges, manager->pool_count, manager->multiplexer_count,
	    &manager->board_fd);
	free(ranges);
	if (manager->board == NULL)
		return fault_set(fault, errno, "make the board");
	manager->pool_rows = board_pool(manager->board, 0);
	manager->slot_rows = board_slot(manager->board, 0);
	manager->part_rows = board_part(manager->board, 0, 0);
	manager->pool_rows[0].slot_count = 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", manager->board_fd);
	manager->board_reader = open(path, O_RDONLY | O_CLOEXEC);
	return manager->board_reader >= 0 ||
	    fault_set(fault, errno, "open the board for reading");
}

static void
measure(struct manager *manager)
{
	const struct settings *settings = manager->settings;
	uint32_t i, most;

	most = settings->multiplexer_total + settings->multiplexer_most + MULTIPLEXERS_MORE;
	manager->multiplexer_count = most < BOARD_MULTIPLEXERS ? most : BOARD_MULTIPLEXERS;
	manager->pool_count = settings->pool_count * 2 + ROWS_MORE;
	for (i = 0; i < settings->pool_count; i++)
		manager->slot_count += slots_of(&settings->pools[i]);
	manager->slot_count = manager->slot_count * 2 + SLOTS_MORE;
}

static bool
make_tables(struct manager *manager, struct fault *fault)
{
	manager->multiplexers = calloc(manager->multiplexer_count, sizeof *manager->multiplexers);
	manager->pools = memory_sparse(manager->pool_count, sizeof(struct pool *));
	manager->slots = memory_sparse(manager->slot_count, sizeof(struct slot *));
	return (manager->multiplexers != NULL && manager->pools != NULL && manager->slots != NULL &&
	    ranges_begin(&manager->free_rows, manager->pool_count) &&
	    ranges_begin(&manager->free_slots, manager->slot_count)) ||
	    fault_set(fault, ENOMEM, "make the tables");
}

bool
rows_find(struct manager *manager, struct fault *fault)
{
	manager->pool_rows = board_pool(manager->board, 0);
	manager->slot_rows = (struct board_slot *)(void *)(manager->pool_rows +
	    manager->pool_count);
	manager->part_rows = (struct board_part *)(void *)(manager->slot_rows +
	    manager->slot_count);
	return make_tables(manager, fault);
}

bool
rows_begin(struct manager *manager, struct fault *fault)
{
	struct pool *pool;
	uint32_t i;

	measure(manager);
	if (!make_tables(manager, fault))
		return false;
	if (!make_board(manager, fault))
		return false;
	for (i = 0; i < manager->settings->pool_count; i++) {
		pool = rows_add(manager, manager->configuration, i, fault);
		if (pool == NULL)
			return false;
	}
	return true;
}

/*
 * Nothing of the row's last pool is left in it.  Of a row that is new no part was
 * used, and looking at one would give it memory.
 */
static void
row_clear(struct manager *manager, uint32_t row, uint32_t first, uint32_t count)
{
	struct board_pool *on_board = &manager->pool_rows[row];

	if (atomic_load(&on_board->parts) != 0)
		memset(manager->part_rows + (size_t)row * manager->multiplexer_count, 0,
		    manager->multiplexer_count * sizeof *manager->part_rows);
	memset(on_board, 0, sizeof *on_board);
	on_board->slot_first = first;
	on_board->slot_count = count;
}

struct pool *
rows_add(struct manager *manager, struct configuration *configuration, uint32_t at,
    struct fault *fault)
{
	struct pool_settings *settings = &configuration->settings->pools[at];
	uint32_t count = slots_of(settings);
	uint32_t row = ranges_take(&manager->free_rows, 1);
	uint32_t first = row == RANGES_NONE ? RANGES_NONE :
	    ranges_take(&manager->free_slots, count);
	struct pool *pool = NULL;

	if (first == RANGES_NONE)
		fault_set(fault, 0, "the board has no room for pool %s with %u processors; restart "
		    "peruserd, or wait until pools that leave have gone", settings->name, count);
	else {
		row_clear(manager, row, first, count);
		pool = pool_new(manager, configuration, at, row);
		if (pool == NULL)
			fault_set(fault, ENOMEM, "make pool %s", settings->name);
	}
	if (pool != NULL && settings_pool_runs(pool->settings) == RUNS_SERVER &&
	    !pool_connect(pool)) {
		fault_set(fault, ENOMEM, "make pool %s", settings->name);
		pool_free(&pool);
	}
	if (pool != NULL) {
		settings->row = row;
		manager->pools[row] = pool;
		return pool;
	}
	if (first != RANGES_NONE)
		ranges_give(&manager->free_slots, first, count);
	if (row != RANGES_NONE)
		ranges_give(&manager->free_rows, row, 1);
	return NULL;
}

struct pool *
rows_put(struct manager *manager, struct configuration *configuration, uint32_t at, uint32_t row,
    uint32_t first, uint32_t count)
{
	manager->pool_rows[row].slot_first = first;
	manager->pool_rows[row].slot_count = count;
	manager->pools[row] = pool_new(manager, configuration, at, row);
	return manager->pools[row];
}

void
rows_drop(struct manager *manager, struct pool *pool)
{
	uint32_t i;

	/* Of a pool of servers they stand for connections. */
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(manager, i)->state != SLOT_EMPTY)
			slot_close(manager, i);
	manager->pools[pool->index] = NULL;
	ranges_give(&manager->free_slots, pool->slot_first, pool->slot_count);
	ranges_give(&manager->free_rows, pool->index, 1);
	pool_free(&pool);
}

void
rows_forget(struct manager *manager, unsigned multiplexer)
{
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL)
			board_forget(&manager->pool_rows[i], manager->part_rows +
			    (size_t)i * manager->multiplexer_count + multiplexer, multiplexer);
}

void
rows_sweep(struct manager *manager)
{
	uint32_t i, oldest = multiplexers_oldest(manager);
	struct pool *pool;

	for (i = 0; i < manager->pool_count; i++) {
		pool = manager->pools[i];
		if (pool == NULL || pool->retired == 0 || pool->retired > oldest)
			continue;
		/* Former multiplexers served by it to their end (reload_renew). */
		if (!pool->removed && manager->reload == NULL)
			pool_remove(pool);
		if (pool_is_gone(pool))
			rows_drop(manager, pool);
	}
}
