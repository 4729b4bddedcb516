/*
 * Taking another configuration while everything runs.  A process of its own
 * reads and checks it whole, looking up users there, and writes what it comes
 * to, or what is wrong.  What is right is then taken whole:
 *
 *   READING   the manager goes on as ever
 *   LOADING   addresses are bound; pools that are new or have changed have rows
 *             of their own, and load where their former selves run
 *   SWAPPING  the multiplexers get the new tables, or a new generation of them
 *   (done)    what is no longer configured drains and goes
 *
 * Until SWAPPING nothing has changed for any request, and all can be undone.
 */
#ifndef PERUSERD_MANAGER_RELOAD_H
#define PERUSERD_MANAGER_RELOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings.h"

struct buf;
struct manager;

/* How it went: lines of record.h, "said" for each mistake or change, then "ok" or "error". */
typedef void reload_done(void *who, const struct buf *answer);

/*
 * Begin one; pool: take that one's changes alone (NULL: all).  While another
 * one is under way this one follows it.  done() is called once, unless
 * reload_forget() came first; it may be NULL.  False: there is no room for who asks.
 */
bool reload_ask(struct manager *manager, const char *pool, size_t len, reload_done *done,
    void *who);
void reload_forget(struct manager *manager, const void *who);

/*
 * This binary has taken another one's place: the configuration in force once
 * more, by multiplexers of our own, beside which the former ones finish what
 * they run.  Pools stay, unless our multiplexers could not use their processors:
 * then new ones begin beside them, and they go with the former multiplexers.
 */
void reload_renew(struct manager *manager, reload_done *done, void *who);

/* Something that it may wait for has happened. */
void reload_look(struct manager *manager);

/* A multiplexer or zygote that it needs has failed; NULL: nothing that matters. */
void reload_failed(struct manager *manager, const char *why);

/* The numbers of all log files, as the slices tell them.  False: no memory. */
bool reload_number_logs(struct manager *manager, struct settings *settings);

/* The manager stops. */
void reload_end(struct manager *manager);

#endif
