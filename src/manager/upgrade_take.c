#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/upgrade_parts.h"

#define HEX_DIGITS 2

bool
upgrade_read(int sealed, struct state *state, struct fault *fault)
{
	struct stat st;
	char *bytes = NULL;
	bool whole = false;

	memset(state, 0, sizeof *state);
	if (fstat(sealed, &st) != 0 || st.st_size > STATE_MOST ||
	    (bytes = malloc((size_t)st.st_size + 1)) == NULL ||
	    pread(sealed, bytes, (size_t)st.st_size, 0) != st.st_size)
		fault_set(fault, errno, "read the state");
	else
		whole = state_read(state, bytes, (size_t)st.st_size, fault) &&
		    state_check(state, fault);
	free(bytes);
	return whole;
}

/* ---- descriptors: what is named is ours, and nothing else is open */

struct named {
	int *at;
	size_t count;
};

static void
name_fd(void *context, int fd)
{
	struct named *named = context;

	named->at[named->count++] = fd;
}

static void
count_fd(void *context, int fd)
{
	(void)fd;
	++*(size_t *)context;
}

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool
hold_descriptors(const struct state *state, struct fault *fault)
{
	struct named named = { NULL, 0 };
	unsigned next = STDERR_FILENO + 1;
	size_t count = 0, i;

	state_each_fd(state, count_fd, &count);
	named.at = calloc(count + 1, sizeof *named.at);
	if (named.at == NULL)
		return fault_set(fault, ENOMEM, "take the descriptors over");
	state_each_fd(state, name_fd, &named);
	qsort(named.at, named.count, sizeof *named.at, compare);
	for (i = 0; i < named.count; i++) {
		if ((unsigned)named.at[i] < next || !fd_set_cloexec(named.at[i], true))
			break;
		if ((unsigned)named.at[i] > next)
			syscall(SYS_close_range, next, (unsigned)named.at[i] - 1, 0);
		next = (unsigned)named.at[i] + 1;
	}
	if (i == named.count)
		syscall(SYS_close_range, next, ~0u, 0);
	free(named.at);
	return i == count || fault_set(fault, 0, "the state names a descriptor that is not open, "
	    "or one twice");
}

/* ---- the head */

static bool
take_board(struct manager *manager, const struct state_head *head, struct fault *fault)
{
	manager->multiplexer_count = (uint32_t)head->multiplexers;
	manager->pool_count = (uint32_t)head->pools;
	manager->slot_count = (uint32_t)head->slots;
	manager->board_fd = head->board;
	manager->board_reader = head->board_reader;
	/* Its header may lie by now. */
	manager->board = board_map_as(head->board, manager->pool_count, manager->slot_count,
	    manager->multiplexer_count);
	if (manager->board == NULL)
		return fault_set(fault, errno, "map the board");
	return rows_find(manager, fault);
}

static bool
take_head(struct manager *manager, const struct state_head *head, struct fault *fault)
{
	manager->config = strdup(head->config);
	manager->binary = strdup(head->binary);
	if (manager->config == NULL || manager->binary == NULL)
		return fault_set(fault, ENOMEM, "take the state over");
	manager->foreground = head->foreground != 0;
	manager->log_opened = head->log_opened != 0;
	manager->started = head->started;
	manager->upgrades = head->upgrades + 1;
	manager->upgraded = clock_ms();
	manager->asked = (unsigned)head->asked;
	manager->plain_nofile = head->plain_nofile;
	manager->most_nofile = head->most_nofile;
	manager->said_namespaces = head->said_namespaces != 0;
	manager->rung_last = (unsigned)head->rung_last;
	manager->pid_file = head->pid_file;
	manager->bells[BOARD_BELL_MANAGER] = head->bell;
	return take_board(manager, head, fault);
}

/* ---- settings */

static void
say_broken(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	if (error)
		log_error("the configuration that was taken over, line %u: %s", place->line, text);
}

/* The first are in force, and held by the manager; the others by their pools alone. */
static bool
take_settings(struct manager *manager, const struct state *state,
    struct configuration **taken, struct fault *fault)
{
	struct settings_report report = { say_broken, NULL, 0, 0 };
	struct state_settings *told;
	struct settings *settings;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SETTINGS); i++) {
		told = state_at(state, STATE_OF_SETTINGS, i);
		settings = settings_read_fd(told->text, &report);
		fd_close(&told->text);
		taken[i] = settings != NULL ? configuration_new(settings) : NULL;
		if (taken[i] == NULL)
			return fault_set(fault, 0, "the configuration can't be read again");
	}
	manager->configuration = configuration_hold(taken[0]);
	manager->settings = taken[0]->settings;
	log_open("manager", manager->settings->log_level);
	return true;
}

