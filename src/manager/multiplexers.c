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
#define LEAVE_GRACE    2000     /* ms, beyond what running requests may take */
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

	/* Slots are many; processors at once are not. */
	uint64_t slots = settings->server_limit < manager->slot_count ? settings->server_limit :
	    manager->slot_count;

	return settings->max_clients * FDS_A_CLIENT + slots * 2 * FDS_A_SLOT + settings->logs.count * 2 +
	    settings->pool_count + settings->listen_count + FDS_MORE;
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

	if (slot->state == SLOT_EMPTY || slot->channel < 0 || slot->state == SLOT_STARTING ||
	    !channel_is_open(&mux->channel))
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
send_listeners(struct multiplexer *mux)
{
	struct manager *manager = mux->manager;
	struct message message;
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++) {
		memset(&message, 0, sizeof message);
		message.body.listener.number = i;
		if (manager->listening[i].address != NULL && manager->listening[i].wanted)
			channel_send(&mux->channel, &message, MESSAGE_LISTENER,
			    manager->listening[i].fd);
	}
}

/* Is it one of those that stay? */
static bool
stays(const struct multiplexer *mux)
{
	return mux->used && !mux->leaving && !mux->fresh;
}

/* Who reads what the pool in that row says: they share them; NULL: nobody is there. */
static struct multiplexer *
reader_of(struct manager *manager, uint32_t row)
{
	uint32_t i, count = 0, skip;

	for (i = 0; i < manager->multiplexer_count; i++)
		count += stays(&manager->multiplexers[i]);
	if (count == 0)
		return NULL;
	skip = row % count;
	for (i = 0; i < manager->multiplexer_count; i++)
		if (stays(&manager->multiplexers[i]) && skip-- == 0)
			return &manager->multiplexers[i];
	return NULL;
}

static void
send_all(struct multiplexer *mux)
{
	struct manager *manager = mux->manager;
	uint32_t i;

	send_bell(mux, mux->number);
	for (i = 0; i < manager->multiplexer_count; i++)
		if (i != mux->number && manager->bells[i] >= 0)
			send_bell(mux, i);
	send_bell(mux, BOARD_BELL_MANAGER);
	for (i = 0; i < manager->slot_count; i++)
		multiplexer_slot(mux, i);
	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && reader_of(manager, i) == mux)
			pool_send_logs(manager->pools[i], &mux->channel);
	send_listeners(mux);
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
	const char *path = roster_name(&mux->manager->logs, log);
	struct message message;
	struct fault fault;
	int fd;

	memset(&message, 0, sizeof message);
	message.body.log.log = log;
	fd = path != NULL ? logs_open(path, &fault) : -1;
	if (fd >= 0) {
		channel_send(&mux->channel, &message, MESSAGE_LOG, fd);
		fd_close(&fd);
		return;
	}
	if (path != NULL)
		log_error("%s", fault.text);
	message.body.log.error = path == NULL ? EINVAL :
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
	    manager->pools[manager->slots[said->slot].pool]->settings->name,
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
	case MESSAGE_TABLES_HELD:
		mux->held = message->body.tables;
		reload_look(mux->manager);
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
	if (why == MESSAGE_BROKEN || (mux->manager->phase == MANAGER_RUNNING && !mux->leaving))
		child_signal(&mux->child, SIGKILL);
}

static const struct channel_owner multiplexer_calls = { multiplexer_got, multiplexer_lost };

/* ---- its life */

/* What it had leased nobody else reads: those processors end. */
static void
kill_leased(struct multiplexer *mux)
{
	struct manager *manager = mux->manager;
	unsigned owner;
	uint32_t i;

	for (i = 0; i < manager->slot_count; i++)
		if (manager->slots[i].state == SLOT_IDLE &&
		    slot_board_state(manager, i, &owner, NULL) == SLOT_LEASED &&
		    owner == mux->number)
			slot_kill(manager, i);
}

