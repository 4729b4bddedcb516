#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "confine/confine.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/upgrade_parts.h"

#define HEX_DIGITS 2

/* False where memory ran out for a text that there is. */
static bool
copy(char **to, const char *text)
{
	*to = text != NULL ? strdup(text) : NULL;
	return text == NULL || *to != NULL;
}

static bool
give_head(struct manager *manager, struct state *state)
{
	struct state_head *head = state_add(state, STATE_OF_HEAD);

	if (head == NULL || !copy(&head->version, state_version) ||
	    !copy(&head->processors, state_processors) ||
	    !copy(&head->config, manager->config) || !copy(&head->binary, manager->binary))
		return false;
	head->foreground = manager->foreground;
	head->log_opened = manager->log_opened;
	head->started = manager->started;
	head->upgrades = manager->upgrades;
	head->asked = manager->asked;
	head->plain_nofile = manager->plain_nofile;
	head->most_nofile = manager->most_nofile;
	head->said_namespaces = manager->said_namespaces;
	head->rung_last = manager->rung_last;
	head->multiplexers = manager->multiplexer_count;
	head->pools = manager->pool_count;
	head->slots = manager->slot_count;
	head->pid_file = manager->pid_file;
	head->board = manager->board_fd;
	head->board_reader = manager->board_reader;
	head->bell = manager->bells[BOARD_BELL_MANAGER];
	control_give(manager, head);
	head->capabilities = confine_held();
	head->reload = manager->upgrade->reload;
	return true;
}

/* ---- settings: each once */

static bool
give_settings(const struct settings *settings, struct state *state)
{
	struct state_settings *told = state_add(state, STATE_OF_SETTINGS);
	char *text = NULL;
	size_t len = 0;
	FILE *out = told != NULL ? open_memstream(&text, &len) : NULL;
	bool whole = out != NULL && settings_write(settings, out);

	if (out != NULL && fclose(out) != 0)
		whole = false;
	if (whole) {
		told->generation = settings->generation;
		told->text = fd_sealed("settings", text, len);
	}
	free(text);
	return whole && told->text >= 0;
}

/* Which of them it is; those that left pools run by have come after the present ones. */
static uint64_t
number_of(const struct state *state, const struct configuration *configuration)
{
	const struct state_settings *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SETTINGS); i++) {
		told = state_at(state, STATE_OF_SETTINGS, i);
		if (told->generation == configuration->settings->generation)
			return i;
	}
	return UINT64_MAX;
}

/* ---- addresses, logs */

static bool
give_listeners(const struct manager *manager, struct state *state)
{
	struct state_listener *told;
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++) {
		told = state_add(state, STATE_OF_LISTENER);
		if (told == NULL || !copy(&told->address, manager->listening[i].address))
			return false;
		told->fd = manager->listening[i].fd;
		told->passed = manager->listening[i].passed;
		told->wanted = manager->listening[i].wanted;
	}
	return true;
}

static bool
give_logs(const struct manager *manager, struct state *state)
{
	struct state_log *told;
	uint32_t i;

	for (i = 0; i < manager->logs.count; i++) {
		if (manager->logs.at[i].name == NULL)
			continue;
		told = state_add(state, STATE_OF_LOG);
		if (told == NULL || !copy(&told->name, manager->logs.at[i].name))
			return false;
		told->number = i;
		told->gone = manager->logs.at[i].gone;
	}
	return true;
}

/* ---- what a child has not taken yet */

struct queue {
	struct state *state;
	uint64_t row, number;
};

static bool
give_message(void *context, const struct message *message, enum message_type type, int fd)
{
	static const char digits[] = "0123456789abcdef";
	const struct queue *queue = context;
	struct state_queued *told = state_add(queue->state, STATE_OF_QUEUED);
	const unsigned char *bytes = (const unsigned char *)message;
	size_t i;

	if (told == NULL)
		return false;
	told->row = queue->row;
	told->number = queue->number;
	told->type = type;
	told->fd = fd;
	told->body = calloc(1, sizeof *message * HEX_DIGITS + 1);
	for (i = 0; told->body != NULL && i < sizeof *message; i++) {
		told->body[i * HEX_DIGITS] = digits[bytes[i] >> 4];
		told->body[i * HEX_DIGITS + 1] = digits[bytes[i] & 15];
	}
	return told->body != NULL;
}

