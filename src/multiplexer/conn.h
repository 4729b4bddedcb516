/*
 * The life of a client's connection, and the table of them.  A connection's
 * index in the table is its name towards processors (envelope.connection).
 *
 *   IDLE -> HEAD -> BODY -> QUEUED -> RUNNING -> SENDING -> IDLE or LINGER
 *                                        |-> GIVEN   (raw: the socket went away)
 *                                        '-> LEFT    (the client went away)
 *
 * An idle one owns no memory but this struct.
 *
 * Where one socket carries several requests (carrier.h), each of them is a
 * connection without a socket, and the socket's own connection carries them:
 * IDLE <-> CARRIES -> LINGER.
 */
#ifndef PERUSERD_MULTIPLEXER_CONN_H
#define PERUSERD_MULTIPLEXER_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "multiplexer/listener.h"
#include "multiplexer/tables.h"
#include "multiplexer/spare.h"
#include "multiplexer/timeouts.h"

struct multiplexer;
struct body;
struct carrier;
struct front;
struct slot;
struct stream;

enum conn_state {
	CONN_FREE,
	CONN_IDLE,              /* between requests; nothing of the next has come */
	CONN_HEAD,              /* a part of a head has come */
	CONN_BODY,              /* the body is being spooled */
	CONN_QUEUED,            /* waits for a slot */
	CONN_ASKING,            /* a status listener's: waits for the manager's word */
	CONN_RUNNING,           /* a processor has the request */
	CONN_SENDING,           /* the answer is complete, not all of it is sent */
	CONN_CARRIES,           /* a web server's: its requests are connections of their own */
	CONN_LINGER,            /* what the client still sends is dropped, then it is closed */
	CONN_GIVEN,             /* raw: the processor has the socket; fd is -1 */
	CONN_LEFT               /* the client has left, its processor still runs; fd is -1 */
};

enum status_form {
	STATUS_NONE,
	STATUS_PAGE,
	STATUS_JSON,
	STATUS_JSON_ACTIVE,     /* without pools that nobody has asked for */
	STATUS_METRICS,
	STATUS_HEALTH
};

enum timeout_kind { TIMEOUT_CONN, TIMEOUT_SLOT, TIMEOUT_SLOW };

struct conn {
	struct multiplexer *mux;
	struct listener *listener;
	const struct front *front;      /* the listener's */
	int fd;                         /* owned; -1 once it went away, or where it is carried */
	uint32_t index;                 /* in the table */
	enum conn_state state;
	bool read_armed, write_armed;
	bool again;                     /* on the list of those to be looked at again */
	bool fresh;                     /* nothing was answered on it yet */
	TAILQ_ENTRY(conn) link;         /* the queue it waits in, or the list of free ones */
	TAILQ_ENTRY(conn) again_link;
	struct timeout timeout;         /* of its present state */
	struct event read_event;
	struct event write_event;
	bool proxy_due;                 /* a PROXY header is to come before all else */
	bool by_proxy;                  /* a trusted proxy is its client: its fields are believed */
	char remote_addr[ADDRESS_TEXT];
	char remote_port[PORT_TEXT];
	char local_addr[ADDRESS_TEXT];  /* "" until asked for; a listener's own is used if it has one */
	char local_port[PORT_TEXT];
	struct buf in;                  /* bytes read and not used yet */
	size_t scanned;                 /* how far head_parse has looked at them */

	struct carrier *carrier;        /* what carries it; its own where it carries; or NULL */
	TAILQ_ENTRY(conn) carried_link;
	TAILQ_ENTRY(conn) room_link;    /* where it waits for room on the carrier */
	uint16_t carried_id;            /* the request's number there */
	bool carried_ended;             /* its end was told, or need not be */
	bool waits_for_room;

