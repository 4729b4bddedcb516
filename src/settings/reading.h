/*
 * What the parts of the reader share while one configuration is read: the
 * settings in the making, the files with their libconfig trees, and the way to
 * say what is wrong, with its place.  Private to src/settings.
 */
#ifndef PERUSERD_SETTINGS_READING_H
#define PERUSERD_SETTINGS_READING_H

#include <libconfig.h>

#include "settings/arena.h"
#include "settings/map.h"
#include "settings/schema.h"
#include "settings/settings.h"

/* libconfig names an included file as it was written, since 1.7 as it was opened. */
#define INCLUDED_BESIDE (LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR < 7)

/* One file that peruserd itself opened, or one text. */
struct source {
	struct source *next;
	config_t config;
	const char *name;               /* as messages call it */
	struct place from;              /* what included it; file NULL: nothing did */
};

#define TOP_MOST     64
#define MISREAD_MOST 32

/* Entries of one list of groups, over all files. */
struct nodes {
	config_setting_t **at;
	size_t count, size;
};

/* What a processors or vhosts entry said itself, before anything is overlaid. */
struct entry {
	const config_setting_t *node;
	struct tuning tuning;           /* its own; once it is settled, what holds for it */
	uint32_t tuned;                 /* a bit for each row of schema_tuning that it sets */
	bool failed;                    /* something is wrong with it: check no further */
};

struct reading {
	struct settings *settings;
	struct arena *arena;            /* the settings' */
	struct arena *scratch;          /* for what nobody needs once they are read */
	struct settings_report *report;
	enum settings_purpose purpose;
	struct source *sources;         /* in the order they were read */
	struct source **sources_end;
	unsigned depth;                 /* of includes */
	bool incomplete;                /* a file could not be parsed; more may be there */
	struct place misread[MISREAD_MOST];     /* lines that the scan complained of */
	size_t misread_count;
	const config_setting_t *top[TOP_MOST];  /* where global rows, then tuning rows, stand */
	struct nodes listens, multiplexers, processors, vhosts;
	struct entry *pools_said;       /* beside settings.pools */
	struct entry *vhosts_said;      /* beside settings.vhosts */
	struct map *pool_names;
	const char *last_file;          /* libconfig's name, and ours for it */
	const char *last_name;
	void *defaults[GROUP_COUNT];    /* see group_defaults */
};

/* ---- read.c */

void reading_begin(struct reading *reading, enum settings_purpose purpose,
    struct settings_report *report);

/* ---- say.c */

struct place place_of(struct reading *reading, const config_setting_t *setting);

/* Where that member of the entry stands, or the entry itself where it has none. */
struct place place_in(struct reading *reading, const config_setting_t *entry, const char *member);

void say_error(struct reading *reading, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void say_warning(struct reading *reading, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Text from the configuration as it may stand in a message: escaped, not endless. */
const char *say_text(struct reading *reading, const char *text);

/* ---- scan.c */

/*
 * Look through the text for what libconfig would misread or explain badly:
 * numbers that don't fit, leading zeros, bare words, commas after the last
 * item, strings without end; in files that it includes too.  Returns false
 * where it said something.
 */
bool scan_text(struct reading *reading, const char *name, const char *text, size_t len);

/* ---- source.c */

/* Read the file, and what it includes, into reading->sources. */
bool source_read(struct reading *reading, const char *path, const struct place *from);
bool source_text(struct reading *reading, const char *name, const char *text, size_t len);
void sources_free(struct reading *reading);

/* A file's bytes, terminated, to be freed; NULL with errno. */
char *source_bytes(const char *path, size_t *len);
char *source_fd_bytes(int fd, size_t *len);

/* The path as seen from the directory of that file; in the arena. */
const char *source_beside(struct reading *reading, const char *file, const char *path);

/* ---- value.c */

/* Store the setting's value in *field as the row says; false where it said why not. */
bool value_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field);

/* What to write instead of a wrong value, to follow "; ". */
const char *value_advice(struct reading *reading, const struct settings_row *row);

/* ---- group.c */

/*
 * Read the members of an entry into *base, those of the tuning into *tuning,
 * with a bit in *tuned for each.  tuning is NULL for groups that take none.
 */
void group_read(struct reading *reading, const struct settings_group *group,
    const config_setting_t *entry, void *base, struct tuning *tuning, uint32_t *tuned);

/* Say that this name is unknown there, and what may have been meant. */
void group_unknown(struct reading *reading, const struct settings_group *group,
    const config_setting_t *setting);

/*
 * A struct of that group with all its defaults, made once for each reading.
 * GROUP_LIMITS stands within GROUP_PROCESSOR's, GROUP_CONTROL within GROUP_GLOBAL's.
 */
const void *group_defaults(struct reading *reading, enum settings_group_id id);

/* ---- tuning.c */

/*
 * Pools from the global tuning, their entries and their vhosts; vhosts from their
 * pools.  All that come to the same share one struct, for thousands do.
 */
void tuning_settle(struct reading *reading);
void tuning_copy(struct tuning *to, const struct tuning *from, size_t row);
bool tuning_same(const struct tuning *a, const struct tuning *b, size_t row);

/*
 * ---- check.c, check_listen.c, check_handoff.c, check_vhosts.c, check_disk.c,
 * check_folders.c, names.c
 */

void check_all(struct reading *reading);
void check_listen(struct reading *reading);

/*
 * The address in a form in which equal ones are equal text, NULL where it is
 * malformed.  *why then says in what.
 */
const char *address_tidy(struct reading *reading, const char *address, const char **why);

void check_vhosts(struct reading *reading);
void check_pairs(struct reading *reading, const config_setting_t *entry, const char *setting,
    const struct string_list *list, bool flags);
void check_folders(struct reading *reading, const config_setting_t *entry, const char *setting,
    const struct string_list *list, const char *chroot);
void check_handoff(struct reading *reading, const struct pool_settings *pool,
    const config_setting_t *node);
void check_fastcgi_handlers(struct reading *reading, uint32_t vhost);
void check_connect_disk(struct reading *reading, uint32_t pool);
void check_disk(struct reading *reading);
void check_own_folders(struct reading *reading);
void check_log(struct reading *reading, const config_setting_t *node, const char *setting,
    const char *path);

/* Where a global setting stands, or NULL where it is as by default. */
const config_setting_t *reading_top(const struct reading *reading, const char *name);

/* Words for why a path is no such thing (S_IFDIR, S_IFREG; 0: anything), or NULL where it is one. */
const char *check_missing(const char *path, mode_t kind);

/* -t by somebody who may not look everywhere: that isn't the configuration's mistake. */
bool check_hidden(struct reading *reading, struct place place, const char *path);
void names_resolve(struct reading *reading);
void identities_take(struct reading *reading);

/*
 * Something is wrong with one pool or vhost alone: an error, but at a start it
 * is disabled instead, with a warning.
 */
void pool_wrong(struct reading *reading, uint32_t pool, struct place place,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void vhost_wrong(struct reading *reading, uint32_t vhost, struct place place,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
