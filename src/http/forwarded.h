/*
 * Who a request's client is, by what proxies have written into it: Forwarded
 * (RFC 7239), else X-Forwarded-For with X-Forwarded-Proto.  Each proxy appends the
 * address that it was asked from, so the list is read from its end as long as
 * proxies that are trusted wrote it; what stands before that anybody may have
 * written.  Pure and total.
 */
#ifndef PERUSERD_HTTP_FORWARDED_H
#define PERUSERD_HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/net.h"
#include "http/head.h"

enum forwarded_scheme { FORWARDED_UNSAID, FORWARDED_HTTP, FORWARDED_HTTPS };

struct forwarded {
	bool known;                     /* an address was told */
	struct net client;
	unsigned port;                  /* 0: not told */
	enum forwarded_scheme scheme;   /* that the client used with the first trusted proxy */
};

/* The head came from one of the trusted: that is for the caller to know. */
void forwarded_read(const struct head *head, const struct net *trusted, size_t count,
    struct forwarded *forwarded);

#endif
