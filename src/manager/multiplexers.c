#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "manager/manager.h"
#include "manager/multiplexers_scale.h"

#define LEAVE_GRACE    2000     /* ms, beyond what running requests may take */
#define RESTART_PAUSE  1000     /* ms, where it could not be started */
#define LOOK_MS        2000     /* at what they bear */
#define FAILED_MS      60000    /* where one more could not be started */

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

/* The slice of the present configuration; owned by the caller; NULL: no memory. */
char *
multiplexers_slice(const struct manager *manager, size_t *len)
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

/* ---- generations */

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
multiplexers_have_room(const struct manager *manager)
{
	uint32_t i, room = 0;

	for (i = 0; i < manager->multiplexer_count; i++)
		room += !manager->multiplexers[i].used;
	return room >= manager->settings->multiplexer_total;
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

/* It accepts no more, finishes what it has, and goes. */
static void
let_go(struct multiplexer *mux)
{
	uint64_t graceful = mux->manager->settings->tuning.graceful_timeout;
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.stop.timeout_ms = (uint32_t)graceful;
	message.body.stop.replaced = 1;
	mux->leaving = true;
	mux->restart_at = 0;
	mux->leave_by = graceful == 0 ? 0 : clock_ms() + graceful + LEAVE_GRACE;
	channel_send(&mux->channel, &message, MESSAGE_STOP, -1);
	if (mux->child.pid == 0)
		multiplexer_forget(mux);
}

/* The former ones go; what pools say is read by the new ones. */
void
multiplexers_take_over(struct manager *manager)
{
	struct multiplexer *mux;
	uint32_t i;

	memset(manager->calm_since, 0, sizeof manager->calm_since);
	for (i = 0; i < manager->multiplexer_count; i++) {
		mux = &manager->multiplexers[i];
		if (!mux->used || mux->leaving)
			continue;
		if (!mux->fresh)
			let_go(mux);
		mux->fresh = false;
	}
	multiplexers_send_logs(manager);
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
		    !str_same(a->multiplexers[i].chroot, b->multiplexers[i].chroot))
			return true;
	return false;
}

/* ---- as many as are needed */

static bool
belongs(const struct multiplexer *mux, uint32_t entry)
{
	return mux->used && !mux->leaving && !mux->fresh && mux->entry == entry;
}

/* What it bears, and has worked since the last look. */
static uint32_t
look_at(struct multiplexer *mux)
{
	uint32_t connections = atomic_load(
	    &mux->manager->board->multiplexers[mux->number].connections);
	struct usage before = mux->usage;

	if (!usage_read(mux->child.pid, getpid(), &mux->usage) || before.looked_at == 0 ||
	    mux->usage.cpu_ms < before.cpu_ms)
		before = mux->usage;
	return multiplexer_load(connections, mux->manager->settings->max_clients,
	    mux->usage.cpu_ms - before.cpu_ms, mux->usage.looked_at - before.looked_at);
}

static struct multiplexers_load
bears(struct manager *manager, uint32_t entry, uint64_t now)
{
	const struct multiplexer_settings *settings = &manager->settings->multiplexers[entry];
	struct multiplexers_load load = { .least = MULTIPLEXER_WHOLE, .min = settings->count,
	    .max = settings->max_count, .idle_timeout = settings->idle_timeout };
	uint64_t *since = &manager->calm_since[entry];
	uint32_t i, one;

	for (i = 0; i < manager->multiplexer_count; i++) {
		if (!belongs(&manager->multiplexers[i], entry))
			continue;
		load.running++;
		if (!manager->multiplexers[i].ready) {
			load.starting++;
			continue;
		}
		/* Where their number is fixed, nobody has to know. */
		one = load.max > load.min ? look_at(&manager->multiplexers[i]) : 0;
		load.least = one < load.least ? one : load.least;
		load.sum += one;
	}
	if (!multiplexers_spare(&load))
		*since = 0;
	else if (*since == 0)
		*since = now;
	load.calm = *since != 0 ? now - *since : 0;
	return load;
}

static bool
start_extra(struct manager *manager, uint32_t entry)
{
	struct multiplexer *mux = unused(manager);
	struct fault fault;

	if (!place(manager, entry, &fault)) {
		log_error("one more multiplexer: %s", fault.text);
		return false;
	}
	mux->fresh = false;
	mux->extra = true;
	if (multiplexer_start(mux, &fault)) {
		log_notice("multiplexer %u (%d) is added: the others are near their limit",
		    mux->number, (int)mux->child.pid);
		return true;
	}
	log_error("one more multiplexer: %s", fault.text);
	multiplexer_forget(mux);
	return false;
}

static void
end_extra(struct manager *manager, uint32_t entry)
{
	struct multiplexer *mux;
	uint32_t i;

	for (i = manager->multiplexer_count; i-- > 0;) {
		mux = &manager->multiplexers[i];
		if (!belongs(mux, entry) || !mux->extra)
			continue;
		log_notice("multiplexer %u (%d) finishes and goes: the others do without it",
		    mux->number, (int)mux->child.pid);
		let_go(mux);
		manager->calm_since[entry] = 0;
		return;
	}
}

/* Only between reloads and upgrades, which count on a number that stays. */
static void
scale(struct manager *manager, uint64_t now)
{
	struct multiplexers_load load;
	bool started = true;
	uint32_t entry;
	int more;

	if (manager->phase != MANAGER_RUNNING || manager->reload != NULL ||
	    upgrade_is_under_way(manager) ||
	    now < manager->multiplexers_looked + LOOK_MS)
		return;
	for (entry = 0; entry < manager->settings->multiplexer_count; entry++) {
		load = bears(manager, entry, now);
		more = multiplexers_scale(&load);
		if (more > 0)
			started = start_extra(manager, entry) && started;
		else if (more < 0)
			end_extra(manager, entry);
	}
	manager->multiplexers_looked = started ? now : now + FAILED_MS;
}

/* ---- all of them */

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
			multiplexer_tick(mux, now);
		else if (mux->restart_at != 0 && now >= mux->restart_at &&
		    manager->phase == MANAGER_RUNNING) {
			mux->replaced = true;
			if (multiplexer_start(mux, &fault))
				continue;
			log_error("multiplexer %u: %s", mux->number, fault.text);
			mux->restart_at = now + RESTART_PAUSE;
		}
	}
	scale(manager, now);
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
