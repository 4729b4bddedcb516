#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/log.h"
#include "manager/manager.h"

#define LEAVE_GRACE    2000     /* ms, beyond what running requests may take */
#define RESTART_PAUSE  1000     /* ms, where it could not be started */

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
	struct multiplexer *mux;
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
			multiplexer_forget(mux);
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
