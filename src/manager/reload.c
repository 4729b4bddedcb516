#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "manager/manager.h"
#include "manager/notify.h"
#include "manager/reload_parts.h"
#include "manager/said.h"
#include "manager/start.h"
#include "settings/map.h"

#define LIST_MAX     20                 /* names of pools that an answer tells */

/* ---- who asks */

static bool begin(struct reload *reload);

static void
reload_free(struct reload *reload)
{
	if (reload->ended != NULL)
		event_free(reload->ended);
	if (reload->child.pid != 0)
		child_signal(&reload->child, SIGKILL);
	fd_close(&reload->child.pidfd);
	fd_close(&reload->text);
	fd_close(&reload->said);
	configuration_drop(&reload->next);
	configuration_drop(&reload->former);
	free(reload->now_of);
	free(reload->was_of);
	free(reload->forked);
	buf_free(&reload->answer);
	free(reload);
}

/* Those who asked while it was under way are next. */
static void
begin_next(struct manager *manager, const struct reload *last)
{
	unsigned i;

	for (i = 0; i < last->asker_count; i++)
		if (last->askers[i].waits)
			reload_ask(manager, last->askers[i].pool[0] != '\0' ?
			    last->askers[i].pool : NULL, strlen(last->askers[i].pool),
			    last->askers[i].done, last->askers[i].who);
}

static void
finish(struct reload *reload, const char *error)
{
	struct manager *manager = reload->manager;
	unsigned i;

	if (error != NULL)
		log_error(reload->renews ? "this binary has no multiplexers of its own: %s" :
		    "the configuration was not taken: %s", error);
	said_add(&reload->answer, error != NULL ? "error" : "ok", error);
	manager->reload = NULL;
	for (i = 0; i < reload->asker_count; i++)
		if (!reload->askers[i].waits && reload->askers[i].done != NULL)
			reload->askers[i].done(reload->askers[i].who, &reload->answer);
	if (manager->phase == MANAGER_RUNNING)
		notify_ready(manager, error != NULL && !reload->renews);
	if (manager->phase == MANAGER_RUNNING)
		begin_next(manager, reload);
	reload_free(reload);
	memory_give_back();
}

static void
give_up(struct reload *reload, const char *why)
{
	reload_undo(reload);
	finish(reload, why);
}

/* ---- in force */

static void
name_pool(struct reload *reload, const char *what, const char *name, unsigned *count)
{
	char text[POOL_NAME + 64];

	if (++*count > LIST_MAX)
		return;
	snprintf(text, sizeof text, "pool %s %s", name, what);
	said_add(&reload->answer, "said", text);
	log_notice("%s", text);
}

/* From here on the next configuration is the present one. */
static void
commit(struct reload *reload)
{
	struct manager *manager = reload->manager;
	struct settings *next = reload->next->settings;
	struct pool *pool;
	uint32_t i;

	reload->former = manager->configuration;
	manager->configuration = configuration_hold(reload->next);
	reload->others = reload->renews || multiplexers_differ(manager->settings, next);
	manager->settings = next;
	log_open("manager", next->log_level);
	listening_commit(manager, next);
	for (i = 0; i < next->pool_count; i++) {
		pool = reload->now_of[i];
		if (pool == reload->was_of[i]) {
			pool_follow(pool, reload->next, i);
			continue;
		}
		name_pool(reload, reload->was_of[i] != NULL ? "has changed" : "is new",
		    pool->settings->name, reload->was_of[i] != NULL ? &reload->changed :
		    &reload->added);
	}
	for (i = 0; i < manager->pool_count; i++) {
		pool = manager->pools[i];
		if (pool == NULL || pool->retired != 0 || pool->configuration == reload->next)
			continue;
		pool->retired = (uint32_t)next->generation;
	}
}

/* Removed ones have no successor. */
static void
name_removed(struct reload *reload)
{
	struct manager *manager = reload->manager;
	struct map *map = reload_map_pools(manager);
	struct pool *pool;
	uint32_t i;

	for (i = 0; map != NULL && i < manager->pool_count; i++) {
		pool = manager->pools[i];
		if (pool != NULL && pool->retired == (uint32_t)manager->settings->generation &&
		    map_find(map, pool->settings->name, strlen(pool->settings->name), NULL) ==
		    MAP_NONE)
			name_pool(reload, "is removed", pool->settings->name, &reload->removed);
	}
	map_free(&map);
}

