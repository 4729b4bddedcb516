/*
 * What a service manager is told (sd_notify(3)'s protocol, without the
 * library), where NOTIFY_SOCKET says that one listens.
 */
#ifndef PERUSERD_MANAGER_NOTIFY_H
#define PERUSERD_MANAGER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct manager;

/* What a service manager has put into the environment under that name; 0: no number is there. */
uint64_t notify_number(const char *name);

/* Read what the environment says; once, at the start. */
void notify_begin(void);

/* A watchdog hears of us from that loop, twice in its time; where there is one. */
bool notify_watch(struct event_base *base);

/* We serve: at first, and after each reload; refused: the last one was. */
void notify_ready(const struct manager *manager, bool refused);
void notify_reloading(const struct manager *manager);

/* We end, in so many ms at the most; 0: nobody knows. */
void notify_stopping(uint64_t most_ms);

#endif
