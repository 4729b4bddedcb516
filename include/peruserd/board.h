/*
 * The board: a memory segment shared by the manager and the multiplexers
 * alone.  For each pool counters and a mask of multiplexers that wait; for
 * each slot one word {generation, owner, state}, taken and given back by
 * compare-and-swap.  No process of a user ever maps it.
 *
 * The manager takes only counts from it, clamped; nothing to signal, index or
 * open by.  peruserctl gets a read-only descriptor, for the rows of text that
 * the manager never reads.
 */
#ifndef PERUSERD_BOARD_H
#define PERUSERD_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_MAGIC          0x50524233u        /* "PRB3" */
#define BOARD_MULTIPLEXERS   64                 /* the waiting mask's bits */
#define BOARD_BELL_MANAGER   BOARD_MULTIPLEXERS /* the manager's bell, by number */
#define BOARD_ROW            256                /* bytes of a slot's row of text, terminator included */
#define BOARD_NOBODY         0xffu              /* no multiplexer owns that slot */

enum slot_state {
	SLOT_EMPTY,             /* no processor */
	SLOT_STARTING,          /* the zygote was told to fork it */
	SLOT_IDLE,              /* may be leased */
	SLOT_LEASED,            /* a multiplexer's; it runs a request */
	SLOT_LEAVING,           /* will exit, or is being killed; never leased again */
	SLOT_STATES
};

enum pool_state {
	POOL_COLD,              /* no zygote */
	POOL_STARTING,          /* the zygote loads */
	POOL_READY,
	POOL_FAILED,            /* can't start; requests get 503 until it was tried again */
	POOL_DRAINED            /* new requests get 503; those that wait are served */
};

struct slot_word {
	uint32_t generation;
	uint8_t owner;          /* a multiplexer's number, or BOARD_NOBODY */
	enum slot_state state;
};

struct board_pool {
	_Atomic uint32_t state;         /* enum pool_state; the manager writes it */
	uint32_t slot_first;            /* its slots are [slot_first, slot_first + slot_count) */
	uint32_t slot_count;
	_Atomic uint32_t idle;          /* a hint: slots that are idle now */
	_Atomic uint64_t waiting;       /* bit n: multiplexer n waits for a slot */
	_Atomic uint64_t requests;      /* totals since the board was made */
	_Atomic uint64_t errors;        /* answers of 500 and above */
	_Atomic uint64_t bytes;         /* of answers, as processors gave them */
	_Atomic uint64_t queue_full;    /* 503 for a full queue */
	_Atomic uint64_t queue_timeouts;/* 503 for queue_timeout */
	_Atomic uint64_t expired;       /* killed for expire_timeout */
	_Atomic uint64_t parts;         /* bit n: multiplexer n has used its part */
};

/*
 * What one multiplexer has of one pool; it alone adds to it, so that its death
 * takes it away.  Most pools are cold: nobody touches theirs, so they cost nothing.
 */
struct board_part {
	_Atomic uint32_t queued;        /* requests that wait for a slot */
	_Atomic uint32_t sticky;        /* slots that hold a client's connection */
	_Atomic uint64_t oldest_ms;     /* when the first that waits came; 0: none waits */
};

struct board_slot {
	_Atomic uint64_t word;          /* see slot_word_pack */
	_Atomic uint64_t since_ms;      /* CLOCK_MONOTONIC of the last change of state */
	_Atomic uint64_t requests;      /* served by the processor that is there now */
	_Atomic uint64_t bytes;         /* of their answers */
	_Atomic uint64_t began_ms;      /* leased: when its request began; 0: it is sticky and waits */
	_Atomic uint32_t vhost;         /* index of the last request's vhost */
	_Atomic uint32_t lender;        /* whose answer memory and stream it holds: number + 1 */
	_Atomic uint32_t row_version;   /* odd while the row is being written */
	_Atomic uint32_t leave;         /* the manager's wish: LEAVING at completion, not IDLE */
	char row[BOARD_ROW];            /* "METHOD vhost URL" of the last request; the owner writes it */
};

struct board_multiplexer {
	_Atomic uint64_t heartbeat;     /* counts up at least once a second */
	_Atomic uint64_t accepted;
	_Atomic uint64_t requests;
	_Atomic uint32_t connections;   /* open now */
	_Atomic uint32_t reserved;
};

