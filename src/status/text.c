#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "status/table.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define POOLS_ALL    50         /* that many are shown even where nobody uses them */

/* ---- cells: each knows its item's type */

#define CELL_COUNT(name, type, value)                                           \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		return show_count((value), out);                                \
	}
#define CELL_AGE(name, type, value)                                             \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		uint64_t ms = (value);                                          \
		return ms == 0 ? "-" : show_age(ms, out);                       \
	}
#define CELL_BYTES(name, type, value)                                           \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		uint64_t bytes = (value);                                       \
		return bytes == 0 ? "-" : show_bytes(bytes, out);               \
	}
#define CELL_PID(name, type, value)                                             \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		if ((value) == 0)                                               \
			return "-";                                             \
		snprintf(out, TABLE_CELL, "%" PRIu64, (uint64_t)(value));       \
		return out;                                                     \
	}
#define CELL_TEXT(name, type, value)                                            \
	static const char *                                                     \
	name(const void *item, char out[TABLE_CELL])                            \
	{                                                                       \
		const struct type *it = item;                                   \
		(void)out;                                                      \
		return (value);                                                 \
	}

CELL_COUNT(mux_number, view_multiplexer, it->number)
CELL_PID(mux_pid, view_multiplexer, it->pid)
CELL_TEXT(mux_state, view_multiplexer,
    it->pid == 0 ? "gone" : it->ready ? "ready" : "starting")
CELL_AGE(mux_up, view_multiplexer, it->uptime_ms)
CELL_COUNT(mux_connections, view_multiplexer, it->connections)
CELL_COUNT(mux_accepted, view_multiplexer, it->accepted)
CELL_COUNT(mux_requests, view_multiplexer, it->requests)
CELL_COUNT(mux_restarts, view_multiplexer, it->restarts)

static const struct column multiplexer_columns[] = {
	{ "MULTIPLEXER", 11, 0, false, mux_number },
	{ "PID", 7, 0, false, mux_pid },
	{ "STATE", 8, 0, true, mux_state },
	{ "UP", 5, 0, false, mux_up },
	{ "CONNECTIONS", 11, 0, false, mux_connections },
	{ "ACCEPTED", 8, 0, false, mux_accepted },
	{ "REQUESTS", 8, 0, false, mux_requests },
	{ "RESTARTS", 8, 0, false, mux_restarts },
};

CELL_TEXT(pool_name, view_pool, it->name)
CELL_TEXT(pool_user, view_pool, it->user)
CELL_TEXT(pool_state, view_pool, it->drained ? "drained" : it->state)
CELL_PID(pool_zygote, view_pool, it->pid)
CELL_COUNT(pool_idle, view_pool, it->idle)
CELL_COUNT(pool_busy, view_pool, it->busy + it->sticky)
CELL_COUNT(pool_max, view_pool, it->max)
CELL_COUNT(pool_queued, view_pool, it->queued)
CELL_AGE(pool_oldest, view_pool, it->oldest_ms)
CELL_COUNT(pool_requests, view_pool, it->requests)
CELL_COUNT(pool_errors, view_pool, it->errors)
CELL_COUNT(pool_late, view_pool, it->queue_full + it->queue_timeouts + it->expired)
CELL_COUNT(pool_crashes, view_pool, it->crashes)
CELL_COUNT(pool_restarts, view_pool, it->restarts)
CELL_AGE(pool_cpu, view_pool, it->cpu_ms)
CELL_BYTES(pool_memory, view_pool, it->memory)
CELL_BYTES(pool_sent, view_pool, it->bytes)
CELL_AGE(pool_up, view_pool, it->uptime_ms)

static const struct column pool_columns[] = {
	{ "POOL", 13, 0, true, pool_name },
	{ "USER", 10, 92, true, pool_user },
	{ "STATE", 8, 0, true, pool_state },
	{ "ZYGOTE", 7, 100, false, pool_zygote },
	{ "UP", 5, 118, false, pool_up },
	{ "IDLE", 4, 0, false, pool_idle },
	{ "BUSY", 4, 0, false, pool_busy },
	{ "MAX", 4, 0, false, pool_max },
	{ "QUEUE", 5, 0, false, pool_queued },
	{ "WAIT", 5, 0, false, pool_oldest },
	{ "REQS", 5, 0, false, pool_requests },
	{ "5XX", 5, 0, false, pool_errors },
	{ "LATE", 4, 0, false, pool_late },
	{ "CRASH", 5, 112, false, pool_crashes },
	{ "RESTART", 7, 126, false, pool_restarts },
	{ "SENT", 5, 106, false, pool_sent },
	{ "CPU", 5, 0, false, pool_cpu },
	{ "MEM", 5, 0, false, pool_memory },
};

