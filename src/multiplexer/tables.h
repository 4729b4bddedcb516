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

#include "settings/hosts.h"
#include "settings/settings.h"

struct access_format;

struct tables {
	uint32_t refs;
	struct settings *settings;
	struct hosts *hosts;
	struct access_format **formats; /* distinct ones; owned */
	size_t format_count;
	struct access_format **format_of;       /* by vhost; NULL where there is no log */
	uint32_t *pool_of;              /* by row on the board; index into settings.pools */
	uint32_t row_count;             /* rows beyond it have no pool here */
};

/*
 * Read a slice of the configuration; settings_fd is taken and closed.  The
 * caller holds the tables.  NULL: the reason was logged.
 */
struct tables *tables_new(int settings_fd);

/* Hold on to them; let go of them, the last one frees them. */
struct tables *tables_hold(struct tables *tables);
void tables_drop(struct tables **tables);

/* The row on the board of that pool, by its index into settings.pools. */
static inline uint32_t
tables_row(const struct tables *tables, uint32_t pool)
{
	return (uint32_t)tables->settings->pools[pool].row;
}

/* Which pool has that row, or SETTINGS_NONE. */
static inline uint32_t
tables_pool(const struct tables *tables, uint32_t row)
{
	return row < tables->row_count ? tables->pool_of[row] : SETTINGS_NONE;
}

#endif