	/* the request that is being served */
	struct tables *tables;          /* that it began under; held, never NULL while it is open */
	uint32_t vhost;                 /* index into their vhosts, or SETTINGS_NONE */
	uint32_t pool;                  /* its row on the board */
	int8_t minor;                   /* HTTP/1.minor, or ANSWER_CGI */
	bool head_only;
	bool keep_alive;                /* may go on after this answer */
	bool body_unread;               /* more of the request's body may come: no next request */
	bool answered;                  /* the first byte of an answer was framed */
	bool may_pass;                  /* one pool may hand it back for another one */
	bool passed;                    /* and has done so */
	bool named;                     /* its answer named a file, which is to be sent */
	struct buf named_head;          /* and this is that answer's head */
	struct buf vars;                /* its meta-variables, where they must be kept */
	struct body *body;              /* where it must be kept or fed; owned */
	struct slot *slot;              /* while RUNNING, GIVEN, LEFT */
	uint64_t started_us;
	uint64_t serial;                /* counts the requests of this multiplexer; 0: none yet */
	uint64_t waited_us;             /* in the queue */
	uint64_t queued_us;             /* since when it waited for a slot; 0: it did not */
	enum status_form status_form;   /* what a status listener was asked for */

	/* its answer */
	struct buf out;                 /* framed bytes that the socket did not take yet */
	int file;                       /* then these bytes of an answer memory; owned, or -1 */
	uint64_t file_at, file_left;
	struct borrower borrower;       /* whose memory that was */
	struct stream *stream;          /* the answer comes by this; owned */
	int status;
	uint64_t sent;                  /* body bytes framed */
	int32_t pid;                    /* of the processor, for the log */
};

TAILQ_HEAD(conn_list, conn);

/* What was configured when its request began. */
static inline const struct settings *
conn_settings(const struct conn *conn)
{
	return conn->tables->settings;
}

/* The site that was asked for, or NULL where none was (yet). */
static inline const struct vhost_settings *
conn_vhost(const struct conn *conn)
{
	return conn->vhost == SETTINGS_NONE ? NULL :
	    &conn->tables->settings->vhosts[conn->vhost];
}

/* Its numbers, or the global ones where no site was asked for. */
static inline const struct tuning *
conn_tuning(const struct conn *conn)
{
	return conn->vhost == SETTINGS_NONE ? &conn->tables->settings->tuning :
	    conn->tables->settings->vhosts[conn->vhost].tuning;
}

struct conns {
	struct conn **at;               /* by index; an entry is never NULL below `made` */
	uint32_t made;                  /* structs there are */
	uint32_t size;                  /* room in at */
	uint32_t open;                  /* in use */
	uint32_t max;                   /* max_clients */
	struct conn_list free;
	struct conn_list again;
};

bool conns_begin(struct multiplexer *mux);
void conns_end(struct multiplexer *mux);

/* A new connection for an accepted socket, which it takes; NULL: out of memory (fd is closed). */
struct conn *conn_new(struct multiplexer *mux, struct listener *listener, int fd);

/* One without a socket, for a request that comes on this one. */
struct conn *conn_new_carried(struct conn *on);

/* Close it now, whatever it does; a processor that runs its request is told. */
void conn_close(struct conn *conn);

/*
 * The answer is complete and sent: log it, then go on with the next request,
 * or close.
 */
void conn_finish(struct conn *conn);

/* Close after an answer whose request was not read to its end: let the client read it. */
void conn_linger(struct conn *conn);

/* A request begins: what is configured now is what holds for it. */
void conn_begin(struct conn *conn);

/* Forget the request: its memory, descriptors and numbers. */
void conn_reset(struct conn *conn);

/* Give the struct back; nothing of it may be in use. */
void conn_free(struct conn *conn);

/* Look at it again after this event: it has bytes of a next request. */
void conn_again(struct conn *conn);
void conns_again(struct multiplexer *mux);

/* Listen for bytes, for room to write. */
void conn_read_events(struct conn *conn, bool on);
void conn_write_events(struct conn *conn, bool on);

void conn_timeout(struct conn *conn, uint64_t ms);

/* Its timeout has come. */
void conn_timed_out(struct conn *conn);

/* The tables have changed: what waits goes on under the new ones. */
void conns_swap(struct multiplexer *mux);

/*
 * Close those that are idle (when stopping).  One that was just accepted has its chance:
 * its request is on its way, and nobody else will hear it.
 */
void conns_close_idle(struct multiplexer *mux);

#endif
