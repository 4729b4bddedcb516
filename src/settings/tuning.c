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
	const struct settings *settings = reading->settings;
	const char *name = schema_tuning[row].name;
	struct place here, there;

	if (tuning_same(&settings->vhosts[first].tuning, &settings->vhosts[second].tuning, row))
		return;
	there = place_in(reading, reading->vhosts_said[first].node, name);
	here = place_in(reading, reading->vhosts_said[second].node, name);
	say_error(reading, here, "%s is another one at %s:%u, and both vhosts share pool \"%s\"; "
	    "write the same number, or set it once in the pool's processors entry", name,
	    there.file, there.line, say_text(reading, pool->name));
}

/* Numbers of the pool that its vhosts set. */
static void
from_vhosts(struct reading *reading, struct pool_settings *pool)
{
	struct settings *settings = reading->settings;
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
			tuning_copy(&pool->tuning, &settings->vhosts[vhost].tuning, row);
		}
	}
}

void
tuning_settle(struct reading *reading)
{
	struct settings *settings = reading->settings;
	struct pool_settings *pool;
	uint32_t p, i, vhost;
	size_t row;

	for (p = 0; p < settings->pool_count; p++) {
		pool = &settings->pools[p];
		inherit(&pool->tuning, reading->pools_said[p].tuned, &settings->tuning);
		from_vhosts(reading, pool);
		spare_bound(&pool->tuning);
		for (i = 0; i < pool->vhost_count; i++) {
			vhost = pool->vhosts[i];
			inherit(&settings->vhosts[vhost].tuning,
			    reading->vhosts_said[vhost].tuned, &pool->tuning);
			for (row = 0; row < TUNING_ROWS; row++)
				if ((schema_tuning[row].where & IS_POOLS) != 0)
					tuning_copy(&settings->vhosts[vhost].tuning, &pool->tuning,
					    row);
		}
	}
}
