#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/control.h"
#include "manager/folder.h"
#include "manager/logs.h"
#include "manager/manager.h"
#include "manager/passed.h"
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

/* One account has the folder for itself; where others come, all may make nameless files in it. */
bool
start_spool(struct manager *manager, struct fault *fault)
{
	const struct settings *settings = manager->settings;
	const struct multiplexer_settings *first = &settings->multiplexers[0];
	bool one_account = true;
	struct stat st;
	size_t i;

	for (i = 1; i < settings->multiplexer_count; i++)
		one_account = one_account && settings->multiplexers[i].uid == first->uid;
	if (stat(settings->spool_dir, &st) != 0)
		return one_account ?
		    folder_make(settings->spool_dir, first->uid, first->gid, 0700, fault) :
		    folder_make(settings->spool_dir, 0, 0, 01733, fault);
	if ((one_account && st.st_uid == first->uid) || st.st_uid == 0)
		return true;
	if (chown(settings->spool_dir, 0, 0) != 0 || chmod(settings->spool_dir, 01733) != 0)
		return fault_set(fault, errno, "give the folder %s to several accounts",
		    settings->spool_dir);
	return true;
}

static bool
start_folders(struct manager *manager, struct fault *fault)
{
	const struct settings *settings = manager->settings;

	return folder_of(settings->pid_file, fault) &&
	    folder_of(settings->control_socket, fault) &&
	    folder_of(settings->error_log, fault) && start_spool(manager, fault);
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

/*
 * Room for every slot's channel.  Only here, while we may: the hard limit is
 * what our multiplexers can get.
 */
static void
start_limits(struct manager *manager)
{
	uint64_t limited = manager->settings->server_limit * 2;
	uint64_t slots = limited < manager->slot_count ? limited : manager->slot_count;
	uint64_t most = slots * FDS_A_SLOT + (uint64_t)manager->pool_count * FDS_A_POOL +
	    manager->settings->listen_count + FDS_MORE;
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
start_bells(struct manager *manager, struct fault *fault)
{
	manager->bells[BOARD_BELL_MANAGER] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return manager->bells[BOARD_BELL_MANAGER] >= 0 || fault_set(fault, errno, "make a bell");
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

	paths_find_own(&manager->paths);
	if (!start_folders(manager, &fault))
		return fail(manager, &fault);
	manager->pid_file = pidfile_take(manager->settings->pid_file, &fault);
	if (manager->pid_file < 0)
		return fail(manager, &fault);
	manager->settings->generation = 1;
	passed_adopt(manager);
	if (!listening_prepare(manager, manager->settings, &fault))
		return fail(manager, &fault);
	listening_commit(manager, manager->settings);
	if (!reload_number_logs(manager, manager->settings))
		return fail(manager, &(struct fault){ ENOMEM, "no memory" });
	if (!control_open(manager, &fault))
		return fail(manager, &fault);
	if (!start_error_log(manager)) {
		manager_fail_start(manager, "the error log can't be opened");
		return false;
	}
	manager->log_opened = !manager->foreground;
	if (!rows_begin(manager, &fault))
		return fail(manager, &fault);
	start_limits(manager);
	manager->asked = start_asks(manager->settings);
	if (!start_bells(manager, &fault) || !confine_manager(manager->asked, &fault))
		return fail(manager, &fault);
	return true;
}

void
start_undo(struct manager *manager)
{
	control_close(manager);
	listening_end(manager, true);
	if (manager->pid_file >= 0 && manager->settings != NULL)
		pidfile_remove(manager->settings->pid_file);
	fd_close(&manager->pid_file);
}
