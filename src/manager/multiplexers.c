#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "manager/logs.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"
#include "manager/status.h"

#define QUEUE_MORE     1024     /* beside one message a slot, pool and listener */
#define RESTART_PAUSE  1000     /* ms, for one that lived no longer than that */

/* Per slot, beside its client: its channel, a memory, a stream, a body, a draining memory. */
#define FDS_A_SLOT     5
/* Per client: its socket, and a body on its way in (for writing and for reading) or an answer's. */
#define FDS_A_CLIENT   3
#define FDS_MORE       512

uint64_t
multiplexers_nofile(const struct manager *manager)
{
	const struct settings *settings = manager->settings;

	return settings->max_clients * FDS_A_CLIENT + (uint64_t)manager->slot_count * FDS_A_SLOT +
	    settings->logs.count + settings->pool_count + settings->listen_count + FDS_MORE;
}

static const struct multiplexer_settings *
entry_of(const struct multiplexer *mux)
{
	return &mux->manager->settings->multiplexers[mux->entry];
}

/* ---- what one is told when it starts */

/* False: it will never hear of that slot.  One that has ended will when it starts anew. */
bool
multiplexer_slot(struct multiplexer *mux, uint32_t index)
{
	const struct slot *slot = &mux->manager->slots[index];
	struct message message;

	if (slot->channel < 0 || slot->state == SLOT_STARTING || !channel_is_open(&mux->channel))
		return true;
	memset(&message, 0, sizeof message);
	message.body.slot.slot = index;
	message.body.slot.generation = slot->generation;
	message.body.slot.pool = slot->pool;
	message.body.slot.pid = slot->pid;
	return channel_send(&mux->channel, &message, MESSAGE_SLOT, slot->channel);
}

static void
send_bell(struct multiplexer *mux, uint32_t number)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.pool.pool = number;
	message.body.pool.generation = number == mux->number;
	channel_send(&mux->channel, &message, MESSAGE_BELL, mux->manager->bells[number]);
}

static void
send_all(struct multiplexer *mux)
{
	struct manager *manager = mux->manager;
	struct message message;
	uint32_t i;

	send_bell(mux, mux->number);
	for (i = 0; i < manager->multiplexer_count; i++)
		if (i != mux->number)
			send_bell(mux, i);
	send_bell(mux, BOARD_BELL_MANAGER);
	for (i = 0; i < manager->slot_count; i++)
		multiplexer_slot(mux, i);
	for (i = 0; i < manager->pool_count; i++)
		if (i % manager->multiplexer_count == mux->number)
			pool_send_logs(manager->pools[i], &mux->channel);
	for (i = 0; i < manager->settings->listen_count; i++) {
		memset(&message, 0, sizeof message);
		message.body.listener.index = i;
		if (manager->listeners[i] >= 0)
			channel_send(&mux->channel, &message, MESSAGE_LISTENER,
			    manager->listeners[i]);
	}
}

/* ---- what it says */

static void
on_ready(struct multiplexer *mux)
{
	if (mux->ready)
		return;
	mux->ready = true;
	mux->beat_at = clock_ms();
	if (mux->replaced)
		log_notice("multiplexer %u: %d has taken its place", mux->number,
		    (int)mux->child.pid);
	manager_multiplexer_ready(mux->manager);
}

static void
on_want_log(struct multiplexer *mux, uint32_t log)
{
	const struct string_list *logs = &mux->manager->settings->logs;
	struct message message;
	struct fault fault;
	int fd;

	memset(&message, 0, sizeof message);
	message.body.log.log = log;
	fd = log < logs->count ? logs_open(logs->at[log], &fault) : -1;
	if (fd >= 0) {
		channel_send(&mux->channel, &message, MESSAGE_LOG, fd);
		fd_close(&fd);
		return;
	}
	if (log < logs->count)
		log_error("%s", fault.text);
	message.body.log.error = log >= logs->count ? EINVAL :
	    fault.error != 0 ? (uint32_t)fault.error : EPERM;
	channel_send(&mux->channel, &message, MESSAGE_NO_LOG, -1);
}

