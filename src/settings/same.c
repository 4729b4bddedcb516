#include <string.h>

#include "base/str.h"
#include "settings/reading.h"
#include "settings/write.h"

/* The rows of that group that a pool's slice has, but for lists of groups. */
static bool
same_rows(enum settings_group_id id, const void *a, const void *b)
{
	const struct settings_group *group = schema_group(id);
	const struct settings_row *row;
	size_t i;

	for (i = 0; i < group->count; i++) {
		row = &group->rows[i];
		if ((row->where & NOT_POOL) == 0 && !write_same(row,
		    (const char *)a + row->offset, (const char *)b + row->offset))
			return false;
	}
	return true;
}

static bool
same_tuning(const struct tuning *a, const struct tuning *b)
{
	size_t i;

	for (i = 0; i < TUNING_ROWS; i++)
		if ((schema_tuning[i].where & NOT_POOL) == 0 && !tuning_same(a, b, i))
			return false;
	return true;
}

static bool
same_vhost(const struct vhost_settings *a, const struct vhost_settings *b)
{
	size_t i;

	if (a->handler_count != b->handler_count || !same_rows(GROUP_VHOST, a, b) ||
	    !same_tuning(a->tuning, b->tuning))
		return false;
	for (i = 0; i < a->handler_count; i++)
		if (!same_rows(GROUP_HANDLER, &a->handlers[i], &b->handlers[i]))
			return false;
	return true;
}

bool
settings_same_pool(const struct settings *a, uint32_t pool, const struct settings *b,
    uint32_t other)
{
	const struct pool_settings *one = &a->pools[pool], *two = &b->pools[other];
	uint32_t i;

	if (one->vhost_count != two->vhost_count || !same_rows(GROUP_GLOBAL, a, b) ||
	    !same_rows(GROUP_PROCESSOR, one, two) || !same_rows(GROUP_LIMITS, one, two) ||
	    !same_tuning(one->tuning, two->tuning) ||
	    !str_same(one->identity, two->identity) || !str_same(one->name, two->name))
		return false;
	for (i = 0; i < one->vhost_count; i++)
		if (!same_vhost(&a->vhosts[one->vhosts[i]], &b->vhosts[two->vhosts[i]]))
			return false;
	return true;
}

uint32_t
settings_find_pool(const struct settings *settings, const char *name)
{
	uint32_t i;

	for (i = 0; i < settings->pool_count; i++)
		if (strcmp(settings->pools[i].name, name) == 0)
			return i;
	return SETTINGS_NONE;
}
