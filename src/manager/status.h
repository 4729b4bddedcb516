/*
 * What the manager itself knows, as lines of record.h:
 *
 *   peruserd    version= pid= uptime_ms= phase= live= server_limit= multiplexers= pools=
 *   multiplexer number= pid= ready= uptime_ms= restarts=
 *   pool        index= name= user= state= drained= reason= retry_ms= pid= generation=
 *               namespaces= former= rolling= max= uptime_ms= restarts= crashes= recycled=
 *               cpu_ms=
 *   slot        index= pool= generation= pid= state= age_ms= uptime_ms= cpu_ms= rss_bytes=
 *               memory_bytes=
 *   end
 *
 * Counts and rows of text are on the board, for who maps it.
 */
#ifndef PERUSERD_MANAGER_STATUS_H
#define PERUSERD_MANAGER_STATUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "wire/record.h"

struct channel;
struct manager;

#define STATUS_MOST (64u << 20)         /* bytes of it */

/* False where it does not fit. */
bool status_write(struct manager *manager, struct buf *to);

/* To a multiplexer that asked; the same for all that ask within a moment. */
void status_send(struct manager *manager, struct channel *channel);

#endif
