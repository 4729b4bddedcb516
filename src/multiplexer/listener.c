#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/front_fcgi.h"
#include "multiplexer/front_http.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/visitor.h"

#define PAUSE_MS 500            /* where descriptors ran out */

static const struct front *
front_for(enum listen_protocol protocol)
{
	return protocol == LISTEN_FASTCGI || protocol == LISTEN_HANDOFF ? &front_fcgi :
	    &front_http;
}

static void
listener_arm(struct listener *listener, bool on)
{
	if (listener->fd < 0 || listener->armed == on)
		return;
	if (on)
		event_add(&listener->event, NULL);
	else
		event_del(&listener->event);
	listener->armed = on;
}

static void
listener_close(struct listener *listener)
{
	listener_arm(listener, false);
	fd_close(&listener->fd);
}

static void
tables_let_go(struct listener *listener)
{
	if (listener->tables != NULL)
		listener->tables->plain_refs--;
	tables_drop(&listener->tables);
}

static void
listener_free(struct listener *listener)
{
	listener_close(listener);
	door_end(&listener->door);
	tables_let_go(listener);
	free(listener);
}

void
listener_unuse(struct listener *listener)
{
	struct listeners *listeners = &listener->mux->listeners;

	/* Its number may have another one by now. */
	if (--listener->users > 0 || listener->fd >= 0 || !listener->closing)
		return;
	if (listeners->at[listener->number] == listener)
		listeners->at[listener->number] = NULL;
	listener_free(listener);
}

/* Those numbers exist. */
static bool
make_room(struct listeners *listeners, uint32_t number)
{
	struct listener **at;

	if (number < listeners->count)
		return true;
	at = realloc(listeners->at, ((size_t)number + 1) * sizeof(struct listener *));
	if (at == NULL)
		return false;
	memset(at + listeners->count, 0,
	    (number + 1 - listeners->count) * sizeof(struct listener *));
	listeners->at = at;
	listeners->count = number + 1;
	return true;
}

static struct listener *
listener_new(struct multiplexer *mux, uint32_t number)
{
	struct listener *listener = calloc(1, sizeof *listener);

	if (listener == NULL)
		return NULL;
	listener->mux = mux;
	listener->number = number;
	listener->fd = -1;
	listener->batch = 1;
	mux->listeners.at[number] = listener;
	return listener;
}

/* What the present tables say about it. */
static bool
settle(struct multiplexer *mux, const struct listen_settings *settings)
{
	struct listeners *listeners = &mux->listeners;
	uint32_t number = (uint32_t)settings->number;
	struct listener *listener;

	if (!make_room(listeners, number))
		return false;
	listener = listeners->at[number];
	/* The number is another socket's now; that one is freed by its last connection. */
	if (listener != NULL && listener->closing) {
		listener_close(listener);
		if (listener->users == 0)
			listener_free(listener);
		listener = NULL;
	}
	if (listener == NULL && (listener = listener_new(mux, number)) == NULL)
		return false;
	tables_let_go(listener);
	listener->tables = tables_hold(mux->tables);
	listener->tables->plain_refs++;
	listener->settings = settings;
	listener->front = front_for(settings->protocol);
	listener->is_private = settings->connections == CONNECTIONS_PRIVATE;
	door_end(&listener->door);
	return door_begin(&listener->door, settings);
}

bool
listeners_begin(struct multiplexer *mux)
{
	const struct settings *settings = mux->tables->settings;
	size_t i;

	for (i = 0; i < settings->listen_count; i++)
		if (!settle(mux, &settings->listens[i]))
			return false;
	return true;
}

void
listeners_close(struct multiplexer *mux)
{
	uint32_t i;

	for (i = 0; i < mux->listeners.count; i++)
		if (mux->listeners.at[i] != NULL)
			listener_close(mux->listeners.at[i]);
}

void
listeners_end(struct multiplexer *mux)
{
	uint32_t i;

	for (i = 0; i < mux->listeners.count; i++)
		if (mux->listeners.at[i] != NULL)
			listener_free(mux->listeners.at[i]);
	free(mux->listeners.at);
	mux->listeners.at = NULL;
	mux->listeners.count = 0;
}

/* How many connections may be open when it accepts one more. */
static uint32_t
most_of(const struct listener *listener)
{
	return listener->mux->conns.max +
	    (listener->settings->protocol == LISTEN_STATUS ? FRONT_STATUS_CLIENTS : 0);
}

void
listeners_pause(struct multiplexer *mux, uint64_t ms)
{
	struct listener *listener;
	uint32_t i;

	/* Where connections are too many, not descriptors, the operator has some left. */
	for (i = 0; i < mux->listeners.count; i++) {
		listener = mux->listeners.at[i];
		if (listener != NULL && (ms != 0 || mux->conns.open >= most_of(listener)))
			listener_arm(listener, false);
	}
	mux->listeners.paused = true;
	mux->listeners.resume_ms = ms == 0 ? 0 : multiplexer_ms(mux) + ms;
}

void
listeners_resume(struct multiplexer *mux)
{
	uint32_t i;

	mux->listeners.paused = false;
	for (i = 0; i < mux->listeners.count; i++)
		if (mux->listeners.at[i] != NULL)
			listener_arm(mux->listeners.at[i], true);
}