static bool
give_queue(const struct channel *channel, struct state *state, uint64_t row, uint64_t number)
{
	struct queue queue = { state, row, number };

	return channel_each_waiting(channel, give_message, &queue);
}

/* ---- multiplexers */

static bool
give_multiplexers(const struct manager *manager, struct state *state)
{
	const struct multiplexer *mux;
	struct state_multiplexer *told;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (!mux->used && manager->bells[i] < 0)
			continue;
		told = state_add(state, STATE_OF_MULTIPLEXER);
		if (told == NULL)
			return false;
		told->number = i;
		told->bell = manager->bells[i];
		told->used = mux->used;
		if (!mux->used)
			continue;
		told->entry = mux->entry;
		told->pid = (uint64_t)mux->child.pid;
		told->channel = mux->child.pid != 0 ? mux->channel.fd : -1;
		told->leaving = mux->leaving;
		told->leave_by = mux->leave_by;
		told->ready = mux->ready;
		told->replaced = mux->replaced;
		told->newest = mux->held.newest;
		told->oldest = mux->held.oldest;
		told->started = mux->started;
		told->restart_at = mux->restart_at;
		told->restarts = mux->restarts;
		told->extra = mux->extra;
		if (!give_queue(&mux->channel, state, UINT32_MAX, i))
			return false;
	}
	return true;
}

/* ---- pools */

static bool
give_zygotes(const struct pool *pool, struct state *state)
{
	const struct zygote *zygote;
	struct state_zygote *told;

	TAILQ_FOREACH(zygote, &pool->zygotes, link) {
		told = state_add(state, STATE_OF_ZYGOTE);
		if (told == NULL || !copy(&told->reason, zygote->reason))
			return false;
		told->row = pool->index;
		told->generation = zygote->generation;
		told->state = zygote->state;
		told->role = zygote == pool->serving ? STATE_SERVING :
		    zygote == pool->loading ? STATE_LOADING : STATE_FORMER;
		told->pid = (uint64_t)zygote->child.pid;
		told->namespaced = zygote->child.namespaced;
		told->channel = zygote->channel.fd;
		told->log = zygote->log;
		told->strays = zygote->strays;
		told->loaded = zygote->loaded;
		told->spoilt = zygote->spoilt;
		told->foreign = zygote->foreign;
		told->started = zygote->started;
		told->deadline = zygote->deadline;
		if (!give_queue(&zygote->channel, state, pool->index, zygote->generation))
			return false;
	}
	return true;
}

static void
give_times(const struct pool *pool, struct state_pool *told)
{
	told->requests_seen = pool->requests_seen;
	told->used_at = pool->used_at;
	told->rested_at = pool->rested_at;
	told->pause = pool->pause;
	told->retry_at = pool->retry_at;
	told->fork_pause = pool->fork_pause;
	told->fork_at = pool->fork_at;
	told->crashed_at = pool->crashed_at;
	told->crash_pause = pool->crash_pause;
	told->roll_at = pool->roll_at;
	told->crashes = pool->crashes;
	told->recycled = pool->recycled;
	told->cpu_gone = pool->cpu_gone;
	told->cpu_ms = pool->cpu_ms;
}

