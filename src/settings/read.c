#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "settings/reading.h"

/* ---- the top level: one tree from several files */

static void
nodes_add(struct nodes *nodes, config_setting_t *node)
{
	config_setting_t **more;

	if (nodes->count == nodes->size) {
		nodes->size = nodes->size == 0 ? 64 : nodes->size * 2;
		more = realloc(nodes->at, nodes->size * sizeof(config_setting_t *));
		if (more == NULL)
			abort();
		nodes->at = more;
	}
	nodes->at[nodes->count++] = node;
}

static struct nodes *
nodes_for(struct reading *reading, enum settings_group_id id)
{
	switch (id) {
	case GROUP_LISTEN:
		return &reading->listens;
	case GROUP_MULTIPLEXER:
		return &reading->multiplexers;
	case GROUP_PROCESSOR:
		return &reading->processors;
	default:
		return &reading->vhosts;
	}
}

/* The groups of a list, each of which must be one. */
static void
list_take(struct reading *reading, const struct settings_row *row,
    const config_setting_t *list, struct nodes *nodes)
{
	int i, count;
	config_setting_t *element;
	bool fits = config_setting_is_list(list) || (config_setting_is_array(list) &&
	    config_setting_length(list) == 0);

	count = fits ? config_setting_length(list) : 0;
	if (!fits)
		say_error(reading, place_of(reading, list), "%s is no list of groups; %s",
		    row->name, value_advice(reading, row));
	for (i = 0; i < count; i++) {
		element = config_setting_get_elem(list, (unsigned)i);
		if (config_setting_is_group(element))
			nodes_add(nodes, element);
		else
			say_error(reading, place_of(reading, element), "%s holds something that is "
			    "no group; %s", row->name, value_advice(reading, row));
	}
}

/* A scalar or group may stand in one file only. */
static bool
is_first(struct reading *reading, size_t index, const config_setting_t *setting)
{
	struct place there;

	if (reading->top[index] == NULL) {
		reading->top[index] = setting;
		return true;
	}
	there = place_of(reading, reading->top[index]);
	say_error(reading, place_of(reading, setting), "%s is set for the second time, first at "
	    "%s:%u; take one of the two out", config_setting_name(setting), there.file, there.line);
	return false;
}

static void
top_take(struct reading *reading, config_setting_t *setting)
{
	const struct settings_group *group = schema_group(GROUP_GLOBAL);
	struct settings *settings = reading->settings;
	const struct settings_row *row;
	int tuned;

	row = schema_find(group, config_setting_name(setting), &tuned);
	if (row == NULL) {
		group_unknown(reading, group, setting);
	} else if (row->kind == KIND_GROUPS) {
		list_take(reading, row, setting, nodes_for(reading, row->of));
	} else if (row->kind == KIND_INCLUDE || !is_first(reading, tuned >= 0 ?
	    group->count + (size_t)tuned : (size_t)(row - group->rows), setting)) {
		return;
	} else if (row->kind == KIND_GROUP && config_setting_is_group(setting)) {
		group_read(reading, schema_group(row->of), setting, settings, NULL, NULL);
	} else {
		value_read(reading, row, setting, tuned >= 0 ?
		    (char *)&settings->tuning + row->offset : (char *)settings + row->offset);
	}
}

static void
sources_merge(struct reading *reading)
{
	struct source *source;
	config_setting_t *root;
	int i, count;

	for (source = reading->sources; source != NULL; source = source->next) {
		root = config_root_setting(&source->config);
		count = config_setting_get_hook(root) != NULL ? config_setting_length(root) : 0;
		for (i = 0; i < count; i++)
			top_take(reading, config_setting_get_elem(root, (unsigned)i));
	}
}

/* ---- the lists */

static void
listens_read(struct reading *reading)
{
	struct settings *settings = reading->settings;
	const void *defaults = group_defaults(reading, GROUP_LISTEN);
	struct listen_settings *listen;
	size_t i;

	settings->listen_count = reading->listens.count;
	settings->listens = arena_array(reading->arena, settings->listen_count, sizeof *listen);
	for (i = 0; i < settings->listen_count; i++) {
		listen = &settings->listens[i];
		memcpy(listen, defaults, sizeof *listen);
		listen->place = place_of(reading, reading->listens.at[i]);
		group_read(reading, schema_group(GROUP_LISTEN), reading->listens.at[i], listen,
		    NULL, NULL);
	}
}

static uint64_t
cores(void)
{
	cpu_set_t set;
	int count = 1;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		count = CPU_COUNT(&set);
	return count < 1 ? 1 : count > 64 ? 64 : (uint64_t)count;
}