/* What it has leased itself, and nothing else, it may have signalled. */
static bool
has_leased(const struct multiplexer *mux, const struct message_slot *said)
{
	const struct manager *manager = mux->manager;
	unsigned owner;

	return said->slot < manager->slot_count &&
	    manager->slots[said->slot].generation == said->generation &&
	    slot_board_state(manager, said->slot, &owner, NULL) == SLOT_LEASED &&
	    owner == mux->number;
}

static void
on_slot_trace(struct multiplexer *mux, const struct message_slot *said)
{
	if (has_leased(mux, said))
		slot_trace(mux->manager, said->slot);
}

static void
on_slot_bad(struct multiplexer *mux, const struct message_slot *said, bool expired)
{
	struct manager *manager = mux->manager;

	if (!has_leased(mux, said))
		return;
	log_warning("pool %s: processor %d is killed: %s",
	    manager->settings->pools[manager->slots[said->slot].pool].name,
	    (int)manager->slots[said->slot].pid,
	    expired ? "its request ran longer than expire_timeout" :
	    "it broke the protocol of its channel");
	if (expired)
		atomic_fetch_add(
		    &manager->pool_rows[manager->slots[said->slot].pool].expired, 1);
	else
		pool_processor_failed(manager->pools[manager->slots[said->slot].pool],
		    "broke the protocol of its channel", 0);
	slot_kill(manager, said->slot);
}

static void
multiplexer_got(void *owner, const struct message *message, pid_t pid)
{
	struct multiplexer *mux = owner;

	(void)pid;
	switch (message->header.type) {
	case MESSAGE_READY:
		on_ready(mux);
		break;
	case MESSAGE_WANT_LOG:
		on_want_log(mux, message->body.log.log);
		break;
	case MESSAGE_WANT_STATUS:
		status_send(mux->manager, &mux->channel);
		break;
	case MESSAGE_WANT_CHANNEL:
		slot_channel_wanted(mux, &message->body.gone);
		break;
	case MESSAGE_SLOT_EXPIRED:
		on_slot_bad(mux, &message->body.slot, true);
		break;
	case MESSAGE_SLOT_TRACE:
		on_slot_trace(mux, &message->body.slot);
		break;
	case MESSAGE_SLOT_SPOILT:
		on_slot_bad(mux, &message->body.slot, false);
		break;
	default:
		break;
	}
}

static void
multiplexer_lost(void *owner, enum message_got why)
{
	struct multiplexer *mux = owner;

	channel_end(&mux->channel);
	if (why == MESSAGE_BROKEN)
		log_error("multiplexer %u sent what is no message: it is killed", mux->number);
	/* One that ends well closes its channel a moment before its end. */
	if (why == MESSAGE_BROKEN || mux->manager->phase == MANAGER_RUNNING)
		child_signal(&mux->child, SIGKILL);
}

static const struct channel_owner multiplexer_calls = { multiplexer_got, multiplexer_lost };