static bool
give_pool(const struct pool *pool, struct state *state)
{
	struct state_pool *told;

	if (number_of(state, pool->configuration) == UINT64_MAX &&
	    !give_settings(pool->configuration->settings, state))
		return false;
	told = state_add(state, STATE_OF_POOL);
	if (told == NULL || !copy(&told->reason, pool->reason) ||
	    !copy(&told->fork_reason, pool->fork_reason) ||
	    !copy(&told->roll_reason, pool->roll_reason))
		return false;
	told->row = pool->index;
	told->settings = number_of(state, pool->configuration);
	told->at = (uint64_t)(pool->settings - pool->configuration->settings->pools);
	told->slot_first = pool->slot_first;
	told->slot_count = pool->slot_count;
	told->retired = pool->retired;
	told->generation = pool->generation;
	told->failed = pool->failed;
	told->drained = pool->drained;
	told->removed = pool->removed;
	told->roll_again = pool->roll_again;
	told->fresh = pool->fresh;
	give_times(pool, told);
	return give_zygotes(pool, state);
}

static bool
give_pools(const struct manager *manager, struct state *state)
{
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && !give_pool(manager->pools[i], state))
			return false;
	return true;
}

static bool
give_slots(const struct manager *manager, struct state *state)
{
	const struct slot *slot;
	struct state_slot *told;
	uint32_t i;

	for (i = 0; i < manager->slot_count; i++) {
		slot = slot_at(manager, i);
		if (slot->state == SLOT_EMPTY && slot->generation == 0)
			continue;
		told = state_add(state, STATE_OF_SLOT);
		if (told == NULL)
			return false;
		told->slot = i;
		told->generation = slot->generation;
		told->row = slot->pool;
		told->state = slot->state;
		if (slot->state == SLOT_EMPTY)
			continue;
		told->zygote = slot->zygote != NULL ? slot->zygote->generation : 0;
		told->pid = (uint64_t)slot->pid;
		told->channel = slot->channel;
		told->way = slot->way;
		told->server = slot->server;
		told->killed = slot->killed;
		told->asked = slot->asked;
		told->born = slot->born;
		told->since = slot->since;
		told->deadline = slot->deadline;
	}
	return true;
}

/* ---- children that nobody waits for */

static bool
give_stray(struct state *state, pid_t pid)
{
	struct state_stray *told = pid != 0 ? state_add(state, STATE_OF_STRAY) : NULL;

	if (told != NULL)
		told->pid = (uint64_t)pid;
	return pid == 0 || told != NULL;
}

static bool
give_strays(const struct loader *loader, struct state *state)
{
	unsigned i;

	for (i = 0; i < loader->stray_count; i++)
		if (!give_stray(state, loader->strays[i]))
			return false;
	return give_stray(state, loader->child.pid);
}

static bool
give_askers(const struct upgrade *upgrade, struct state *state)
{
	struct state_asker *told;
	unsigned i;

	for (i = 0; i < upgrade->asker_count; i++) {
		if (upgrade->askers[i].done == NULL)
			continue;
		told = state_add(state, STATE_OF_ASKER);
		if (told == NULL)
			return false;
		told->fd = control_asker(upgrade->askers[i].who);
	}
	return true;
}

/* ---- all of it */

bool
upgrade_give(struct manager *manager, struct state *state, struct fault *fault)
{
	memset(state, 0, sizeof *state);
	return (give_head(manager, state) && give_settings(manager->settings, state) &&
	    give_listeners(manager, state) && give_logs(manager, state) &&
	    give_multiplexers(manager, state) && give_pools(manager, state) &&
	    give_slots(manager, state) && give_strays(&manager->loader, state) &&
	    give_askers(manager->upgrade, state)) ||
	    fault_set(fault, errno != 0 ? errno : ENOMEM, "write the state");
}

int
upgrade_seal(const struct state *state, struct fault *fault)
{
	struct buf bytes = BUF(STATE_MOST);
	int sealed = -1;

	if (!state_write(state, &bytes))
		fault_set(fault, 0, "the state is too long to be handed over: restart peruserd");
	else if ((sealed = fd_sealed("state", bytes.data, bytes.len)) < 0)
		fault_set(fault, errno, "seal the state");
	buf_free(&bytes);
	return sealed;
}

void
upgrade_give_end(struct state *state)
{
	struct state_settings *settings;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SETTINGS); i++) {
		settings = state_at(state, STATE_OF_SETTINGS, i);
		fd_close(&settings->text);
	}
	state_end(state);
}
