/*
 * Who a request comes from where a proxy stands before us: what the PROXY header
 * of a connection says, or the fields Forwarded and X-Forwarded-For of a request.
 * Believed of the listener's trusted_proxies alone.
 */
#ifndef PERUSERD_MULTIPLEXER_VISITOR_H
#define PERUSERD_MULTIPLEXER_VISITOR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "http/head.h"
#include "http/proxy.h"
#include "http/vars.h"
#include "multiplexer/listener.h"

struct conn;

/*
 * A connection was accepted from that address.  False: a PROXY header is due, and
 * nobody would believe it from there.
 */
bool visitor_begin(struct conn *conn, const struct sockaddr_storage *address);

/* The PROXY header that is due is at the beginning of these bytes: who is it? */
enum proxy_result visitor_proxy(struct conn *conn, const char *bytes, size_t len, size_t *used);

/* Room for what a request's fields say. */
struct visitor {
	char addr[ADDRESS_TEXT];
	char port[PORT_TEXT];
};

/* Fill in who the request is from, and whether he used HTTPS; *visitor is borrowed by *about. */
void visitor_about(const struct conn *conn, const struct head *head, struct visitor *visitor,
    struct vars_about *about);

#endif
