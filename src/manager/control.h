/*
 * The control socket.  One request line in, lines of record.h out; for status
 * also a read-only descriptor of the board, from which peruserctl reads what
 * the manager never does.  Who may ask: root, and members of control.group.
 * A connection never makes the manager wait, and is bounded in size and time.
 */
#ifndef PERUSERD_MANAGER_CONTROL_H
#define PERUSERD_MANAGER_CONTROL_H

#include <stdbool.h>

#include "base/fault.h"

struct manager;

bool control_open(struct manager *manager, struct fault *fault);
bool control_serve(struct manager *manager, struct fault *fault);
void control_close(struct manager *manager);

/* Once in a while: take connections again where there were no descriptors for them. */
void control_tick(struct manager *manager);

#endif
