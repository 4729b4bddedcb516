/*
 * The multiplexers: started together, watched by their heartbeat on the board,
 * replaced under the same number when they end or hang.  Those of one generation
 * take over from the former ones together.
 */
#ifndef PERUSERD_MANAGER_MULTIPLEXERS_H
#define PERUSERD_MANAGER_MULTIPLEXERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "manager/multiplexer.h"

struct manager;
struct pool;
struct settings;
struct zygote;

/*
 * Start those that the settings want, under numbers that are free, beside those
 * there are.  Once all of them are ready, multiplexers_take_over() has the
 * others finish and go.  False: not all could be started, and those that were
 * are ended.
 */
bool multiplexers_begin(struct manager *manager, struct fault *fault);
/* Are there numbers for a generation beside those there are? */
bool multiplexers_have_room(const struct manager *manager);
bool multiplexers_all_ready(const struct manager *manager);
void multiplexers_take_over(struct manager *manager);
void multiplexers_give_up(struct manager *manager);

/* Do those settings want other ones than there are? */
bool multiplexers_differ(const struct settings *a, const struct settings *b);

/* All of them: the present configuration is in force.  True once each has taken it. */
bool multiplexers_tables(struct manager *manager, struct fault *fault);
bool multiplexers_have_tables(const struct manager *manager);

/* The eldest generation of tables that any of them holds. */
uint32_t multiplexers_oldest(const struct manager *manager);

/* All of what they need to know of a pool that is new to their tables. */
void multiplexers_pool(struct manager *manager, struct pool *pool);

/* What one of them reads: the present configuration; owned by the caller; NULL: no memory. */
char *multiplexers_slice(const struct manager *manager, size_t *len);

/* How many descriptors one may need. */
uint64_t multiplexers_nofile(const struct manager *manager);

/* To each of them.  False: one can't be told, for want of memory or descriptors. */
bool multiplexers_slot(struct manager *manager, uint32_t slot);
void multiplexers_slot_gone(struct manager *manager, uint32_t slot, int status);
void multiplexers_reopen(struct manager *manager);
void multiplexers_stop(struct manager *manager, uint64_t timeout_ms);
void multiplexers_kill(struct manager *manager);

/* To the one that is to read that zygote's standard error. */
void multiplexers_pool_log(struct manager *manager, struct zygote *zygote);

/* What pools say is read by those that stay, from now on. */
void multiplexers_send_logs(struct manager *manager);

/* Wake one that waits for a slot of that pool; wake all. */
void multiplexers_ring_waiter(struct manager *manager, uint32_t pool);
void multiplexers_ring_all(struct manager *manager);

/* Heartbeats, queues, restarts that are due. */
void multiplexers_tick(struct manager *manager, uint64_t now);

/* How many are there. */
unsigned multiplexers_running(const struct manager *manager);

#endif
