/*
 * What a service manager is told (sd_notify(3)'s protocol, without the
 * library), where NOTIFY_SOCKET says that one listens.
 */
#ifndef PERUSERD_MANAGER_NOTIFY_H
#define PERUSERD_MANAGER_NOTIFY_H

#include <stdint.h>

struct manager;

/* Read what the environment says; once, at the start. */
void notify_begin(void);

void notify_ready(const struct manager *manager);
void notify_reloading(const struct manager *manager);
void notify_stopping(void);

/* How often it wants to hear that we live, ms; 0: it doesn't. */
uint64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
