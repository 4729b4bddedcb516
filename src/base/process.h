/*
 * Making a process.
 */
#ifndef PERUSERD_BASE_PROCESS_H
#define PERUSERD_BASE_PROCESS_H

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

/* What a pool has of its own. */
#define PROCESS_NAMESPACES ((uint64_t)(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC))

/*
 * Like fork, with flags of clone(2) and, where pidfd is not NULL, a descriptor
 * of the new process (the caller's, close-on-exec).  libc knows nothing of it:
 * no handlers of pthread_atfork run.  -1 with errno.
 */
pid_t process_clone(uint64_t flags, int *pidfd);

#endif