/* ---- addresses, logs */

static bool
take_listeners(struct manager *manager, const struct state *state, struct fault *fault)
{
	size_t i, count = state_count(state, STATE_OF_LISTENER);
	struct state_listener *told;
	struct listening *it;

	manager->listening = calloc(count + 1, sizeof *manager->listening);
	if (manager->listening == NULL)
		return fault_set(fault, ENOMEM, "take the addresses over");
	manager->listening_count = (uint32_t)count;
	for (i = 0; i < count; i++) {
		told = state_at(state, STATE_OF_LISTENER, i);
		it = &manager->listening[i];
		it->fd = told->fd;
		it->passed = told->passed != 0;
		it->wanted = told->wanted != 0;
		it->address = told->address;
		told->address = NULL;
		if (it->address != NULL && !address_parse(it->address, &it->bytes))
			return fault_set(fault, 0, "%s is no address", it->address);
	}
	return true;
}

static bool
take_logs(struct manager *manager, const struct state *state, struct fault *fault)
{
	const struct state_log *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_LOG); i++) {
		told = state_at(state, STATE_OF_LOG, i);
		if (!roster_put(&manager->logs, (uint32_t)told->number, told->name,
		    (uint32_t)told->gone))
			return fault_set(fault, ENOMEM, "take the logs over");
	}
	return true;
}

/* ---- multiplexers */

static bool
take_multiplexer(struct manager *manager, const struct state_multiplexer *told,
    struct fault *fault)
{
	struct multiplexer *mux = &manager->multiplexers[told->number];

	manager->bells[told->number] = told->bell;
	mux->manager = manager;
	mux->number = (uint32_t)told->number;
	mux->child = (struct child)CHILD_NONE;
	mux->channel.fd = -1;
	mux->used = told->used != 0;
	if (!mux->used)
		return true;
	mux->entry = (uint32_t)told->entry;
	mux->leaving = told->leaving != 0;
	mux->leave_by = told->leave_by;
	mux->ready = told->ready != 0;
	mux->replaced = told->replaced != 0;
	mux->held.newest = (uint32_t)told->newest;
	mux->held.oldest = (uint32_t)told->oldest;
	mux->started = told->started;
	mux->restart_at = told->restart_at;
	mux->restarts = (uint32_t)told->restarts;
	mux->extra = told->extra != 0;
	return told->pid == 0 || multiplexer_adopt(mux, (pid_t)told->pid, told->channel, fault);
}

static bool
take_multiplexers(struct manager *manager, const struct state *state, struct fault *fault)
{
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_MULTIPLEXER); i++)
		if (!take_multiplexer(manager, state_at(state, STATE_OF_MULTIPLEXER, i), fault))
			return false;
	return true;
}

/* ---- pools, zygotes, slots */

static void
take_times(struct pool *pool, const struct state_pool *told)
{
	pool->requests_seen = told->requests_seen;
	pool->used_at = told->used_at;
	pool->rested_at = told->rested_at;
	pool->pause = told->pause;
	pool->retry_at = told->retry_at;
	pool->fork_pause = told->fork_pause;
	pool->fork_at = told->fork_at;
	pool->crashed_at = told->crashed_at;
	pool->crash_pause = told->crash_pause;
	pool->roll_at = told->roll_at;
	pool->crashes = told->crashes;
	pool->recycled = told->recycled;
	pool->cpu_gone = told->cpu_gone;
	pool->cpu_ms = told->cpu_ms;
}

static bool
take_pool(struct manager *manager, struct state_pool *told, struct configuration **taken,
    struct fault *fault)
{
	struct configuration *configuration = taken[told->settings];
	struct pool *pool;