static void
multiplexers_read(struct reading *reading)
{
	struct settings *settings = reading->settings;
	const void *defaults = group_defaults(reading, GROUP_MULTIPLEXER);
	bool given = reading->multiplexers.count > 0;
	struct multiplexer_settings *it;
	uint64_t total = 0, most = 0;
	size_t i;

	settings->multiplexer_count = given ? reading->multiplexers.count : 1;
	settings->multiplexers = arena_array(reading->arena, settings->multiplexer_count,
	    sizeof *it);
	for (i = 0; i < settings->multiplexer_count; i++) {
		it = &settings->multiplexers[i];
		memcpy(it, defaults, sizeof *it);
		it->place.file = reading->sources->name;
		if (given) {
			it->place = place_of(reading, reading->multiplexers.at[i]);
			group_read(reading, schema_group(GROUP_MULTIPLEXER),
			    reading->multiplexers.at[i], it, NULL, NULL);
		}
		if (it->count == 0)
			it->count = cores();
		if (it->max_count == 0)
			it->max_count = it->count;
		total += it->count;
		most += it->max_count;
	}
	settings->multiplexer_total = (uint32_t)total;
	settings->multiplexer_most = (uint32_t)most;
}

static void
pools_read(struct reading *reading)
{
	struct settings *settings = reading->settings;
	const void *defaults = group_defaults(reading, GROUP_PROCESSOR);
	struct pool_settings *pool;
	struct entry *said;
	uint32_t i;

	settings->pool_count = (uint32_t)reading->processors.count;
	settings->pools = arena_array(reading->arena, settings->pool_count, sizeof *pool);
	reading->pools_said = arena_array(reading->scratch, settings->pool_count, sizeof *said);
	for (i = 0; i < settings->pool_count; i++) {
		pool = &settings->pools[i];
		said = &reading->pools_said[i];
		memcpy(pool, defaults, sizeof *pool);
		said->node = reading->processors.at[i];
		pool->place = place_of(reading, said->node);
		group_read(reading, schema_group(GROUP_PROCESSOR), said->node, pool,
		    &said->tuning, &said->tuned);
	}
}

/* Pools by name, for the vhosts; the first of a name has it. */
static void
pools_name(struct reading *reading)
{
	struct settings *settings = reading->settings;
	struct pool_settings *pool;
	uint32_t i, other;

	reading->pool_names = map_new(settings->pool_count);
	for (i = 0; i < settings->pool_count; i++) {
		pool = &settings->pools[i];
		if (pool->name == NULL) {
			if (config_setting_get_member(reading->pools_said[i].node, "name") == NULL)
				say_error(reading, pool->place, "this processors entry has no "
				    "name; write name = \"alice\";");
			pool->name = arena_printf(reading->arena, "processors[%u]", i);
			continue;
		}
		other = map_put(reading->pool_names, pool->name, strlen(pool->name), i);
		if (other != i)
			say_error(reading, place_in(reading, reading->pools_said[i].node, "name"),
			    "pool \"%s\" stands at %s:%u too; give each processors entry a name of "
			    "its own", say_text(reading, pool->name),
			    settings->pools[other].place.file, settings->pools[other].place.line);
	}
}

static void
handlers_read(struct reading *reading, struct vhost_settings *vhost, const config_setting_t *node)
{
	const void *defaults = group_defaults(reading, GROUP_HANDLER);
	const config_setting_t *list = config_setting_get_member(node, "handlers");
	struct nodes nodes = { NULL, 0, 0 };
	const struct settings_row *row;
	struct handler_settings *it;
	int tuned;
	size_t i;

	if (list == NULL)
		return;
	row = schema_find(schema_group(GROUP_VHOST), "handlers", &tuned);
	list_take(reading, row, list, &nodes);
	vhost->handler_count = nodes.count;
	vhost->handlers = arena_array(reading->arena, nodes.count, sizeof *it);
	for (i = 0; i < nodes.count; i++) {
		it = &vhost->handlers[i];
		memcpy(it, defaults, sizeof *it);
		it->place = place_of(reading, nodes.at[i]);
		it->pool = SETTINGS_NONE;
		group_read(reading, schema_group(GROUP_HANDLER), nodes.at[i], it, NULL, NULL);
	}
	free(nodes.at);
}

