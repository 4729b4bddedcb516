#include <stdio.h>

#include "http/forwarded.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/visitor.h"

static bool
is_trusted(const struct conn *conn, const struct net *net)
{
	const struct door *door = &conn->listener->door;

	return net_in(net, door->trusted, door->trusted_count);
}

bool
visitor_begin(struct conn *conn, const struct sockaddr_storage *address)
{
	struct net net;

	conn->proxy_due = conn->listener->settings->proxy_protocol;
	conn->by_proxy = false;
	if (conn->listener->door.trusted == NULL)
		return !conn->proxy_due;
	net_of(address, &net);
	conn->by_proxy = is_trusted(conn, &net);
	return conn->by_proxy || !conn->proxy_due;
}

enum proxy_result
visitor_proxy(struct conn *conn, const char *bytes, size_t len, size_t *used)
{
	enum proxy_result result;
	struct proxy proxy;

	result = proxy_parse(bytes, len, &proxy, used);
	if (result != PROXY_DONE)
		return result;
	conn->proxy_due = false;
	if (proxy.known) {
		net_text(&proxy.client, conn->remote_addr);
		snprintf(conn->remote_port, sizeof conn->remote_port, "%u",
		    proxy.client_port & 0xffffu);
		conn->by_proxy = is_trusted(conn, &proxy.client);
	}
	return PROXY_DONE;
}

void
visitor_about(const struct conn *conn, const struct head *head, struct visitor *visitor,
    struct vars_about *about)
{
	const struct door *door = &conn->listener->door;
	struct forwarded forwarded;

	if (!conn->by_proxy)
		return;
	forwarded_read(head, door->trusted, door->trusted_count, &forwarded);
	if (forwarded.scheme != FORWARDED_UNSAID)
		about->https = forwarded.scheme == FORWARDED_HTTPS;
	if (!forwarded.known)
		return;
	net_text(&forwarded.client, visitor->addr);
	snprintf(visitor->port, sizeof visitor->port, "%u", forwarded.port & 0xffffu);
	about->remote_addr = visitor->addr;
	about->remote_port = visitor->port;
}
