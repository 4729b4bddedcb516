/*
 * What a zygote, or a process that it forked, says.  It is a user's: each
 * message is checked about that pool's own slots, and changes nothing else.
 */
#ifndef PERUSERD_MANAGER_ZYGOTE_H
#define PERUSERD_MANAGER_ZYGOTE_H

#include "manager/channel.h"

/* For a channel whose owner is a struct pool. */
extern const struct channel_owner zygote_calls;

#endif
