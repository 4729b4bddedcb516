#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status/view.h"
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

/* All numbers that come in records; one that is not there stays 0. */
static void
take_numbers(const struct view_numbers *numbers, void *to, const struct record *record)
{
	uint64_t value;
	size_t i;

	for (i = 0; i < numbers->count; i++) {
		if (numbers->at[i].source != FROM_RECORD)
			continue;
		value = record_get_number(record, numbers->at[i].key);
		memcpy((char *)to + numbers->at[i].offset, &value, sizeof value);
	}
}

static bool
is_yes(const struct record *record, const char *key)
{
	return strcmp(record_get(record, key), "yes") == 0;
}

static bool
take_head(struct view *view, const struct record *record)
{
	snprintf(view->server.version, sizeof view->server.version, "%s",
	    record_get(record, "version"));
	word(view->server.phase, record, "phase");
	take_numbers(&view_of_server, &view->server, record);
	return true;
}

static bool
take_multiplexer(struct view *view, const struct record *record)
{
	struct view_multiplexer *mux;

	mux = grow(&view->multiplexers, &view->multiplexer_count, sizeof *mux);
	if (mux == NULL)
		return false;
	take_numbers(&view_of_multiplexer, mux, record);
	mux->ready = is_yes(record, "ready");
	return true;
}

static bool
take_pool(struct view *view, const struct record *record)
{
	struct view_pool *pool = grow(&view->pools, &view->pool_count, sizeof *pool);

	if (pool == NULL)
		return false;
	take_numbers(&view_of_pool, pool, record);
	pool->index = record_get_number(record, "index");
	pool->pid = record_get_number(record, "pid");
	pool->generation = record_get_number(record, "generation");
	pool->retry_ms = record_get_number(record, "retry_ms");
	pool->rolling = is_yes(record, "rolling");
	word(pool->state, record, "state");
	pool->drained = is_yes(record, "drained") || strcmp(pool->state, "drained") == 0;
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

	if (slot == NULL)
		return false;
	take_numbers(&view_of_slot, slot, record);
	slot->index = record_get_number(record, "index");
	slot->pool = record_get_number(record, "pool");
	slot->pid = record_get_number(record, "pid");
	slot->generation = record_get_number(record, "generation");
	slot->method = slot->vhost = slot->url = "";
	word(slot->state, record, "state");
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

/* "METHOD vhost URL" into its three parts, in place. */
static void
cut_row(struct view_slot *slot)
{
	char *vhost = strchr(slot->row, ' '), *url;

	url = vhost != NULL ? strchr(vhost + 1, ' ') : NULL;
	if (url == NULL)
		return;
	*vhost = *url = '\0';
	slot->method = slot->row;
	slot->vhost = vhost + 1;
	slot->url = url + 1;
}

static void
add_slot(struct view_slot *slot, const struct board_slot *row, uint64_t now_ms)
{
	uint64_t began = atomic_load(&row->began_ms);

	slot->requests = atomic_load(&row->requests);
	slot->bytes = atomic_load(&row->bytes);
	if (board_row_read(row, slot->row))
		cut_row(slot);
	if (strcmp(slot->state, "busy") != 0)
		return;
	/* A lease may last for many requests; what is asked for is the request's age. */
	if (began == 0)
		snprintf(slot->state, VIEW_WORD, "sticky");
	else
		slot->age_ms = now_ms > began ? now_ms - began : 0;
}

static void
add_pool(struct view_pool *pool, struct board *board, uint64_t now_ms)
{
	const struct board_pool *row = board_pool(board, (uint32_t)pool->index);
	struct board_sum sum = board_sum(row, board_part(board, (uint32_t)pool->index, 0),
	    board->multiplexer_count);

	pool->queued = sum.queued;
	pool->oldest_ms = sum.oldest_ms != 0 && now_ms > sum.oldest_ms ?
	    now_ms - sum.oldest_ms : 0;
	pool->requests = atomic_load(&row->requests);
	pool->errors = atomic_load(&row->errors);
	pool->bytes = atomic_load(&row->bytes);
	pool->queue_full = atomic_load(&row->queue_full);
	pool->queue_timeouts = atomic_load(&row->queue_timeouts);
	pool->expired = atomic_load(&row->expired);
}

/* They come in the order of their indexes, some of which may be missing. */
static struct view_pool *
find_pool(const struct view *view, uint64_t index)
{
	size_t first = 0, end = view->pool_count, middle;

	while (first < end) {
		middle = first + (end - first) / 2;
		if (view->pools[middle].index == index)
			return &view->pools[middle];
		if (view->pools[middle].index < index)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

/* A pool's processors, counted. */
static void
count_slot(struct view *view, const struct view_slot *slot)
{
	struct view_pool *pool = find_pool(view, slot->pool);

	if (pool == NULL)
		return;
	pool->starting += strcmp(slot->state, "starting") == 0;
	pool->idle += strcmp(slot->state, "idle") == 0;
	pool->busy += strcmp(slot->state, "busy") == 0;
	pool->sticky += strcmp(slot->state, "sticky") == 0;
	pool->leaving += strcmp(slot->state, "leaving") == 0;
	pool->memory += slot->memory;
	if (view_slot_runs(slot) && slot->age_ms > pool->longest_ms)
		pool->longest_ms = slot->age_ms;
}

void
view_add_board(struct view *view, struct board *board, uint64_t now_ms)
{
	size_t i;

	for (i = 0; board != NULL && i < view->multiplexer_count; i++) {
		struct view_multiplexer *mux = &view->multiplexers[i];

		if (mux->number >= BOARD_MULTIPLEXERS)
			continue;
		mux->connections = atomic_load(&board->multiplexers[mux->number].connections);
		mux->accepted = atomic_load(&board->multiplexers[mux->number].accepted);
		mux->requests = atomic_load(&board->multiplexers[mux->number].requests);
	}
	for (i = 0; board != NULL && i < view->pool_count; i++)
		if (view->pools[i].index < board->pool_count)
			add_pool(&view->pools[i], board, now_ms);
	for (i = 0; i < view->slot_count; i++) {
		struct view_slot *slot = &view->slots[i];

		if (board != NULL && slot->index < board->slot_count)
			add_slot(slot, board_slot(board, (uint32_t)slot->index), now_ms);
		count_slot(view, slot);
	}
}

bool
view_pool_unused(const struct view_pool *pool)
{
	return pool->requests == 0 && pool->queued == 0 && pool->errors == 0 &&
	    strcmp(pool->state, "cold") == 0 && !pool->drained;
}

bool
view_slot_runs(const struct view_slot *slot)
{
	return strcmp(slot->state, "busy") == 0;
}

const struct view_pool *
view_pool(const struct view *view, uint64_t index)
{
	return find_pool(view, index);
}

const char *
view_pool_name(const struct view *view, const struct view_slot *slot)
{
	const struct view_pool *pool = view_pool(view, slot->pool);

	return pool != NULL ? pool->name : "";
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
