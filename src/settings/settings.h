/*
 * The configuration, as the three programs use it.  Read from libconfig text
 * by read.c over the tables of schema.c, cross-checked by check.c, cut into a
 * child's slice by slice.c, written as text by dump.c.  Times are milliseconds,
 * sizes bytes.  Everything is owned by struct settings and constant once read.
 */
#ifndef PERUSERD_SETTINGS_H
#define PERUSERD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/log.h"
#include "confine/confine.h"

#define SETTINGS_NONE UINT32_MAX        /* an index that names nothing */

/* Where something stands, for messages.  file is owned by the settings. */
struct place {
	const char *file;
	unsigned line;
};

/*
 * What may be set globally, per processor entry and per vhost; the nearest
 * wins.  Pool numbers (the first block) are one pool's: two vhosts of a pool
 * that set one differently are an error.
 */
struct tuning {
	/* the pool's */
	uint64_t min_spare_processors;
	uint64_t max_spare_processors;          /* 0: no bound */
	uint64_t start_processors;
	uint64_t min_processors;
	uint64_t max_processors;
	uint64_t max_requests_per_child;        /* 0: no bound */
	uint64_t idle_timeout;                  /* 0: none goes */
	uint64_t zygote_timeout;                /* from its last processor's end; 0: it stays */
	uint64_t max_memory;                    /* of a processor, bytes; 0: no bound */
	uint64_t queue_length;
	uint64_t start_timeout;                 /* how long a zygote may take to load */
	uint64_t kill_timeout;                  /* from a processor's kill to the namespace's */
	uint64_t graceful_timeout;              /* for a former zygote's requests; 0: no bound */
	/* a request's */
	uint64_t queue_timeout;
	uint64_t expire_timeout;                /* a request may run so long; 0: no bound */
	uint64_t slow_timeout;                  /* one that runs longer is logged as slow; 0: none is */
	uint64_t body_timeout;                  /* between two reads of a body */
	uint64_t send_timeout;                  /* between two writes of an answer */
	uint64_t keep_alive_timeout;
	uint64_t max_body_size;
	bool keep_alive;
	bool stream_body;                       /* hand over before the body has arrived whole */
};

struct string_list {
	char **at;
	size_t count;
};

enum listen_protocol { LISTEN_HTTP, LISTEN_FASTCGI, LISTEN_HANDOFF, LISTEN_STATUS };
enum listen_connections { CONNECTIONS_SHARED, CONNECTIONS_PRIVATE };

struct listen_settings {
	struct place place;
	uint64_t number;                        /* of its socket; the manager says which */
	char *address;                          /* "0.0.0.0:80", "[::]:80", "*:80", "unix:/path" */
	enum listen_protocol protocol;
	enum listen_connections connections;
	struct string_list allowed_clients;     /* networks (base/net.h); empty: see listen rows */
	struct string_list trusted_proxies;     /* whose word of their clients is believed */
	bool proxy_protocol;                    /* each connection begins with a PROXY header */
	uint64_t max_multiplexed;               /* requests at once on one FastCGI connection */
	uint64_t owner_id, group_id;            /* in a slice: of owner and group */
	uint64_t backlog;
	char *owner;                            /* unix sockets; NULL: root */
	char *group;
	mode_t mode;
	struct string_list hosts;               /* status: names it may be asked by */
	bool allow_remote;                      /* status: any address may be listened on */
};

struct multiplexer_settings {
	struct place place;
	char *user;
	char *group;
	char *chroot;                           /* NULL: none */
	uint64_t count;                         /* 0 in the text: one per core; here the number */
	uint64_t max_count;                     /* 0 in the text: count; here the number */
	uint64_t idle_timeout;                  /* ms; 0: none goes */
	char *identity;                         /* the same as text, "uid gid" */
	uint32_t uid, gid;                      /* resolved */
};

enum pool_handoff { HANDOFF_FD, HANDOFF_FASTCGI };

