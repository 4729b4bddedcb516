#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"

#define CRASHES_APART_MS 60000  /* two within that time belong together */
#define FORMER_MAX 4            /* zygotes that leave at once; one more roll waits for that */

/* ---- what it is */

static void
set_text(char **where, const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	free(*where);
	*where = copy;
}

/* After any change: its state, for us and for the multiplexers. */
static void
settle(struct pool *pool)
{
	pool->state = pool->serving != NULL || pool->dials.count > 0 ? POOL_READY :
	    pool->loading != NULL ? POOL_STARTING :
	    pool->failed ? POOL_FAILED : POOL_COLD;
	atomic_store(&pool->manager->pool_rows[pool->index].state,
	    pool->drained || pool->removed ? POOL_DRAINED : pool->state);
}

void
pool_adopted(struct pool *pool)
{
	settle(pool);
}

struct pool *
pool_new(struct manager *manager, struct configuration *configuration, uint32_t at, uint32_t row)
{
	struct pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	pool->manager = manager;
	pool->index = row;
	pool->slot_first = manager->pool_rows[row].slot_first;
	pool->slot_count = manager->pool_rows[row].slot_count;
	TAILQ_INIT(&pool->zygotes);
	pool_follow(pool, configuration, at);
	return pool;
}

void
pool_follow(struct pool *pool, struct configuration *configuration, uint32_t at)
{
	bool was_disabled = pool->settings != NULL && pool->settings->disabled != NULL;

	configuration_hold(configuration);
	configuration_drop(&pool->configuration);
	pool->configuration = configuration;
	pool->settings = &configuration->settings->pools[at];
	/* They stand in the settings. */
	if (pool->dials.count > 0) {
		dials_end(&pool->dials);
		dials_begin(&pool->dials, &pool->settings->connect);
	}
	if (pool->settings->disabled != NULL || was_disabled) {
		pool->failed = pool->settings->disabled != NULL;
		set_text(&pool->reason, pool->settings->disabled);
	}
	settle(pool);
}

void
pool_free(struct pool **where)
{
	struct pool *pool = *where;
	struct zygote *zygote;

	if (pool == NULL)
		return;
	while ((zygote = TAILQ_FIRST(&pool->zygotes)) != NULL)
		zygote_free(&zygote);
	dials_end(&pool->dials);
	free(pool->reason);
	free(pool->roll_reason);
	free(pool->fork_reason);
	configuration_drop(&pool->configuration);
	free(pool);
	*where = NULL;
}

struct pool *
pool_by_name(const struct manager *manager, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && manager->pools[i]->retired == 0 &&
		    str_is(name, len, manager->pools[i]->settings->name))
			return manager->pools[i];
	return NULL;
}

/* ---- failing */

/*
 * A pool whose zygote did not load can't start: its requests get 503 until it
 * is tried again, and so is one that broke the protocol.  Any other one that
 * had loaded is begun anew, the first time at once, and its requests wait for
 * that.
 */
static void
fail(struct pool *pool, const char *reason, bool loaded, uint64_t lived)
{
	const struct settings *settings = pool->manager->settings;
	uint64_t now = clock_ms();

	pool->retry_at = now;
	if (!loaded || (pool->pause != 0 && lived <= settings->restart_delay_max))
		pool->retry_at += scale_pause(pool->pause, lived, settings->restart_delay,
		    settings->restart_delay_max);
	pool->pause = scale_pause(pool->pause, lived, settings->restart_delay,
	    settings->restart_delay_max);
	pool->failed = !loaded;
	set_text(&pool->reason, reason);
	settle(pool);
	log_error("pool %s %s: %s; it may start again in %llu ms", pool->settings->name,
	    loaded ? "has ended" : "has failed", reason != NULL ? reason : "no reason known",
	    (unsigned long long)(pool->retry_at - now));
	multiplexers_ring_all(pool->manager);
	demand_look_soon(pool->manager);
}