/* The name as it is compared. */
static char *
lower(struct arena *arena, char *name)
{
	char *at;

	for (at = name; at != NULL && *at == str_lower(*at); at++)
		if (*at == '\0')
			return name;
	name = name != NULL ? arena_text(arena, name) : NULL;
	for (at = name; at != NULL && *at != '\0'; at++)
		*at = str_lower(*at);
	return name;
}

static void
vhosts_read(struct reading *reading)
{
	struct settings *settings = reading->settings;
	const void *defaults = group_defaults(reading, GROUP_VHOST);
	struct vhost_settings *vhost;
	struct entry *said;
	uint32_t i;
	size_t j;

	settings->vhost_count = (uint32_t)reading->vhosts.count;
	settings->vhosts = arena_array(reading->arena, settings->vhost_count, sizeof *vhost);
	reading->vhosts_said = arena_array(reading->scratch, settings->vhost_count, sizeof *said);
	for (i = 0; i < settings->vhost_count; i++) {
		vhost = &settings->vhosts[i];
		said = &reading->vhosts_said[i];
		memcpy(vhost, defaults, sizeof *vhost);
		vhost->pool = SETTINGS_NONE;
		said->node = reading->vhosts.at[i];
		vhost->place = place_of(reading, said->node);
		group_read(reading, schema_group(GROUP_VHOST), said->node, vhost,
		    &said->tuning, &said->tuned);
		handlers_read(reading, vhost, said->node);
		vhost->server_name = lower(reading->arena, vhost->server_name);
		for (j = 0; j < vhost->aliases.count; j++)
			vhost->aliases.at[j] = lower(reading->arena, vhost->aliases.at[j]);
		if (vhost->server_name != NULL && strcmp(vhost->server_name, "*") == 0)
			vhost->is_default = true;
	}
}

/* ---- what follows from what was read */

static void
uses_mark(struct pool_settings *pool, const struct vhost_settings *vhost)
{
	size_t i;

	for (i = 0; i < vhost->handler_count; i++) {
		enum handler_kind kind = vhost->handlers[i].kind;

		pool->uses_php |= kind == HANDLER_PHP;
		pool->uses_cgi |= kind == HANDLER_CGI;
		pool->uses_perl |= kind == HANDLER_PSGI || kind == HANDLER_PERL_CGI;
	}
}

/* Each pool's list of its vhosts: counted, then filled. */
static void
vhosts_assign(struct settings *settings, struct arena *arena)
{
	struct vhost_settings *vhost;
	struct pool_settings *pool;
	uint32_t i;

	for (i = 0; i < settings->vhost_count; i++)
		if (settings->vhosts[i].pool != SETTINGS_NONE)
			settings->pools[settings->vhosts[i].pool].vhost_count++;
	for (i = 0; i < settings->pool_count; i++) {
		pool = &settings->pools[i];
		pool->vhosts = arena_array(arena, pool->vhost_count, sizeof *pool->vhosts);
		pool->vhost_count = 0;
	}
	for (i = 0; i < settings->vhost_count; i++) {
		vhost = &settings->vhosts[i];
		if (vhost->pool == SETTINGS_NONE)
			continue;
		pool = &settings->pools[vhost->pool];
		vhost->pool_vhost = pool->vhost_count;
		pool->vhosts[pool->vhost_count++] = i;
		uses_mark(pool, vhost);
	}
}

static uint32_t
log_index(struct settings *settings, struct map *map, char *path)
{
	uint32_t index;

	if (path == NULL)
		return SETTINGS_NONE;
	index = map_put(map, path, strlen(path), (uint32_t)settings->logs.count);
	if (index == settings->logs.count)
		settings->logs.at[settings->logs.count++] = path;
	return index;
}

static void
logs_collect(struct settings *settings, struct arena *arena)
{
	size_t most = 2 * ((size_t)settings->pool_count + settings->vhost_count);
	struct vhost_settings *vhost;
	struct pool_settings *pool;
	struct map *map = map_new(most);
	uint32_t i;

	if (map == NULL)
		abort();
	settings->logs.at = arena_array(arena, most, sizeof *settings->logs.at);
	for (i = 0; i < settings->pool_count; i++) {
		pool = &settings->pools[i];
		pool->log = log_index(settings, map, pool->error_log);
		pool->slow = log_index(settings, map, pool->slow_log);
	}
	for (i = 0; i < settings->vhost_count; i++) {
		vhost = &settings->vhosts[i];
		vhost->log = log_index(settings, map, vhost->access_log);
		vhost->slow = log_index(settings, map, vhost->slow_log);
		if (vhost->slow == SETTINGS_NONE && vhost->pool < settings->pool_count)
			vhost->slow = settings->pools[vhost->pool].slow;
	}
	map_free(&map);
}