static void
swap(struct reload *reload)
{
	struct manager *manager = reload->manager;
	struct fault fault;
	uint32_t i;

	reload->phase = RELOAD_SWAPPING;
	commit(reload);
	name_removed(reload);
	/* Another binary's know what is in force, and nothing of processors of ours. */
	if (!reload->renews && !multiplexers_tables(manager, &fault))
		log_error("%s: the multiplexers are replaced", fault.text);
	for (i = 0; i < reload->next->settings->pool_count; i++)
		if (reload->now_of[i] != reload->was_of[i])
			multiplexers_pool(manager, reload->now_of[i]);
	demand_look_soon(manager);
}

static void
drain_former(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && manager->pools[i]->retired != 0 &&
		    !manager->pools[i]->removed)
			pool_remove(manager->pools[i]);
}

static void
in_force(struct reload *reload)
{
	struct manager *manager = reload->manager;
	char text[160];

	if (!reload->renews)
		drain_former(manager);
	listening_close_unwanted(manager);
	if (reload->renews)
		snprintf(text, sizeof text, "peruserd %s has taken over within %llu ms: %u pools as "
		    "they were, %u begin anew; the multiplexers are new", PACKAGE_VERSION,
		    (unsigned long long)(clock_ms() - reload->started),
		    manager->settings->pool_count - reload->changed, reload->changed);
	else
		snprintf(text, sizeof text, "configuration %u is in force after %llu ms: %u pools changed, "
	    "%u new, %u removed, %u as they were%s", (unsigned)manager->settings->generation,
	    (unsigned long long)(clock_ms() - reload->started), reload->changed, reload->added,
	    reload->removed, manager->settings->pool_count - reload->changed - reload->added,
	    reload->others ? "; the multiplexers are new" : "");
	log_notice("%s", text);
	said_add(&reload->answer, "said", text);
	finish(reload, NULL);
	rows_sweep(manager);
}

/* All multiplexers have the tables: where others are wanted, those begin now. */
static void
swapped(struct reload *reload)
{
	struct manager *manager = reload->manager;
	struct fault fault;

	if (!reload->others) {
		in_force(reload);
		return;
	}
	reload->taking_over = true;
	if (!start_spool(manager, &fault) || !multiplexers_begin(manager, &fault)) {
		reload_failed(manager, fault.text);
		return;
	}
}

/* ---- going on */

/* Those whose former selves run load now, so that their requests need not wait. */
static void
start_changed(struct reload *reload)
{
	uint32_t i;

	for (i = 0; i < reload->next->settings->pool_count; i++)
		if (reload->was_of[i] != NULL && reload->now_of[i] != reload->was_of[i] &&
		    reload->was_of[i]->serving != NULL &&
		    reload->now_of[i]->settings->disabled == NULL)
			pool_start(reload->now_of[i]);
}

/* It has loaded: as many processors as its former self has, so that nobody need wait. */
static void
fork_as_many(struct manager *manager, struct pool *pool, const struct pool *former)
{
	uint32_t wanted = former->serving != NULL ? former->serving->slots : 0;

	while (wanted-- > 0 && manager->live < manager->settings->server_limit &&
	    slot_fork(manager, pool))
		continue;
}

static bool
is_starting(const struct manager *manager, const struct pool *pool)
{
	uint32_t i;

	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(manager, i)->state == SLOT_STARTING)
			return true;
	return false;
}

static bool
all_loaded(struct reload *reload)
{
	struct pool *pool;
	uint32_t i;

	for (i = 0; i < reload->next->settings->pool_count; i++) {
		pool = reload->now_of[i];
		if (pool == reload->was_of[i])
			continue;
		if (pool->loading != NULL)
			return false;
		if (pool->serving == NULL)
			continue;
		if (!reload->forked[i])
			fork_as_many(reload->manager, pool, reload->was_of[i]);
		reload->forked[i] = true;
		if (is_starting(reload->manager, pool))
			return false;
	}
	return true;
}

void
reload_look(struct manager *manager)
{
	struct reload *reload = manager->reload;

	if (reload == NULL || manager->phase != MANAGER_RUNNING)
		return;
	if (reload->phase == RELOAD_LOADING && all_loaded(reload))
		swap(reload);
	if (reload->phase != RELOAD_SWAPPING)
		return;
	if (!reload->taking_over) {
		if (reload->renews || multiplexers_have_tables(manager))
			swapped(reload);
	} else if (multiplexers_all_ready(manager)) {
		multiplexers_take_over(manager);
		in_force(reload);
	}
}

void
reload_failed(struct manager *manager, const char *why)
{
	struct reload *reload = manager->reload;

	if (reload == NULL || why == NULL || !reload->taking_over)
		return;
	/* The tables are taken; the former multiplexers serve by them. */
	multiplexers_give_up(manager);
	drain_former(manager);
	listening_close_unwanted(manager);
	said_add(&reload->answer, "said", reload->renews ?
	    "this binary manages, but the former one's multiplexers go on" :
	    "the configuration is in force, but the former multiplexers go on");
	finish(reload, why);
}

