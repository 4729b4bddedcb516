#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "manager/manager.h"
#include "manager/zygote.h"

/* A zygote's queue: one FORK and two SIGNALs for each slot, and some air. */
#define QUEUE_A_SLOT 3
#define QUEUE_MORE   16

const struct pool_settings *
pool_settings_of(const struct pool *pool)
{
	return &pool->manager->settings->pools[pool->index];
}

static void
set_state(struct pool *pool, enum pool_state state)
{
	pool->state = state;
	atomic_store(&pool->manager->pool_rows[pool->index].state, state);
}

void
pool_begin(struct pool *pool, struct manager *manager, uint32_t index)
{
	memset(pool, 0, sizeof *pool);
	pool->manager = manager;
	pool->index = index;
	pool->child = (struct child)CHILD_NONE;
	pool->channel.fd = -1;
	pool->log = -1;
	set_state(pool, POOL_COLD);
	if (pool_settings_of(pool)->disabled == NULL)
		return;
	pool_blame(pool, pool_settings_of(pool)->disabled);
	set_state(pool, POOL_FAILED);
}

void
pool_blame(struct pool *pool, const char *reason)
{
	if (pool->reason == NULL)
		pool->reason = strdup(reason);
}

/*
 * After its zygote's end.  One that did not load is a pool that can't start:
 * its requests get 503 until it is tried again, and so is one that broke the
 * protocol.  Any other one that had loaded is begun anew, the first time at
 * once, and its requests wait for that.
 */
static void
fail(struct pool *pool)
{
	const struct settings *settings = pool->manager->settings;
	uint64_t now = clock_ms(), lived = pool->started == 0 ? 0 : now - pool->started;
	bool loaded = pool->state == POOL_READY && !pool->spoilt;

	pool->retry_at = now;
	if (!loaded || (pool->pause != 0 && lived <= settings->restart_delay_max))
		pool->retry_at += scale_pause(pool->pause, lived, settings->restart_delay,
		    settings->restart_delay_max);
	pool->pause = scale_pause(pool->pause, lived, settings->restart_delay,
	    settings->restart_delay_max);
	pool->deadline = 0;
	set_state(pool, loaded ? POOL_COLD : POOL_FAILED);
	log_error("pool %s %s: %s; it may start again in %llu ms", pool_settings_of(pool)->name,
	    loaded ? "has ended" : "has failed",
	    pool->reason != NULL ? pool->reason : "no reason known",
	    (unsigned long long)(pool->retry_at - now));
	multiplexers_ring_all(pool->manager);
	demand_look_soon(pool->manager);
}

/* Everything that belonged to a zygote that is no more. */
static void
clear(struct pool *pool, int status)
{
	struct manager *manager = pool->manager;
	uint32_t i;

	channel_end(&pool->channel);
	fd_close(&pool->log);
	if (pool->ended != NULL)
		event_free(pool->ended);
	pool->ended = NULL;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++) {
		manager->slots[i].asked = true;
		slot_gone(manager, i, status);
	}
}

static void
on_ended(int fd, short what, void *context)
{
	struct pool *pool = context;
	char ending[96], reason[160];
	int status;

	(void)fd;
	(void)what;
	/* Its last words, a FAULT for one, may still be in the channel. */
	channel_drain(&pool->channel);
	if (!child_bury(&pool->child, &status))
		return;
	snprintf(reason, sizeof reason, "its zygote %s%s",
	    child_ending(status, ending, sizeof ending),
	    pool->state == POOL_STARTING ? " before it had loaded" : "");
	clear(pool, SIGKILL);
	if (pool->manager->phase == MANAGER_ENDING) {
		set_state(pool, POOL_COLD);
		manager_zygote_gone(pool->manager);
		return;
	}
	pool_blame(pool, reason);
	fail(pool);
}

