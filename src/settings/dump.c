#include <string.h>

#include "settings/dump.h"
#include "settings/write.h"

void
dump_begin(struct dump *dump, FILE *out, unsigned hidden, bool terse)
{
	static struct settings_report unheard;

	dump->out = out;
	dump->hidden = hidden;
	dump->terse = terse;
	reading_begin(&dump->defaults, SETTINGS_SLICE, &unheard);
}

bool
dump_end(struct dump *dump)
{
	arena_free(&dump->defaults.arena);
	arena_free(&dump->defaults.scratch);
	return fflush(dump->out) == 0 && !ferror(dump->out);
}

static void
group_dump(struct dump *dump, unsigned depth, enum settings_group_id id, const void *base)
{
	const struct settings_group *group = schema_group(id);
	const char *defaults = group_defaults(&dump->defaults,
	    id == GROUP_CONTROL ? GROUP_GLOBAL : id == GROUP_LIMITS ? GROUP_PROCESSOR : id);
	const struct settings_row *row;
	const char *field;
	size_t i;

	for (i = 0; i < group->count; i++) {
		row = &group->rows[i];
		field = (const char *)base + row->offset;
		if ((row->where & dump->hidden) != 0 || write_absent(row, field))
			continue;
		if ((dump->terse || row->kind == KIND_LIST) &&
		    write_same(row, field, defaults + row->offset))
			continue;
		write_row(dump->out, depth, row, field);
	}
}

/* The rows of the tuning that differ from what stands above; all where above is NULL. */
static void
tuning_dump(struct dump *dump, unsigned depth, const struct tuning *tuning,
    const struct tuning *above, unsigned without)
{
	size_t i;

	without |= dump->hidden & (NOT_POOL | NOT_MUX);
	for (i = 0; i < TUNING_ROWS; i++)
		if ((schema_tuning[i].where & without) == 0 &&
		    (above == NULL || !tuning_same(tuning, above, i)))
			write_row(dump->out, depth, &schema_tuning[i],
			    (const char *)tuning + schema_tuning[i].offset);
}

static void
open_entry(struct dump *dump)
{
	fputs("\t{\n", dump->out);
}

static void
close_entry(struct dump *dump, bool last)
{
	fputs(last ? "\t}\n" : "\t},\n", dump->out);
}

void
dump_list(struct dump *dump, const char *name)
{
	fprintf(dump->out, "\n%s = (\n", name);
}

void
dump_list_end(struct dump *dump)
{
	fputs(");\n", dump->out);
}

void
dump_global(struct dump *dump, const struct settings *settings)
{
	group_dump(dump, 0, GROUP_GLOBAL, settings);
	tuning_dump(dump, 0, &settings->tuning, NULL, 0);
	if ((dump->hidden & (NOT_MUX | NOT_POOL)) != 0)
		return;
	fputs("control = {\n", dump->out);
	group_dump(dump, 1, GROUP_CONTROL, settings);
	fputs("};\n", dump->out);
}

void
dump_listens(struct dump *dump, const struct settings *settings)
{
	unsigned hidden = dump->hidden;
	size_t i;

	dump_list(dump, "listen");
	for (i = 0; i < settings->listen_count; i++) {
		open_entry(dump);
		dump->hidden = hidden | (settings->listens[i].address != NULL &&
		    strncmp(settings->listens[i].address, "unix:", 5) == 0 ? 0 : ONLY_UNIX);
		group_dump(dump, 2, GROUP_LISTEN, &settings->listens[i]);
		close_entry(dump, i + 1 == settings->listen_count);
	}
	dump->hidden = hidden;
	dump_list_end(dump);
}

void
dump_multiplexers(struct dump *dump, const struct settings *settings)
{
	size_t i;

	dump_list(dump, "multiplexers");
	for (i = 0; i < settings->multiplexer_count; i++) {
		open_entry(dump);
		group_dump(dump, 2, GROUP_MULTIPLEXER, &settings->multiplexers[i]);
		close_entry(dump, i + 1 == settings->multiplexer_count);
	}
	dump_list_end(dump);
}

void
dump_pool(struct dump *dump, const struct settings *settings, const struct pool_settings *pool,
    bool last)
{
	open_entry(dump);
	group_dump(dump, 2, GROUP_PROCESSOR, pool);
	tuning_dump(dump, 2, pool->tuning, &settings->tuning, 0);
	if ((dump->hidden & NOT_MUX) == 0) {
		fputs("\t\tlimits = {\n", dump->out);
		group_dump(dump, 3, GROUP_LIMITS, pool);
		fputs("\t\t};\n", dump->out);
	}
	close_entry(dump, last);
}