static void
load(struct reload *reload)
{
	struct fault fault;

	if (!reload_plan(reload, &fault)) {
		give_up(reload, fault.text);
		return;
	}
	reload->phase = RELOAD_LOADING;
	start_changed(reload);
	reload_look(reload->manager);
}

static void
on_read(int fd, short what, void *context)
{
	struct reload *reload = context;
	int status;

	(void)fd;
	(void)what;
	if (!child_bury(&reload->child, &status))
		return;
	event_free(reload->ended);
	reload->ended = NULL;
	reload_take_mistakes(reload);
	if (reload->manager->phase != MANAGER_RUNNING) {
		finish(reload, "peruserd is stopping");
		return;
	}
	if (status != 0) {
		finish(reload, "it has mistakes; the former one goes on");
		return;
	}
	load(reload);
}

/* ---- the beginning */

static bool
begin(struct reload *reload)
{
	struct manager *manager = reload->manager;

	reload->started = clock_ms();
	reload->text = memfd_create("configuration", MFD_CLOEXEC);
	reload->said = memfd_create("mistakes", MFD_CLOEXEC);
	if (reload->text < 0 || reload->said < 0)
		return false;
	switch (child_fork(&reload->child)) {
	case -1:
		return false;
	case 0:
		reload_read(reload);
	default:
		break;
	}
	reload->ended = event_new(manager->base, reload->child.pidfd, EV_READ | EV_PERSIST, on_read,
	    reload);
	return reload->ended != NULL && event_add(reload->ended, NULL) == 0;
}

static bool
add_asker(struct reload *reload, const char *pool, size_t len, reload_done *done, void *who)
{
	struct asker *asker;

	if (reload->asker_count == ASKING_MAX || len >= sizeof asker->pool)
		return false;
	asker = &reload->askers[reload->asker_count++];
	memset(asker, 0, sizeof *asker);
	asker->done = done;
	asker->who = who;
	if (pool != NULL)
		memcpy(asker->pool, pool, len);
	asker->waits = reload->started != 0;
	return true;
}

static struct reload *
reload_new(struct manager *manager)
{
	struct reload *reload = calloc(1, sizeof *reload);

	if (reload == NULL)
		return NULL;
	reload->manager = manager;
	reload->child = (struct child)CHILD_NONE;
	reload->text = reload->said = -1;
	reload->answer.max = SAID_ANSWER;
	return reload;
}

bool
reload_ask(struct manager *manager, const char *pool, size_t len, reload_done *done, void *who)
{
	struct reload *reload = manager->reload;

	if (reload != NULL)
		return add_asker(reload, pool, pool != NULL ? len : 0, done, who);
	reload = reload_new(manager);
	if (reload == NULL)
		return false;
	if (!add_asker(reload, pool, pool != NULL ? len : 0, done, who)) {
		reload_free(reload);
		return false;
	}
	memcpy(reload->pool, reload->askers[0].pool, sizeof reload->pool);
	manager->reload = reload;
	notify_reloading(manager);
	log_notice("reading the configuration %s", manager->config);
	if (!begin(reload))
		finish(reload, strerror(errno));
	return true;
}

/* What is in force, as a process that reads would have written it. */
static bool
write_present(struct reload *reload)
{
	FILE *text;
	int copy;

	reload->started = clock_ms();
	reload->text = memfd_create("configuration", MFD_CLOEXEC);
	copy = reload->text >= 0 ? dup(reload->text) : -1;
	text = copy >= 0 ? fdopen(copy, "w") : NULL;
	if (text == NULL) {
		fd_close(&copy);
		return false;
	}
	if (!settings_write(reload->manager->settings, text)) {
		fclose(text);
		return false;
	}
	return fclose(text) == 0;
}

void
reload_renew(struct manager *manager, reload_done *done, void *who)
{
	struct reload *reload = reload_new(manager);
	struct buf none = BUF(0);

	if (reload == NULL) {
		log_error("no memory for multiplexers of this binary");
		done(who, &none);
		return;
	}
	reload->renews = true;
	add_asker(reload, NULL, 0, done, who);
	manager->reload = reload;
	if (!write_present(reload))
		finish(reload, strerror(errno));
	else
		load(reload);
}

void
reload_forget(struct manager *manager, const void *who)
{
	struct reload *reload = manager->reload;
	unsigned i;

	for (i = 0; reload != NULL && i < reload->asker_count; i++)
		if (reload->askers[i].who == who)
			reload->askers[i].done = NULL;
}

void
reload_end(struct manager *manager)
{
	if (manager->reload != NULL)
		finish(manager->reload, "peruserd is stopping");
}
