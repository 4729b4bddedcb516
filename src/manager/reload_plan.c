#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager/manager.h"
#include "manager/reload_parts.h"
#include "manager/start.h"
#include "settings/map.h"

static const char *
needs_restart(const struct manager *manager, const struct settings *next)
{
	const struct settings *now = manager->settings;

	if ((start_asks(next) & ~manager->asked) != 0)
		return "it needs a capability that was given up at the start (namespaces, or "
		    "limits above our own); restart peruserd";
	if (strcmp(now->pid_file, next->pid_file) != 0)
		return "pid_file can't change while peruserd runs; restart it";
	if (strcmp(now->control_socket, next->control_socket) != 0)
		return "control.socket can't change while peruserd runs; restart it";
	return NULL;
}

/* Does a zygote of another binary serve it, whose processors our multiplexers can't use? */
static bool
is_foreign(const struct pool *pool)
{
	const struct zygote *zygote;

	TAILQ_FOREACH(zygote, &pool->zygotes, link)
		if (zygote->foreign)
			return true;
	return false;
}

static bool
is_same(const struct pool *pool, const struct settings *next, uint32_t at)
{
	const struct settings *now = pool->configuration->settings;

	return !is_foreign(pool) && next->pools[at].tuning->max_processors <= pool->slot_count &&
	    settings_same_pool(now, (uint32_t)(pool->settings - now->pools), next, at);
}

struct map *
reload_map_pools(const struct manager *manager)
{
	struct map *map = map_new(manager->pool_count);
	uint32_t i;

	for (i = 0; map != NULL && i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && manager->pools[i]->retired == 0)
			map_put(map, manager->pools[i]->settings->name,
			    strlen(manager->pools[i]->settings->name), i);
	return map;
}

/* Each pool of the next settings: one that stays, or one that begins. */
static bool
plan_pools(struct reload *reload, struct fault *fault)
{
	struct manager *manager = reload->manager;
	struct settings *next = reload->next->settings;
	struct map *map = reload_map_pools(manager);
	uint32_t i, row;

	reload->now_of = calloc((size_t)next->pool_count + 1, sizeof(struct pool *));
	reload->was_of = calloc((size_t)next->pool_count + 1, sizeof(struct pool *));
	reload->forked = calloc((size_t)next->pool_count + 1, sizeof *reload->forked);
	if (map == NULL || reload->now_of == NULL || reload->was_of == NULL ||
	    reload->forked == NULL) {
		map_free(&map);
		return fault_set(fault, ENOMEM, "compare the pools");
	}
	for (i = 0; i < next->pool_count; i++) {
		row = map_find(map, next->pools[i].name, strlen(next->pools[i].name), NULL);
		reload->was_of[i] = row != MAP_NONE ? manager->pools[row] : NULL;
		if (row != MAP_NONE && is_same(manager->pools[row], next, i)) {
			reload->now_of[i] = manager->pools[row];
			next->pools[i].row = row;
			continue;
		}
		reload->now_of[i] = rows_add(manager, reload->next, i, fault);
		if (reload->now_of[i] == NULL)
			break;
	}
	map_free(&map);
	return i == next->pool_count;
}

bool
reload_number_logs(struct manager *manager, struct settings *settings)
{
	uint32_t *numbers = calloc(settings->logs.count + 1, sizeof *numbers), i;
	bool taken;

	taken = numbers != NULL && roster_take(&manager->logs, settings->logs.at,
	    (uint32_t)settings->logs.count, (uint32_t)settings->generation,
	    manager->multiplexers != NULL ? multiplexers_oldest(manager) : 0, numbers);
	for (i = 0; taken && i < settings->pool_count; i++)
		if (settings->pools[i].log != SETTINGS_NONE)
			settings->pools[i].log_number = numbers[settings->pools[i].log];
	for (i = 0; taken && i < settings->vhost_count; i++)
		if (settings->vhosts[i].log != SETTINGS_NONE)
			settings->vhosts[i].log_number = numbers[settings->vhosts[i].log];
	for (i = 0; taken && i < settings->vhost_count; i++)
		if (settings->vhosts[i].slow != SETTINGS_NONE)
			settings->vhosts[i].slow_number = numbers[settings->vhosts[i].slow];
	free(numbers);
	return taken;
}

void
reload_undo(struct reload *reload)
{
	struct pool *pool;
	uint32_t i;

	listening_undo(reload->manager);
	for (i = 0; reload->now_of != NULL && i < reload->next->settings->pool_count; i++) {
		pool = reload->now_of[i];
		if (pool == NULL || pool == reload->was_of[i])
			continue;
		/* It goes like any other, once what it loads has ended. */
		pool->retired = 1;
		pool_remove(pool);
	}
	rows_sweep(reload->manager);
}

bool
reload_plan(struct reload *reload, struct fault *fault)
{
	struct manager *manager = reload->manager;
	struct settings *next = reload_take_settings(reload);
	const char *why;

	if (next == NULL)
		return fault_set(fault, 0, "what was read of it can't be read again");
	next->generation = manager->settings->generation + 1;
	reload->next = configuration_new(next);
	if (reload->next == NULL)
		return fault_set(fault, ENOMEM, "take the configuration");
	why = needs_restart(manager, next);
	if (why != NULL)
		return fault_set(fault, 0, "%s", why);
	return listening_prepare(manager, next, fault) && plan_pools(reload, fault) &&
	    (reload_number_logs(manager, next) || fault_set(fault, ENOMEM, "number the logs"));
}