struct pool_settings {
	struct place place;
	uint64_t row;                           /* on the board; the manager says which */
	uint64_t log_number;                    /* of error_log; the manager says which */
	char *name;
	char *user;                             /* NULL for a connect-only pool */
	char *group;                            /* NULL in the text: the user's own */
	char *chroot;                           /* NULL: none.  As seen from outside */
	char *home;                             /* the user's home directory, by its account */
	enum pool_handoff handoff;
	bool keep_connections;                  /* connect: the server has a process for each */
	struct string_list command;             /* handoff fastcgi: an external program */
	struct string_list connect;             /* handoff fastcgi: existing servers */
	uint64_t connect_timeout;               /* connect: how long one may take */
	struct string_list env;                 /* "NAME=value" */
	struct string_list php_value;           /* "name=value"; a script may change these */
	struct string_list php_admin_value;     /* not these */
	struct string_list php_flag;            /* "name=on" */
	struct string_list php_admin_flag;
	char *php_ini;                          /* read before the chroot; NULL: the system's */
	char *php_ini_scan_dir;
	struct string_list perl_preload;        /* module names, loaded before the chroot */
	struct string_list perl_lib;            /* in a pool's slice: inside the chroot */
	char *error_log;                        /* NULL: the daemon's */
	char *slow_log;                         /* NULL: the error log */
	uint32_t log, slow;                     /* their indexes into logs, or SETTINGS_NONE */
	bool no_new_privs;
	bool namespaces;                        /* PID, mount and IPC of its own */
	mode_t umask;
	int nice;
	int oom_score_adj;                      /* 0: as the manager's */
	const struct tuning *tuning;            /* shared with all that set the same */
	uint64_t limits[CONFINE_LIMITS];        /* CONFINE_UNSET; cpu: seconds per request */
	/* resolved; SETTINGS_NONE in slices and where the pool is disabled */
	uint32_t uid, gid;
	uint32_t group_count;
	uint32_t *groups;                       /* group_count of them, at most CONFINE_GROUPS */
	char *identity;                         /* the same as text, "uid gid group ..."; NULL: none */
	char *disabled;                         /* why it can't run (a start, not -t), or NULL */
	/* its vhosts, as indexes into settings.vhosts, in order: envelope.vhost counts here */
	uint32_t *vhosts;
	uint32_t vhost_count;
	bool uses_php, uses_cgi, uses_perl;     /* by its vhosts' handlers */
};

enum handler_kind {
	HANDLER_STATIC, HANDLER_PHP, HANDLER_CGI, HANDLER_PSGI, HANDLER_PERL_CGI, HANDLER_FASTCGI
};

struct handler_settings {
	struct place place;
	char *suffix;                           /* ".php", or NULL */
	char *prefix;                           /* "/cgi-bin/", or NULL */
	enum handler_kind kind;
	uint32_t pool;                          /* HANDLER_FASTCGI: who runs it, as an index into
	                                           settings.pools; SETTINGS_NONE in a pool's slice
	                                           and where it is the vhost's own */
	char *application;                      /* inside the chroot in a pool's slice; or NULL */
};

struct vhost_settings {
	struct place place;
	char *server_name;                      /* lower case; "*" for the default one */
	struct string_list aliases;             /* lower case; may begin with "*." */
	uint32_t pool;                          /* index into settings.pools */
	uint32_t pool_vhost;                    /* which of its pool's vhosts this is */
	bool is_default;
	bool dot_files;                         /* serve names that begin with a dot */
	bool x_sendfile;                        /* an answer may name a file to be sent for it */
	bool show_errors;                       /* a failed page shows what Perl said */
	char *document_root;                    /* in a pool's slice: inside the chroot */
	struct string_list index;
	char *fallback;                         /* a path, or NULL */
	char *access_log;                       /* NULL: none */
	uint64_t log_number;                    /* of access_log; the manager says which */
	uint64_t slow_number;                   /* of the slow log, its own or the pool's; likewise */
	char *access_log_format;                /* "combined" or a format string */
	char *slow_log;                         /* NULL: the pool's */
	uint32_t log, slow;                     /* their indexes into logs, or SETTINGS_NONE */
	struct string_list php_value, php_admin_value, php_flag, php_admin_flag;
	struct string_list env;                 /* "NAME=value" */
	struct string_list perl_lib;            /* in a pool's slice: inside the chroot */
	struct handler_settings *handlers;
	size_t handler_count;
	char *disabled;
	const struct tuning *tuning;
};

struct settings {
	uint64_t generation;                    /* which it is; the manager counts */
	struct listen_settings *listens;
	size_t listen_count;
	struct multiplexer_settings *multiplexers;
	size_t multiplexer_count;
	uint32_t multiplexer_total;             /* processes: the counts added up */
	uint32_t multiplexer_most;              /* the same of max_count */
	struct pool_settings *pools;
	uint32_t pool_count;
	struct vhost_settings *vhosts;
	uint32_t vhost_count;
	struct string_list logs;                /* every log file once; indexes are stable */

