#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "manager/manager.h"
#include "manager/status.h"

#define FRESH_MS 200            /* a copy serves all who ask within that */

static const char *const phases[] = {
	[MANAGER_STARTING] = "starting",
	[MANAGER_RUNNING] = "running",
	[MANAGER_STOPPING] = "stopping",
	[MANAGER_ENDING] = "ending",
};

static const char *const pool_states[] = {
	[POOL_COLD] = "cold",
	[POOL_STARTING] = "starting",
	[POOL_READY] = "ready",
	[POOL_FAILED] = "failed",
};

static const char *const slot_states[SLOT_STATES] = {
	[SLOT_EMPTY] = "empty",
	[SLOT_STARTING] = "starting",
	[SLOT_IDLE] = "idle",
	[SLOT_LEASED] = "busy",
	[SLOT_LEAVING] = "leaving",
};

static void
write_multiplexer(struct record_writer *writer, const struct multiplexer *mux, uint64_t now)
{
	record_begin(writer, "multiplexer");
	record_number(writer, "number", mux->number);
	record_number(writer, "pid", (uint64_t)mux->child.pid);
	record_text(writer, "ready", mux->ready ? "yes" : "no");
	record_number(writer, "uptime_ms", mux->child.pid != 0 ? now - mux->started : 0);
	record_number(writer, "restarts", mux->restarts);
	record_end(writer);
}

/* One that is to take over, and those that leave. */
static void
write_zygotes(struct record_writer *writer, const struct pool *pool)
{
	const struct zygote *zygote;
	uint64_t former = 0;

	TAILQ_FOREACH(zygote, &pool->zygotes, link)
		former += zygote != pool->serving && zygote != pool->loading;
	record_number(writer, "former", former);
	record_text(writer, "rolling", (pool->serving != NULL && pool->loading != NULL) ||
	    pool->roll_again ? "yes" : "no");
}

/* What is wrong with it now. */
static void
write_trouble(struct record_writer *writer, const struct pool *pool, uint64_t now)
{
	char text[512];

	if (pool->state == POOL_FAILED && pool->reason != NULL)
		record_text(writer, "reason", pool->reason);
	else if (pool->roll_reason != NULL) {
		snprintf(text, sizeof text, "it was not begun anew: %s", pool->roll_reason);
		record_text(writer, "reason", text);
	} else if (pool->fork_at > now && pool->fork_reason != NULL)
		record_text(writer, "reason", pool->fork_reason);
	else if (pool->roll_at > now)
		record_text(writer, "reason", "its processors crash; it was begun anew");
	else if (pool->state == POOL_COLD && pool->retry_at > now && pool->reason != NULL)
		record_text(writer, "reason", pool->reason);
	if (pool->state <= POOL_FAILED && pool->retry_at > now)
		record_number(writer, "retry_ms", pool->retry_at - now);
	else if (pool->fork_at > now)
		record_number(writer, "retry_ms", pool->fork_at - now);
}

static void
write_pool(struct record_writer *writer, struct pool *pool, uint64_t now)
{
	const struct pool_settings *settings = pool->settings;
	const struct zygote *zygote = pool->serving != NULL ? pool->serving : pool->loading;

	record_begin(writer, "pool");
	record_number(writer, "index", pool->index);
	record_text(writer, "name", settings->name);
	record_text(writer, "user", settings->user != NULL ? settings->user : "");
	record_text(writer, "state", pool_states[pool->state]);
	record_text(writer, "drained", pool->drained ? "yes" : "no");
	write_trouble(writer, pool, now);
	record_number(writer, "pid", zygote != NULL ? (uint64_t)zygote->child.pid : 0);
	record_number(writer, "generation", zygote != NULL ? zygote->generation : 0);
	record_text(writer, "namespaces", zygote == NULL ? "" :
	    zygote->child.namespaced ? "yes" : "no");
	write_zygotes(writer, pool);
	record_number(writer, "recycled", pool->recycled);
	record_number(writer, "max", settings->tuning->max_processors);
	record_number(writer, "uptime_ms", zygote != NULL ? now - zygote->started : 0);
	record_number(writer, "restarts", pool->generation > 0 ? pool->generation - 1 : 0);
	record_number(writer, "crashes", pool->crashes);
	record_number(writer, "cpu_ms", usage_of_pool(pool));
	record_end(writer);
}