/* ---- beginning and end */

void
reading_begin(struct reading *reading, enum settings_purpose purpose,
    struct settings_report *report)
{
	memset(reading, 0, sizeof *reading);
	reading->arena = arena_new();
	reading->scratch = arena_new();
	reading->report = report;
	reading->purpose = purpose;
	reading->sources_end = &reading->sources;
	reading->settings = arena_alloc(reading->arena, sizeof *reading->settings);
}

static struct settings *
reading_end(struct reading *reading)
{
	struct settings *settings = reading->settings;

	free(reading->listens.at);
	free(reading->multiplexers.at);
	free(reading->processors.at);
	free(reading->vhosts.at);
	map_free(&reading->pool_names);
	sources_free(reading);
	arena_free(&reading->scratch);
	settings->owned = reading->arena;
	if (reading->report->errors > 0)
		settings_free(&settings);
	return settings;
}

/* Everything after the files' syntax.  Mistakes don't stop it: all are to be said. */
static void
reading_build(struct reading *reading)
{
	struct settings *settings = reading->settings;

	memcpy(settings, group_defaults(reading, GROUP_GLOBAL), sizeof *settings);
	sources_merge(reading);
	listens_read(reading);
	multiplexers_read(reading);
	pools_read(reading);
	pools_name(reading);
	vhosts_read(reading);
	vhosts_assign(settings, reading->arena);
	tuning_settle(reading);
	if (!reading->incomplete)
		check_all(reading);
	if (!reading->incomplete && reading->purpose != SETTINGS_SLICE) {
		names_resolve(reading);
		check_disk(reading);
	}
	if (reading->purpose == SETTINGS_SLICE)
		identities_take(reading);
	logs_collect(settings, reading->arena);
}

struct settings *
settings_read(const char *path, enum settings_purpose purpose, struct settings_report *report)
{
	struct reading reading;
	struct settings *settings;

	reading_begin(&reading, purpose, report);
	source_read(&reading, path, NULL);
	if (reading.sources != NULL)
		reading_build(&reading);
	settings = reading_end(&reading);
	memory_give_back();
	return settings;
}

struct settings *
settings_read_text(const char *name, const char *text, size_t len,
    enum settings_purpose purpose, struct settings_report *report)
{
	struct reading reading;
	char *copy;

	reading_begin(&reading, purpose, report);
	copy = arena_copy(reading.scratch, text, len);
	source_text(&reading, name, copy, len);
	reading_build(&reading);
	return reading_end(&reading);
}

struct settings *
settings_read_fd(int fd, struct settings_report *report)
{
	static const char name[] = "slice";
	struct place place = { name, 0 };
	struct settings *settings;
	char *bytes;
	size_t len;

	bytes = source_fd_bytes(fd, &len);
	if (bytes == NULL) {
		report->errors++;
		if (report->say != NULL)
			report->say(report->context, &place, true, "the slice can't be read");
		return NULL;
	}
	settings = settings_read_text(name, bytes, len, SETTINGS_SLICE, report);
	free(bytes);
	memory_give_back();
	return settings;
}

void
settings_free(struct settings **settings)
{
	struct arena *arena = *settings != NULL ? (*settings)->owned : NULL;

	arena_free(&arena);
	*settings = NULL;
}

enum pool_runs
settings_pool_runs(const struct pool_settings *pool)
{
	if (pool->command.count > 0)
		return RUNS_PROGRAM;
	return pool->connect.count > 0 ? RUNS_SERVER : RUNS_OURS;
}

uint32_t
settings_handler_pool(const struct vhost_settings *vhost, const struct handler_settings *handler)
{
	return handler->pool != SETTINGS_NONE ? handler->pool : vhost->pool;
}

bool
settings_answers_pass(const struct vhost_settings *vhost)
{
	size_t i;

	for (i = 0; i < vhost->handler_count; i++)
		if (vhost->handlers[i].kind == HANDLER_FASTCGI)
			return true;
	return vhost->x_sendfile;
}

/* Long paths first would be wrong: "/home/al" doesn't contain "/home/alice". */
const char *
settings_inside(const char *chroot, const char *path)
{
	size_t len;

	if (chroot == NULL || strcmp(chroot, "/") == 0)
		return path;
	len = strlen(chroot);
	if (strncmp(path, chroot, len) != 0)
		return NULL;
	return path[len] == '/' ? path + len : path[len] == '\0' ? "/" : NULL;
}
