/*
 * A pool: cold, starting, ready, or failed with a reason and a pause.  What it
 * is follows from its zygotes: one serves; one may load beside it and takes over
 * when it has; former ones finish what their processors run, and go.  A slot
 * belongs to one zygote from its fork to its end.
 */
#ifndef PERUSERD_MANAGER_POOL_H
#define PERUSERD_MANAGER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <peruserd/board.h>

#include "manager/dial.h"
#include "manager/configuration.h"
#include "manager/zygote.h"
#include "settings/settings.h"

struct manager;

struct pool {
	struct manager *manager;
	struct configuration *configuration;    /* that it runs by; held */
	const struct pool_settings *settings;   /* in that */
	uint32_t index;                 /* its row on the board */
	uint32_t retired;               /* the first generation without it; 0: it is configured */
	uint32_t slot_first, slot_count;
	struct dials dials;             /* handoff = "fastcgi" with connect: its servers */
	enum pool_state state;          /* what follows from the rest */
	struct zygote *serving;         /* told to fork; NULL: none */
	struct zygote *loading;         /* serves once it has loaded; NULL: none */
	struct zygote_list zygotes;     /* all that live, those that leave too */
	uint32_t generation;            /* of the last zygote */
	bool failed;                    /* can't start; is tried again at retry_at */
	bool drained;                   /* takes no requests: an operator's wish */
	bool removed;                   /* takes no requests, for good */
	bool roll_again;                /* once a former zygote has gone */
	uint32_t fresh;                 /* its zygote has just loaded: so many are to begin */
	uint64_t requests_seen;         /* on the board, at the last look */
	uint64_t used_at;               /* ms: of the last request seen; 0: none yet */
	uint64_t rested_at;             /* ms: since when it has no processor; 0: it has some */
	uint64_t pause, retry_at;       /* ms: the back-off of a failing zygote */
	uint64_t fork_pause, fork_at;   /* ms: that of failing processors */
	uint64_t crashed_at;            /* ms, of the last crash; 0: none */
	uint64_t crash_pause, roll_at;  /* ms: crashes roll it again no sooner */
	uint64_t crashes;               /* processors that a signal ended unasked */
	uint64_t recycled;              /* that left by themselves after what they served */
	uint64_t cpu_gone, cpu_ms;      /* used by zygotes that have ended; by all, as last told */
	char *reason;                   /* why it failed; owned; NULL */
	char *fork_reason;              /* why none is forked now; owned; NULL */
	char *roll_reason;              /* why it was not rolled; owned; NULL */
};

/* The configuration's pool `at`, in that row, whose slots the board has. */
struct pool *pool_new(struct manager *manager, struct configuration *configuration, uint32_t at,
    uint32_t row);

/* It runs by that configuration from now on: nothing that its processors know has changed. */
void pool_follow(struct pool *pool, struct configuration *configuration, uint32_t at);
void pool_free(struct pool **pool);

/* All that its predecessor had is in it: its state follows from that. */
void pool_adopted(struct pool *pool);

/* The one of that name that is configured, or NULL. */
struct pool *pool_by_name(const struct manager *manager, const char *name, size_t len);

/* A pool of servers: ready at once, its slots may be leased. */
bool pool_connect(struct pool *pool);

/* Start its zygote, where it has none.  On failure the pool is failed and says why. */
void pool_start(struct pool *pool);

/*
 * Begin anew, with a new zygote: when that has loaded it takes over, and the
 * former one's processors finish what they run within graceful_timeout.  Where
 * it fails to load the former one stays.  A cold pool has nothing to roll; a
 * failed one is tried at once.
 */
void pool_roll(struct pool *pool, const char *why);

/*
 * Take no more requests (they get 503), serve those that wait, finish what
 * runs, then let the zygote go.  Resume: as it was before, cold.
 */
void pool_drain(struct pool *pool);
void pool_resume(struct pool *pool);

/* The same for good; pool_is_gone() once nothing of it runs. */
void pool_remove(struct pool *pool);
bool pool_is_gone(const struct pool *pool);

/* It has no processor and needs no zygote: cold. */
void pool_sleep(struct pool *pool);

/* From its zygotes.  The one that has ended is freed. */
void pool_zygote_loaded(struct pool *pool, struct zygote *zygote);
void pool_zygote_ended(struct pool *pool, struct zygote *zygote);

/* A processor could not be forked, died before it served, or broke the protocol: pause. */
void pool_processor_failed(struct pool *pool, const char *how, int error);

/*
 * One ended by that signal, which nobody sent for us.  Two of a kind that spoilt
 * memory shared with the others (PHP's opcode cache) may cause: begin anew.
 */
void pool_processor_crashed(struct pool *pool, int signal);

/* So many requests wait in it: drained with none left to serve, its zygote goes. */
void pool_look(struct pool *pool, uint32_t queued);

/* Deadlines: its zygotes', the pause's, its slots'. */
void pool_tick(struct pool *pool, uint64_t now);

/* Tell the multiplexer that reads this pool's standard error. */
void pool_send_logs(struct pool *pool, struct channel *channel);

#endif