	if (told->at >= configuration->settings->pool_count ||
	    manager->pools[told->row] != NULL ||
	    !ranges_claim(&manager->free_rows, (uint32_t)told->row, 1) ||
	    !ranges_claim(&manager->free_slots, (uint32_t)told->slot_first,
	    (uint32_t)told->slot_count))
		return fault_set(fault, 0, "two pools of the state have one place");
	pool = rows_put(manager, configuration, (uint32_t)told->at, (uint32_t)told->row,
	    (uint32_t)told->slot_first, (uint32_t)told->slot_count);
	if (pool == NULL)
		return fault_set(fault, ENOMEM, "take a pool over");
	pool->retired = (uint32_t)told->retired;
	pool->generation = (uint32_t)told->generation;
	pool->failed = told->failed != 0;
	pool->drained = told->drained != 0;
	pool->removed = told->removed != 0;
	pool->roll_again = told->roll_again != 0;
	pool->fresh = (uint32_t)told->fresh;
	take_times(pool, told);
	free(pool->reason);
	pool->reason = told->reason;
	pool->fork_reason = told->fork_reason;
	pool->roll_reason = told->roll_reason;
	told->reason = told->fork_reason = told->roll_reason = NULL;
	return settings_pool_runs(pool->settings) != RUNS_SERVER ||
	    dials_begin(&pool->dials, &pool->settings->connect) ||
	    fault_set(fault, ENOMEM, "take a pool over");
}

static bool
take_zygote(struct manager *manager, struct state_zygote *told, bool foreign,
    struct fault *fault)
{
	struct zygote_past past = { (uint32_t)told->generation, (pid_t)told->pid,
	    told->namespaced != 0, told->channel, told->log };
	struct pool *pool = manager->pools[told->row];
	struct zygote *zygote;

	if (pool == NULL)
		return fault_set(fault, 0, "a zygote of the state has no pool");
	zygote = zygote_adopt(pool, &past, fault);
	if (zygote == NULL)
		return false;
	zygote->state = (enum zygote_state)told->state;
	zygote->strays = (unsigned)told->strays;
	zygote->loaded = told->loaded != 0;
	zygote->spoilt = told->spoilt != 0;
	zygote->foreign = foreign || told->foreign != 0;
	zygote->started = told->started;
	zygote->deadline = told->deadline;
	zygote->reason = told->reason;
	told->reason = NULL;
	if (told->role == STATE_SERVING)
		pool->serving = zygote;
	if (told->role == STATE_LOADING)
		pool->loading = zygote;
	return true;
}

static bool
take_pools(struct manager *manager, const struct state *state, struct configuration **taken,
    struct fault *fault)
{
	const struct state_head *head = state_at(state, STATE_OF_HEAD, 0);
	bool foreign = strcmp(head->processors, state_processors) != 0;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_POOL); i++)
		if (!take_pool(manager, state_at(state, STATE_OF_POOL, i), taken, fault))
			return false;
	for (i = 0; i < state_count(state, STATE_OF_ZYGOTE); i++)
		if (!take_zygote(manager, state_at(state, STATE_OF_ZYGOTE, i), foreign, fault))
			return false;
	return true;
}

static struct zygote *
zygote_of(const struct manager *manager, uint64_t row, uint64_t generation)
{
	struct zygote *zygote;

	if (row >= manager->pool_count || manager->pools[row] == NULL)
		return NULL;
	TAILQ_FOREACH(zygote, &manager->pools[row]->zygotes, link)
		if (zygote->generation == generation)
			return zygote;
	return NULL;
}

static bool
take_slot(struct manager *manager, const struct state_slot *told, struct fault *fault)
{
	struct slot past = {
		.state = (enum slot_state)told->state,
		.generation = (uint32_t)told->generation,
		.pool = (uint32_t)told->row,
		.zygote = zygote_of(manager, told->row, told->zygote),
		.pid = (pid_t)told->pid,
		.channel = told->channel,
		.way = told->way,
		.server = (uint32_t)told->server,
		.killed = told->killed != 0,
		.asked = told->asked != 0,
		.born = told->born,
		.since = told->since,
		.deadline = told->deadline,
	};
	const struct pool *pool = manager->pools[told->row];

	if (past.state != SLOT_EMPTY && (pool == NULL || told->slot < pool->slot_first ||
	    told->slot >= pool->slot_first + pool->slot_count ||
	    (past.zygote == NULL && pool->dials.count == 0)))
		return fault_set(fault, 0, "slot %u of the state is nobody's",
		    (unsigned)told->slot);
	return slot_adopt(manager, (uint32_t)told->slot, &past) ||
	    fault_set(fault, ENOMEM, "take a slot over");
}

static bool
take_slots(struct manager *manager, const struct state *state, struct fault *fault)
{
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SLOT); i++)
		if (!take_slot(manager, state_at(state, STATE_OF_SLOT, i), fault))
			return false;
	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL)
			pool_adopted(manager->pools[i]);
	return true;
}