/* A processor's line needs its pool's name too. */
struct slot_item {
	const struct view_slot *slot;
	const char *pool;
};

CELL_TEXT(slot_pool, slot_item, it->pool[0] != '\0' ? it->pool : "?")
CELL_PID(slot_pid, slot_item, it->slot->pid)
CELL_TEXT(slot_state, slot_item, it->slot->state)
CELL_AGE(slot_up, slot_item, it->slot->uptime_ms)
CELL_COUNT(slot_requests, slot_item, it->slot->requests)
CELL_AGE(slot_cpu, slot_item, it->slot->cpu_ms)
CELL_BYTES(slot_memory, slot_item, it->slot->memory)
CELL_BYTES(slot_rss, slot_item, it->slot->rss)
CELL_AGE(slot_age, slot_item, it->slot->age_ms)

static const char *
slot_request(const void *item, char out[TABLE_CELL])
{
	const struct slot_item *it = item;

	if (!view_slot_runs(it->slot) || it->slot->method[0] == '\0')
		return "-";
	snprintf(out, TABLE_CELL, "%s %s%s", it->slot->method, it->slot->vhost, it->slot->url);
	return out;
}

static const struct column slot_columns[] = {
	{ "POOL", 13, 0, true, slot_pool },
	{ "PID", 7, 0, false, slot_pid },
	{ "STATE", 8, 0, true, slot_state },
	{ "UP", 5, 100, false, slot_up },
	{ "REQS", 5, 92, false, slot_requests },
	{ "CPU", 5, 0, false, slot_cpu },
	{ "MEM", 5, 0, false, slot_memory },
	{ "RSS", 5, 112, false, slot_rss },
	{ "AGE", 5, 0, false, slot_age },
	{ "REQUEST", 20, 0, true, slot_request },
};

/* ---- the whole */

static void
show_pool(struct show *show, const struct table *table, const struct view_pool *pool)
{
	char age[SHOW_SHORT];

	table_row(show, table, pool);
	if (pool->reason[0] != '\0') {
		show_text(show, "  ");
		table_cut(show, pool->reason, table->width - 2);
		show_text(show, "\n");
	}
	if (pool->retry_ms > 0)
		show_format(show, "  tried again in %s\n", show_age(pool->retry_ms, age));
	if (strcmp(pool->namespaces, "no") == 0)
		show_text(show, "  no namespaces here: what it leaves behind is searched for\n");
}

static void
show_server(struct show *show, const struct view_server *server)
{
	char age[SHOW_SHORT];

	show_text(show, "peruserd ");
	table_cut(show, server->version, 16);
	show_format(show, ", pid %" PRIu64 ", %s, up %s; %" PRIu64 " of %" PRIu64
	    " processors\n", server->pid, server->phase, show_age(server->uptime_ms, age),
	    server->live, server->server_limit);
	if (server->upgrades > 0)
		show_format(show, "upgraded %s ago, %" PRIu64 " time%s since the start\n",
		    show_age(server->upgraded_ms, age), server->upgrades,
		    server->upgrades == 1 ? "" : "s");
	show_text(show, "\n");
}

bool
show_terminal(const struct view *view, unsigned columns, struct buf *out)
{
	struct table muxes = { multiplexer_columns, COUNT(multiplexer_columns), columns };
	struct table pools = { pool_columns, COUNT(pool_columns), columns };
	struct table slots = { slot_columns, COUNT(slot_columns), columns };
	struct show show = { out, true };
	struct slot_item item;
	size_t i, unused = 0;

	show_server(&show, &view->server);
	table_head(&show, &muxes);
	for (i = 0; i < view->multiplexer_count; i++)
		table_row(&show, &muxes, &view->multiplexers[i]);
	show_text(&show, "\n");
	table_head(&show, &pools);
	for (i = 0; i < view->pool_count; i++)
		if (view->pool_count <= POOLS_ALL || !view_pool_unused(&view->pools[i]))
			show_pool(&show, &pools, &view->pools[i]);
		else
			unused++;
	if (unused > 0)
		show_format(&show, "and %zu more, which nobody has asked for\n", unused);
	if (view->slot_count == 0)
		return show.ok;
	show_text(&show, "\n");
	table_head(&show, &slots);
	for (i = 0; i < view->slot_count; i++) {
		item.slot = &view->slots[i];
		item.pool = view_pool_name(view, item.slot);
		table_row(&show, &slots, &item);
	}
	return show.ok;
}
