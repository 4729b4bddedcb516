#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"

#define TRACE_MS 100

enum slot_state
slot_next(enum slot_state state, enum slot_event event)
{
	enum { EMPTY = SLOT_EMPTY, START = SLOT_STARTING, IDLE = SLOT_IDLE, LEASE = SLOT_LEASED,
	    LEAVE = SLOT_LEAVING };
	static const unsigned char next[SLOT_STATES][SLOT_EVENTS] = {
/*                  FORK   FORKED LEASE  COMPL. RETIRE KILL   GONE */
[SLOT_EMPTY]    = { START, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY },
[SLOT_STARTING] = { START, IDLE,  START, START, START, LEAVE, EMPTY },
[SLOT_IDLE]     = { IDLE,  IDLE,  LEASE, IDLE,  LEAVE, LEAVE, EMPTY },
[SLOT_LEASED]   = { LEASE, LEASE, LEASE, IDLE,  LEASE, LEAVE, EMPTY },
[SLOT_LEAVING]  = { LEAVE, LEAVE, LEAVE, LEAVE, LEAVE, LEAVE, EMPTY },
	};

	return (unsigned)state < SLOT_STATES && (unsigned)event < SLOT_EVENTS ?
	    (enum slot_state)next[state][event] : state;
}

const struct slot *
slot_at(const struct manager *manager, uint32_t slot)
{
	static const struct slot unused = { .state = SLOT_EMPTY, .pool = UINT32_MAX,
	    .channel = -1, .way = -1 };

	return manager->slots[slot] != NULL ? manager->slots[slot] : &unused;
}

bool
slot_make(struct manager *manager, uint32_t index, const struct pool *pool)
{
	struct slot *slot = manager->slots[index];

	if (slot == NULL)
		slot = calloc(1, sizeof *slot);
	if (slot == NULL)
		return false;
	/* A range that another pool had: its generations go on. */
	manager->slots[index] = slot;
	slot->pool = pool->index;
	slot->channel = slot->way = -1;
	return true;
}

bool
slot_adopt(struct manager *manager, uint32_t index, const struct slot *past)
{
	struct slot *slot = manager->slots[index] == NULL ? calloc(1, sizeof *slot) : NULL;

	if (slot == NULL)
		return false;
	*slot = *past;
	manager->slots[index] = slot;
	/* A connection to a server is no processor. */
	if (slot->state == SLOT_EMPTY || slot->zygote == NULL)
		return true;
	slot->zygote->slots++;
	manager->live++;
	manager->leaving += slot->state == SLOT_LEAVING;
	return true;
}

enum slot_state
slot_board_state(const struct manager *manager, uint32_t slot, unsigned *owner, uint64_t *since)
{
	struct board_slot *row = &manager->slot_rows[slot];
	struct slot_word word = slot_word_unpack(atomic_load(&row->word));
	uint64_t then = atomic_load(&row->since_ms), now = clock_ms();

	if (owner != NULL)
		*owner = word.owner;
	if (since != NULL)
		*since = then > now ? now : then;
	if (word.generation != slot_at(manager, slot)->generation ||
	    (unsigned)word.state >= SLOT_STATES)
		return SLOT_LEAVING;
	return word.state;
}

bool
slot_is_leased_by(const struct manager *manager, uint32_t slot, uint32_t generation,
    unsigned multiplexer)
{
	unsigned owner;

	return slot < manager->slot_count &&
	    slot_at(manager, slot)->state == SLOT_IDLE &&
	    manager->slots[slot]->generation == generation &&
	    slot_board_state(manager, slot, &owner, NULL) == SLOT_LEASED &&
	    owner == multiplexer;
}

/*
 * Change the word: from anything, or only from `only` where that isn't
 * SLOT_STATES.  The rows are reached by our own pointers and indexes: the
 * board's header may be written by a multiplexer.
 */
static bool
word_set(struct manager *manager, uint32_t slot, enum slot_state only, enum slot_state to)
{
	struct board_slot *row = &manager->slot_rows[slot];
	struct board_pool *pool = &manager->pool_rows[manager->slots[slot]->pool];
	struct slot_word next = { manager->slots[slot]->generation, BOARD_NOBODY, to };
	uint64_t seen = atomic_load(&row->word);
	bool was_idle;

	do {
		was_idle = slot_word_unpack(seen).state == SLOT_IDLE;
		if (only != SLOT_STATES && (slot_word_unpack(seen).state != only ||
		    slot_word_unpack(seen).generation != next.generation))
			return false;
		atomic_store(&row->since_ms, clock_ms());
	} while (!atomic_compare_exchange_weak(&row->word, &seen, slot_word_pack(next)));
	if (was_idle != (to == SLOT_IDLE))
		atomic_fetch_add(&pool->idle, was_idle ? (uint32_t)-1 : 1);
	return true;
}

