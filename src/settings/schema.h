/*
 * The table of all settings.  The reader, -t, -T, a child's slice and the
 * manual page's list are loops over it: a setting that isn't here doesn't exist.
 */
#ifndef PERUSERD_SETTINGS_SCHEMA_H
#define PERUSERD_SETTINGS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_kind {
	KIND_BOOL,              /* bool */
	KIND_NUMBER,            /* uint64_t */
	KIND_INT,               /* int */
	KIND_SIZE,              /* uint64_t, bytes */
	KIND_TIME,              /* uint64_t, milliseconds */
	KIND_SECONDS,           /* uint64_t, seconds; written as a time */
	KIND_MODE,              /* mode_t, written in octal */
	KIND_WORD,              /* an enum whose names are `words` */
	KIND_TEXT,              /* char * */
	KIND_PATH,              /* char *, absolute */
	KIND_LIST,              /* struct string_list */
	KIND_POOL,              /* uint32_t, the index of the pool of that name */
	KIND_GROUP,             /* { ... }, of group `of` */
	KIND_GROUPS,            /* ( { ... }, ... ), of group `of` */
	KIND_INCLUDE            /* like KIND_LIST; the reader follows it, nothing is stored */
};

/* Where a setting may stand, and who need not know it. */
enum settings_where {
	IN_GLOBAL      = 1 << 0,
	IN_LISTEN      = 1 << 1,
	IN_CONTROL     = 1 << 2,
	IN_MULTIPLEXER = 1 << 3,
	IN_PROCESSOR   = 1 << 4,
	IN_LIMITS      = 1 << 5,
	IN_VHOST       = 1 << 6,
	IN_HANDLER     = 1 << 7,
	ONLY_SLICE     = 1 << 8,        /* written by the manager for a child, never by an admin */
	NOT_POOL       = 1 << 9,        /* left out of a pool's slice */
	NOT_MUX        = 1 << 10,       /* left out of a multiplexer's slice */
	ONLY_UNIX      = 1 << 11,       /* for unix sockets */
	IS_POOLS       = 1 << 12        /* tuning that belongs to a pool as a whole */
};

enum settings_group_id {
	GROUP_GLOBAL, GROUP_LISTEN, GROUP_CONTROL, GROUP_MULTIPLEXER, GROUP_PROCESSOR,
	GROUP_LIMITS, GROUP_VHOST, GROUP_HANDLER, GROUP_COUNT,
	GROUP_NONE = GROUP_COUNT
};

struct settings_row {
	const char *name;
	enum settings_kind kind;
	unsigned where;                 /* enum settings_where */
	size_t offset;                  /* in its group's struct, or in struct tuning */
	uint64_t least, most;           /* numbers, sizes, times: in the unit that is stored;
	                                   texts: least is the shortest length */
	const char *fallback;           /* as one would write it; NULL: none.  @runstatedir@,
	                                   @localstatedir@ stand for what configure was told */
	const char *help;               /* one sentence */
	const char *const *words;       /* KIND_WORD, ended by NULL */
	enum settings_group_id of;      /* KIND_GROUP, KIND_GROUPS */
	const char *peruser, *php_fpm;  /* what answers to it there, "A, B"; NULL */
};

struct settings_group {
	const char *name;               /* "vhosts": where its entries stand */
	const char *entry;              /* "a vhost": for messages */
	unsigned scope;                 /* the IN_ bit */
	size_t size;                    /* of its struct */
	const struct settings_row *rows;
	size_t count;
};

const struct settings_group *schema_group(enum settings_group_id id);

/* What may stand globally, per processor entry and per vhost; offsets in struct tuning. */
#define TUNING_ROWS 22
extern const struct settings_row schema_tuning[TUNING_ROWS];

/*
 * The row of that name in that group; its own rows first, then the tuning's
 * where the group takes them (*tuned is then its index, else -1).  NULL: none.
 */
const struct settings_row *schema_find(const struct settings_group *group, const char *name,
    int *tuned);

/*
 * The row of that group that a name of Peruser's, in any case, stands for; NULL:
 * none.  php-fpm's names are not looked for: libconfig takes no dots in names.
 */
const struct settings_row *schema_find_peer(const struct settings_group *group,
    const char *name);

/*
 * What the configuration can already say and this version can't do: `text`
 * says so, and what to write instead.  NULL where the word is served.
 */
const char *schema_unserved(const char *setting, const char *word);

#endif
