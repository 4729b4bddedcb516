#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "manager/manager.h"
#include "manager/zygote.h"

/* A late word about a slot that was buried meanwhile is no crime; a thousand are. */
#define STRAYS_MAX 1000

/* A slot that it was told to fork for, of this generation; else UINT32_MAX. */
static uint32_t
own_slot(struct zygote *zygote, uint32_t slot, uint32_t generation)
{
	const struct manager *manager = zygote->pool->manager;

	if (slot < manager->slot_count && slot_at(manager, slot)->zygote == zygote &&
	    manager->slots[slot]->generation == generation)
		return slot;
	if (++zygote->strays > STRAYS_MAX) {
		zygote->spoilt = true;
		zygote_kill(zygote, "it speaks of slots that are not its own");
	}
	return UINT32_MAX;
}

static void
on_loaded(struct zygote *zygote, const struct message *message, pid_t pid)
{
	(void)message;
	(void)pid;
	pool_zygote_loaded(zygote->pool, zygote);
}

static void
on_forked(struct zygote *zygote, const struct message *message, pid_t pid)
{
	const struct message_slot *said = &message->body.slot;
	uint32_t slot = own_slot(zygote, said->slot, said->generation);

	if (slot != UINT32_MAX)
		slot_forked(zygote->pool->manager, slot, pid);
}

static void
on_not_forked(struct zygote *zygote, const struct message *message, pid_t pid)
{
	const struct message_slot_gone *said = &message->body.gone;
	uint32_t slot = own_slot(zygote, said->slot, said->generation);

	(void)pid;
	if (slot != UINT32_MAX)
		slot_not_forked(zygote->pool->manager, slot, said->status);
}

static void
on_gone(struct zygote *zygote, const struct message *message, pid_t pid)
{
	const struct message_slot_gone *said = &message->body.gone;
	uint32_t slot = own_slot(zygote, said->slot, said->generation);

	(void)pid;
	if (slot != UINT32_MAX)
		slot_gone(zygote->pool->manager, slot, said->status);
}

static void
on_fault(struct zygote *zygote, const struct message *message, pid_t pid)
{
	const struct message_fault *said = &message->body.fault;
	const char *step = said->step > CONFINE_STEP_NONE && said->step < CONFINE_STEPS ?
	    confine_step_name((enum confine_step)said->step) : NULL;
	char text[MESSAGE_TEXT * 4], reason[MESSAGE_TEXT * 4 + 64];

	(void)pid;
	log_escape(text, sizeof text, said->text, strnlen(said->text, sizeof said->text), 0);
	snprintf(reason, sizeof reason, "%s%s%s", step != NULL ? step : "",
	    step != NULL ? ": " : "", text);
	zygote_blame(zygote, reason);
}

/* By message type; what a zygote may send at all is message.h's table. */
static void (*const handlers[MESSAGE_TYPES])(struct zygote *, const struct message *, pid_t) = {
	[MESSAGE_LOADED]     = on_loaded,
	[MESSAGE_FORKED]     = on_forked,
	[MESSAGE_NOT_FORKED] = on_not_forked,
	[MESSAGE_GONE]       = on_gone,
	[MESSAGE_FAULT]      = on_fault,
};

static void
zygote_got(void *owner, const struct message *message, pid_t pid)
{
	if (handlers[message->header.type] != NULL)
		handlers[message->header.type](owner, message, pid);
}

static void
zygote_lost(void *owner, enum message_got why)
{
	struct zygote *zygote = owner;

	channel_end(&zygote->channel);
	/* Usually it exits and its pidfd tells how; where it doesn't, this ends it. */
	if (why == MESSAGE_BROKEN) {
		zygote->spoilt = true;
		zygote_blame(zygote, "its zygote sent what is no message, or a descriptor");
	}
	child_signal(&zygote->child, SIGKILL);
}

const struct channel_owner zygote_calls = { zygote_got, zygote_lost };
