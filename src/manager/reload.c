#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "manager/manager.h"
#include "manager/notify.h"
#include "manager/start.h"
#include "settings/map.h"
#include "wire/record.h"

#define ASKING_MAX   16
#define POOL_NAME    256
#define SAID_MAX     (64u * 1024)       /* of mistakes, bytes */
#define ANSWER_MAX   (256u * 1024)
#define LIST_MAX     20                 /* names of pools that an answer tells */

enum reload_phase { RELOAD_READING, RELOAD_LOADING, RELOAD_SWAPPING };

struct asker {
	reload_done *done;
	void *who;
	char pool[POOL_NAME];           /* "": all */
	bool waits;                     /* for the next one */
};

struct reload {
	struct manager *manager;
	enum reload_phase phase;
	struct asker askers[ASKING_MAX];
	unsigned asker_count;
	char pool[POOL_NAME];
	struct child child;
	struct event *ended;
	int text, said;                 /* what the child writes: settings, mistakes */
	uint64_t started;               /* ms */
	struct configuration *next;
	struct configuration *former;   /* SWAPPING */
	struct pool **now_of;           /* by index into next's pools: kept, or begun */
	struct pool **was_of;           /* what it takes the place of; NULL: nothing */
	bool *forked;                   /* LOADING: it was told how many to begin with */
	bool others;                    /* other multiplexers are wanted */
	bool taking_over;               /* all have the tables; the new ones come */
	unsigned added, changed, removed;
	struct buf answer;
};

/* ---- the process that reads */

struct reader {
	FILE *said;
};

static void
say_mistake(void *context, const struct place *place, bool error, const char *text)
{
	struct reader *reader = context;

	if (place != NULL && place->file != NULL && place->line != 0)
		fprintf(reader->said, "%s:%u: ", place->file, place->line);
	else if (place != NULL && place->file != NULL)
		fprintf(reader->said, "%s: ", place->file);
	fprintf(reader->said, "%s: %s\n", error ? "error" : "warning", text);
}

static bool
write_result(struct reload *reload, const struct settings *settings)
{
	const struct settings *now = reload->manager->settings;
	FILE *text = fdopen(reload->text, "w");

	if (text == NULL)
		return false;
	if (reload->pool[0] == '\0' ? !settings_write(settings, text) :
	    !settings_write_with(now, settings, reload->pool, text))
		return false;
	return fflush(text) == 0;
}

