/*
 * Rows on the board: each pool has one, with a range of slots, from its
 * beginning to its end.  There are more rows and slots than the configuration
 * needs, so that pools can be added, and changed ones begin beside their former
 * selves.  A row is given anew when no multiplexer can mean its last pool.
 */
#ifndef PERUSERD_MANAGER_ROWS_H
#define PERUSERD_MANAGER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "manager/configuration.h"

struct manager;
struct pool;

/* Make the board and the tables of its measure. */
bool rows_begin(struct manager *manager, struct fault *fault);

/* The tables again, for a board of that measure which is mapped already: nothing is placed. */
bool rows_find(struct manager *manager, struct fault *fault);

/* The pool that has that row and those slots, which are taken. */
struct pool *rows_put(struct manager *manager, struct configuration *configuration, uint32_t at,
    uint32_t row, uint32_t first, uint32_t count);

/*
 * A new pool, the configuration's pool `at`, in a free row, which the settings
 * are told.  NULL: there is no room, the fault says so.
 */
struct pool *rows_add(struct manager *manager, struct configuration *configuration, uint32_t at,
    struct fault *fault);

/* The pool has gone: its row and slots are free. */
void rows_drop(struct manager *manager, struct pool *pool);

/* That multiplexer has ended: what it had counted on the board is gone. */
void rows_forget(struct manager *manager, unsigned multiplexer);

/* Drop those that have gone and that no multiplexer holds on to. */
void rows_sweep(struct manager *manager);

#endif
