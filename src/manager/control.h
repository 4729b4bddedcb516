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
struct state_head;

bool control_open(struct manager *manager, struct fault *fault);
bool control_serve(struct manager *manager, struct fault *fault);
void control_close(struct manager *manager);

/* Does anybody else than those who wait for a reload or an upgrade? */
bool control_is_busy(const struct manager *manager);

/* For a successor: the socket, and those who wait for the upgrade; and in him. */
void control_give(const struct manager *manager, struct state_head *head);
int control_asker(const void *who);
bool control_take(struct manager *manager, const struct state_head *head);
void control_take_asker(struct manager *manager, int fd);

/* Once in a while: take connections again where there were no descriptors for them. */
void control_tick(struct manager *manager);

#endif
