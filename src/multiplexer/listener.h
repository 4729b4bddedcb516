/*
 * Listening sockets: bound by the manager, accepted from here, a bounded batch
 * at a time.  Stops for a moment where descriptors or connections run out.
 */
#ifndef PERUSERD_MULTIPLEXER_LISTENER_H
#define PERUSERD_MULTIPLEXER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <event2/event_struct.h>

#include "multiplexer/door.h"
#include "settings/settings.h"
#include "multiplexer/tables.h"

#define LISTENER_BATCH 64               /* connections accepted in a row, at most */
#define ADDRESS_TEXT   INET6_ADDRSTRLEN
#define PORT_TEXT      6

struct front;
struct multiplexer;

struct listener {
	struct multiplexer *mux;
	uint32_t number;
	int fd;                                 /* owned; -1 where it was not given yet */
	uint32_t users;                         /* connections that came by it */
	bool closing;                           /* configured no more: what waits there is accepted yet */
	bool armed;
	bool tcp;
	bool wildcard;                          /* each connection has its own local address */
	bool is_private;                        /* CONNECTIONS_PRIVATE */
	unsigned batch;                         /* how many the next wake-up may accept */
	struct event event;
	struct tables *tables;                  /* the last ones that have it; held */
	const struct listen_settings *settings; /* in those */
	const struct front *front;              /* of its protocol */
	struct door door;                       /* who may come in */
	char addr[ADDRESS_TEXT];
	char port[PORT_TEXT];
};

struct listeners {
	struct listener **at;                   /* by number; NULL: none */
	uint32_t count;
	bool paused;
	uint64_t resume_ms;                     /* 0: when a connection goes */
};

bool listeners_begin(struct multiplexer *mux);
void listeners_end(struct multiplexer *mux);

/*
 * The tables have changed: the listeners are those of the new ones.  One that
 * is no longer configured closes when what waits on it has been accepted.
 */
void listeners_swap(struct multiplexer *mux);

/* Serve this listening socket from now on; takes fd. */
void listener_take(struct multiplexer *mux, uint32_t number, int fd);

/* A connection that came by it has ended. */
void listener_unuse(struct listener *listener);

/* Accept no more until listeners_resume, or for some ms (0: until a connection goes). */
void listeners_pause(struct multiplexer *mux, uint64_t ms);
void listeners_resume(struct multiplexer *mux);

/* Accept no more, for good. */
void listeners_close(struct multiplexer *mux);

/* An address as text: IPv4 in IPv6 as IPv4.  Unix sockets: "unix:" and "0". */
void address_text(const struct sockaddr_storage *address, char addr[ADDRESS_TEXT],
    char port[PORT_TEXT]);

#endif
