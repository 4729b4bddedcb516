/*
 * Addresses and networks of them, as a configuration names them: "127.0.0.1",
 * "10.0.0.0/8", "::1", "fd00::/8", and "unix:" for whoever comes by a Unix socket.
 * IPv4 in IPv6 is IPv4.  Pure.
 */
#ifndef PERUSERD_BASE_NET_H
#define PERUSERD_BASE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define NET_TEXT INET6_ADDRSTRLEN

struct net {
	sa_family_t family;             /* AF_INET, AF_INET6 or AF_UNIX */
	unsigned bits;                  /* that count, from the first */
	unsigned char bytes[16];
};

/* From text; false where it is none, or has bits set beyond those that count. */
bool net_parse(const char *text, size_t len, struct net *net);

/* Of one address.  A family that we don't know is AF_UNIX. */
void net_of(const struct sockaddr_storage *address, struct net *net);

/* Of the 4 or 16 bytes of an address of that family. */
void net_from(sa_family_t family, const unsigned char *bytes, struct net *net);

/* One address as text; "unix:" for AF_UNIX. */
void net_text(const struct net *net, char text[NET_TEXT]);

/* True if one of the networks has all of that one. */
bool net_in(const struct net *net, const struct net *nets, size_t count);

#endif
