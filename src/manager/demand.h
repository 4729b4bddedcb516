/*
 * What the pools need: looked at when the manager's bell rings, a moment later
 * at most, and while something waits also every 100 ms.
 */
#ifndef PERUSERD_MANAGER_DEMAND_H
#define PERUSERD_MANAGER_DEMAND_H

#include <stdbool.h>
#include "base/fault.h"

struct manager;

bool demand_begin(struct manager *manager, struct fault *fault);

/* Look at all pools within a few milliseconds. */
void demand_look_soon(struct manager *manager);

#endif