void
address_text(const struct sockaddr_storage *address, char addr[ADDRESS_TEXT],
    char port[PORT_TEXT])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	unsigned number = 0;

	snprintf(addr, ADDRESS_TEXT, "unix:");
	if (address->ss_family == AF_INET) {
		memcpy(&in, address, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, addr, ADDRESS_TEXT);
		number = ntohs(in.sin_port);
	} else if (address->ss_family == AF_INET6) {
		memcpy(&in6, address, sizeof in6);
		number = ntohs(in6.sin6_port);
		/* A client of a dual-stack socket looks as it would on an IPv4 one. */
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], addr, ADDRESS_TEXT);
		else
			inet_ntop(AF_INET6, &in6.sin6_addr, addr, ADDRESS_TEXT);
	}
	snprintf(port, PORT_TEXT, "%u", number & 0xffffu);
}

static void
accept_failed(struct listener *listener)
{
	struct multiplexer *mux = listener->mux;

	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		log_warning("cannot accept: %s; waiting %d ms (raise the limit of open files, "
		    "or lower max_clients)", strerror(errno), PAUSE_MS);
		listeners_pause(mux, PAUSE_MS);
		return;
	default:
		/* Nothing there, or a client that left while it waited. */
		return;
	}
}

static bool
accept_one(struct listener *listener)
{
	struct multiplexer *mux = listener->mux;
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	struct conn *conn;
	int fd;

	address.ss_family = AF_UNSPEC;
	fd = accept4(listener->fd, (struct sockaddr *)&address, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		accept_failed(listener);
		return false;
	}
	if (!door_lets_in(&listener->door, &address, fd)) {
		logs_complain(mux, "somebody who may not connects to %s: closed",
		    listener->settings->address);
		fd_close(&fd);
		return true;
	}
	conn = conn_new(mux, listener, fd);
	if (conn == NULL)
		return false;
	if (mux->self != NULL)
		atomic_fetch_add_explicit(&mux->self->accepted, 1, memory_order_relaxed);
	address_text(&address, conn->remote_addr, conn->remote_port);
	if (!visitor_begin(conn, &address)) {
		logs_complain(mux, "%s is none of the trusted_proxies of %s: closed",
		    conn->remote_addr, listener->settings->address);
		conn_close(conn);
		return true;
	}
	conn_read_events(conn, true);
	conn_timeout(conn, mux->tables->settings->header_timeout);
	return true;
}

static void close_when_empty(struct listener *listener);

static void
acceptable(evutil_socket_t fd, short what, void *context)
{
	struct listener *listener = context;
	struct multiplexer *mux = listener->mux;
	unsigned i;

	(void)fd;
	(void)what;
	if (listener->closing) {
		close_when_empty(listener);
		return;
	}
	for (i = 0; i < listener->batch; i++) {
		if (mux->conns.open >= most_of(listener)) {
			listeners_pause(mux, 0);
			return;
		}
		if (!accept_one(listener))
			break;
	}
	/*
	 * One call too many for each connection would be half of what accepting
	 * costs: ask for more only where there lately was more.
	 */
	if (i == listener->batch)
		listener->batch = i * 2 > LISTENER_BATCH ? LISTENER_BATCH : i * 2;
	else
		listener->batch = i > 1 ? i : 1;
}

/* Accept what waits, a bounded batch at a time, then close. */
static void
close_when_empty(struct listener *listener)
{
	unsigned i;

	for (i = 0; i < LISTENER_BATCH; i++) {
		if (listener->mux->conns.open >= most_of(listener)) {
			listeners_pause(listener->mux, 0);
			return;
		}
		if (!accept_one(listener) && !listener->mux->listeners.paused) {
			listener_close(listener);
			return;
		}
	}
}

void
listeners_swap(struct multiplexer *mux)
{
	const struct settings *settings = mux->tables->settings;
	struct listener *listener;
	size_t i;

	for (i = 0; i < settings->listen_count; i++)
		if (!settle(mux, &settings->listens[i]))
			logs_complain(mux, "no memory for a listener");
	for (i = 0; i < mux->listeners.count; i++) {
		listener = mux->listeners.at[i];
		if (listener == NULL || listener->closing || listener->tables == mux->tables)
			continue;
		listener->closing = true;
		listener->batch = LISTENER_BATCH;
		if (listener->fd >= 0)
			close_when_empty(listener);
		if (listener->fd < 0 && listener->users == 0) {
			mux->listeners.at[i] = NULL;
			listener_free(listener);
		}
	}
}

void
listener_take(struct multiplexer *mux, uint32_t number, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	struct listener *listener;
	int on = 1;

	listener = number < mux->listeners.count ? mux->listeners.at[number] : NULL;
	if (listener == NULL || listener->closing || mux->stopping) {
		fd_close(&fd);
		return;
	}
	listener_close(listener);
	listener->fd = fd;
	memset(&address, 0, sizeof address);
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		address.ss_family = AF_UNSPEC;
	address_text(&address, listener->addr, listener->port);
	listener->tcp = address.ss_family == AF_INET || address.ss_family == AF_INET6;
	listener->wildcard = strcmp(listener->addr, "0.0.0.0") == 0 ||
	    strcmp(listener->addr, "::") == 0;
	/* Accepted sockets inherit it. */
	if (listener->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* A web server's connection has no timeout of ours while it idles. */
	if (listener->tcp && listener->front == &front_fcgi)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	fd_set_nonblocking(fd, true);
	event_assign(&listener->event, mux->base, fd, EV_READ | EV_PERSIST, acceptable, listener);
	listener_arm(listener, !mux->listeners.paused);
}
