/*
 * Nobody of ours waits for a user.  The last close of a socket that lingers
 * waits in the kernel for as long as its user has said; so does the receipt of
 * a message that carries one, which closes it.  A signal ends such a wait: a
 * timer's, that runs from the first guard_now() until a second passed without
 * another one, so that it costs a busy process next to nothing, an idle one
 * nothing at all.
 */
#ifndef PERUSERD_BASE_GUARD_H
#define PERUSERD_BASE_GUARD_H

#include <stdbool.h>

/* Catch the timer's signal; see whether this kernel can refuse descriptors (fd_refuse_rights). */
void guard_begin(void);

/* For the next second nothing in the kernel waits for longer than GUARD_MS. */
#define GUARD_MS 20
void guard_now(void);

/*
 * The same before reading or closing a socket on which a user may send
 * descriptors: nothing is to be done where they are refused (Linux 6.16).
 */
void guard_rights(void);

/* Does the timer run? */
bool guard_is_on(void);

#endif
