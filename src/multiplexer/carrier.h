/*
 * A web server's connection that carries several requests at once, as FastCGI
 * does: the socket is one conn's, each request is a conn without one.  Whatever
 * goes out goes out in whole records, each request's in its turn: one that has
 * much to send keeps the others waiting no longer than one buffer lasts.
 *
 * The carrier's conn->out holds what the socket did not take; a request keeps
 * records of its own in its conn->out until that is empty.
 */
#ifndef PERUSERD_MULTIPLEXER_CARRIER_H
#define PERUSERD_MULTIPLEXER_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "multiplexer/conn.h"
#include "wire/fcgi.h"

struct carrier {
	struct conn *conn;              /* the socket's */
	struct conn_list requests;      /* by carried_link */
	struct conn_list waiting;       /* by room_link: those with something to send */
	uint32_t count;                 /* of requests */
	struct conn *stalled_by;        /* nothing is read: its body's processor is slow; or NULL */
	bool keep;                      /* goes on when it carries nothing */
	bool unread;                    /* more of a request that is over may come */
	bool broken;                    /* nothing can be read or sent any more */
	bool busy;                      /* is being looked at: it stays until that is done */
	struct fcgi_reader reader;
	struct buf values;              /* a GET_VALUES that has not come whole */
};

/* Make the connection a carrier.  False: no memory. */
bool carrier_begin(struct conn *conn);

/* Give up the requests it carries, as if their clients had left, and free it. */
void carrier_end(struct conn *conn);

/* The request of that number, or NULL. */
struct conn *carrier_find(const struct carrier *carrier, uint16_t id);

/* A new request; NULL: no memory. */
struct conn *carrier_add(struct carrier *carrier, uint16_t id);

/* That request is over: off the lists. */
void carrier_remove(struct conn *conn);

/* Whole records, at once or after what waits; about no request.  False: it is broken. */
bool carrier_send(struct carrier *carrier, const void *bytes, size_t len);

/*
 * Whole records of a request.  They are kept in its conn->out while the socket
 * takes none.  False: the carrier is broken, or too much is kept.
 */
bool carrier_send_for(struct conn *conn, struct iovec *pieces, int count, size_t len);

/* True if the socket takes records now. */
bool carrier_has_room(const struct carrier *carrier);

/* The request wants to hear when there is room (respond_room), or not any more. */
void carrier_wait(struct conn *conn, bool on);

/* The socket takes bytes again. */
void carrier_writable(evutil_socket_t fd, short what, void *context);

/* Look at it when this event is over; close it, let it idle, as it now is. */
void carrier_break(struct carrier *carrier);
void carrier_settle(struct carrier *carrier);

#endif
