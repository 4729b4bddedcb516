/*
 * Host names to vhosts, by hash: exact names, then wildcards ("*.example.com"
 * matches any name below, the longest wildcard first), then the default vhost.
 * The cost of a look-up does not grow with the number of vhosts.
 */
#ifndef PERUSERD_SETTINGS_HOSTS_H
#define PERUSERD_SETTINGS_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

struct hosts;

/* Build from all vhosts.  NULL where memory runs out. */
struct hosts *hosts_new(const struct settings *settings);
void hosts_free(struct hosts **hosts);

/*
 * The vhost for that name (no port; any case; a trailing dot is ignored), as
 * an index into settings.vhosts, or SETTINGS_NONE: no such site, 421.
 */
uint32_t hosts_find(const struct hosts *hosts, const char *name, size_t len);

/* True if a vhost has that name, by itself or by a wildcard: not the default one alone. */
bool hosts_has(const struct hosts *hosts, const char *name, size_t len);

/* hosts_find, and *probes (unless NULL) grows by the number of table places looked at. */
uint32_t hosts_find_counted(const struct hosts *hosts, const char *name, size_t len,
    unsigned *probes);

#endif
