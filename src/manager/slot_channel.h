/*
 * What multiplexers reach a slot's processor by, made with the slot: one end of
 * a SOCK_SEQPACKET pair (handoff = "fd"), or a connection to a FastCGI program.
 * A pool of servers (`connect`) has no processes: its slots are idle from the
 * start, each stands for one connection, which is made when it is asked for.
 */
#ifndef PERUSERD_MANAGER_SLOT_CHANNEL_H
#define PERUSERD_MANAGER_SLOT_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <peruserd/message.h>

struct manager;
struct multiplexer;
struct pool;

/* For that slot's next processor: ends[0] is the multiplexers', ends[1] its own. */
bool slot_channel_make(struct manager *manager, const struct pool *pool, uint32_t slot,
    int ends[2]);

/*
 * It is told to leave (SIGTERM): a program that waits for its next request on a
 * kept connection, and takes the signal for a hint, sees the end of that.
 */
void slot_channel_hang_up(struct manager *manager, uint32_t slot);

/* All that leads to it is closed. */
void slot_channel_close(struct manager *manager, uint32_t slot);

/* WANT_CHANNEL of that multiplexer. */
void slot_channel_wanted(struct multiplexer *mux, const struct message_slot_gone *said);

/* A pool of servers: its slots may be leased. */
bool slot_channels_open(struct pool *pool);

/*
 * A multiplexer has ended.  What it had leased and what speaks FastCGI: nobody
 * reads the rest of that answer, so a connection to a server is free again,
 * and a program is ended.
 */
void slot_channels_forsaken(struct manager *manager, uint32_t multiplexer);

#endif