/* ---- its life */

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
	board_forget(manager->pool_rows, manager->part_rows, manager->pool_count,
	    manager->multiplexer_count, mux->number);
	if (manager->phase == MANAGER_STARTING) {
		manager_fail_start(manager, "multiplexer %u %s before it was ready",
		    mux->number, ending);
		return;
	}
	slot_channels_forsaken(manager, mux->number);
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
watch(struct multiplexer *mux, int *control)
{
	struct manager *manager = mux->manager;
	unsigned limit = manager->slot_count + manager->pool_count +
	    (unsigned)manager->settings->logs.count + QUEUE_MORE;

	mux->ended = event_new(manager->base, mux->child.pidfd, EV_READ | EV_PERSIST, on_ended,
	    mux);
	return mux->ended != NULL && event_add(mux->ended, NULL) == 0 &&
	    channel_begin(&mux->channel, manager->base, fd_take(control), ROLE_MULTIPLEXER,
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
	if (running && !watch(mux, &control[0])) {
		child_signal(&mux->child, SIGKILL);
		running = fault_set(fault, ENOMEM, "watch a multiplexer");
	}
	fd_close(&control[0]);
	fd_close(&control[1]);
	fd_close(&plan.root);
	return running;
}

static bool
multiplexer_start(struct multiplexer *mux, struct fault *fault)
{
	char *slice = NULL;
	size_t len = 0;
	FILE *text = open_memstream(&slice, &len);
	bool running;

	running = text != NULL && settings_slice_multiplexer(mux->manager->settings, text);
	if (text != NULL && fclose(text) != 0)
		running = false;
	mux->ready = false;
	mux->restart_at = 0;
	mux->started = mux->beat_at = clock_ms();
	if (!running)
		fault_set(fault, ENOMEM, "write a multiplexer's settings");
	running = running && run(mux, slice, len, fault);
	free(slice);
	memory_give_back();
	if (running)
		send_all(mux);
	return running;
}

bool
multiplexers_begin(struct manager *manager, struct fault *fault)
{
	uint32_t number, entry = 0, within = 0;
	struct multiplexer *mux;

	for (number = 0; number < manager->multiplexer_count; number++, within++) {
		while (within == manager->settings->multiplexers[entry].count) {
			entry++;
			within = 0;
		}
		mux = &manager->multiplexers[number];
		mux->manager = manager;
		mux->number = number;
		mux->entry = entry;
		mux->child = (struct child)CHILD_NONE;
		mux->channel.fd = -1;
	}
	for (number = 0; number < manager->multiplexer_count; number++)
		if (!multiplexer_start(&manager->multiplexers[number], fault))
			return false;
	return true;
}

static void
check_alive(struct multiplexer *mux, uint64_t now)
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

void
multiplexers_tick(struct manager *manager, uint64_t now)
{
	struct multiplexer *mux;
	struct fault fault;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (mux->child.pid != 0)
			check_alive(mux, now);
		else if (mux->restart_at != 0 && now >= mux->restart_at &&
		    manager->phase == MANAGER_RUNNING) {
			mux->replaced = true;
			if (multiplexer_start(mux, &fault))
				continue;
			log_error("multiplexer %u: %s", mux->number, fault.text);
			mux->restart_at = now + RESTART_PAUSE;
		}
	}
}

unsigned
multiplexers_running(const struct manager *manager)
{
	unsigned running = 0;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		running += manager->multiplexers[i].child.pid != 0;
	return running;
}

/* ---- to each of them */

bool
multiplexers_slot(struct manager *manager, uint32_t slot)
{
	bool sent = true;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		sent = multiplexer_slot(&manager->multiplexers[i], slot) && sent;
	return sent;
}

static void
tell_all(struct manager *manager, struct message *message, enum message_type type, int fd)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		channel_send(&manager->multiplexers[i].channel, message, type, fd);
}

void
multiplexers_slot_gone(struct manager *manager, uint32_t slot, int status)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.gone.slot = slot;
	message.body.gone.generation = manager->slots[slot].generation;
	message.body.gone.status = status;
	tell_all(manager, &message, MESSAGE_SLOT_GONE, -1);
}

void
multiplexers_reopen(struct manager *manager)
{
	struct message message;

	memset(&message, 0, sizeof message);
	tell_all(manager, &message, MESSAGE_REOPEN, STDERR_FILENO);
}

void
multiplexers_stop(struct manager *manager, uint64_t timeout_ms)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.stop.timeout_ms = timeout_ms > UINT32_MAX ? UINT32_MAX :
	    (uint32_t)timeout_ms;
	tell_all(manager, &message, MESSAGE_STOP, -1);
}

void
multiplexers_kill(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		child_signal(&manager->multiplexers[i].child, SIGKILL);
}

void
multiplexers_pool_log(struct manager *manager, struct zygote *zygote)
{
	zygote_send_log(zygote,
	    &manager->multiplexers[zygote->pool->index % manager->multiplexer_count].channel);
}

static void
ring(struct manager *manager, uint32_t number)
{
	uint64_t one = 1;

	/* A full eventfd rings already. */
	if (write(manager->bells[number], &one, sizeof one) < 0)
		return;
}

void
multiplexers_ring_waiter(struct manager *manager, uint32_t pool)
{
	int number = board_next_waiter(manager->board, pool, manager->rung_last);

	if (number < 0 || (unsigned)number >= manager->multiplexer_count)
		return;
	manager->rung_last = (unsigned)number;
	ring(manager, (uint32_t)number);
}

void
multiplexers_ring_all(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		ring(manager, i);
}