static int
open_root(const char *path)
{
	struct open_how how;

	memset(&how, 0, sizeof how);
	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static void
make_record(const struct pool *pool, struct confinement *record)
{
	const struct pool_settings *settings = pool_settings_of(pool);

	memset(record, 0, sizeof *record);
	record->magic = CONFINE_MAGIC;
	record->flags = (settings->no_new_privs ? CONFINE_NO_NEW_PRIVS : 0) |
	    (settings->chroot != NULL ? CONFINE_CHROOT : 0);
	record->uid = settings->uid;
	record->gid = settings->gid;
	record->group_count = settings->group_count;
	memcpy(record->groups, settings->groups, settings->group_count * sizeof record->groups[0]);
	record->umask = settings->umask;
	record->nice = settings->nice;
	memcpy(record->limits, settings->limits, sizeof record->limits);
	/* Seconds per request: its processors set that anew for each. */
	record->limits[CONFINE_CPU] = CONFINE_UNSET;
	/* Ours is raised for thousands of channels; theirs is what we were started with. */
	if (record->limits[CONFINE_NOFILE] == CONFINE_UNSET)
		record->limits[CONFINE_NOFILE] = pool->manager->plain_nofile;
}

struct start {
	struct confinement record;
	char title[128];
	char *slice;
	size_t slice_len;
	int control[2];
	int log[2];
	int root;
};

static bool
prepare(struct pool *pool, struct start *start, struct fault *fault)
{
	const struct pool_settings *settings = pool_settings_of(pool);
	FILE *text;
	bool whole;

	if (settings->chroot != NULL) {
		start->root = open_root(settings->chroot);
		if (start->root < 0)
			return fault_set(fault, errno, "open its chroot %s (no symbolic links)",
			    settings->chroot);
	}
	text = open_memstream(&start->slice, &start->slice_len);
	whole = text != NULL &&
	    settings_slice_pool(pool->manager->settings, pool->index, text);
	if (text != NULL && fclose(text) != 0)
		whole = false;
	if (!whole || !child_control(start->control) || !fd_pair(SOCK_STREAM, start->log) ||
	    !fd_set_nonblocking(start->log[0], true))
		return fault_set(fault, errno, "prepare its zygote");
	fd_refuse_rights(start->log[0]);
	make_record(pool, &start->record);
	snprintf(start->title, sizeof start->title, "peruser-processor: %s", settings->name);
	return true;
}

static bool
run(struct pool *pool, struct start *start, struct fault *fault)
{
	struct manager *manager = pool->manager;
	struct child_plan plan = {
		.path = manager->paths.processor,
		.title = start->title,
		.record = &start->record,
		.namespaces = pool_settings_of(pool)->namespaces,
		.settings = start->slice,
		.settings_len = start->slice_len,
		.log = start->log[1],
		.control = start->control[1],
		.extra = start->root,
		.handlers = manager->paths.handlers,
	};

	if (!child_start(&pool->child, &plan, fault))
		return false;
	pool->ended = event_new(manager->base, pool->child.pidfd, EV_READ | EV_PERSIST, on_ended,
	    pool);
	if (pool->ended == NULL || event_add(pool->ended, NULL) != 0 ||
	    !channel_begin(&pool->channel, manager->base, fd_take(&start->control[0]),
	    ROLE_ZYGOTE, pool->slot_count * QUEUE_A_SLOT + QUEUE_MORE, &zygote_calls, pool)) {
		child_signal(&pool->child, SIGKILL);
		return fault_set(fault, ENOMEM, "watch its zygote");
	}
	pool->log = fd_take(&start->log[0]);
	return true;
}

void
pool_start(struct pool *pool)
{
	struct manager *manager = pool->manager;
	struct start start;
	struct fault fault;
	bool running;

	memset(&start, 0, sizeof start);
	start.control[0] = start.control[1] = start.log[0] = start.log[1] = start.root = -1;
	free(pool->reason);
	pool->reason = NULL;
	pool->started = clock_ms();
	pool->strays = 0;
	pool->spoilt = false;
	pool->generation++;
	running = prepare(pool, &start, &fault) && run(pool, &start, &fault);
	fd_close(&start.control[0]);
	fd_close(&start.control[1]);
	fd_close(&start.log[0]);
	fd_close(&start.log[1]);
	fd_close(&start.root);
	free(start.slice);
	if (!running) {
		pool_blame(pool, fault.text);
		fail(pool);
		return;
	}
	if (pool_settings_of(pool)->namespaces && !pool->child.namespaced &&
	    !manager->said_namespaces) {
		manager->said_namespaces = true;
		log_warning("the kernel gives no namespaces: pools run without them");
	}
	set_state(pool, POOL_STARTING);
	pool->deadline = pool->started + pool_settings_of(pool)->tuning.start_timeout;
	multiplexers_pool_log(manager, pool);
}

void
pool_loaded(struct pool *pool)
{
	if (pool->state != POOL_STARTING)
		return;
	pool->deadline = 0;
	pool->fork_pause = pool->fork_at = 0;
	set_state(pool, POOL_READY);
	log_info("pool %s is ready: zygote %d", pool_settings_of(pool)->name,
	    (int)pool->child.pid);
	demand_look_soon(pool->manager);
}

void
pool_kill(struct pool *pool, const char *reason)
{
	if (pool->child.pid == 0)
		return;
	pool_blame(pool, reason);
	pool->deadline = 0;
	if (!child_signal(&pool->child, SIGKILL))
		log_error("pool %s: its zygote %d can't be killed: %s",
		    pool_settings_of(pool)->name, (int)pool->child.pid, strerror(errno));
}

void
pool_processor_failed(struct pool *pool, int error)
{
	const struct settings *settings = pool->manager->settings;
	uint64_t now = clock_ms();

	/* One failure of a burst is enough. */
	if (pool->fork_at > now)
		return;
	pool->fork_pause = scale_pause(pool->fork_pause,
	    pool->fork_at == 0 ? 0 : now - pool->fork_at, settings->restart_delay,
	    settings->restart_delay_max);
	pool->fork_at = now + pool->fork_pause;
	log_error("pool %s: a processor %s%s; none is forked for %llu ms",
	    pool_settings_of(pool)->name,
	    error != 0 ? "could not be forked: " : "ended before it served a request",
	    error != 0 ? strerror(error) : "", (unsigned long long)pool->fork_pause);
}

void
pool_tick(struct pool *pool, uint64_t now)
{
	uint64_t stuck = pool->channel.stuck_since;
	uint32_t i;

	if (pool->state == POOL_FAILED && pool_settings_of(pool)->disabled == NULL &&
	    pool->child.pid == 0 && now >= pool->retry_at) {
		set_state(pool, POOL_COLD);
		demand_look_soon(pool->manager);
	}
	if (pool->child.pid == 0)
		return;
	if (pool->state == POOL_STARTING && pool->deadline != 0 && now >= pool->deadline)
		pool_kill(pool, "its zygote did not load within start_timeout");
	if (stuck != 0 && now > stuck + pool_settings_of(pool)->tuning.kill_timeout)
		pool_kill(pool, "its zygote does not read its control channel");
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		slot_tick(pool->manager, i, now);
}

void
pool_send_log(struct pool *pool, struct channel *channel)
{
	struct message message;

	if (pool->log < 0)
		return;
	memset(&message, 0, sizeof message);
	message.body.pool.pool = pool->index;
	message.body.pool.generation = pool->generation;
	channel_send(channel, &message, MESSAGE_POOL_LOG, pool->log);
}
