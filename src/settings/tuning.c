#include <string.h>

#include "settings/reading.h"
#include "settings/write.h"

static size_t
size_of(size_t row)
{
	return schema_tuning[row].kind == KIND_BOOL ? sizeof(bool) : sizeof(uint64_t);
}

void
tuning_copy(struct tuning *to, const struct tuning *from, size_t row)
{
	size_t offset = schema_tuning[row].offset;

	memcpy((char *)to + offset, (const char *)from + offset, size_of(row));
}

bool
tuning_same(const struct tuning *a, const struct tuning *b, size_t row)
{
	size_t offset = schema_tuning[row].offset;

	return write_same(&schema_tuning[row], (const char *)a + offset,
	    (const char *)b + offset);
}

/* What this entry didn't say itself comes from above. */
static void
inherit(struct tuning *to, uint32_t said, const struct tuning *above)
{
	size_t row;

	for (row = 0; row < TUNING_ROWS; row++)
		if ((said & (1u << row)) == 0)
			tuning_copy(to, above, row);
}

/* Who lowers the one should not have to lower the others. */
static void
spare_bound(struct tuning *tuning)
{
	if (tuning->min_spare_processors > tuning->max_processors)
		tuning->min_spare_processors = tuning->max_processors;
	if (tuning->start_processors > tuning->max_processors)
		tuning->start_processors = tuning->max_processors;
	if (tuning->min_processors > tuning->max_processors)
		tuning->min_processors = tuning->max_processors;
}

/* Two vhosts of a pool set a number of the pool as a whole: the same one, or neither counts. */
static void
agree(struct reading *reading, const struct pool_settings *pool, uint32_t first, uint32_t second,
    size_t row)
{
	const struct entry *one = &reading->vhosts_said[first], *two = &reading->vhosts_said[second];
	const char *name = schema_tuning[row].name;
	struct place here, there;

	if (tuning_same(&one->tuning, &two->tuning, row))
		return;
	there = place_in(reading, one->node, name);
	here = place_in(reading, two->node, name);
	say_error(reading, here, "%s is another one at %s:%u, and both vhosts share pool \"%s\"; "
	    "write the same number, or set it once in the pool's processors entry", name,
	    there.file, there.line, say_text(reading, pool->name));
}

/* Numbers of the pool that its vhosts set. */
static void
from_vhosts(struct reading *reading, const struct pool_settings *pool, struct tuning *tuning)
{
	uint32_t who[TUNING_ROWS], i, vhost;
	size_t row;

	for (row = 0; row < TUNING_ROWS; row++)
		who[row] = SETTINGS_NONE;
	for (i = 0; i < pool->vhost_count; i++) {
		vhost = pool->vhosts[i];
		for (row = 0; row < TUNING_ROWS; row++) {
			if ((reading->vhosts_said[vhost].tuned & (1u << row)) == 0 ||
			    (schema_tuning[row].where & IS_POOLS) == 0)
				continue;
			if (who[row] != SETTINGS_NONE) {
				agree(reading, pool, who[row], vhost, row);
				continue;
			}
			who[row] = vhost;
			tuning_copy(tuning, &reading->vhosts_said[vhost].tuning, row);
		}
	}
}

static void
settle_vhost(struct entry *said, const struct tuning *pool)
{
	size_t row;

	inherit(&said->tuning, said->tuned, pool);
	for (row = 0; row < TUNING_ROWS; row++)
		if ((schema_tuning[row].where & IS_POOLS) != 0)
			tuning_copy(&said->tuning, pool, row);
}

/* ---- one copy of each */

struct copies {
	struct arena *arena;
	struct map *seen;               /* by their bytes; NULL: no memory, nothing is shared */
	const struct tuning **at;
	uint32_t count;
};

static const struct tuning *
copy_of(struct copies *copies, const struct tuning *tuning)
{
	uint32_t at = copies->count;
	struct tuning *copy;

	if (copies->seen != NULL)
		at = map_put(copies->seen, (const char *)tuning, sizeof *tuning, copies->count);
	if (at < copies->count)
		return copies->at[at];
	copy = arena_alloc(copies->arena, sizeof *copy);
	memcpy(copy, tuning, sizeof *copy);
	copies->at[copies->count++] = copy;
	return copy;
}

static void
share(struct reading *reading)
{
	struct settings *settings = reading->settings;
	size_t most = (size_t)settings->pool_count + settings->vhost_count;
	struct copies copies = { reading->arena, map_new(most),
	    arena_array(reading->scratch, most, sizeof(struct tuning *)), 0 };
	uint32_t i;

	for (i = 0; i < settings->pool_count; i++)
		settings->pools[i].tuning = copy_of(&copies, &reading->pools_said[i].tuning);
	for (i = 0; i < settings->vhost_count; i++)
		settings->vhosts[i].tuning = copy_of(&copies, &reading->vhosts_said[i].tuning);
	map_free(&copies.seen);
}

void
tuning_settle(struct reading *reading)
{
	struct settings *settings = reading->settings;
	const struct pool_settings *pool;
	struct entry *said;
	uint32_t p, i;

	for (p = 0; p < settings->pool_count; p++) {
		pool = &settings->pools[p];
		said = &reading->pools_said[p];
		inherit(&said->tuning, said->tuned, &settings->tuning);
		from_vhosts(reading, pool, &said->tuning);
		spare_bound(&said->tuning);
		for (i = 0; i < pool->vhost_count; i++)
			settle_vhost(&reading->vhosts_said[pool->vhosts[i]], &said->tuning);
	}
	share(reading);
}