struct board {                          /* the segment's first bytes */
	uint32_t magic;
	uint32_t pool_count;
	uint32_t slot_count;
	uint32_t multiplexer_count;
	uint64_t size;                  /* of the whole segment, bytes */
	_Atomic uint32_t manager_rung;  /* set by who rings the manager's bell; saves ringing twice */
	uint32_t reserved;
	struct board_multiplexer multiplexers[BOARD_MULTIPLEXERS];
	/*
	 * then struct board_pool[pool_count], struct board_slot[slot_count],
	 * struct board_part[pool_count][multiplexer_count]
	 */
};

/*
 * Make a board as a memfd (mode 0600, sealed in size) and map it.  slots_of[i]
 * is pool i's number of slots; a row without any is all zero.  Returns the mapping and its descriptor, both
 * the caller's, or NULL with errno set.
 */
struct board *board_new(const uint32_t *slots_of, uint32_t pool_count,
    uint32_t multiplexer_count, int *fd);

/*
 * Map a board, for writing or not, and check that it is whole.  fd stays the
 * caller's.  Returns NULL with errno set (EPROTO: not a board).
 */
struct board *board_map(int fd, bool writable);

/* The same, writable, where its counts are known and its header, which others write, is not believed. */
struct board *board_map_as(int fd, uint32_t pool_count, uint32_t slot_count,
    uint32_t multiplexer_count);
void board_unmap(struct board **board);

struct board_pool *board_pool(struct board *board, uint32_t pool);
struct board_slot *board_slot(struct board *board, uint32_t slot);
struct board_part *board_part(struct board *board, uint32_t pool, uint32_t multiplexer);

/* The same, for that multiplexer to write: it counts from now on. */
struct board_part *board_part_own(struct board *board, uint32_t pool, unsigned multiplexer);

/* What all multiplexers have of one pool. */
struct board_sum {
	uint32_t queued, sticky;
	uint64_t oldest_ms;             /* the least; 0: none waits */
};

/*
 * The pool's row and the first of its parts, with their number: the manager shows
 * its own pointers, others board_pool() and board_part(board, pool, 0).
 */
struct board_sum board_sum(const struct board_pool *row, const struct board_part *parts,
    uint32_t multiplexer_count);

/*
 * That multiplexer is no more: it waits for nothing in that pool, and what it had
 * counted there is gone.  part is its own.
 */
void board_forget(struct board_pool *row, struct board_part *part, unsigned multiplexer);

struct slot_word slot_word_unpack(uint64_t word);
uint64_t slot_word_pack(struct slot_word word);

/*
 * Change a slot's word from exactly `from` to `to`, stamp the time, keep the
 * pool's idle count.  False where somebody was faster; nothing is changed then.
 */
bool board_slot_change(struct board *board, uint32_t pool, uint32_t slot,
    struct slot_word from, struct slot_word to, uint64_t now_ms);

/*
 * Lease an idle slot of that pool for multiplexer `owner`: first among those
 * for which prefer(slot, context) is true, else the lowest.  Returns its index
 * and *generation, or UINT32_MAX where none is idle.  prefer may be NULL.
 */
uint32_t board_lease(struct board *board, uint32_t pool, unsigned owner,
    bool (*prefer)(uint32_t slot, void *context), void *context,
    uint64_t now_ms, uint32_t *generation);

/*
 * Give a leased slot back as idle.  False where it isn't the owner's any more
 * (the manager has taken it).  The caller then rings board_next_waiter().
 */
bool board_release(struct board *board, uint32_t pool, uint32_t slot,
    uint32_t generation, unsigned owner, uint64_t now_ms);

/* Say that this multiplexer waits for a slot of that pool, or no longer does. */
void board_wait(struct board *board, uint32_t pool, unsigned owner);
void board_unwait(struct board *board, uint32_t pool, unsigned owner);

/*
 * Take one multiplexer off the pool's waiting mask, next after `after` in
 * number, round the mask.  Returns its number, or -1 where nobody waits.  The
 * caller rings its bell.
 */
int board_next_waiter(struct board *board, uint32_t pool, unsigned after);

/* Write, and read without tearing, a slot's row of text (terminated, cut to fit). */
void board_row_write(struct board_slot *slot, const char *text, size_t len);
bool board_row_read(const struct board_slot *slot, char out[BOARD_ROW]);

#endif
