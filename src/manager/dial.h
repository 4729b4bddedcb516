/*
 * Connections to what speaks FastCGI, made for the multiplexers: those may
 * connect nowhere by themselves, so one that was taken over reaches what is
 * configured and nothing else.  Each is a connected (or connecting), close-on-
 * exec, non-blocking stream socket.  Never waits, reads and writes no byte.
 *
 *   program   a process of a pool, by its slot's own listening socket.  That
 *             socket is bound for one slot and one generation of it, its name
 *             is gone before the process has it, and none is used again.
 *   server    one of a pool's `connect`.  Those that refuse are left alone for
 *             a while (restart_delay, doubled up to restart_delay_max).
 */
#ifndef PERUSERD_MANAGER_DIAL_H
#define PERUSERD_MANAGER_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"

/*
 * A listening socket for a program, ends[1], and a first connection to it,
 * ends[0].  *way leads to it (O_PATH), for further connections; all three are
 * the caller's.  number tells the socket's name in folder from others.
 */
bool dial_listen(const char *folder, uint32_t number, int ends[2], int *way);

/* Another connection to it, or -1 with errno. */
int dial_program(int way);

/* ---- servers */

struct dial_server;

struct dials {
	struct dial_server *at;         /* beside the pool's `connect`; owned */
	uint32_t count;
	uint32_t next;                  /* where the next search begins */
};

bool dials_begin(struct dials *dials, const struct string_list *connect);
void dials_end(struct dials *dials);

/*
 * A connection to one that is not known to be down: its number is *which.  -1
 * with errno: none takes one now.  pool names them in the log.
 */
int dials_connect(struct dials *dials, const struct settings *settings,
    const struct pool_settings *pool, uint32_t *which);

/* A connection to that one did not come to be, for that reason: leave it alone for a while. */
void dials_failed(struct dials *dials, const struct settings *settings,
    const struct pool_settings *pool, uint32_t which, int error);

#endif
