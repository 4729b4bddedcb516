/*
 * The manager: parent of all, root with few capabilities.  It reads no byte
 * that came from a network, waits for no child and no user, and signals its own
 * children alone, by pidfd.  One struct, one loop; each file beside this one
 * has one task.
 */
#ifndef PERUSERD_MANAGER_H
#define PERUSERD_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include <peruserd/board.h>
#include <peruserd/message.h>

#include "base/fault.h"
#include "base/log.h"
#include "manager/configuration.h"
#include "manager/demand.h"
#include "manager/loader.h"
#include "manager/listening.h"
#include "manager/multiplexers.h"
#include "manager/paths.h"
#include "manager/pool.h"
#include "manager/ranges.h"
#include "manager/reload.h"
#include "manager/roster.h"
#include "manager/rows.h"
#include "manager/scale.h"
#include "manager/slot.h"
#include "manager/upgrade.h"
#include "settings/settings.h"

enum manager_phase {
	MANAGER_STARTING,       /* the multiplexers build their tables */
	MANAGER_RUNNING,
	MANAGER_STOPPING,       /* the multiplexers finish what runs */
	MANAGER_ENDING          /* they are gone; the zygotes are ended */
};

struct control;

struct manager {
	struct event_base *base;
	struct configuration *configuration;    /* in force; held */
	struct settings *settings;      /* in that */
	char *config;                   /* the file, for HUP */
	char *binary;                   /* what was executed, for USR2 */
	bool foreground;
	int said;                       /* the parent that waits for our start; -1: none */
	bool log_opened;                /* descriptor 2 is the error log */
	int exit_status;
	enum manager_phase phase;
	uint64_t started;               /* ms */
	uint64_t upgraded;              /* ms: when this binary took over; 0: it began */
	uint64_t upgrades;              /* since the start */
	uint64_t stop_by;               /* ms; 0: no bound */
	bool stop_ready;                /* told to stop before it was ready: once it is */
	uint64_t stop_ready_ms;         /* with that bound */

	struct paths paths;
	uint64_t plain_nofile;          /* the soft limit that we were started with */
	unsigned asked;                 /* enum manager_ask, at the start; what is cut is gone */
	uint64_t most_nofile;           /* ours now, and the most a multiplexer may get */
	bool said_namespaces;
	int pid_file;
	struct listening *listening;    /* by number; owned */
	uint32_t listening_count;
	struct roster logs;             /* the log files' numbers */
	struct control *control;

	struct board *board;            /* its header may lie; use the rows below */
	int board_fd;
	int board_reader;               /* the same, read-only: for peruserctl */
	struct board_pool *pool_rows;
	struct board_slot *slot_rows;
	struct board_part *part_rows;   /* [pool][multiplexer] */
	int status_fd;                  /* its status as last sent to a multiplexer; -1 */
	uint64_t status_made;           /* ms */
	int bells[BOARD_MULTIPLEXERS + 1];
	unsigned rung_last;

	struct multiplexer *multiplexers;       /* by number; not all of them are used */
	uint32_t multiplexer_count;     /* numbers there are */
	uint64_t multiplexers_looked;   /* ms: at what they bear */
	uint64_t calm_since[BOARD_MULTIPLEXERS];        /* ms, by entry: one less would do; 0: not */
	struct loader loader;           /* fast_start's; without a child elsewhere */
	struct pool **pools;            /* by row on the board; NULL: the row is free */
	uint32_t pool_count;            /* rows there are */
	struct ranges free_rows, free_slots;
	struct slot **slots;            /* by index on the board; NULL: nobody used it yet */
	uint32_t slot_count;
	uint32_t usage_next;            /* the slot that is looked at next */
	uint32_t live, leaving;         /* processors, all pools */

	struct event *signals[8];
	struct event *second;           /* housekeeping */
	struct event *bell, *look_now, *look_again;
	uint64_t looked_at;             /* ms */
	struct reload *reload;          /* one that is under way; NULL: none */
	struct upgrade *upgrade;        /* likewise */
};

/* How it begins: with settings, or in the place of another binary, with its state. */
struct manager_start {
	struct settings *settings;      /* NULL: they are in the state */
	int state;                      /* -1: none */
	char *config, *binary;          /* of the file, of the program */
	bool foreground;
	int said;                       /* -1: nobody waits for the start */
};

/* Run until it ends.  Returns the exit status. */
int manager_run(const struct manager_start *start);

/* News from the parts. */
void manager_multiplexer_ready(struct manager *manager);
void manager_multiplexer_gone(struct manager *manager);
void manager_zygote_gone(struct manager *manager);
void manager_fail_start(struct manager *manager, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Stop: what runs may take so long, 0: no bound.  Again: faster. */
void manager_stop(struct manager *manager, uint64_t timeout_ms);

/* The signals that on_signal() takes; until it does they wait, where the kernel would drop them. */
void manager_signals(int how);

/* Open all log files anew. */
void manager_reopen_logs(struct manager *manager);

#endif
