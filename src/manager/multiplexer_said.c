#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/logs.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"
#include "manager/status.h"

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
	return slot_is_leased_by(mux->manager, said->slot, said->generation, mux->number);
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
	const struct slot *slot;
	struct pool *pool;

	if (!has_leased(mux, said))
		return;
	slot = manager->slots[said->slot];
	pool = manager->pools[slot->pool];
	log_warning("pool %s: processor %d is killed: %s",
	    pool->settings->name, (int)slot->pid,
	    expired ? "its request ran longer than expire_timeout" :
	    "it broke the protocol of its channel");
	if (expired)
		atomic_fetch_add(&manager->pool_rows[pool->index].expired, 1);
	else
		pool_processor_failed(pool, "broke the protocol of its channel", 0);
	slot_kill(manager, said->slot);
}

/* No program of a user's does that by mistake: it is tried again only after a pause. */
static void
on_slot_sent(struct multiplexer *mux, const struct message_slot *said)
{
	struct manager *manager = mux->manager;
	struct zygote *zygote;

	if (!has_leased(mux, said))
		return;
	zygote = manager->slots[said->slot]->zygote;
	if (zygote == NULL)
		return;         /* a connection to a server: none of our processes */
	log_warning("pool %s is killed: its processor %d sent a descriptor",
	    zygote->pool->settings->name, (int)manager->slots[said->slot]->pid);
	zygote->spoilt = true;
	zygote_kill(zygote, "one of its processors sent a descriptor, to hold us up");
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
	case MESSAGE_SLOT_SENT:
		on_slot_sent(mux, &message->body.slot);
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

const struct channel_owner multiplexer_calls = { multiplexer_got, multiplexer_lost };
