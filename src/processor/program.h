/*
 * A FastCGI program that is not ours (`command`): looked up and started inside
 * the pool's chroot, as its user, on descriptor 0, as the FastCGI
 * specification says.  What it writes to 1 and 2 is the pool's log.  Of us it
 * inherits nothing else.
 */
#ifndef PERUSERD_PROCESSOR_PROGRAM_H
#define PERUSERD_PROCESSOR_PROGRAM_H

#include <stdbool.h>

#include "base/fault.h"
#include "settings/settings.h"

#define PROGRAM_NOT_RUN 127     /* exit status of one that could not be executed, or loaded */

/* In the zygote, once it is confined: can it be run?  What is missing is in the fault. */
bool program_check(const struct pool_settings *pool, struct fault *fault);

/* In a zygote's child: become it, with that listening socket. */
_Noreturn void program_run(const struct pool_settings *pool, int listener);

#endif
