#include <stdlib.h>
#include <string.h>

#include "manager/roster.h"
#include "settings/map.h"

void
roster_end(struct roster *roster)
{
	uint32_t i;

	for (i = 0; i < roster->count; i++)
		free(roster->at[i].name);
	free(roster->at);
	memset(roster, 0, sizeof *roster);
}

static bool
make_room(struct roster *roster, uint32_t count)
{
	struct roster_entry *at;
	uint32_t size = roster->size;

	while (size < count)
		size = size == 0 ? 16 : size * 2;
	if (size == roster->size)
		return true;
	at = realloc(roster->at, size * sizeof *at);
	if (at == NULL)
		return false;
	roster->at = at;
	roster->size = size;
	return true;
}

bool
roster_put(struct roster *roster, uint32_t number, const char *name, uint32_t gone)
{
	char *copy = strdup(name);

	if (copy == NULL || !make_room(roster, number + 1)) {
		free(copy);
		return false;
	}
	while (roster->count <= number) {
		/* Nobody's, and free at once. */
		roster->at[roster->count].name = NULL;
		roster->at[roster->count++].gone = 1;
	}
	free(roster->at[number].name);
	roster->at[number].name = copy;
	roster->at[number].gone = gone;
	return true;
}

static bool
is_free(const struct roster_entry *entry, uint32_t oldest)
{
	return entry->gone != 0 && entry->gone <= oldest;
}

/* The numbers of names that are known, MAP_NONE for others. */
static bool
find_known(const struct roster *roster, char *const *names, uint32_t count, uint32_t *numbers)
{
	struct map *map = map_new(roster->count);
	uint32_t i;

	if (map == NULL)
		return false;
	for (i = 0; i < roster->count; i++)
		if (roster->at[i].name != NULL)
			map_put(map, roster->at[i].name, strlen(roster->at[i].name), i);
	for (i = 0; i < count; i++)
		numbers[i] = map_find(map, names[i], strlen(names[i]), NULL);
	map_free(&map);
	return true;
}

static uint32_t
next_free(const struct roster *roster, uint32_t from, uint32_t oldest)
{
	while (from < roster->count && !is_free(&roster->at[from], oldest))
		from++;
	return from;
}

bool
roster_take(struct roster *roster, char *const *names, uint32_t count, uint32_t generation,
    uint32_t oldest, uint32_t *numbers)
{
	uint32_t i, spare = 0;

	if (!find_known(roster, names, count, numbers) ||
	    !make_room(roster, roster->count + count))
		return false;
	for (i = 0; i < roster->count; i++)
		if (roster->at[i].gone == 0)
			roster->at[i].gone = generation;
	for (i = 0; i < count; i++)
		if (numbers[i] != MAP_NONE)
			roster->at[numbers[i]].gone = 0;
	for (i = 0; i < count; i++) {
		if (numbers[i] != MAP_NONE)
			continue;
		spare = next_free(roster, spare, oldest);
		if (!roster_put(roster, spare, names[i], 0))
			return false;
		numbers[i] = spare;
	}
	return true;
}

const char *
roster_name(const struct roster *roster, uint32_t number)
{
	return number < roster->count ? roster->at[number].name : NULL;
}