static void
slot_move(struct manager *manager, uint32_t slot, enum slot_state to, uint64_t deadline)
{
	struct slot *own = manager->slots[slot];

	if (to == SLOT_LEAVING && own->state != SLOT_LEAVING)
		manager->leaving++;
	if (to != SLOT_LEAVING && own->state == SLOT_LEAVING)
		manager->leaving--;
	if (to != SLOT_EMPTY && own->state == SLOT_EMPTY)
		manager->live++;
	if (to == SLOT_EMPTY && own->state != SLOT_EMPTY)
		manager->live--;
	own->state = to;
	own->since = clock_ms();
	own->deadline = deadline;
}

static uint32_t
slot_empty(const struct manager *manager, const struct pool *pool)
{
	uint32_t i;

	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(manager, i)->state == SLOT_EMPTY)
			return i;
	return UINT32_MAX;
}

bool
slot_fork(struct manager *manager, struct pool *pool)
{
	uint32_t index = slot_empty(manager, pool);
	struct message message;
	struct slot *slot;
	int ends[2];
	bool sent;

	if (pool->serving == NULL || index == UINT32_MAX)
		return false;
	if (!slot_make(manager, index, pool) || !slot_channel_make(manager, pool, index, ends)) {
		pool_processor_failed(pool, "could not be forked", errno);
		return false;
	}
	slot = manager->slots[index];
	memset(&message, 0, sizeof message);
	message.body.slot.slot = index;
	message.body.slot.generation = slot->generation;
	message.body.slot.pool = pool->index;
	sent = channel_send(&pool->serving->channel, &message, MESSAGE_FORK, ends[1]);
	fd_close(&ends[1]);
	slot->channel = ends[0];
	if (!sent) {
		slot_channel_close(manager, index);
		return false;
	}
	slot->zygote = pool->serving;
	slot->zygote->slots++;
	slot->pid = 0;
	slot->killed = slot->asked = false;
	slot_move(manager, index, slot_next(slot->state, SLOT_FORK),
	    clock_ms() + pool->settings->tuning->start_timeout);
	atomic_store(&manager->slot_rows[index].requests, 0);
	atomic_store(&manager->slot_rows[index].bytes, 0);
	atomic_store(&manager->slot_rows[index].leave, 0);
	word_set(manager, index, SLOT_STATES, SLOT_STARTING);
	return true;
}

void
slot_forked(struct manager *manager, uint32_t index, pid_t pid)
{
	struct slot *slot = manager->slots[index];

	if (slot->state != SLOT_STARTING)
		return;
	slot->pid = pid;
	slot->born = clock_ms();
	memset(&slot->usage, 0, sizeof slot->usage);
	slot_move(manager, index, slot_next(slot->state, SLOT_FORKED), 0);
	if (!multiplexers_slot(manager, index)) {
		pool_processor_failed(manager->pools[slot->pool], "could not be told of",
		    errno);
		slot_kill(manager, index);
		return;
	}
	if (word_set(manager, index, SLOT_STARTING, SLOT_IDLE))
		multiplexers_ring_waiter(manager, slot->pool);
	reload_look(manager);
}

/* The channel is closed and never used again: the next one has another generation. */
static void
slot_bury(struct manager *manager, uint32_t index, int status)
{
	struct slot *slot = manager->slots[index];
	struct zygote *zygote = slot->zygote;

	slot_move(manager, index, SLOT_EMPTY, 0);
	slot_channel_close(manager, index);
	multiplexers_slot_gone(manager, index, status);
	slot->generation++;
	slot->pid = 0;
	slot->zygote = NULL;
	word_set(manager, index, SLOT_STATES, SLOT_EMPTY);
	zygote_slot_gone(zygote);
}

void
slot_not_forked(struct manager *manager, uint32_t index, int error)
{
	if (manager->slots[index]->state != SLOT_STARTING)
		return;
	slot_bury(manager, index, 0);
	pool_processor_failed(manager->pools[manager->slots[index]->pool], "could not be forked",
	    error);
	reload_look(manager);
}

static void
say_gone(const struct slot *slot, struct pool *pool, int status, uint64_t served)
{
	char ending[96];

	if (WIFSIGNALED(status) && !slot->asked && WTERMSIG(status) != SIGTERM) {
		log_warning("pool %s: processor %d %s", pool->settings->name,
		    (int)slot->pid, child_ending(status, ending, sizeof ending));
		pool_processor_crashed(pool, WTERMSIG(status));
		return;
	}
	log_debug("pool %s: processor %d has gone", pool->settings->name, (int)slot->pid);
	pool->recycled += !slot->asked && served > 0;
}

void
slot_gone(struct manager *manager, uint32_t index, int status)
{
	struct slot *slot = manager->slots[index];
	struct pool *pool = manager->pools[slot->pool];
	uint64_t served = atomic_load(&manager->slot_rows[index].requests);
	bool leased = slot_board_state(manager, index, NULL, NULL) == SLOT_LEASED;

	if (slot_next(slot->state, SLOT_GONE) == slot->state)
		return;
	say_gone(slot, pool, status, served);
	/* One that never had a request and ends by itself, however well, will do so again. */
	if (!slot->asked && !leased && served == 0)
		pool_processor_failed(pool, "ended before it served a request", 0);
	slot_bury(manager, index, status);
	demand_look_soon(manager);
}

