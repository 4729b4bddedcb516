/*
 * As the first process of a container (or of any PID namespace) we become the
 * parent of every process there whose own parent has ended, and nobody else
 * buries those.  Elsewhere none of this does anything.
 */
#ifndef PERUSERD_MANAGER_ORPHANS_H
#define PERUSERD_MANAGER_ORPHANS_H

#include <sys/types.h>

/* A child of ours is no orphan: it is buried by who started it; until it has been. */
void orphans_spare(pid_t pid);
void orphans_spared(pid_t pid);

/* Bury those that have ended, a bounded number. */
void orphans_bury(void);

#endif