/* ---- what children have not taken yet */

static bool
read_message(const char *hex, struct message *message)
{
	unsigned char *bytes = (unsigned char *)message;
	uint64_t byte;
	size_t i;

	if (hex == NULL || strlen(hex) != sizeof *message * HEX_DIGITS)
		return false;
	for (i = 0; i < sizeof *message; i++) {
		if (!str_hex(hex + i * HEX_DIGITS, HEX_DIGITS, &byte))
			return false;
		bytes[i] = (unsigned char)byte;
	}
	return true;
}

static bool
take_queued(struct manager *manager, struct state_queued *told, struct fault *fault)
{
	struct channel *channel = NULL;
	struct message message;
	struct zygote *zygote;

	if (told->row == UINT32_MAX && told->number < manager->multiplexer_count)
		channel = &manager->multiplexers[told->number].channel;
	else if ((zygote = zygote_of(manager, told->row, told->number)) != NULL)
		channel = &zygote->channel;
	if (channel == NULL || told->type >= MESSAGE_TYPES || !read_message(told->body, &message))
		return fault_set(fault, 0, "a message of the state makes no sense");
	/* One that can't be told is a child that will be killed for it. */
	channel_put_back(channel, &message, (enum message_type)told->type, told->fd);
	fd_close(&told->fd);
	return true;
}

static bool
take_queues(struct manager *manager, const struct state *state, struct fault *fault)
{
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_QUEUED); i++)
		if (!take_queued(manager, state_at(state, STATE_OF_QUEUED, i), fault))
			return false;
	return true;
}

/* ---- who asked, who is to be buried */

static bool
take_asked(struct manager *manager, const struct state *state, struct fault *fault)
{
	const struct state_head *head = state_at(state, STATE_OF_HEAD, 0);
	const struct state_asker *asker;
	const struct state_stray *stray;
	size_t i;

	manager->upgrade = upgrade_new(manager);
	if (manager->upgrade == NULL || !control_take(manager, head))
		return fault_set(fault, ENOMEM, "take the control socket over");
	manager->upgrade->phase = UPGRADE_SUCCEEDING;
	manager->upgrade->reload = head->reload != 0;
	for (i = 0; i < state_count(state, STATE_OF_ASKER); i++) {
		asker = state_at(state, STATE_OF_ASKER, i);
		control_take_asker(manager, asker->fd);
	}
	for (i = 0; i < state_count(state, STATE_OF_STRAY); i++) {
		stray = state_at(state, STATE_OF_STRAY, i);
		loader_bury(&manager->loader, (pid_t)stray->pid);
	}
	return true;
}

/* ---- all of it */

static bool
take_all(struct manager *manager, struct state *state, struct fault *fault)
{
	size_t i, count = state_count(state, STATE_OF_SETTINGS);
	struct configuration **taken = calloc(count, sizeof(struct configuration *));
	bool done;

	if (taken == NULL)
		return fault_set(fault, ENOMEM, "take the state over");
	done = take_settings(manager, state, taken, fault) &&
	    take_listeners(manager, state, fault) && take_logs(manager, state, fault) &&
	    take_multiplexers(manager, state, fault) &&
	    take_pools(manager, state, taken, fault) && take_slots(manager, state, fault) &&
	    take_queues(manager, state, fault) && take_asked(manager, state, fault);
	for (i = 0; i < count; i++)
		configuration_drop(&taken[i]);
	free(taken);
	return done;
}

/* Not before the descriptors are looked through. */
static bool
begin_base(struct manager *manager, struct fault *fault)
{
	manager->base = event_base_new();
	return manager->base != NULL || fault_set(fault, ENOMEM, "make the event loop");
}

bool
upgrade_take(struct manager *manager, int sealed, struct fault *fault)
{
	struct state state;
	bool taken;

	/* It was executed by a descriptor, whose number the kernel took for its name. */
	prctl(PR_SET_NAME, "peruserd");
	paths_find_own(&manager->paths);
	manager->phase = MANAGER_RUNNING;
	taken = upgrade_read(sealed, &state, fault) && hold_descriptors(&state, fault) &&
	    begin_base(manager, fault) &&
	    take_head(manager, state_at(&state, STATE_OF_HEAD, 0), fault) &&
	    take_all(manager, &state, fault) && confine_manager(manager->asked, fault);
	state_end(&state);
	return taken;
}
