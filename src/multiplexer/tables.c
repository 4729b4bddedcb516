#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "multiplexer/tables.h"
#include "settings/access_format.h"

static void
say_mistake(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	log_line(error ? LEVEL_ERROR : LEVEL_WARNING, "settings, line %u: %s", place->line, text);
}

/* The format of that text: one is made for each distinct text. */
static struct access_format *
format_for(struct tables *tables, const char *text)
{
	struct access_format **formats;
	struct fault fault;
	size_t i;

	for (i = 0; i < tables->format_count; i++)
		if (access_format_is(tables->formats[i], text))
			return tables->formats[i];
	formats = realloc(tables->formats, (i + 1) * sizeof(struct access_format *));
	if (formats == NULL)
		return NULL;
	tables->formats = formats;
	formats[i] = access_format_new(text, &fault);
	if (formats[i] != NULL)
		tables->format_count++;
	else
		log_error("access_log_format: %s", fault.text);
	return formats[i];
}

static bool
make_formats(struct tables *tables)
{
	const struct settings *settings = tables->settings;
	const char *text;
	uint32_t i;

	tables->format_of = calloc((size_t)settings->vhost_count + 1, sizeof *tables->format_of);
	if (tables->format_of == NULL)
		return false;
	for (i = 0; i < settings->vhost_count; i++) {
		if (settings->vhosts[i].access_log == NULL)
			continue;
		text = settings->vhosts[i].access_log_format;
		tables->format_of[i] = format_for(tables, text != NULL ? text : "combined");
		if (tables->format_of[i] == NULL)
			return false;
	}
	return true;
}

static bool
make_rows(struct tables *tables)
{
	const struct settings *settings = tables->settings;
	uint32_t i;

	for (i = 0; i < settings->pool_count; i++)
		if (settings->pools[i].row >= tables->row_count)
			tables->row_count = (uint32_t)settings->pools[i].row + 1;
	tables->pool_of = malloc(((size_t)tables->row_count + 1) * sizeof *tables->pool_of);
	if (tables->pool_of == NULL)
		return false;
	for (i = 0; i < tables->row_count; i++)
		tables->pool_of[i] = SETTINGS_NONE;
	for (i = 0; i < settings->pool_count; i++)
		tables->pool_of[settings->pools[i].row] = i;
	return true;
}

static void
tables_free(struct tables *tables)
{
	size_t i;

	TAILQ_REMOVE(tables->all, tables, link);
	for (i = 0; i < tables->format_count; i++)
		access_format_free(&tables->formats[i]);
	free(tables->formats);
	free(tables->format_of);
	free(tables->pool_of);
	hosts_free(&tables->hosts);
	settings_free(&tables->settings);
	free(tables);
	/* Megabytes, where thousands are configured. */
	memory_give_back();
}

struct tables *
tables_new(struct tables_list *all, int settings_fd)
{
	struct settings_report report = { say_mistake, NULL, 0, 0 };
	struct tables *tables = calloc(1, sizeof *tables);

	if (tables == NULL) {
		log_error("no memory for the tables");
		fd_close(&settings_fd);
		return NULL;
	}
	tables->refs = 1;
	tables->all = all;
	TAILQ_INSERT_TAIL(all, tables, link);
	tables->settings = settings_read_fd(settings_fd, &report);
	fd_close(&settings_fd);
	if (tables->settings != NULL) {
		tables->generation = (uint32_t)tables->settings->generation;
		tables->hosts = hosts_new(tables->settings);
	}
	if (tables->hosts != NULL && make_formats(tables) && make_rows(tables))
		return tables;
	log_error("cannot build the tables");
	tables_free(tables);
	return NULL;
}

struct tables *
tables_hold(struct tables *tables)
{
	tables->refs++;
	return tables;
}

void
tables_drop(struct tables **where)
{
	struct tables *tables = *where;

	*where = NULL;
	if (tables != NULL && --tables->refs == 0)
		tables_free(tables);
}

uint32_t
tables_follow(const struct tables *tables, uint32_t vhost, const struct tables *newer)
{
	const struct vhost_settings *site = &tables->settings->vhosts[vhost];
	uint32_t pool = tables_pool(newer, tables_row(tables, site->pool));

	if (pool == SETTINGS_NONE || site->pool_vhost >= newer->settings->pools[pool].vhost_count)
		return SETTINGS_NONE;
	return newer->settings->pools[pool].vhosts[site->pool_vhost];
}