/* One that was to go has gone, or one that was to come never will: its number is free. */
static void
free_number(struct multiplexer *mux)
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
	board_forget(manager->pool_rows, manager->part_rows, manager->pool_count,
	    manager->multiplexer_count, mux->number);
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
		free_number(mux);
		rows_sweep(manager);
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
	    (unsigned)manager->settings->logs.count + manager->listening_count + QUEUE_MORE;

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

/* The slice of the present configuration; owned by the caller; NULL: no memory. */
static char *
write_slice(const struct manager *manager, size_t *len)
{
	char *slice = NULL;
	FILE *text = open_memstream(&slice, len);
	bool whole = text != NULL && settings_slice_multiplexer(manager->settings, text);

	if (text != NULL && fclose(text) != 0)
		whole = false;
	if (whole)
		return slice;
	free(slice);
	return NULL;
}

static bool
multiplexer_start(struct multiplexer *mux, struct fault *fault)
{
	size_t len = 0;
	char *slice = write_slice(mux->manager, &len);
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
		send_all(mux);
	return running;
}

static struct multiplexer *
unused(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		if (!manager->multiplexers[i].used)
			return &manager->multiplexers[i];
	return NULL;
}

static bool
bell_make(struct manager *manager, uint32_t number)
{
	if (manager->bells[number] < 0)
		manager->bells[number] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return manager->bells[number] >= 0;
}

/* Give a number to one of that entry, which is started when all have theirs. */
static bool
place(struct manager *manager, uint32_t entry, struct fault *fault)
{
	struct multiplexer *mux = unused(manager);

	if (mux == NULL)
		return fault_set(fault, 0, "there are no numbers left for so many multiplexers; "
		    "restart peruserd, or wait until former ones have gone");
	if (!bell_make(manager, (uint32_t)(mux - manager->multiplexers)))
		return fault_set(fault, errno, "make a bell");
	memset(mux, 0, sizeof *mux);
	mux->manager = manager;
	mux->number = (uint32_t)(mux - manager->multiplexers);
	mux->entry = entry;
	mux->child = (struct child)CHILD_NONE;
	mux->channel.fd = -1;
	mux->used = mux->fresh = true;
	return true;
}

bool
multiplexers_begin(struct manager *manager, struct fault *fault)
{
	const struct settings *settings = manager->settings;
	bool placed = true;
	uint64_t count;
	size_t entry;
	uint32_t i;

	for (entry = 0; placed && entry < settings->multiplexer_count; entry++)
		for (count = 0; placed && count < settings->multiplexers[entry].count; count++)
			placed = place(manager, (uint32_t)entry, fault);
	for (i = 0; placed && i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].fresh)
			placed = multiplexer_start(&manager->multiplexers[i], fault);
	if (!placed)
		multiplexers_give_up(manager);
	return placed;
}

bool
multiplexers_all_ready(const struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].used && !manager->multiplexers[i].leaving &&
		    !manager->multiplexers[i].ready)
			return false;
	return true;
}

void
multiplexers_give_up(struct manager *manager)
{
	struct multiplexer *mux;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (!mux->fresh)
			continue;
		if (mux->child.pid == 0)
			mux->used = mux->fresh = false;
		else
			child_signal(&mux->child, SIGKILL);
	}
}

/* The former ones go; what pools say is read by the new ones. */
void
multiplexers_take_over(struct manager *manager)
{
	uint64_t graceful = manager->settings->tuning.graceful_timeout;
	struct multiplexer *mux, *reader;
	struct message message;
	uint32_t i;

	memset(&message, 0, sizeof message);
	message.body.stop.timeout_ms = (uint32_t)graceful;
	message.body.stop.replaced = 1;
	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (!mux->used || mux->leaving)
			continue;
		mux->leaving = !mux->fresh;
		mux->fresh = false;
		if (!mux->leaving)
			continue;
		mux->restart_at = 0;
		mux->leave_by = graceful == 0 ? 0 : clock_ms() + graceful + LEAVE_GRACE;
		channel_send(&mux->channel, &message, MESSAGE_STOP, -1);
		if (mux->child.pid == 0)
			free_number(mux);
	}
	for (i = 0; i < manager->pool_count; i++) {
		reader = manager->pools[i] != NULL ? reader_of(manager, i) : NULL;
		if (reader != NULL)
			pool_send_logs(manager->pools[i], &reader->channel);
	}
}

