/*
 * The handlers of this processor: the built-in ones, and modules, which are
 * shared objects in $PERUSERD_HANDLERS or HANDLERDIR, each with the one symbol
 * `peruser_handler`.
 */
#ifndef PERUSERD_PROCESSOR_MODULES_H
#define PERUSERD_PROCESSOR_MODULES_H

#include <stdbool.h>

#include <peruserd/handler.h>

#include "base/fault.h"
#include "settings/settings.h"

/* In the loader: map what zygotes will load, run nothing of it. */
void modules_map(const struct handler_host *host);

/*
 * In the zygote, as the pool's user: load what this pool's vhosts use.  The
 * built-in ones first, which read the system's files; then modules, which run
 * what is the user's after they entered the chroot.
 */
bool modules_load(const struct settings *settings, const struct pool_settings *pool,
    struct fault *fault);

/* The handler of that kind, or NULL where it was not loaded. */
const struct handler *modules_find(enum handler_kind kind);

/* In a new processor; and in one that exits. */
bool modules_begin(void);
void modules_end(void);

#endif
