#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/top.h"
#include "status/table.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define LINES_AROUND 7          /* heads, blanks and the line of keys */

const struct top_order top_orders[] = {
	{ 'b', "busy" }, { 'r', "requests" }, { 'c', "cpu" }, { 'm', "memory" },
	{ 'w', "waiting" }, { 'e', "errors" }, { 'n', "name" },
};
const size_t top_order_count = COUNT(top_orders);

/* A pool or a processor, and what it did since the last look. */
struct pool_item {
	const struct view_pool *pool;
	double requests, errors, bytes, cpu;    /* a second; cpu: percent of one */
};

struct slot_item {
	const struct view_slot *slot;
	const char *pool;
	double cpu;
};

/* ---- since the last look */

static double
rate(uint64_t now, uint64_t before, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static void
fill_pool(struct pool_item *item, const struct top_frame *frame, const struct view_pool *pool)
{
	const struct view_pool *was = frame->before != NULL ?
	    view_pool(frame->before, pool->index) : NULL;

	memset(item, 0, sizeof *item);
	item->pool = pool;
	if (was == NULL || strcmp(was->name, pool->name) != 0)
		return;
	item->requests = rate(pool->requests, was->requests, frame->seconds);
	item->errors = rate(pool->errors, was->errors, frame->seconds);
	item->bytes = rate(pool->bytes, was->bytes, frame->seconds);
	item->cpu = rate(pool->cpu_ms, was->cpu_ms, frame->seconds) / 10;
}

static void
fill_slot(struct slot_item *item, const struct top_frame *frame, const struct view_slot *slot)
{
	size_t i;

	memset(item, 0, sizeof *item);
	item->slot = slot;
	item->pool = view_pool_name(frame->now, slot);
	for (i = 0; frame->before != NULL && i < frame->before->slot_count; i++) {
		const struct view_slot *was = &frame->before->slots[i];

		if (was->index != slot->index)
			continue;
		if (was->generation == slot->generation)
			item->cpu = rate(slot->cpu_ms, was->cpu_ms, frame->seconds) / 10;
		return;
	}
}

/* ---- order */

static char order_now;

static double
weight(const struct pool_item *item)
{
	const struct view_pool *pool = item->pool;

	switch (order_now) {
	case 'r': return item->requests;
	case 'c': return item->cpu;
	case 'm': return (double)pool->memory;
	case 'w': return (double)pool->queued;
	case 'e': return item->errors * 1e9 + (double)pool->errors;
	case 'b': return (double)(pool->busy + pool->sticky);
	default: return 0;
	}
}

static int
compare_pools(const void *a, const void *b)
{
	const struct pool_item *one = a, *other = b;
	double more = weight(other) - weight(one);

	return more > 0 ? 1 : more < 0 ? -1 : strcmp(one->pool->name, other->pool->name);
}

static int
compare_slots(const void *a, const void *b)
{
	const struct slot_item *one = a, *other = b;
	int runs = view_slot_runs(other->slot) - view_slot_runs(one->slot);
	double more = order_now == 'c' ? other->cpu - one->cpu :
	    order_now == 'm' ? (double)other->slot->memory - (double)one->slot->memory :
	    (double)other->slot->age_ms - (double)one->slot->age_ms;

	if (order_now != 'c' && order_now != 'm' && runs != 0)
		return runs;
	return more > 0 ? 1 : more < 0 ? -1 : 0;
}

/* ---- cells */

#define CELL(name, type, expression)                                            \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		return expression;                                              \
	}

static const char *
tenths(double number, char out[TABLE_CELL])
{
	snprintf(out, TABLE_CELL, number < 10 ? "%.1f" : "%.0f", number);
	return out;
}

static const char *
age_or_none(uint64_t ms, char out[TABLE_CELL])
{
	return ms == 0 ? "-" : show_age(ms, out);
}

static const char *
pid_or_none(uint64_t pid, char out[TABLE_CELL])
{
	snprintf(out, TABLE_CELL, "%" PRIu64, pid);
	return pid == 0 ? "-" : out;
}

CELL(pool_name, pool_item, ((void)out, it->pool->name))
CELL(pool_user, pool_item, ((void)out, it->pool->user))
CELL(pool_state, pool_item, ((void)out, it->pool->drained ? "drained" : it->pool->state))
CELL(pool_busy, pool_item, show_count(it->pool->busy + it->pool->sticky, out))
CELL(pool_idle, pool_item, show_count(it->pool->idle, out))
CELL(pool_max, pool_item, show_count(it->pool->max, out))
CELL(pool_queued, pool_item, show_count(it->pool->queued, out))
CELL(pool_wait, pool_item, age_or_none(it->pool->oldest_ms, out))
CELL(pool_rate, pool_item, tenths(it->requests, out))
CELL(pool_requests, pool_item, show_count(it->pool->requests, out))
CELL(pool_errors, pool_item, tenths(it->errors, out))
CELL(pool_late, pool_item, show_count(it->pool->queue_full + it->pool->queue_timeouts +
    it->pool->expired, out))
CELL(pool_crashes, pool_item, show_count(it->pool->crashes, out))
CELL(pool_sent, pool_item, show_bytes((uint64_t)it->bytes, out))
CELL(pool_cpu, pool_item, tenths(it->cpu, out))
CELL(pool_memory, pool_item, show_bytes(it->pool->memory, out))

