#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/view.h"
#include "wire/record.h"

/* One more element at the end of a growing array, zeroed; NULL without memory. */
static void *
grow(void *array_at, size_t *count, size_t size)
{
	void **array = array_at;
	void *more;

	/* Room doubles: it is full where the count is a power of two. */
	if ((*count & (*count - 1)) == 0) {
		more = realloc(*array, (*count == 0 ? 1 : *count * 2) * size);
		if (more == NULL)
			return NULL;
		*array = more;
	}
	more = (char *)*array + *count * size;
	memset(more, 0, size);
	(*count)++;
	return more;
}

static void
word(char out[VIEW_WORD], const struct record *record, const char *key)
{
	snprintf(out, VIEW_WORD, "%s", record_get(record, key));
}

static bool
take_head(struct view *view, const struct record *record)
{
	snprintf(view->version, sizeof view->version, "%s", record_get(record, "version"));
	word(view->phase, record, "phase");
	view->pid = record_get_number(record, "pid");
	view->uptime_ms = record_get_number(record, "uptime_ms");
	view->live = record_get_number(record, "live");
	view->server_limit = record_get_number(record, "server_limit");
	return true;
}

static bool
take_multiplexer(struct view *view, const struct record *record)
{
	struct view_multiplexer *mux;

	mux = grow(&view->multiplexers, &view->multiplexer_count, sizeof *mux);
	if (mux == NULL)
		return false;
	mux->number = record_get_number(record, "number");
	mux->pid = record_get_number(record, "pid");
	mux->restarts = record_get_number(record, "restarts");
	mux->ready = strcmp(record_get(record, "ready"), "yes") == 0;
	return true;
}

static bool
take_pool(struct view *view, const struct record *record)
{
	struct view_pool *pool = grow(&view->pools, &view->pool_count, sizeof *pool);

	if (pool == NULL)
		return false;
	pool->index = record_get_number(record, "index");
	pool->pid = record_get_number(record, "pid");
	pool->generation = record_get_number(record, "generation");
	pool->max = record_get_number(record, "max");
	pool->retry_ms = record_get_number(record, "retry_ms");
	word(pool->state, record, "state");
	word(pool->namespaces, record, "namespaces");
	pool->name = strdup(record_get(record, "name"));
	pool->user = strdup(record_get(record, "user"));
	pool->reason = strdup(record_get(record, "reason"));
	return pool->name != NULL && pool->user != NULL && pool->reason != NULL;
}

static bool
take_slot(struct view *view, const struct record *record)
{
	struct view_slot *slot = grow(&view->slots, &view->slot_count, sizeof *slot);
	struct view_pool *pool;

	if (slot == NULL)
		return false;
	slot->index = record_get_number(record, "index");
	slot->pool = record_get_number(record, "pool");
	slot->pid = record_get_number(record, "pid");
	slot->generation = record_get_number(record, "generation");
	slot->age_ms = record_get_number(record, "age_ms");
	word(slot->state, record, "state");
	if (slot->pool >= view->pool_count)
		return true;
	pool = &view->pools[slot->pool];
	pool->starting += strcmp(slot->state, "starting") == 0;
	pool->idle += strcmp(slot->state, "idle") == 0;
	pool->busy += strcmp(slot->state, "busy") == 0;
	pool->leaving += strcmp(slot->state, "leaving") == 0;
	return true;
}

static bool
take_end(struct view *view, const struct record *record)
{
	(void)record;
	view->whole = true;
	return true;
}

static const struct {
	const char *kind;
	bool (*take)(struct view *view, const struct record *record);
} kinds[] = {
	{ "peruserd", take_head },
	{ "multiplexer", take_multiplexer },
	{ "pool", take_pool },
	{ "slot", take_slot },
	{ "end", take_end },
};

static bool
take_line(struct view *view, char *line, struct fault *fault)
{
	struct record record;
	size_t i;

	if (!record_parse(line, &record))
		return fault_set(fault, 0, "peruserd answered with a line that is no record");
	if (strcmp(record.kind, "error") == 0)
		return fault_set(fault, 0, "%s", record_get(&record, "text"));
	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(record.kind, kinds[i].kind) == 0)
			return kinds[i].take(view, &record) ||
			    fault_set(fault, ENOMEM, "read the answer");
	/* A newer manager may say more: that is not ours to show. */
	return true;
}

bool
view_parse(struct view *view, char *answer, size_t len, struct fault *fault)
{
	char *end;

	memset(view, 0, sizeof *view);
	while (len > 0) {
		end = memchr(answer, '\n', len);
		if (end == NULL || end - answer >= RECORD_LINE)
			return fault_set(fault, 0, "peruserd's answer was cut, or a line is too long");
		*end = '\0';
		len -= (size_t)(end + 1 - answer);
		if (!take_line(view, answer, fault))
			return false;
		answer = end + 1;
	}
	return view->whole || fault_set(fault, 0, "peruserd's answer has no end");
}

void
view_add_board(struct view *view, struct board *board)
{
	size_t i;

	for (i = 0; i < view->multiplexer_count; i++) {
		struct view_multiplexer *mux = &view->multiplexers[i];

		if (mux->number >= BOARD_MULTIPLEXERS)
			continue;
		mux->connections = atomic_load(&board->multiplexers[mux->number].connections);
		mux->accepted = atomic_load(&board->multiplexers[mux->number].accepted);
		mux->requests = atomic_load(&board->multiplexers[mux->number].requests);
	}
	for (i = 0; i < view->pool_count; i++) {
		struct view_pool *pool = &view->pools[i];
		const struct board_pool *row;

		if (pool->index >= board->pool_count)
			continue;
		row = board_pool(board, (uint32_t)pool->index);
		pool->queued = atomic_load(&row->queued);
		pool->requests = atomic_load(&row->requests);
		pool->errors = atomic_load(&row->errors);
		pool->queue_full = atomic_load(&row->queue_full);
		pool->queue_timeouts = atomic_load(&row->queue_timeouts);
		pool->expired = atomic_load(&row->expired);
	}
	for (i = 0; i < view->slot_count; i++) {
		struct view_slot *slot = &view->slots[i];

		if (slot->index >= board->slot_count)
			continue;
		slot->requests =
		    atomic_load(&board_slot(board, (uint32_t)slot->index)->requests);
		board_row_read(board_slot(board, (uint32_t)slot->index), slot->row);
	}
}

const struct view_pool *
view_pool(const struct view *view, uint64_t index)
{
	return index < view->pool_count ? &view->pools[index] : NULL;
}

void
view_end(struct view *view)
{
	size_t i;

	for (i = 0; i < view->pool_count; i++) {
		free(view->pools[i].name);
		free(view->pools[i].user);
		free(view->pools[i].reason);
	}
	free(view->multiplexers);
	free(view->pools);
	free(view->slots);
	memset(view, 0, sizeof *view);
}
