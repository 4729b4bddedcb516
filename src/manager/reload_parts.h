/*
 * The parts of a reload (reload.h) and what they share: reload_read.c reads in a
 * process of its own, reload_plan.c compares, reload.c does it.
 */
#ifndef PERUSERD_MANAGER_RELOAD_PARTS_H
#define PERUSERD_MANAGER_RELOAD_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/fault.h"
#include "manager/child.h"
#include "manager/reload.h"

#define ASKING_MAX   16
#define POOL_NAME    256

struct configuration;
struct map;
struct pool;

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
	bool renews;                    /* what is in force, for another binary (reload_renew) */
	bool others;                    /* other multiplexers are wanted */
	bool taking_over;               /* all have the tables; the new ones come */
	unsigned added, changed, removed;
	struct buf answer;
};

/* In a process of its own: read the file, write what it comes to, exit. */
void reload_read(struct reload *reload) __attribute__((noreturn));

/* What that process wrote: its mistakes, into the log and the answer; its settings, or NULL. */
void reload_take_mistakes(struct reload *reload);
struct settings *reload_take_settings(const struct reload *reload);

/* Compare it with what runs; bind, number, give rows.  False: the fault says why not. */
bool reload_plan(struct reload *reload, struct fault *fault);

/* All that the plan made goes again. */
void reload_undo(struct reload *reload);

/* The present pools by name; values are rows; NULL: no memory. */
struct map *reload_map_pools(const struct manager *manager);

#endif
