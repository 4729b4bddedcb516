/*
 * Names to numbers: an open-addressing hash with a random key, for tables of
 * names that come from a configuration or from strangers.  The names are
 * borrowed.  Made for a known number of entries, and never more than half full.
 */
#ifndef PERUSERD_SETTINGS_MAP_H
#define PERUSERD_SETTINGS_MAP_H

#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX

struct map;

/* NULL where memory runs out. */
struct map *map_new(size_t entries);
void map_free(struct map **map);

/*
 * Put the name in, unless it is there.  Returns the value that it has now:
 * another one than `value` where it stood there before.
 */
uint32_t map_put(struct map *map, const char *name, size_t len, uint32_t value);

/* The name's value, or MAP_NONE.  *probes, unless NULL, grows by the places looked at. */
uint32_t map_find(const struct map *map, const char *name, size_t len, unsigned *probes);

#endif