void
pool_processor_failed(struct pool *pool, const char *how, int error)
{
	const struct settings *settings = pool->manager->settings;
	uint64_t now = clock_ms();
	char text[160];

	/* One failure of a burst is enough. */
	if (pool->fork_at > now)
		return;
	pool->fork_pause = scale_pause(pool->fork_pause,
	    pool->fork_at == 0 ? 0 : now - pool->fork_at, settings->restart_delay,
	    settings->restart_delay_max);
	pool->fork_at = now + pool->fork_pause;
	snprintf(text, sizeof text, "a processor %s%s%s", how, error != 0 ? ": " : "",
	    error != 0 ? strerror(error) : "");
	set_text(&pool->fork_reason, text);
	log_error("pool %s: %s; none is forked for %llu ms", pool->settings->name, text,
	    (unsigned long long)pool->fork_pause);
}

/* ---- starting */

bool
pool_connect(struct pool *pool)
{
	if (pool->settings->disabled != NULL)
		return true;
	if (!slot_channels_open(pool))
		return false;
	settle(pool);
	return true;
}

void
pool_start(struct pool *pool)
{
	struct fault fault;

	if (pool->serving != NULL || pool->loading != NULL)
		return;
	pool->failed = false;
	pool->rested_at = clock_ms();
	pool->loading = zygote_new(pool, &fault);
	if (pool->loading == NULL)
		fail(pool, fault.text, false, 0);
	else
		settle(pool);
}

void
pool_zygote_loaded(struct pool *pool, struct zygote *zygote)
{
	struct zygote *former = pool->serving;

	if (zygote != pool->loading)
		return;
	zygote->state = ZYGOTE_SERVING;
	zygote->loaded = true;
	zygote->deadline = 0;
	pool->serving = zygote;
	pool->loading = NULL;
	pool->fork_pause = pool->fork_at = pool->rested_at = 0;
	pool->fresh = (uint32_t)pool->settings->tuning->start_processors;
	if (former != NULL && former->slots > pool->fresh)
		pool->fresh = former->slots;
	set_text(&pool->reason, NULL);
	set_text(&pool->roll_reason, NULL);
	set_text(&pool->fork_reason, NULL);
	settle(pool);
	log_info("pool %s is ready: zygote %d", pool->settings->name, (int)zygote->child.pid);
	if (former != NULL) {
		log_notice("pool %s: zygote %d has taken the place of %d", pool->settings->name,
		    (int)zygote->child.pid, (int)former->child.pid);
		zygote_leave(former);
	}
	demand_look_soon(pool->manager);
	reload_look(pool->manager);
}

/* ---- rolling */

static unsigned
former_count(const struct pool *pool)
{
	const struct zygote *zygote;
	unsigned count = 0;

	TAILQ_FOREACH(zygote, &pool->zygotes, link)
		count += zygote != pool->serving && zygote != pool->loading;
	return count;
}

static void
not_rolled(struct pool *pool, const char *reason)
{
	set_text(&pool->roll_reason, reason);
	log_error("pool %s: its new zygote failed: %s; the former one goes on",
	    pool->settings->name, reason);
}

void
pool_roll(struct pool *pool, const char *why)
{
	bool runs = pool->serving != NULL || pool->loading != NULL;
	struct fault fault;

	if (pool->settings->disabled != NULL || pool->drained || pool->removed ||
	    (!runs && !pool->failed))
		return;
	log_notice("pool %s begins anew: %s", pool->settings->name, why);
	if (!runs) {
		pool->pause = 0;
		pool_start(pool);
		return;
	}
	pool->roll_again = former_count(pool) >= FORMER_MAX;
	if (pool->roll_again)
		return;
	/* One that still loads may load what has changed since. */
	if (pool->loading != NULL)
		zygote_leave(pool->loading);
	pool->loading = zygote_new(pool, &fault);
	if (pool->loading == NULL && pool->serving == NULL)
		fail(pool, fault.text, false, 0);
	else if (pool->loading == NULL)
		not_rolled(pool, fault.text);
	settle(pool);
}

