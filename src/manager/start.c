#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/control.h"
#include "manager/folder.h"
#include "manager/listener.h"
#include "manager/logs.h"
#include "manager/manager.h"
#include "manager/pidfile.h"
#include "manager/start.h"

/* Our own descriptors beside those of slots, pools and listeners. */
#define FDS_MORE       1024
/* A pool: control channel, pidfd, standard error, and one in a queue. */
#define FDS_A_POOL     4
#define FDS_A_SLOT     4
#define PLAIN_NOFILE   1024     /* of pools, where we were started without a sane limit */

static bool
fail(struct manager *manager, const struct fault *fault)
{
	manager_fail_start(manager, "%s", fault->text);
	return false;
}

static bool
start_folders(struct manager *manager, struct fault *fault)
{
	const struct settings *settings = manager->settings;
	const struct multiplexer_settings *first = &settings->multiplexers[0];
	bool one_account = true;
	size_t i;

	for (i = 1; i < settings->multiplexer_count; i++)
		one_account = one_account && settings->multiplexers[i].uid == first->uid;
	return folder_of(settings->pid_file, fault) &&
	    folder_of(settings->control_socket, fault) &&
	    folder_of(settings->error_log, fault) &&
	    (one_account ? folder_make(settings->spool_dir, first->uid, first->gid, 0700, fault) :
	    folder_make(settings->spool_dir, 0, 0, 01733, fault));
}

bool
start_error_log(struct manager *manager)
{
	struct fault fault;
	int fd;

	if (manager->foreground)
		return true;
	fd = logs_open(manager->settings->error_log, &fault);
	if (fd < 0) {
		log_error("%s", fault.text);
		return false;
	}
	dup2(fd, STDERR_FILENO);
	fd_close(&fd);
	return true;
}

static bool
start_listeners(struct manager *manager)
{
	const struct settings *settings = manager->settings;
	struct fault fault;
	bool all = true;
	size_t i;

	for (i = 0; i < settings->listen_count; i++) {
		const struct listen_settings *listen = &settings->listens[i];

		manager->listeners[i] = listener_open(listen, &fault);
		if (manager->listeners[i] >= 0)
			continue;
		manager_fail_start(manager, "%s:%u: listen on %s: %s",
		    listen->place.file != NULL ? listen->place.file : "", listen->place.line,
		    listen->address, fault.text);
		all = false;
	}
	return all;
}

/*
 * Room for every slot's channel.  Only here, while we may: the hard limit is
 * what our multiplexers can get.
 */
static void
start_limits(struct manager *manager)
{
	uint64_t most = (uint64_t)manager->slot_count * FDS_A_SLOT +
	    (uint64_t)manager->pool_count * FDS_A_POOL + manager->settings->listen_count +
	    FDS_MORE;
	uint64_t theirs = multiplexers_nofile(manager);
	struct rlimit limit, now;

	if (most < theirs)
		most = theirs;
	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return;
	manager->plain_nofile = now.rlim_cur == RLIM_INFINITY || now.rlim_cur > 65536 ?
	    PLAIN_NOFILE : now.rlim_cur;
	limit = now;
	if (limit.rlim_max < most)
		limit.rlim_max = most;
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		log_warning("max_clients and max_processors may need %llu open files a process, "
		    "the limit is %llu: raise it (ulimit -Hn, LimitNOFILE)",
		    (unsigned long long)most, (unsigned long long)now.rlim_max);
	}
	manager->most_nofile = limit.rlim_cur;
}

static bool
start_board(struct manager *manager, struct fault *fault)
{
	uint32_t *slots_of = calloc(manager->pool_count + 1, sizeof *slots_of);
	char path[64];
	uint32_t i;

	for (i = 0; slots_of != NULL && i < manager->pool_count; i++)
		slots_of[i] = (uint32_t)manager->settings->pools[i].tuning.max_processors;
	if (slots_of != NULL)
		manager->board = board_new(slots_of, manager->pool_count,
		    manager->multiplexer_count, &manager->board_fd);
	free(slots_of);
	if (manager->board == NULL)
		return fault_set(fault, errno, "make the board");
	snprintf(path, sizeof path, "/proc/self/fd/%d", manager->board_fd);
	manager->board_reader = open(path, O_RDONLY | O_CLOEXEC);
	if (manager->board_reader < 0)
		return fault_set(fault, errno, "open the board for reading");
	manager->pool_rows = board_pool(manager->board, 0);
	manager->slot_rows = board_slot(manager->board, 0);
	manager->part_rows = board_part(manager->board, 0, 0);
	return true;
}

