/*
 * The multiplexers: started together, watched by their heartbeat on the board,
 * replaced under the same number when they end or hang.  A slot that a dead
 * one had leased stays leased: its successor reads the completion and frees it.
 */
#ifndef PERUSERD_MANAGER_MULTIPLEXERS_H
#define PERUSERD_MANAGER_MULTIPLEXERS_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include "base/fault.h"
#include "manager/channel.h"
#include "manager/child.h"

struct manager;
struct zygote;

struct multiplexer {
	struct manager *manager;
	uint32_t number;                /* on the board */
	uint32_t entry;                 /* of settings.multiplexers */
	struct child child;
	struct channel channel;
	struct event *ended;
	bool ready;
	bool replaced;                  /* began when another one of that number had died */
	uint64_t started;               /* ms */
	uint64_t restart_at;            /* ms; 0: none is due */
	uint64_t beat, beat_at;         /* the last heartbeat seen, and when */
	uint32_t restarts;
};

bool multiplexers_begin(struct manager *manager, struct fault *fault);

/* How many descriptors one may need. */
uint64_t multiplexers_nofile(const struct manager *manager);

/* To each of them.  False: one can't be told, for want of memory or descriptors. */
bool multiplexers_slot(struct manager *manager, uint32_t slot);
bool multiplexer_slot(struct multiplexer *mux, uint32_t slot);
void multiplexers_slot_gone(struct manager *manager, uint32_t slot, int status);
void multiplexers_reopen(struct manager *manager);
void multiplexers_stop(struct manager *manager, uint64_t timeout_ms);
void multiplexers_kill(struct manager *manager);

/* To the one that is to read that zygote's standard error. */
void multiplexers_pool_log(struct manager *manager, struct zygote *zygote);

/* Wake one that waits for a slot of that pool; wake all. */
void multiplexers_ring_waiter(struct manager *manager, uint32_t pool);
void multiplexers_ring_all(struct manager *manager);

/* Heartbeats, queues, restarts that are due. */
void multiplexers_tick(struct manager *manager, uint64_t now);

/* How many are there. */
unsigned multiplexers_running(const struct manager *manager);

#endif