void
pool_processor_crashed(struct pool *pool, int signal)
{
	const struct settings *settings = pool->manager->settings;
	uint64_t now = clock_ms(), before = pool->crashed_at;

	pool->crashes++;
	if (signal != SIGSEGV && signal != SIGBUS && signal != SIGILL && signal != SIGABRT)
		return;
	pool->crashed_at = now;
	if (before == 0 || now - before > CRASHES_APART_MS || now < pool->roll_at)
		return;
	pool->crash_pause = scale_pause(pool->crash_pause, now - pool->roll_at,
	    settings->restart_delay, settings->restart_delay_max);
	pool->roll_at = now + pool->crash_pause;
	pool_roll(pool, "two of its processors crashed, which a spoilt opcode cache may cause");
}

/* ---- ending */

void
pool_zygote_ended(struct pool *pool, struct zygote *zygote)
{
	bool served = zygote == pool->serving, loaded = served && !zygote->spoilt;
	bool own = served || zygote == pool->loading;
	char *reason = zygote->reason;
	uint64_t lived = clock_ms() - zygote->started;

	zygote->reason = NULL;
	if (served)
		pool->serving = NULL;
	if (zygote == pool->loading)
		pool->loading = NULL;
	zygote_free(&zygote);
	settle(pool);
	if (pool->manager->phase == MANAGER_ENDING)
		manager_zygote_gone(pool->manager);
	else if (own && pool->serving != NULL)
		not_rolled(pool, reason != NULL ? reason : "no reason known");
	else if (own && pool->loading == NULL)
		fail(pool, reason, loaded, lived);
	else if (own)
		log_error("pool %s: %s; its new one loads already", pool->settings->name,
		    reason != NULL ? reason : "its zygote has ended");
	else if (pool->roll_again)
		pool_roll(pool, "as it was told before");
	free(reason);
	reload_look(pool->manager);
}

/* ---- drained */

void
pool_drain(struct pool *pool)
{
	if (pool->drained)
		return;
	pool->drained = true;
	pool->roll_again = false;
	log_notice("pool %s takes no more requests", pool->settings->name);
	settle(pool);
	demand_look_soon(pool->manager);
}

void
pool_resume(struct pool *pool)
{
	if (!pool->drained)
		return;
	pool->drained = false;
	log_notice("pool %s takes requests again", pool->settings->name);
	settle(pool);
	demand_look_soon(pool->manager);
}

void
pool_remove(struct pool *pool)
{
	pool->removed = true;
	pool->roll_again = false;
	settle(pool);
	demand_look_soon(pool->manager);
}

bool
pool_is_gone(const struct pool *pool)
{
	uint32_t i;

	if (!pool->removed || !TAILQ_EMPTY(&pool->zygotes))
		return false;
	/* Its servers' slots are as good as gone once nobody uses them. */
	for (i = pool->slot_first; pool->dials.count > 0 &&
	    i < pool->slot_first + pool->slot_count; i++)
		if (slot_board_state(pool->manager, i, NULL, NULL) == SLOT_LEASED)
			return false;
	return true;
}

void
pool_look(struct pool *pool, uint32_t queued)
{
	uint32_t i;

	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		slot_look(pool->manager, i);
	if ((pool->drained || pool->removed) && queued == 0)
		pool_sleep(pool);
}

void
pool_sleep(struct pool *pool)
{
	if (pool->loading != NULL)
		zygote_leave(pool->loading);
	if (pool->serving != NULL)
		zygote_leave(pool->serving);
	pool->loading = pool->serving = NULL;
	settle(pool);
}

/* ---- time */

void
pool_tick(struct pool *pool, uint64_t now)
{
	struct zygote *zygote, *next;
	uint32_t i;

	if (pool->failed && pool->settings->disabled == NULL && now >= pool->retry_at) {
		pool->failed = false;
		settle(pool);
		demand_look_soon(pool->manager);
	}
	if (TAILQ_EMPTY(&pool->zygotes))
		return;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		slot_tick(pool->manager, i, now);
	for (zygote = TAILQ_FIRST(&pool->zygotes); zygote != NULL; zygote = next) {
		next = TAILQ_NEXT(zygote, link);
		zygote_tick(zygote, now);
	}
}

void
pool_send_logs(struct pool *pool, struct channel *channel)
{
	struct zygote *zygote;

	TAILQ_FOREACH(zygote, &pool->zygotes, link)
		zygote_send_log(zygote, channel);
}
