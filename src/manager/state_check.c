#include <peruserd/board.h>

#include "manager/slot.h"
#include "manager/state.h"
#include "manager/zygote.h"

/* As in board.c: a board is no larger. */
#define POOLS_MAX 1000000u
#define SLOTS_MAX 10000000u

static bool
is_bad(struct fault *fault, const char *what, size_t at)
{
	return fault_set(fault, 0, "%s %zu of the state is out of bounds", what, at);
}

static bool
check_head(const struct state *state, struct fault *fault)
{
	const struct state_head *head = state_at(state, STATE_OF_HEAD, 0);

	if (head->multiplexers > BOARD_MULTIPLEXERS || head->pools > POOLS_MAX ||
	    head->slots > SLOTS_MAX || head->config == NULL || head->binary == NULL ||
	    head->processors == NULL || head->board < 0 || head->board_reader < 0 ||
	    head->bell < 0 || head->control < 0 || head->pid_file < 0 ||
	    state_count(state, STATE_OF_SETTINGS) == 0)
		return fault_set(fault, 0, "the state lacks what a manager needs");
	return true;
}

static bool
check_multiplexers(const struct state *state, const struct state_head *head, struct fault *fault)
{
	const struct state_multiplexer *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_MULTIPLEXER); i++) {
		told = state_at(state, STATE_OF_MULTIPLEXER, i);
		if (told->number >= head->multiplexers || told->bell < 0 ||
		    told->pid > INT32_MAX || told->entry > UINT32_MAX)
			return is_bad(fault, "multiplexer", i);
	}
	return true;
}

static bool
check_pools(const struct state *state, const struct state_head *head, struct fault *fault)
{
	const struct state_pool *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_POOL); i++) {
		told = state_at(state, STATE_OF_POOL, i);
		if (told->row >= head->pools ||
		    told->settings >= state_count(state, STATE_OF_SETTINGS) ||
		    told->slot_count > head->slots ||
		    told->slot_first > head->slots - told->slot_count ||
		    told->retired > UINT32_MAX || told->generation > UINT32_MAX)
			return is_bad(fault, "pool", i);
	}
	return true;
}

static bool
check_zygotes(const struct state *state, const struct state_head *head, struct fault *fault)
{
	const struct state_zygote *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_ZYGOTE); i++) {
		told = state_at(state, STATE_OF_ZYGOTE, i);
		if (told->row >= head->pools || told->state > ZYGOTE_GOING ||
		    told->role > STATE_SERVING || told->pid == 0 || told->pid > INT32_MAX ||
		    told->generation > UINT32_MAX)
			return is_bad(fault, "zygote", i);
	}
	return true;
}

static bool
check_slots(const struct state *state, const struct state_head *head, struct fault *fault)
{
	const struct state_slot *told;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_SLOT); i++) {
		told = state_at(state, STATE_OF_SLOT, i);
		if (told->slot >= head->slots || told->row >= head->pools ||
		    told->state >= SLOT_STATES || told->generation > UINT32_MAX ||
		    told->pid > INT32_MAX || told->zygote > UINT32_MAX)
			return is_bad(fault, "slot", i);
	}
	return true;
}

static bool
check_others(const struct state *state, struct fault *fault)
{
	const struct state_listener *listener;
	const struct state_log *log;
	const struct state_stray *stray;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_LISTENER); i++) {
		listener = state_at(state, STATE_OF_LISTENER, i);
		if ((listener->address == NULL) != (listener->fd < 0))
			return is_bad(fault, "listener", i);
	}
	for (i = 0; i < state_count(state, STATE_OF_LOG); i++) {
		log = state_at(state, STATE_OF_LOG, i);
		if (log->name == NULL || log->number > POOLS_MAX * 4)
			return is_bad(fault, "log", i);
	}
	for (i = 0; i < state_count(state, STATE_OF_STRAY); i++) {
		stray = state_at(state, STATE_OF_STRAY, i);
		if (stray->pid == 0 || stray->pid > INT32_MAX)
			return is_bad(fault, "stray", i);
	}
	return true;
}

bool
state_check(const struct state *state, struct fault *fault)
{
	const struct state_head *head;

	if (state_count(state, STATE_OF_HEAD) != 1)
		return fault_set(fault, 0, "the state has no head");
	head = state_at(state, STATE_OF_HEAD, 0);
	return check_head(state, fault) && check_multiplexers(state, head, fault) &&
	    check_pools(state, head, fault) && check_zygotes(state, head, fault) &&
	    check_slots(state, head, fault) && check_others(state, fault);
}
