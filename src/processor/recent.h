/*
 * What plain files' paths resolved to less than a second ago, so that a busy
 * page costs no stat for each request (1.5 of 27 microseconds of hello.php).
 * A file that has gone since is told by who opens it; one that would have been
 * found in its place waits that second.  A fixed table, no allocation.
 */
#ifndef PERUSERD_PROCESSOR_RECENT_H
#define PERUSERD_PROCESSOR_RECENT_H

#include <stdbool.h>
#include <stddef.h>

#include "processor/resolve.h"

/* As resolve_path() said lately.  False: ask it. */
bool recent_find(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to);

/* Remember what it said, where that is a file of just that path. */
void recent_keep(const struct vhost_settings *vhost, const char *path, size_t len,
    const struct resolution *found);

#endif