/* Looking up users may take its time, and the manager waits for nobody. */
static void
read_configuration(struct reload *reload)
{
	struct reader reader = { fdopen(reload->said, "w") };
	struct settings_report report = { say_mistake, &reader, 0, 0 };
	struct settings *settings;

	if (reader.said == NULL)
		_exit(EXIT_FAILURE);
	settings = settings_read(reload->manager->config, SETTINGS_CHECK, &report);
	if (settings != NULL && reload->pool[0] != '\0' &&
	    settings_find_pool(settings, reload->pool) == SETTINGS_NONE &&
	    settings_find_pool(reload->manager->settings, reload->pool) == SETTINGS_NONE) {
		fprintf(reader.said, "error: there is no pool %s\n", reload->pool);
		settings = NULL;
	}
	if (settings != NULL && !write_result(reload, settings)) {
		fprintf(reader.said, "error: the configuration can't be written: %s\n",
		    strerror(errno));
		settings = NULL;
	}
	fflush(reader.said);
	_exit(settings != NULL ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- who asks */

static void
tell_line(struct reload *reload, const char *kind, const char *text)
{
	struct record_writer writer = { &reload->answer, true };
	size_t len = reload->answer.len;

	record_begin(&writer, kind);
	if (text != NULL)
		record_text(&writer, "text", text);
	if (!record_end(&writer))
		reload->answer.len = len;
}

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
		log_error("the configuration was not taken: %s", error);
	tell_line(reload, error != NULL ? "error" : "ok", error);
	manager->reload = NULL;
	for (i = 0; i < reload->asker_count; i++)
		if (!reload->askers[i].waits && reload->askers[i].done != NULL)
			reload->askers[i].done(reload->askers[i].who, &reload->answer);
	notify_ready(manager);
	if (manager->phase == MANAGER_RUNNING)
		begin_next(manager, reload);
	reload_free(reload);
	memory_give_back();
}

/* ---- what the child wrote */

static void
take_mistakes(struct reload *reload)
{
	char *bytes = calloc(1, SAID_MAX + 1), *line, *end;
	ssize_t len = bytes != NULL ? pread(reload->said, bytes, SAID_MAX, 0) : -1;

	for (line = bytes; len > 0 && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		log_line(strstr(line, "warning: ") != NULL ? LEVEL_WARNING : LEVEL_ERROR, "%s",
		    line);
		tell_line(reload, "said", line);
	}
	free(bytes);
}

static void
say_broken(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	if (error)
		log_error("the configuration as it was read, line %u: %s", place->line, text);
}

static struct settings *
take_settings(struct reload *reload)
{
	struct settings_report report = { say_broken, NULL, 0, 0 };

	return settings_read_fd(reload->text, &report);
}

/* ---- the plan */

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

static bool
is_same(const struct pool *pool, const struct settings *next, uint32_t at)
{
	const struct settings *now = pool->configuration->settings;

	return next->pools[at].tuning.max_processors <= pool->slot_count &&
	    settings_same_pool(now, (uint32_t)(pool->settings - now->pools), next, at);
}

/* The present pools by name; values are rows. */
static struct map *
map_pools(const struct manager *manager)
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
	struct map *map = map_pools(manager);
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

static void
undo(struct reload *reload)
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

static void
give_up(struct reload *reload, const char *why)
{
	undo(reload);
	finish(reload, why);
}

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

static bool
plan(struct reload *reload, struct fault *fault)
{
	struct manager *manager = reload->manager;
	struct settings *next = take_settings(reload);
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

/* ---- in force */

static void
name_pool(struct reload *reload, const char *what, const char *name, unsigned *count)
{
	char text[POOL_NAME + 64];

	if (++*count > LIST_MAX)
		return;
	snprintf(text, sizeof text, "pool %s %s", name, what);
	tell_line(reload, "said", text);
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
	reload->others = multiplexers_differ(manager->settings, next);
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
	struct map *map = map_pools(manager);
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
	if (!multiplexers_tables(manager, &fault))
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

	drain_former(manager);
	listening_close_unwanted(manager);
	snprintf(text, sizeof text, "configuration %u is in force after %llu ms: %u pools changed, "
	    "%u new, %u removed, %u as they were%s", (unsigned)manager->settings->generation,
	    (unsigned long long)(clock_ms() - reload->started), reload->changed, reload->added,
	    reload->removed, manager->settings->pool_count - reload->changed - reload->added,
	    reload->others ? "; the multiplexers are new" : "");
	log_notice("%s", text);
	tell_line(reload, "said", text);
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
		if (manager->slots[i].state == SLOT_STARTING)
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
		if (multiplexers_have_tables(manager))
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
	tell_line(reload, "said", "the configuration is in force, but the former multiplexers go on");
	finish(reload, why);
}

static void
on_read(int fd, short what, void *context)
{
	struct reload *reload = context;
	struct fault fault;
	int status;

	(void)fd;
	(void)what;
	if (!child_bury(&reload->child, &status))
		return;
	event_free(reload->ended);
	reload->ended = NULL;
	take_mistakes(reload);
	if (reload->manager->phase != MANAGER_RUNNING) {
		finish(reload, "peruserd is stopping");
		return;
	}
	if (status != 0) {
		finish(reload, "it has mistakes; the former one goes on");
		return;
	}
	if (!plan(reload, &fault)) {
		give_up(reload, fault.text);
		return;
	}
	reload->phase = RELOAD_LOADING;
	start_changed(reload);
	reload_look(reload->manager);
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
		read_configuration(reload);
		_exit(EXIT_FAILURE);
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

bool
reload_ask(struct manager *manager, const char *pool, size_t len, reload_done *done, void *who)
{
	struct reload *reload = manager->reload;

	if (reload != NULL)
		return add_asker(reload, pool, pool != NULL ? len : 0, done, who);
	reload = calloc(1, sizeof *reload);
	if (reload == NULL)
		return false;
	reload->manager = manager;
	reload->child = (struct child)CHILD_NONE;
	reload->text = reload->said = -1;
	reload->answer.max = ANSWER_MAX;
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
