/*
 * Everything that is done once, before the loop, with more privilege than the
 * loop has: folders, pid file, sockets, logs, limits, the board, then the cut.
 */
#ifndef PERUSERD_MANAGER_START_H
#define PERUSERD_MANAGER_START_H

#include <stdbool.h>

#include "base/fault.h"

struct manager;
struct settings;

/* False: manager_fail_start was told why. */
bool start_all(struct manager *manager);

/*
 * What that configuration asks the manager to be able to (enum manager_ask).  A
 * reload that asks for what manager->asked lacks needs a restart.
 */
unsigned start_asks(const struct settings *settings);

/* What start_all made and others can see: taken away again. */
void start_undo(struct manager *manager);

/* The folder where multiplexers keep long bodies, for those that the settings want. */
bool start_spool(struct manager *manager, struct fault *fault);

/* Make fd 2 the error log, anew too.  False: it stays what it was; logged. */
bool start_error_log(struct manager *manager);

#endif