	char *control_socket;
	mode_t control_mode;
	char *control_group;                    /* NULL: root's */
	char *pid_file;
	char *error_log;
	enum log_level log_level;
	char *spool_dir;
	char *mime_types;
	char *server_header;                    /* the Server field; "" for none */
	uint64_t header_timeout;
	uint64_t max_request_head;              /* bytes */
	uint64_t max_request_line;
	uint64_t body_memory;                   /* a spooled body up to this stays in memory */
	uint64_t answer_memory;                 /* lent for one answer */
	uint64_t body_memory_total;             /* of one multiplexer */
	uint64_t spool_total;
	uint64_t answer_memory_total;
	uint64_t log_rate;                      /* lines a second, of a pool by one multiplexer */
	uint64_t message_rate;                  /* a second, of a processor beside its answers */
	uint64_t flood_timeout;                 /* more for so long, and it is killed */
	uint64_t answer_buffer;                 /* of a FastCGI answer that a slow client waits for: */
	uint64_t answer_spool;                  /* in memory, then in spool_dir */
	uint64_t server_limit;                  /* processors, all pools */
	uint64_t max_clients;                   /* connections of one multiplexer */
	uint64_t stop_timeout;
	uint64_t heartbeat_timeout;             /* a multiplexer silent for so long is killed */
	bool fast_start;                        /* zygotes of PHP pools come from a loader */
	uint64_t restart_delay;                 /* first back-off of a pool that fails; doubles */
	uint64_t restart_delay_max;
	struct tuning tuning;                   /* the global one */

	void *owned;                            /* everything that was allocated */
};

/* Where mistakes go.  Called once for each, in the order they are found. */
struct settings_report {
	void (*say)(void *context, const struct place *place, bool error, const char *text);
	void *context;
	unsigned errors;
	unsigned warnings;
};

enum settings_purpose {
	SETTINGS_CHECK,         /* -t, -T: every mistake is an error */
	SETTINGS_START,         /* one bad pool or vhost is disabled, visibly, nothing else */
	SETTINGS_SLICE          /* written by settings_write or for a child: nothing is looked up */
};

/*
 * Read a configuration file with all that it includes.  Returns NULL where the
 * report has errors.  The settings are the caller's.
 */
struct settings *settings_read(const char *path, enum settings_purpose purpose,
    struct settings_report *report);

/* The same from a descriptor that holds a slice (read to its end; stays open). */
struct settings *settings_read_fd(int fd, struct settings_report *report);

/* The same from text, for tests and the fuzzer.  name stands for the file in messages. */
struct settings *settings_read_text(const char *name, const char *text, size_t len,
    enum settings_purpose purpose, struct settings_report *report);

void settings_free(struct settings **settings);

/* Write the effective configuration: valid, and reading it gives the same settings. */
bool settings_dump(const struct settings *settings, FILE *out);

/*
 * Write all of it, with what was looked up, so that settings_read_fd() gives the
 * same without looking anything up: from the process that reads a configuration
 * to the manager, and from a manager to its successor.
 */
bool settings_write(const struct settings *settings, FILE *out);

/*
 * The same for `now` with one pool, and its vhosts, as `next` has them: changed,
 * new, or gone.
 */
bool settings_write_with(const struct settings *now, const struct settings *next,
    const char *pool, FILE *out);

/*
 * True if that pool of `a` and that of `b` look the same to their processors:
 * what a zygote is told, and who it is to be.
 */
bool settings_same_pool(const struct settings *a, uint32_t pool, const struct settings *b,
    uint32_t other);

/* The settings' pool of that name, or SETTINGS_NONE. */
uint32_t settings_find_pool(const struct settings *settings, const char *name);

/*
 * What one child may know.  A multiplexer's: everything but env, php_* and
 * limits; pools keep their indexes, vhosts theirs, logs theirs.  A pool's: the
 * global numbers, that pool as pool 0, its vhosts in order, with paths as seen
 * inside its chroot.
 */
bool settings_slice_multiplexer(const struct settings *settings, FILE *out);
bool settings_slice_pool(const struct settings *settings, uint32_t pool, FILE *out);

/* Write the options as roff for peruserd.cfg(5), from the same table. */
bool settings_manual(FILE *out);

/* What a pool consists of. */
enum pool_runs {
	RUNS_OURS,                              /* a zygote of ours and its processors */
	RUNS_PROGRAM,                           /* a zygote of ours, that starts `command` */
	RUNS_SERVER                             /* nothing of ours: connections to `connect` */
};
enum pool_runs settings_pool_runs(const struct pool_settings *pool);

/* The pool that an entry of this vhost's handlers, of kind HANDLER_FASTCGI, names. */
uint32_t settings_handler_pool(const struct vhost_settings *vhost,
    const struct handler_settings *handler);

/*
 * True if a multiplexer has to see that site's answers: they may be for another
 * pool, or name a file.  The client's socket is then never given away.
 */
bool settings_answers_pass(const struct vhost_settings *vhost);

/* A path as seen inside that chroot, or NULL where the chroot doesn't contain it. */
const char *settings_inside(const char *chroot, const char *path);

#endif