/* Tables of our own, of the board's measure. */
static bool
start_tables(struct manager *manager, struct fault *fault)
{
	uint32_t pool, slot, first = 0;

	manager->multiplexers = calloc(manager->multiplexer_count, sizeof *manager->multiplexers);
	manager->pools = calloc(manager->pool_count + 1, sizeof *manager->pools);
	manager->slots = calloc(manager->slot_count + 1, sizeof *manager->slots);
	if (manager->multiplexers == NULL || manager->pools == NULL || manager->slots == NULL)
		return fault_set(fault, ENOMEM, "make the tables");
	for (pool = 0; pool < manager->pool_count; pool++) {
		struct pool *made = pool_new(manager, pool, first,
		    (uint32_t)manager->settings->pools[pool].tuning.max_processors);

		if (made == NULL)
			return fault_set(fault, ENOMEM, "make the tables");
		manager->settings->pools[pool].row = pool;
		manager->pools[pool] = made;
		first += made->slot_count;
		for (slot = made->slot_first; slot < first; slot++) {
			manager->slots[slot].pool = pool;
			manager->slots[slot].channel = manager->slots[slot].way = -1;
		}
		if (settings_pool_runs(made->settings) == RUNS_SERVER &&
		    !pool_connect(made))
			return fault_set(fault, ENOMEM, "make the tables");
	}
	return true;
}

static bool
start_bells(struct manager *manager, struct fault *fault)
{
	unsigned i;

	for (i = 0; i <= BOARD_MULTIPLEXERS; i++) {
		if (i >= manager->multiplexer_count && i != BOARD_BELL_MANAGER)
			continue;
		manager->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (manager->bells[i] < 0)
			return fault_set(fault, errno, "make a bell");
	}
	return true;
}

static void
measure(struct manager *manager)
{
	uint32_t i;

	manager->multiplexer_count = manager->settings->multiplexer_total;
	manager->pool_count = manager->settings->pool_count;
	for (i = 0; i < manager->pool_count; i++)
		manager->slot_count +=
		    (uint32_t)manager->settings->pools[i].tuning.max_processors;
	for (i = 0; i <= BOARD_MULTIPLEXERS; i++)
		manager->bells[i] = -1;
	for (i = 0; i < manager->settings->listen_count; i++)
		manager->listeners[i] = -1;
}

unsigned
start_asks(const struct settings *settings)
{
	unsigned asked = settings->fast_start ? MANAGER_NAMESPACES : 0;
	const struct pool_settings *pool;

	for (pool = settings->pools; pool < settings->pools + settings->pool_count; pool++) {
		if (pool->namespaces)
			asked |= MANAGER_NAMESPACES;
		if (confine_limits_raise(pool->limits))
			asked |= MANAGER_LIMITS;
	}
	return asked;
}

bool
start_all(struct manager *manager)
{
	struct fault fault;

	manager->listeners = calloc(manager->settings->listen_count + 1, sizeof(int));
	if (manager->listeners == NULL)
		return fail(manager, &(struct fault){ ENOMEM, "no memory" });
	measure(manager);
	if (manager->multiplexer_count == 0 || manager->multiplexer_count > BOARD_MULTIPLEXERS) {
		manager_fail_start(manager, "%u multiplexers are asked for; 1 to %d are possible",
		    manager->multiplexer_count, BOARD_MULTIPLEXERS);
		return false;
	}
	paths_find_own(&manager->paths);
	if (!start_folders(manager, &fault))
		return fail(manager, &fault);
	manager->pid_file = pidfile_take(manager->settings->pid_file, &fault);
	if (manager->pid_file < 0)
		return fail(manager, &fault);
	if (!start_listeners(manager))
		return false;
	if (!control_open(manager, &fault))
		return fail(manager, &fault);
	if (!start_error_log(manager)) {
		manager_fail_start(manager, "the error log can't be opened");
		return false;
	}
	manager->log_opened = !manager->foreground;
	start_limits(manager);
	manager->asked = start_asks(manager->settings);
	if (!start_board(manager, &fault) || !start_tables(manager, &fault) ||
	    !start_bells(manager, &fault) || !confine_manager(manager->asked, &fault))
		return fail(manager, &fault);
	return true;
}

void
start_undo(struct manager *manager)
{
	size_t i;

	control_close(manager);
	for (i = 0; manager->listeners != NULL && i < manager->settings->listen_count; i++) {
		if (manager->listeners[i] >= 0 || manager->phase != MANAGER_STARTING)
			listener_remove(&manager->settings->listens[i]);
		fd_close(&manager->listeners[i]);
	}
	if (manager->pid_file >= 0)
		pidfile_remove(manager->settings->pid_file);
	fd_close(&manager->pid_file);
}