static void
write_slot(struct record_writer *writer, const struct manager *manager, uint32_t index,
    uint64_t now)
{
	const struct slot *slot = slot_at(manager, index);
	enum slot_state state = slot->state;
	uint64_t since = slot->since, on_board;

	if (state == SLOT_IDLE) {
		state = slot_board_state(manager, index, NULL, &on_board);
		since = on_board;
	}
	record_begin(writer, "slot");
	record_number(writer, "index", index);
	record_number(writer, "pool", slot->pool);
	record_number(writer, "generation", slot->generation);
	record_number(writer, "pid", (uint64_t)slot->pid);
	record_text(writer, "state", slot_states[state]);
	record_number(writer, "age_ms", now > since ? now - since : 0);
	record_number(writer, "uptime_ms", slot->pid != 0 ? now - slot->born : 0);
	record_number(writer, "cpu_ms", slot->usage.cpu_ms);
	record_number(writer, "rss_bytes", slot->usage.rss);
	record_number(writer, "memory_bytes", slot->usage.memory);
	record_end(writer);
}

bool
status_write(struct manager *manager, struct buf *to)
{
	struct record_writer writer = { to, true };
	uint64_t now = clock_ms();
	uint32_t i;

	usage_look(manager);
	record_begin(&writer, "peruserd");
	record_text(&writer, "version", PACKAGE_VERSION);
	record_number(&writer, "pid", (uint64_t)getpid());
	record_number(&writer, "uptime_ms", now - manager->started);
	record_number(&writer, "upgrades", manager->upgrades);
	record_number(&writer, "upgraded_ms", manager->upgraded != 0 ? now - manager->upgraded : 0);
	record_text(&writer, "phase", phases[manager->phase]);
	record_number(&writer, "live", manager->live);
	record_number(&writer, "server_limit", manager->settings->server_limit);
	record_number(&writer, "multiplexers", manager->settings->multiplexer_total);
	record_number(&writer, "pools", manager->settings->pool_count);
	record_number(&writer, "configuration", manager->settings->generation);
	record_end(&writer);
	for (i = 0; i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].used)
			write_multiplexer(&writer, &manager->multiplexers[i], now);
	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && manager->pools[i]->retired == 0)
			write_pool(&writer, manager->pools[i], now);
	/* What is no longer configured, and not done yet, stands behind what is. */
	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && manager->pools[i]->retired != 0 &&
		    !pool_is_gone(manager->pools[i]))
			write_pool(&writer, manager->pools[i], now);
	for (i = 0; i < manager->slot_count; i++)
		if (slot_at(manager, i)->state != SLOT_EMPTY)
			write_slot(&writer, manager, i, now);
	record_begin(&writer, "end");
	return record_end(&writer);
}

/* One that asks without end costs no more than one that asks four times a second. */
static bool
make_copy(struct manager *manager, uint64_t now)
{
	struct buf text = BUF(STATUS_MOST);

	if (manager->status_fd >= 0 && now - manager->status_made < FRESH_MS)
		return true;
	fd_close(&manager->status_fd);
	if (status_write(manager, &text))
		manager->status_fd = fd_sealed("status", text.data, text.len);
	buf_free(&text);
	manager->status_made = now;
	return manager->status_fd >= 0;
}

void
status_send(struct manager *manager, struct channel *channel)
{
	struct message message;

	memset(&message, 0, sizeof message);
	if (make_copy(manager, clock_ms()))
		channel_send(channel, &message, MESSAGE_STATUS, manager->status_fd);
}
