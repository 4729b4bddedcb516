/*
 * Slots as this multiplexer sees them: the channel of each, and what runs on
 * those it has leased.  A slot's word on the board says whose it is.
 *
 * A processor is untrusted: what comes from a channel is about this slot alone.
 */
#ifndef PERUSERD_MULTIPLEXER_LEASE_H
#define PERUSERD_MULTIPLEXER_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event_struct.h>

#include <peruserd/message.h>

#include "multiplexer/tables.h"
#include "multiplexer/chatter.h"
#include "multiplexer/slow.h"
#include "multiplexer/timeouts.h"

struct conn;
struct fcgi;
struct multiplexer;
struct stream;

struct slot {
	struct multiplexer *mux;
	int fd;                         /* the channel; owned, -1 where there is none */
	uint32_t index, generation;
	uint32_t pool;                  /* its row on the board */
	int32_t pid;
	struct event event;
	bool armed;                     /* the channel's event is */
	bool leased;                    /* ours, by the board */
	uint64_t leased_ms;             /* since when */
	bool orphan;                    /* leased under our number by one that has died */
	bool busy;                      /* a request was handed over and is not done */
	bool raw;                       /* with the client's socket */
	bool sticky;                    /* and the processor may keep it */
	bool released;                  /* sticky: told to close */
	bool last;                      /* sticky: told to close after the next answer */
	bool aborted;                   /* told that the client has left */
	bool expired;                   /* its time was up: the manager is told to kill it */
	bool ended;                     /* its channel is at its end; GONE should follow */
	uint64_t nonce;                 /* of the request */
	uint32_t connection;            /* its name for the client */
	struct tables *tables;          /* while busy: that request's; held */
	uint32_t vhost;                 /* while busy: of that request, in those tables */
	struct conn *conn;              /* who waits for the answer; NULL once it was answered */
	struct timeout expire;
	struct slow slow;
	TAILQ_ENTRY(slot) sticky_link;
	struct chatter chatter;
	int memory;                     /* the answer memory lent now; owned, or -1 */
	uint64_t memory_size;           /* bytes of it */
	bool memory_sent;               /* the processor has it */
	struct stream *stream;          /* the answer stream lent now; owned, or NULL */
	struct fcgi *fcgi;              /* handoff = "fastcgi": owned; else NULL */
};

TAILQ_HEAD(slot_list, slot);

/* The site that a busy slot's request is for. */
static inline const struct vhost_settings *
slot_vhost(const struct slot *slot)
{
	return &slot->tables->settings->vhosts[slot->vhost];
}

struct slots {
	struct slot **at;               /* by index on the board; NULL: never heard of */
	uint32_t count;
	struct slot_list sticky;        /* those that hold a client's connection */
	struct slot_list resting;       /* those that said too much in this second */
	uint32_t second;                /* counts up */
};

bool slots_begin(struct multiplexer *mux);
void slots_end(struct multiplexer *mux);

/* The tables have changed: what runs in pools that are as they were follows. */
void slots_swap(struct multiplexer *mux);

/* From the manager: a new slot, with its channel (taken); a slot that has gone. */
void slot_take(struct multiplexer *mux, const struct message_slot *said, int fd);
void slot_gone(struct multiplexer *mux, const struct message_slot_gone *said);

/* There is no connection to be had for it (FastCGI). */
void slot_not_reached(struct multiplexer *mux, const struct message_slot_gone *said);

/* Lease an idle slot of that pool, ready to be handed a request; or NULL. */
struct slot *slot_lease(struct multiplexer *mux, uint32_t pool);

/* Give a slot that runs nothing back to the board, and wake who waits. */
void slot_release(struct slot *slot);

/*
 * Its request is done: hand it the next one that waits here, unless another
 * multiplexer waits too and has done so for a while; else give it back.  One
 * that the manager wants to leave is never leased again.
 */
void slot_done(struct slot *slot);

/* True if the manager wants this processor to serve no further request. */
bool slot_is_to_leave(const struct slot *slot);

/* The processor exits by its own word: never leased again. */
void slot_leave(struct slot *slot);

/* The processor broke the protocol: its client gets 502, the manager kills it. */
void slot_spoil(struct slot *slot, const char *why);

/* It sent a descriptor: likewise, and its pool has failed (a kernel that refuses them knows no such). */
void slot_sent_descriptor(struct slot *slot);

/* Its channel is at its end: the processor died, or shut it; its client gets 502. */
void slot_ended(struct slot *slot);

/* The same; who calls has said so. */
void slot_lost(struct slot *slot);

/* Listen to its channel no more: another multiplexer has it, or will. */
void slot_disarm(struct slot *slot);
void slot_arm(struct slot *slot, bool on);

/* So many of its requests are done. */
void slot_count_requests(struct slot *slot, uint32_t count);

/* Untie the client from the slot; NULL where none waits for an answer. */
struct conn *slot_untie(struct slot *slot);

/* Listen to it again, where it is ours. */
void slot_listen(struct slot *slot);

/* A request was handed over to it; its client has left. */
void slot_begin(struct slot *slot, struct conn *conn, bool raw, bool sticky);
void slot_abort(struct slot *slot);

/* Its request ran longer than it may: the client gets 504; slot_kill() follows. */
void slot_expired(struct slot *slot);
void slot_kill(struct slot *slot);

/* Tell the manager something about it. */
void slot_tell(struct slot *slot, enum message_type type);

/* Bytes of an answer that came from it (NULL: it has gone on to another request). */
void slot_count_bytes(struct multiplexer *mux, uint32_t pool, const struct slot *slot,
    uint64_t bytes);

#endif
