#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"

#define QUEUE_MORE     1024     /* beside one message a slot, pool and listener */
#define RESTART_PAUSE  1000     /* ms, for one that lived no longer than that */

static const struct multiplexer_settings *
entry_of(const struct multiplexer *mux)
{
	return &mux->manager->settings->multiplexers[mux->entry];
}

/* ---- its end */

/* What it had leased nobody else reads: those processors end. */
static void
kill_leased(struct multiplexer *mux)
{
	struct manager *manager = mux->manager;
	unsigned owner;
	uint32_t i;

	for (i = 0; i < manager->slot_count; i++)
		if (slot_at(manager, i)->state == SLOT_IDLE &&
		    slot_board_state(manager, i, &owner, NULL) == SLOT_LEASED &&
		    owner == mux->number)
			slot_kill(manager, i);
}

/* One that was to go has gone, or one that was to come never will: its number is free. */
void
multiplexer_forget(struct multiplexer *mux)
{
	kill_leased(mux);
	mux->used = mux->leaving = mux->fresh = false;
	memset(&mux->held, 0, sizeof mux->held);
}

static void
on_ended(int fd, short what, void *context)
{
	struct multiplexer *mux = context;
	struct manager *manager = mux->manager;
	uint64_t now = clock_ms();
	char ending[96];
	int status;

	(void)fd;
	(void)what;
	if (!child_bury(&mux->child, &status))
		return;
	child_ending(status, ending, sizeof ending);
	channel_end(&mux->channel);
	event_free(mux->ended);
	mux->ended = NULL;
	rows_forget(manager, mux->number);
	if (manager->phase == MANAGER_STARTING) {
		manager_fail_start(manager, "multiplexer %u %s before it was ready",
		    mux->number, ending);
		return;
	}
	slot_channels_forsaken(manager, mux->number);
	if (mux->leaving || mux->fresh) {
		if (mux->fresh || status != 0)
			log_error("multiplexer %u %s", mux->number, ending);
		reload_failed(manager, mux->fresh ? "a new multiplexer did not start" : NULL);
		multiplexer_forget(mux);
		rows_sweep(manager);
		/* It may have been the last one whose word on new tables was waited for. */
		reload_look(manager);
		manager_multiplexer_gone(manager);
		return;
	}
	if (manager->phase == MANAGER_RUNNING) {
		log_error("multiplexer %u %s; it is replaced", mux->number, ending);
		mux->restarts++;
		mux->restart_at = now > mux->started + RESTART_PAUSE ? now :
		    now + RESTART_PAUSE;
		multiplexers_tick(manager, now);
		return;
	}
	manager_multiplexer_gone(manager);
}

/* ---- its start */

static void
make_record(const struct multiplexer *mux, struct confinement *record)
{
	unsigned limit;

	memset(record, 0, sizeof *record);
	record->magic = CONFINE_MAGIC;
	record->flags = CONFINE_NO_NEW_PRIVS |
	    (entry_of(mux)->chroot != NULL ? CONFINE_CHROOT : 0);
	record->uid = entry_of(mux)->uid;
	record->gid = entry_of(mux)->gid;
	record->group_count = 1;
	record->groups[0] = record->gid;
	record->umask = 077;
	for (limit = 0; limit < CONFINE_LIMITS; limit++)
		record->limits[limit] = CONFINE_UNSET;
	record->limits[CONFINE_NOFILE] = multiplexers_nofile(mux->manager);
	if (record->limits[CONFINE_NOFILE] > mux->manager->most_nofile)
		record->limits[CONFINE_NOFILE] = mux->manager->most_nofile;
}

static bool
watch_end(struct multiplexer *mux)
{
	mux->ended = event_new(mux->manager->base, mux->child.pidfd, EV_READ | EV_PERSIST,
	    on_ended, mux);
	return mux->ended != NULL && event_add(mux->ended, NULL) == 0;
}

static bool
listen_to(struct multiplexer *mux, int *control)
{
	struct manager *manager = mux->manager;
	unsigned limit = manager->slot_count + manager->pool_count +
	    (unsigned)manager->settings->logs.count + manager->listening_count + QUEUE_MORE;

	return channel_begin(&mux->channel, manager->base, fd_take(control), ROLE_MULTIPLEXER,
	    limit, &multiplexer_calls, mux);
}

static bool
run(struct multiplexer *mux, const char *slice, size_t len, struct fault *fault)
{
	struct confinement record;
	int control[2];
	struct child_plan plan = {
		.path = mux->manager->paths.multiplexer,
		.title = "peruser-multiplexer",
		.record = &record,
		.settings = slice,
		.settings_len = len,
		.log = STDERR_FILENO,
		.board = mux->manager->board_fd,
		.root = -1,
	};
	const char *chroot = entry_of(mux)->chroot;
	bool running;

	if (chroot != NULL && (plan.root = child_root(chroot)) < 0)
		return fault_set(fault, errno, "open the multiplexers' chroot %s (no symbolic links)",
		    chroot);
	if (!child_control(control)) {
		fd_close(&plan.root);
		return fault_set(fault, errno, "make a control channel");
	}
	make_record(mux, &record);
	plan.control = control[1];
	running = child_start(&mux->child, &plan, fault);
	if (running && !(watch_end(mux) && listen_to(mux, &control[0]))) {
		child_signal(&mux->child, SIGKILL);
		running = fault_set(fault, ENOMEM, "watch a multiplexer");
	}
	fd_close(&control[0]);
	fd_close(&control[1]);
	fd_close(&plan.root);
	return running;
}
bool
multiplexer_start(struct multiplexer *mux, struct fault *fault)
{
	size_t len = 0;
	char *slice = multiplexers_slice(mux->manager, &len);
	bool running;

	mux->ready = false;
	mux->restart_at = 0;
	mux->started = mux->beat_at = clock_ms();
	mux->held.newest = mux->held.oldest = (uint32_t)mux->manager->settings->generation;
	if (slice == NULL)
		return fault_set(fault, ENOMEM, "write a multiplexer's settings");
	running = run(mux, slice, len, fault);
	free(slice);
	memory_give_back();
	if (running)
		multiplexer_tell(mux);
	return running;
}

bool
multiplexer_adopt(struct multiplexer *mux, pid_t pid, int control, struct fault *fault)
{
	mux->beat_at = clock_ms();
	if (!child_adopt(&mux->child, pid, false, fault))
		return false;
	/* One that hung up has no channel any more, and is about to end. */
	return (watch_end(mux) && (control < 0 || listen_to(mux, &control))) ||
	    fault_set(fault, ENOMEM, "watch a multiplexer");
}

/* ---- time */

void
multiplexer_tick(struct multiplexer *mux, uint64_t now)
{
	const struct settings *settings = mux->manager->settings;
	uint64_t beat = atomic_load(
	    &mux->manager->board->multiplexers[mux->number].heartbeat);
	uint64_t patience = mux->ready ? settings->heartbeat_timeout :
	    settings->tuning.start_timeout;
	uint64_t stuck = mux->channel.stuck_since;

	if (beat != mux->beat) {
		mux->beat = beat;
		mux->beat_at = now;
	}
	if (now > mux->beat_at + patience)
		log_error("multiplexer %u (%d) %s: it is killed", mux->number,
		    (int)mux->child.pid, mux->ready ? "hangs" : "did not start in time");
	else if (stuck != 0 && now > stuck + settings->heartbeat_timeout)
		log_error("multiplexer %u (%d) does not read its control channel: it is killed",
		    mux->number, (int)mux->child.pid);
	else
		return;
	child_signal(&mux->child, SIGKILL);
}
