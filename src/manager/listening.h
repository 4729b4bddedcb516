/*
 * The addresses that we listen on.  A socket is bound once and stays, under
 * its number, for as long as its address is configured; the multiplexers that
 * accept on it come and go.
 */
#ifndef PERUSERD_MANAGER_LISTENING_H
#define PERUSERD_MANAGER_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "manager/listener.h"

struct manager;

struct listening {
	char *address;          /* as it was configured; owned.  NULL: the number is free */
	struct address bytes;
	int fd;                 /* owned; -1: none */
	bool wanted;            /* it is configured */
	bool fresh;             /* bound for a configuration that is not in force yet */
	bool passed;            /* by a service manager: its file is not ours to remove */
	bool away;              /* not configured any more: told, and closed to who comes */
};

/*
 * Bind what these settings want and we don't have; each entry is told its
 * number.  False: one can't be bound, nothing has changed.
 */
bool listening_prepare(struct manager *manager, struct settings *settings, struct fault *fault);

/* That was for nothing. */
void listening_undo(struct manager *manager);

/* It is in force: what those settings don't want takes no new connections. */
void listening_commit(struct manager *manager, const struct settings *settings);

/* No multiplexer accepts on the unwanted ones any more: close them. */
void listening_close_unwanted(struct manager *manager);

/* Close all; remove: the files of Unix sockets too. */
void listening_end(struct manager *manager, bool remove);

/*
 * One that is open already, ours from now on.  One that was passed stays open for
 * as long as we live, configured or not: another configuration may want it, and
 * who passed it keeps it bound.  False: there is one of that address already, or no memory.
 */
bool listening_adopt(struct manager *manager, const char *address, int fd, bool passed);

#endif