static bool
same_path(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool
multiplexers_differ(const struct settings *a, const struct settings *b)
{
	size_t i;

	if (a->multiplexer_count != b->multiplexer_count || strcmp(a->spool_dir, b->spool_dir) != 0)
		return true;
	for (i = 0; i < a->multiplexer_count; i++)
		if (a->multiplexers[i].count != b->multiplexers[i].count ||
		    a->multiplexers[i].uid != b->multiplexers[i].uid ||
		    a->multiplexers[i].gid != b->multiplexers[i].gid ||
		    !same_path(a->multiplexers[i].chroot, b->multiplexers[i].chroot))
			return true;
	return false;
}

bool
multiplexers_tables(struct manager *manager, struct fault *fault)
{
	size_t len = 0;
	char *slice = write_slice(manager, &len);
	int fd = slice != NULL ? fd_sealed("settings", slice, len) : -1;
	struct multiplexer *mux;
	struct message message;
	uint32_t i;

	free(slice);
	if (fd < 0)
		return fault_set(fault, errno, "write the multiplexers' settings");
	memset(&message, 0, sizeof message);
	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		/* Each reads it through its own place in the file. */
		if (!mux->used || mux->fresh || mux->child.pid == 0)
			continue;
		channel_send(&mux->channel, &message, MESSAGE_TABLES, fd);
		if (!mux->leaving)
			send_listeners(mux);
	}
	fd_close(&fd);
	memory_give_back();
	return true;
}

bool
multiplexers_have_tables(const struct manager *manager)
{
	const struct multiplexer *mux;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (mux->used && mux->child.pid != 0 &&
		    mux->held.newest != (uint32_t)manager->settings->generation)
			return false;
	}
	return true;
}

uint32_t
multiplexers_oldest(const struct manager *manager)
{
	uint32_t i, oldest = (uint32_t)manager->settings->generation;

	for (i = 0; i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].used && manager->multiplexers[i].child.pid != 0 &&
		    manager->multiplexers[i].held.oldest < oldest)
			oldest = manager->multiplexers[i].held.oldest;
	return oldest;
}

void
multiplexers_pool(struct manager *manager, struct pool *pool)
{
	struct multiplexer *reader = reader_of(manager, pool->index);
	uint32_t i, slot;

	for (i = 0; i < manager->multiplexer_count; i++)
		for (slot = pool->slot_first; manager->multiplexers[i].used &&
		    slot < pool->slot_first + pool->slot_count; slot++)
			multiplexer_slot(&manager->multiplexers[i], slot);
	if (reader != NULL)
		pool_send_logs(pool, &reader->channel);
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
		if (mux->leaving && mux->leave_by != 0 && now > mux->leave_by)
			child_signal(&mux->child, SIGKILL);
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
		running += manager->multiplexers[i].used && manager->multiplexers[i].child.pid != 0;
	return running;
}

/* ---- to each of them */

bool
multiplexers_slot(struct manager *manager, uint32_t slot)
{
	bool sent = true;
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].used)
			sent = multiplexer_slot(&manager->multiplexers[i], slot) && sent;
	return sent;
}

static void
tell_all(struct manager *manager, struct message *message, enum message_type type, int fd)
{
	uint32_t i;

	for (i = 0; i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].used)
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
		if (manager->multiplexers[i].used)
			child_signal(&manager->multiplexers[i].child, SIGKILL);
}

void
multiplexers_pool_log(struct manager *manager, struct zygote *zygote)
{
	struct multiplexer *reader = reader_of(manager, zygote->pool->index);

	if (reader != NULL)
		zygote_send_log(zygote, &reader->channel);
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
		if (manager->multiplexers[i].used)
			ring(manager, i);
}
