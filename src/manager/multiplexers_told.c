#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "manager/manager.h"

/* ---- what one is told when it starts */

/* False: it will never hear of that slot.  One that has ended will when it starts anew. */
bool
multiplexer_slot(struct multiplexer *mux, uint32_t index)
{
	const struct slot *slot = slot_at(mux->manager, index);
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

/* Is it one of those that stay, whatever the load is? */
static bool
stays(const struct multiplexer *mux)
{
	return mux->used && !mux->leaving && !mux->fresh && !mux->extra;
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

void
multiplexer_tell(struct multiplexer *mux)
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
	message.body.gone.generation = manager->slots[slot]->generation;
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

/* The former ones go: what pools say is read by the others. */
void
multiplexers_send_logs(struct manager *manager)
{
	struct multiplexer *reader;
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++) {
		reader = manager->pools[i] != NULL ? reader_of(manager, i) : NULL;
		if (reader != NULL)
			pool_send_logs(manager->pools[i], &reader->channel);
	}
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

/* ---- another configuration */

bool
multiplexers_tables(struct manager *manager, struct fault *fault)
{
	size_t len = 0;
	char *slice = multiplexers_slice(manager, &len);
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
