/*
 * Listening sockets: bound once, by the manager alone, and outlived by none of
 * the multiplexers that accept on them.
 */
#ifndef PERUSERD_MANAGER_LISTENER_H
#define PERUSERD_MANAGER_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "settings/settings.h"

struct address {
	struct sockaddr_storage bytes;
	socklen_t len;
	bool dual;              /* "*": IPv6 and IPv4 by one socket */
};

/*
 * "0.0.0.0:80", "[::]:80", "*:80", "unix:/path".  "[::]" is IPv6 alone, always;
 * "*" is both, or IPv4 alone where the kernel has no IPv6.
 */
bool address_parse(const char *text, struct address *address);

/* The longest text of an address, its end included. */
#define ADDRESS_TEXT 160

/*
 * What a listening socket is bound to, and how the configuration would write it.
 * False: it is none that we could accept on, and text says what it is.
 */
bool address_of_socket(int fd, struct address *address, char text[ADDRESS_TEXT]);

/* A bound, listening, non-blocking socket, the caller's; or -1 and why. */
int listener_open(const struct listen_settings *settings, struct fault *fault);

/*
 * A bound and listening Unix socket of that owner, group and mode.  A stale file
 * of that name is replaced, one that somebody answers on is not.
 */
int listener_open_unix(const char *path, uid_t owner, gid_t group, mode_t mode, int backlog,
    struct fault *fault);

#endif
