/*
 * Settings as text: what -T and the two slices share.  Private to src/settings.
 */
#ifndef PERUSERD_SETTINGS_DUMP_H
#define PERUSERD_SETTINGS_DUMP_H

#include "settings/reading.h"

struct dump {
	FILE *out;
	struct reading defaults;        /* a reading of nothing, for the groups' defaults */
	unsigned hidden;                /* rows with one of these bits are left out */
	bool terse;                     /* leave out what is as it is by default */
};

void dump_begin(struct dump *dump, FILE *out, unsigned hidden, bool terse);

/* False where something could not be written. */
bool dump_end(struct dump *dump);

/* Everything but the hidden rows, from begin to end; false as dump_end(). */
bool dump_all(const struct settings *settings, FILE *out, unsigned hidden, bool terse);

void dump_global(struct dump *dump, const struct settings *settings);
void dump_listens(struct dump *dump, const struct settings *settings);
void dump_multiplexers(struct dump *dump, const struct settings *settings);

/* One entry of a list, between dump_list("processors") and dump_list_end. */
void dump_list(struct dump *dump, const char *name);
void dump_list_end(struct dump *dump);
void dump_pool(struct dump *dump, const struct settings *settings,
    const struct pool_settings *pool, bool last);
void dump_vhost(struct dump *dump, const struct settings *settings,
    const struct vhost_settings *vhost, const struct pool_settings *pool, bool last);

#endif
