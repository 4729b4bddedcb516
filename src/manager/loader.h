/*
 * The loader, as the manager sees it (fast_start): a child that forks zygotes
 * as the manager's own children.  A zygote that was asked for there has a token
 * until the answer comes.  Where there is no loader, or it can't, zygotes are
 * exec'd as without it.
 */
#ifndef PERUSERD_MANAGER_LOADER_H
#define PERUSERD_MANAGER_LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include "manager/channel.h"
#include "manager/child.h"

struct manager;
struct zygote;

#define LOADER_STRAYS 16

struct loader {
	struct manager *manager;
	struct child child;
	struct channel channel;
	struct event *ended;
	bool mapped;                    /* it takes requests */
	bool unwanted;                  /* told to go */
	uint32_t token;                 /* the last one that was given */
	pid_t strays[LOADER_STRAYS];    /* zygotes that nobody waited for any more; to be buried */
	unsigned stray_count;
	uint64_t started;               /* ms */
	uint64_t pause, restart_at;     /* ms: the back-off of one that fails */
};

void loader_init(struct loader *loader, struct manager *manager);

/* Start it, or let it go, as the settings say now; deadlines. */
void loader_tick(struct loader *loader, uint64_t now);

/*
 * Ask it for that zygote, whose token is set.  False: it can't be asked, and
 * nothing was done.
 */
bool loader_ask(struct loader *loader, struct zygote *zygote, const struct child_plan *plan);

/* A child that nobody waits for: it is buried when it has ended. */
void loader_bury(struct loader *loader, pid_t pid);

/* Kill it at the manager's end. */
void loader_end(struct loader *loader);

#endif