static const struct column pool_columns[] = {
	{ "POOL", 13, 0, true, pool_name },
	{ "USER", 10, 92, true, pool_user },
	{ "STATE", 8, 0, true, pool_state },
	{ "BUSY", 4, 0, false, pool_busy },
	{ "IDLE", 4, 0, false, pool_idle },
	{ "MAX", 4, 0, false, pool_max },
	{ "QUEUE", 5, 0, false, pool_queued },
	{ "WAIT", 5, 0, false, pool_wait },
	{ "REQ/S", 6, 0, false, pool_rate },
	{ "REQS", 5, 98, false, pool_requests },
	{ "5XX/S", 5, 0, false, pool_errors },
	{ "LATE", 4, 0, false, pool_late },
	{ "CRASH", 5, 104, false, pool_crashes },
	{ "SENT/S", 6, 112, false, pool_sent },
	{ "CPU%", 5, 0, false, pool_cpu },
	{ "MEM", 5, 0, false, pool_memory },
};

CELL(slot_age, slot_item, age_or_none(it->slot->age_ms, out))
CELL(slot_pool, slot_item, ((void)out, it->pool))
CELL(slot_pid, slot_item, pid_or_none(it->slot->pid, out))
CELL(slot_state, slot_item, ((void)out, it->slot->state))
CELL(slot_requests, slot_item, show_count(it->slot->requests, out))
CELL(slot_cpu, slot_item, tenths(it->cpu, out))
CELL(slot_memory, slot_item, show_bytes(it->slot->memory, out))

static const char *
slot_request(const void *item, char out[TABLE_CELL])
{
	const struct view_slot *slot = ((const struct slot_item *)item)->slot;

	if (!view_slot_runs(slot))
		return "-";
	snprintf(out, TABLE_CELL, "%s %s%s", slot->method, slot->vhost, slot->url);
	return out;
}

static const struct column slot_columns[] = {
	{ "AGE", 5, 0, false, slot_age },
	{ "POOL", 13, 0, true, slot_pool },
	{ "PID", 7, 0, false, slot_pid },
	{ "STATE", 8, 0, true, slot_state },
	{ "REQS", 5, 92, false, slot_requests },
	{ "CPU%", 5, 0, false, slot_cpu },
	{ "MEM", 5, 0, false, slot_memory },
	{ "REQUEST", 20, 0, true, slot_request },
};

/* ---- the screen */

static size_t
draw_pools(const struct top_frame *frame, struct show *show, size_t room)
{
	struct table table = { pool_columns, COUNT(pool_columns), frame->columns };
	const struct view *view = frame->now;
	struct pool_item *items = calloc(view->pool_count + 1, sizeof *items);
	size_t count = 0, i;

	for (i = 0; items != NULL && i < view->pool_count; i++)
		if (!view_pool_unused(&view->pools[i]))
			fill_pool(&items[count++], frame, &view->pools[i]);
	qsort(items, count, sizeof *items, compare_pools);
	table_head(show, &table);
	count = count < room ? count : room;
	for (i = 0; i < count; i++)
		table_row(show, &table, &items[i]);
	free(items);
	return count;
}

static void
draw_slots(const struct top_frame *frame, struct show *show, size_t room)
{
	struct table table = { slot_columns, COUNT(slot_columns), frame->columns };
	const struct view *view = frame->now;
	struct slot_item *items = calloc(view->slot_count + 1, sizeof *items);
	size_t count = 0, i;

	for (i = 0; items != NULL && i < view->slot_count; i++)
		fill_slot(&items[count++], frame, &view->slots[i]);
	qsort(items, count, sizeof *items, compare_slots);
	table_head(show, &table);
	for (i = 0; i < count && i < room; i++)
		table_row(show, &table, &items[i]);
	free(items);
}

static void
draw_summary(const struct top_frame *frame, struct show *show)
{
	const struct view *view = frame->now;
	uint64_t busy = 0, queued = 0, connections = 0, failed = 0;
	char age[SHOW_SHORT], line[256];
	size_t i;

	for (i = 0; i < view->pool_count; i++) {
		busy += view->pools[i].busy + view->pools[i].sticky;
		queued += view->pools[i].queued;
		failed += strcmp(view->pools[i].state, "failed") == 0;
	}
	for (i = 0; i < view->multiplexer_count; i++)
		connections += view->multiplexers[i].connections;
	snprintf(line, sizeof line, "peruserd %s, %s, up %s; %" PRIu64 " of %" PRIu64
	    " processors, %" PRIu64 " busy", view->server.version, view->server.phase,
	    show_age(view->server.uptime_ms, age), view->server.live,
	    view->server.server_limit, busy);
	table_cut(show, line, frame->columns);
	snprintf(line, sizeof line, "%zu pools, %" PRIu64 " failed; %" PRIu64
	    " requests wait; %" PRIu64 " connections", view->pool_count, failed, queued,
	    connections);
	show_text(show, "\n");
	table_cut(show, line, frame->columns);
	show_text(show, "\n\n");
}

static void
draw_keys(const struct top_frame *frame, struct show *show)
{
	char line[256] = "order:";
	size_t i, len = strlen(line);

	for (i = 0; i < top_order_count; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, " %s%c %s%s",
		    top_orders[i].key == frame->order ? "[" : "", top_orders[i].key,
		    top_orders[i].name, top_orders[i].key == frame->order ? "]" : "");
	snprintf(line + len, sizeof line - len, "  q quit");
	table_cut(show, line, frame->columns);
	show_text(show, "\n");
}

bool
top_draw(const struct top_frame *frame, struct buf *out)
{
	size_t rows = frame->rows > LINES_AROUND ? frame->rows - LINES_AROUND : 0, used;
	struct show show = { out, true };

	order_now = frame->order;
	draw_summary(frame, &show);
	used = draw_pools(frame, &show, rows / 2);
	show_text(&show, "\n");
	draw_slots(frame, &show, rows - used);
	draw_keys(frame, &show);
	return show.ok;
}