/* A pool's slice knows no other pool. */
static void
handler_pool_dump(struct dump *dump, const struct settings *settings,
    const struct handler_settings *handler)
{
	if (handler->pool == SETTINGS_NONE || (dump->hidden & NOT_POOL) != 0)
		return;
	fputs("\t\t\t\tprocessor = ", dump->out);
	write_text(dump->out, settings->pools[handler->pool].name);
	fputs(";\n", dump->out);
}

static void
handlers_dump(struct dump *dump, const struct settings *settings,
    const struct vhost_settings *vhost)
{
	size_t i;

	if (vhost->handler_count == 0)
		return;
	fputs("\t\thandlers = (\n", dump->out);
	for (i = 0; i < vhost->handler_count; i++) {
		fputs("\t\t\t{\n", dump->out);
		group_dump(dump, 4, GROUP_HANDLER, &vhost->handlers[i]);
		handler_pool_dump(dump, settings, &vhost->handlers[i]);
		fputs(i + 1 == vhost->handler_count ? "\t\t\t}\n" : "\t\t\t},\n", dump->out);
	}
	fputs("\t\t);\n", dump->out);
}

void
dump_vhost(struct dump *dump, const struct settings *settings,
    const struct vhost_settings *vhost, const struct pool_settings *pool, bool last)
{
	open_entry(dump);
	fputs("\t\tprocessor = ", dump->out);
	write_text(dump->out, pool->name);
	fputs(";\n", dump->out);
	group_dump(dump, 2, GROUP_VHOST, vhost);
	tuning_dump(dump, 2, vhost->tuning, pool->tuning, IS_POOLS);
	handlers_dump(dump, settings, vhost);
	close_entry(dump, last);
}

bool
dump_all(const struct settings *settings, FILE *out, unsigned hidden, bool terse)
{
	struct dump dump;
	uint32_t i;

	dump_begin(&dump, out, hidden, terse);
	dump_global(&dump, settings);
	dump_listens(&dump, settings);
	dump_multiplexers(&dump, settings);
	dump_list(&dump, "processors");
	for (i = 0; i < settings->pool_count; i++)
		dump_pool(&dump, settings, &settings->pools[i], i + 1 == settings->pool_count);
	dump_list_end(&dump);
	dump_list(&dump, "vhosts");
	for (i = 0; i < settings->vhost_count; i++)
		dump_vhost(&dump, settings, &settings->vhosts[i],
		    &settings->pools[settings->vhosts[i].pool], i + 1 == settings->vhost_count);
	dump_list_end(&dump);
	return dump_end(&dump);
}

bool
settings_dump(const struct settings *settings, FILE *out)
{
	return dump_all(settings, out, ONLY_SLICE, false);
}

bool
settings_write(const struct settings *settings, FILE *out)
{
	return dump_all(settings, out, 0, true);
}

/* The pools of `now`, that one as `next` has it. */
static void
pools_with(struct dump *dump, const struct settings *now, uint32_t old,
    const struct settings *next, uint32_t new)
{
	uint32_t i, left = now->pool_count - (old != SETTINGS_NONE) + (new != SETTINGS_NONE);

	dump_list(dump, "processors");
	for (i = 0; i < now->pool_count; i++)
		if (i != old)
			dump_pool(dump, now, &now->pools[i], --left == 0);
	if (new != SETTINGS_NONE)
		dump_pool(dump, now, &next->pools[new], --left == 0);
	dump_list_end(dump);
}

static void
vhosts_with(struct dump *dump, const struct settings *now, uint32_t old,
    const struct settings *next, uint32_t new)
{
	const struct pool_settings *pool = new != SETTINGS_NONE ? &next->pools[new] : NULL;
	uint32_t i, left = pool != NULL ? pool->vhost_count : 0;

	for (i = 0; i < now->vhost_count; i++)
		left += now->vhosts[i].pool != old;
	dump_list(dump, "vhosts");
	for (i = 0; i < now->vhost_count; i++)
		if (now->vhosts[i].pool != old)
			dump_vhost(dump, now, &now->vhosts[i],
			    &now->pools[now->vhosts[i].pool], --left == 0);
	for (i = 0; pool != NULL && i < pool->vhost_count; i++)
		dump_vhost(dump, next, &next->vhosts[pool->vhosts[i]], pool, --left == 0);
	dump_list_end(dump);
}

bool
settings_write_with(const struct settings *now, const struct settings *next, const char *pool,
    FILE *out)
{
	uint32_t old = settings_find_pool(now, pool), new = settings_find_pool(next, pool);
	struct dump dump;

	dump_begin(&dump, out, 0, true);
	dump_global(&dump, now);
	dump_listens(&dump, now);
	dump_multiplexers(&dump, now);
	pools_with(&dump, now, old, next, new);
	vhosts_with(&dump, now, old, next, new);
	return dump_end(&dump);
}
