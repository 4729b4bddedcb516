#include "multiplexer/handoff_fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/sticky.h"

/*
 * When the next request began is not told: its time runs from the last moment
 * at which it could.
 */
void
slot_sticky_idle(struct slot *slot)
{
	const struct tuning *tuning = slot_vhost(slot)->tuning;
	uint64_t ms = tuning->expire_timeout;

	slow_end(slot);
	atomic_store_explicit(&board_slot(slot->mux->board, slot->index)->began_ms, 0,
	    memory_order_relaxed);
	if (ms != 0)
		ms += tuning->keep_alive_timeout + slot->tables->settings->header_timeout +
		    MULTIPLEXER_TICK_MS;
	multiplexer_timeout(slot->mux, &slot->expire, ms);
}

void
slots_release_sticky(struct multiplexer *mux)
{
	struct slot *slot;

	TAILQ_FOREACH(slot, &mux->slots.sticky, sticky_link) {
		const struct board_pool *pool = board_pool(mux->board, slot->pool);

		/* Of a pool that is no longer configured nobody wants the slot: that can wait. */
		bool configured = tables_pool(mux->tables, slot->pool) != SETTINGS_NONE;
		bool now = (mux->stopping && !mux->replaced) ||
		    atomic_load_explicit(&pool->waiting, memory_order_relaxed) != 0 ||
		    (configured && slot_is_to_leave(slot));

		if (!slot->released && now) {
			slot->released = true;
			mux->pools.at[slot->pool]->crowded_ms = multiplexer_ms(mux);
			handoff_signal(slot, ENVELOPE_RELEASE);
		} else if (!slot->last && !configured) {
			slot->last = true;
			handoff_signal(slot, ENVELOPE_LAST);
		}
	}
}

void
slots_last_sticky(struct multiplexer *mux)
{
	struct slot *slot;

	TAILQ_FOREACH(slot, &mux->slots.sticky, sticky_link) {
		slot->last = true;
		handoff_signal(slot, ENVELOPE_LAST);
	}
}
