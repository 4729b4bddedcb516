#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/str.h"
#include "settings/map.h"

struct entry {
	const char *name;       /* NULL: free */
	uint32_t len;
	uint32_t value;
	uint64_t hash;
};

struct map {
	uint64_t key[2];
	size_t mask;            /* places - 1; places are a power of two */
	size_t used;
	struct entry at[];
};

/* Early in a boot there may be no random bytes yet: the clock is better than a constant. */
static void
key_make(uint64_t key[2])
{
	if (getrandom(key, 2 * sizeof *key, GRND_NONBLOCK) == (ssize_t)(2 * sizeof *key))
		return;
	key[0] = clock_us();
	key[1] = (uint64_t)(uintptr_t)key ^ (key[0] << 32);
}

struct map *
map_new(size_t entries)
{
	size_t places = 16;
	struct map *map;

	while (places / 2 < entries && places < SIZE_MAX / 4 / sizeof(struct entry))
		places *= 2;
	map = calloc(1, sizeof *map + places * sizeof map->at[0]);
	if (map == NULL)
		return NULL;
	map->mask = places - 1;
	key_make(map->key);
	return map;
}

void
map_free(struct map **map)
{
	free(*map);
	*map = NULL;
}

static bool
is(const struct entry *entry, uint64_t hash, const char *name, size_t len)
{
	return entry->hash == hash && entry->len == len && memcmp(entry->name, name, len) == 0;
}

/* The place where the name is, or would be. */
static size_t
place_of(const struct map *map, uint64_t hash, const char *name, size_t len, unsigned *probes)
{
	size_t at = (size_t)hash & map->mask;

	for (;; at = (at + 1) & map->mask) {
		if (probes != NULL)
			++*probes;
		if (map->at[at].name == NULL || is(&map->at[at], hash, name, len))
			return at;
	}
}

uint32_t
map_put(struct map *map, const char *name, size_t len, uint32_t value)
{
	uint64_t hash = str_hash(name, len, map->key);
	struct entry *entry = &map->at[place_of(map, hash, name, len, NULL)];

	if (entry->name != NULL)
		return entry->value;
	if (map->used >= map->mask)     /* one place stays free, or a search would never end */
		return MAP_NONE;
	map->used++;
	entry->name = name;
	entry->len = (uint32_t)len;
	entry->value = value;
	entry->hash = hash;
	return value;
}

uint32_t
map_find(const struct map *map, const char *name, size_t len, unsigned *probes)
{
	uint64_t hash = str_hash(name, len, map->key);
	const struct entry *entry = &map->at[place_of(map, hash, name, len, probes)];

	return entry->name != NULL ? entry->value : MAP_NONE;
}
