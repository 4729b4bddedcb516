/*
 * What the configuration says, in one generation of it: the settings, the host
 * names, the formats of access logs.  Constant once made.  A reload gives the
 * multiplexer new tables; a request that began under older ones holds on to
 * those until it is done, so an index into them stays good.
 */
#ifndef PERUSERD_MULTIPLEXER_TABLES_H
#define PERUSERD_MULTIPLEXER_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "settings/hosts.h"
#include "settings/settings.h"

struct access_format;

struct tables {
	TAILQ_ENTRY(tables) link;
	struct tables_list *all;        /* that it is on, until it is freed */
	uint32_t refs;
	uint32_t plain_refs;            /* of those: by who knows no number out of them */
	uint32_t generation;
	struct settings *settings;
	struct hosts *hosts;
	struct access_format **formats; /* distinct ones; owned */
	size_t format_count;
	struct access_format **format_of;       /* by vhost; NULL where there is no log */
	uint32_t *pool_of;              /* by row on the board; index into settings.pools */
	uint32_t row_count;             /* rows beyond it have no pool here */
};

TAILQ_HEAD(tables_list, tables);       /* the eldest first */

/*
 * Read a slice of the configuration; settings_fd is taken and closed.  The
 * caller holds the tables, which join the list.  NULL: the reason was logged.
 */
struct tables *tables_new(struct tables_list *all, int settings_fd);

/* Hold on to them; let go of them, the last one frees them. */
struct tables *tables_hold(struct tables *tables);
void tables_drop(struct tables **tables);

/* The row on the board of that pool, by its index into settings.pools. */
static inline uint32_t
tables_row(const struct tables *tables, uint32_t pool)
{
	return (uint32_t)tables->settings->pools[pool].row;
}

/*
 * The same site in newer tables, where its pool is as it was (it has its row
 * yet, so its sites are the same, in their order); else SETTINGS_NONE.
 */
uint32_t tables_follow(const struct tables *tables, uint32_t vhost, const struct tables *newer);

/* Which pool has that row, or SETTINGS_NONE. */
static inline uint32_t
tables_pool(const struct tables *tables, uint32_t row)
{
	return row < tables->row_count ? tables->pool_of[row] : SETTINGS_NONE;
}

#endif
