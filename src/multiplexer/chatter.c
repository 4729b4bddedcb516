#include "multiplexer/multiplexer.h"

bool
chatter_more(struct slot *slot)
{
	struct slots *slots = &slot->mux->slots;
	struct chatter *chatter = &slot->chatter;

	if (chatter->second != slots->second) {
		chatter->second = slots->second;
		chatter->said = 0;
		if (slots->second - chatter->flooded > 1)
			chatter->floods = 0;
	}
	if (++chatter->said <= slot->mux->tables->settings->message_rate || chatter->resting)
		return !chatter->resting;
	chatter->resting = true;
	TAILQ_INSERT_TAIL(&slots->resting, slot, chatter.link);
	slot_disarm(slot);
	return false;
}

void
chatter_end(struct slot *slot)
{
	if (slot->chatter.resting)
		TAILQ_REMOVE(&slot->mux->slots.resting, slot, chatter.link);
	slot->chatter = (struct chatter){ .second = slot->mux->slots.second };
}

void
chatter_tick(struct multiplexer *mux)
{
	uint64_t most = mux->tables->settings->flood_timeout / MULTIPLEXER_TICK_MS;
	struct slot *slot;

	while ((slot = TAILQ_FIRST(&mux->slots.resting)) != NULL) {
		TAILQ_REMOVE(&mux->slots.resting, slot, chatter.link);
		slot->chatter.resting = false;
		slot->chatter.flooded = mux->slots.second;
		if (++slot->chatter.floods >= most)
			slot_spoil(slot, "sent more than message_rate for flood_timeout");
		else
			slot_listen(slot);
	}
	mux->slots.second++;
}
