#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "settings/reading.h"

#define NAME_MOST 40            /* bytes of a name that are compared for likeness */
#define TEXT_MOST (16 * 1024)   /* of a group's defaults */

/* How many letters are to be put in, taken out or changed. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MOST + 1], before, above, best, i, j;
	size_t a_len = strnlen(a, NAME_MOST), b_len = strnlen(b, NAME_MOST);

	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		before = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			best = before + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			before = above;
		}
	}
	return row[b_len];
}

static void
nearer(const char *name, const struct settings_row *row, const char **best, size_t *least)
{
	size_t far = distance(name, row->name), len = strlen(name);

	/* "nice" for nice_level: the beginning of a longer name. */
	if (strncmp(name, row->name, len) == 0 && row->name[len] == '_')
		far = 1;
	if ((row->where & ONLY_SLICE) == 0 && far < *least) {
		*least = far;
		*best = row->name;
	}
}

/* The name that is most like it in that group, or NULL where none is near. */
static const char *
likely(const struct settings_group *group, const char *name)
{
	const char *best = NULL;
	size_t least = 1 + (strlen(name) + 2) / 3, i;

	for (i = 0; i < group->count; i++)
		nearer(name, &group->rows[i], &best, &least);
	for (i = 0; i < TUNING_ROWS && (group->scope & schema_tuning[0].where) != 0; i++)
		nearer(name, &schema_tuning[i], &best, &least);
	return best;
}

/* A group where the name would be right, or NULL. */
static const struct settings_group *
belongs(const char *name)
{
	enum settings_group_id id;
	const struct settings_row *row;
	int tuned;

	for (id = 0; id < GROUP_COUNT; id++) {
		row = schema_find(schema_group(id), name, &tuned);
		if (row != NULL && (row->where & ONLY_SLICE) == 0)
			return schema_group(id);
	}
	return NULL;
}

void
group_unknown(struct reading *reading, const struct settings_group *group,
    const config_setting_t *setting)
{
	const char *name = config_setting_name(setting), *like = likely(group, name);
	const struct settings_group *other = belongs(name);
	const struct settings_row *peer = schema_find_peer(group, name);
	struct place place = place_of(reading, setting);

	name = say_text(reading, name);
	if (other != NULL && other != group)
		say_error(reading, place, "%s can't stand in %s; write it in %s", name,
		    group->entry, other->entry);
	else if (peer != NULL)
		say_error(reading, place, "unknown setting %s in %s; Peruser's %s is %s here", name,
		    group->entry, name, peer->name);
	else if (like != NULL)
		say_error(reading, place, "unknown setting %s in %s; did you mean %s?", name,
		    group->entry, like);
	else
		say_error(reading, place, "unknown setting %s in %s; take it out (see "
		    "peruserd.cfg(5) for those there are)", name, group->entry);
}

static void
member_read(struct reading *reading, const struct settings_group *group,
    const config_setting_t *member, void *base, struct tuning *tuning, uint32_t *tuned)
{
	const struct settings_row *row;
	int index;

	row = schema_find(group, config_setting_name(member), &index);
	if (row == NULL || ((row->where & ONLY_SLICE) != 0 &&
	    reading->purpose != SETTINGS_SLICE)) {
		group_unknown(reading, group, member);
	} else if (index >= 0) {
		if (value_read(reading, row, member, (char *)tuning + row->offset))
			*tuned |= 1u << index;
	} else if (row->kind == KIND_GROUP) {
		if (config_setting_is_group(member))
			group_read(reading, schema_group(row->of), member, base, NULL, NULL);
		else
			value_read(reading, row, member, NULL);
	} else if (row->kind != KIND_GROUPS && row->kind != KIND_INCLUDE) {
		value_read(reading, row, member, (char *)base + row->offset);
	}
}

void
group_read(struct reading *reading, const struct settings_group *group,
    const config_setting_t *entry, void *base, struct tuning *tuning, uint32_t *tuned)
{
	int i, count = config_setting_length(entry);

	for (i = 0; i < count; i++)
		member_read(reading, group, config_setting_get_elem(entry, (unsigned)i), base,
		    tuning, tuned);
}

/* A default as it is written in the table, with the directories that configure was told. */
static void
default_add(struct buf *text, const struct settings_row *row)
{
	static const struct { const char *name, *value; } dirs[] = {
		{ "@runstatedir@", RUNSTATEDIR },
		{ "@localstatedir@", LOCALSTATEDIR },
		{ "", "" }
	};
	const char *at;
	size_t i;

	if (row->fallback == NULL)
		return;
	at = strchr(row->fallback, '@');
	if (at == NULL) {
		buf_printf(text, "%s = %s;\n", row->name, row->fallback);
		return;
	}
	for (i = 0; strncmp(at, dirs[i].name, strlen(dirs[i].name)) != 0; i++)
		;
	buf_printf(text, "%s = %.*s%s%s;\n", row->name, (int)(at - row->fallback), row->fallback,
	    dirs[i].value, at + strlen(dirs[i].name));
}

/* Read a text of "name = default;" lines as if an admin had written it. */
static void
defaults_read(struct reading *reading, const struct settings_group *group, void *base,
    struct tuning *tuning)
{
	struct source source = { .name = "the defaults" };
	struct buf text = BUF(TEXT_MOST);
	uint32_t tuned = 0;
	size_t i;

	for (i = 0; i < group->count; i++)
		default_add(&text, &group->rows[i]);
	for (i = 0; i < TUNING_ROWS && tuning != NULL; i++)
		default_add(&text, &schema_tuning[i]);
	if (!buf_add(&text, "", 1))
		abort();
	config_init(&source.config);
	if (config_read_string(&source.config, text.data) != CONFIG_TRUE)
		abort();        /* the table is wrong: its unit test says where */
	config_setting_set_hook(config_root_setting(&source.config), &source);
	group_read(reading, group, config_root_setting(&source.config), base, tuning, &tuned);
	config_destroy(&source.config);
	buf_free(&text);
}

const void *
group_defaults(struct reading *reading, enum settings_group_id id)
{
	const struct settings_group *group = schema_group(id);
	struct pool_settings *pool;
	struct vhost_settings *vhost;
	size_t i;

	if (reading->defaults[id] != NULL)
		return reading->defaults[id];
	reading->defaults[id] = arena_alloc(reading->arena, group->size);
	if (id == GROUP_PROCESSOR) {
		pool = reading->defaults[id];
		for (i = 0; i < CONFINE_LIMITS; i++)
			pool->limits[i] = CONFINE_UNSET;
		pool->log = pool->slow = SETTINGS_NONE;
		pool->uid = pool->gid = SETTINGS_NONE;  /* never root by mistake */
		defaults_read(reading, schema_group(GROUP_LIMITS), pool, NULL);
	} else if (id == GROUP_VHOST) {
		vhost = reading->defaults[id];
		vhost->log = vhost->slow = SETTINGS_NONE;
	} else if (id == GROUP_GLOBAL) {
		defaults_read(reading, schema_group(GROUP_CONTROL), reading->defaults[id], NULL);
	}
	defaults_read(reading, group, reading->defaults[id], id != GROUP_GLOBAL ? NULL :
	    &((struct settings *)reading->defaults[id])->tuning);
	return reading->defaults[id];
}
