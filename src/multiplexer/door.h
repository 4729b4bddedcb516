/*
 * Who may come in by a listener: networks, and for Unix sockets the group that
 * the kernel says a client has.
 */
#ifndef PERUSERD_MULTIPLEXER_DOOR_H
#define PERUSERD_MULTIPLEXER_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/net.h"
#include "settings/settings.h"

struct door {
	struct net *allowed;            /* owned; NULL: everybody */
	size_t allowed_count;
	struct net *trusted;            /* proxies whose word is believed; owned; NULL: none */
	size_t trusted_count;
	bool by_account;                /* only root, the owner, or who is in the group */
	uid_t owner;
	gid_t group;
};

/* By a listen entry's settings.  False: no memory. */
bool door_begin(struct door *door, const struct listen_settings *settings);
void door_end(struct door *door);

/* May that client come in?  fd: the accepted socket. */
bool door_lets_in(const struct door *door, const struct sockaddr_storage *address, int fd);

#endif
