/*
 * Listening sockets that a service manager opened and passes to us at the start
 * (sd_listen_fds(3)'s protocol, without the library).  They are matched to the
 * configuration's listen by address; their names only show in messages.
 */
#ifndef PERUSERD_MANAGER_PASSED_H
#define PERUSERD_MANAGER_PASSED_H

struct manager;

/*
 * Look whether there are any, and forget what the environment says of them: before
 * anything is opened and anybody forked.
 */
void passed_begin(void);

/*
 * Take them as listening sockets of ours, before others are bound.  What can't be
 * one is closed and named in the log.
 */
void passed_adopt(struct manager *manager);

#endif
