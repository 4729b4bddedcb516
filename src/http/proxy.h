/*
 * The PROXY protocol, versions 1 and 2: what a proxy that passes a connection on
 * says of it before the first byte of the client's.  Pure and total.
 */
#ifndef PERUSERD_HTTP_PROXY_H
#define PERUSERD_HTTP_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/net.h"

#define PROXY_MAX 2048u                 /* bytes of a header, its TLVs included, at most */

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy {
	bool known;                     /* false: the proxy speaks for itself, or says nothing */
	struct net client, server;
	unsigned client_port, server_port;
};

/*
 * Parse the header at the beginning of these bytes.  PROXY_DONE: *used is its
 * length.  PROXY_BAD: there is none, or it is longer than PROXY_MAX.
 */
enum proxy_result proxy_parse(const char *bytes, size_t len, struct proxy *proxy, size_t *used);

#endif