/* Has it a process?  A connection to a server has none of ours. */
static bool
has_process(const struct slot *slot)
{
	return slot->zygote != NULL;
}

void
slot_open(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	slot->state = SLOT_IDLE;
	slot->since = clock_ms();
	if (word_set(manager, index, SLOT_STATES, SLOT_IDLE))
		multiplexers_ring_waiter(manager, slot->pool);
}

void
slot_close(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	slot->state = SLOT_EMPTY;
	slot_channel_close(manager, index);
	multiplexers_slot_gone(manager, index, 0);
	slot->generation++;
	word_set(manager, index, SLOT_STATES, SLOT_EMPTY);
}

static void
slot_signal(struct manager *manager, uint32_t index, int number)
{
	struct slot *slot = manager->slots[index];
	struct message message;

	if (number == SIGTERM)
		slot_channel_hang_up(manager, index);
	memset(&message, 0, sizeof message);
	message.body.signal.slot = index;
	message.body.signal.generation = slot->generation;
	message.body.signal.signal = (uint32_t)number;
	channel_send(&slot->zygote->channel, &message, MESSAGE_SIGNAL, -1);
}

void
slot_trace(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];
	uint64_t now = clock_ms();

	if (slot->state != SLOT_IDLE || slot->zygote == NULL || now - slot->traced < TRACE_MS)
		return;
	slot->traced = now;
	slot_signal(manager, index, (int)MESSAGE_SIGNAL_TRACE);
}

static uint64_t
kill_deadline(struct manager *manager, uint32_t index)
{
	struct pool *pool = manager->pools[manager->slots[index]->pool];

	return clock_ms() + pool->settings->tuning->kill_timeout;
}

bool
slot_retire(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	if (!has_process(slot) || slot->state != SLOT_IDLE ||
	    !word_set(manager, index, SLOT_IDLE, SLOT_LEAVING))
		return false;
	slot->asked = true;
	slot_move(manager, index, slot_next(SLOT_IDLE, SLOT_RETIRE),
	    kill_deadline(manager, index));
	slot_signal(manager, index, SIGTERM);
	return true;
}

void
slot_leave(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	if (slot->state == SLOT_STARTING) {
		slot_kill(manager, index);
		return;
	}
	if (slot->state != SLOT_IDLE)
		return;
	slot->asked = true;
	atomic_store(&manager->slot_rows[index].leave, 1);
	slot_retire(manager, index);
}

void
slot_kill(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	if (!has_process(slot) || slot_next(slot->state, SLOT_KILL) != SLOT_LEAVING || slot->killed)
		return;
	word_set(manager, index, SLOT_STATES, SLOT_LEAVING);
	slot->killed = slot->asked = true;
	slot_move(manager, index, SLOT_LEAVING, kill_deadline(manager, index));
	slot_signal(manager, index, SIGKILL);
}

/*
 * By FastCGI the multiplexer counts: one that has served enough is told to go,
 * whether it knows that by itself or not.
 */
static bool
is_counted(const struct manager *manager, const struct slot *slot)
{
	return manager->pools[slot->pool]->settings->handoff == HANDOFF_FASTCGI;
}

void
slot_look(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];

	if (slot == NULL || slot->state != SLOT_IDLE)
		return;
	if (slot_board_state(manager, index, NULL, NULL) == SLOT_LEAVING) {
		if (!has_process(slot)) {
			slot_open(manager, index);
			return;
		}
		/* The processor said that it leaves; or it is to, and doesn't know that yet. */
		slot_move(manager, index, SLOT_LEAVING, kill_deadline(manager, index));
		if (slot->asked || is_counted(manager, slot))
			slot_signal(manager, index, SIGTERM);
	} else if (slot->asked) {
		/* Given back in the moment in which it was told to leave. */
		slot_retire(manager, index);
	}
}

void
slot_tick(struct manager *manager, uint32_t index, uint64_t now)
{
	struct slot *slot = manager->slots[index];
	struct pool *pool;

	if (slot == NULL)
		return;
	pool = manager->pools[slot->pool];
	slot_look(manager, index);
	if (slot->deadline == 0 || now < slot->deadline)
		return;
	if (slot->state == SLOT_LEAVING && slot->killed) {
		zygote_kill(slot->zygote, "one of its processors could not be killed");
		return;
	}
	if (slot->state == SLOT_STARTING)
		pool_processor_failed(pool, "did not start", ETIMEDOUT);
	log_warning("pool %s: processor %d %s in time and is killed",
	    pool->settings->name, (int)slot->pid,
	    slot->state == SLOT_STARTING ? "did not start" : "did not leave");
	slot_kill(manager, index);
}
