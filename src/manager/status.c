#include "config.h"

#include <unistd.h>

#include "base/clock.h"
#include "manager/manager.h"
#include "manager/status.h"

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
write_multiplexer(struct record_writer *writer, const struct multiplexer *mux)
{
	record_begin(writer, "multiplexer");
	record_number(writer, "number", mux->number);
	record_number(writer, "pid", (uint64_t)mux->child.pid);
	record_text(writer, "ready", mux->ready ? "yes" : "no");
	record_number(writer, "restarts", mux->restarts);
	record_end(writer);
}

static void
write_pool(struct record_writer *writer, const struct pool *pool, uint64_t now)
{
	const struct pool_settings *settings = pool_settings_of(pool);
	bool fails = pool->state == POOL_FAILED;

	record_begin(writer, "pool");
	record_number(writer, "index", pool->index);
	record_text(writer, "name", settings->name);
	record_text(writer, "user", settings->user != NULL ? settings->user : "");
	record_text(writer, "state", pool_states[pool->state]);
	if (fails && pool->reason != NULL)
		record_text(writer, "reason", pool->reason);
	if (fails && pool->retry_at > now)
		record_number(writer, "retry_ms", pool->retry_at - now);
	record_number(writer, "pid", (uint64_t)pool->child.pid);
	record_number(writer, "generation", pool->generation);
	record_text(writer, "namespaces", pool->child.pid == 0 ? "" :
	    pool->child.namespaced ? "yes" : "no");
	record_number(writer, "max", settings->tuning.max_processors);
	record_end(writer);
}

static void
write_slot(struct record_writer *writer, const struct manager *manager, uint32_t index,
    uint64_t now)
{
	const struct slot *slot = &manager->slots[index];
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
	record_end(writer);
}

bool
status_write(const struct manager *manager, struct buf *to)
{
	struct record_writer writer = { to, true };
	uint64_t now = clock_ms();
	uint32_t i;

	record_begin(&writer, "peruserd");
	record_text(&writer, "version", PACKAGE_VERSION);
	record_number(&writer, "pid", (uint64_t)getpid());
	record_number(&writer, "uptime_ms", now - manager->started);
	record_text(&writer, "phase", phases[manager->phase]);
	record_number(&writer, "live", manager->live);
	record_number(&writer, "server_limit", manager->settings->server_limit);
	record_number(&writer, "multiplexers", manager->multiplexer_count);
	record_number(&writer, "pools", manager->pool_count);
	record_end(&writer);
	for (i = 0; i < manager->multiplexer_count; i++)
		write_multiplexer(&writer, &manager->multiplexers[i]);
	for (i = 0; i < manager->pool_count; i++)
		write_pool(&writer, &manager->pools[i], now);
	for (i = 0; i < manager->slot_count; i++)
		if (manager->slots[i].state != SLOT_EMPTY)
			write_slot(&writer, manager, i, now);
	record_begin(&writer, "end");
	return record_end(&writer);
}
