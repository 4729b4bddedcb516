/*
 * A multiplexer: one event loop that holds the clients' connections, finds
 * each request's pool, hands it to a processor and frames the answer.  Runs as
 * an account of its own without any capability; opens no file of any user.
 *
 * What a client or a processor sends is checked and bounded.  Nothing here
 * blocks: a socket that isn't ready waits for its event.
 *
 *   front_*      a client's bytes -> requests; answers -> bytes (front.h)
 *   request      a request's site, its checks, its body
 *   queue, lease a slot for it, now or when one is free
 *   handoff_fd   the envelope, to the slot's channel
 *   completion   what comes back on that channel
 *   respond      the answer, checked, to its front
 */
#ifndef PERUSERD_MULTIPLEXER_MULTIPLEXER_H
#define PERUSERD_MULTIPLEXER_MULTIPLEXER_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include <peruserd/board.h>
#include <peruserd/envelope.h>
#include <peruserd/message.h>

#include "base/buf.h"
#include "http/answer.h"
#include "http/date.h"
#include "http/head.h"
#include "multiplexer/conn.h"
#include "multiplexer/front_status.h"
#include "multiplexer/later.h"
#include "multiplexer/lease.h"
#include "multiplexer/listener.h"
#include "multiplexer/logs.h"
#include "multiplexer/pool_log.h"
#include "multiplexer/queue.h"
#include "multiplexer/tables.h"
#include "multiplexer/spare.h"
#include "multiplexer/timeouts.h"

#define MULTIPLEXER_READ  (128u * 1024)         /* bytes taken from a socket at once */
#define COPY_BYTES (128u * 1024)                  /* of an answer memory, on their way to a socket */
#define MULTIPLEXER_NONCES 256
#define MULTIPLEXER_TICK_MS 1000
#define MULTIPLEXER_RELOOK_MS 100               /* a waiter looks again so often */

/*
 * Room that lives no longer than one event: what was read, what is built.
 * One request at a time is being looked at, so one of each is enough.
 */
struct scratch {
	char read[MULTIPLEXER_READ];
	char copy[COPY_BYTES];          /* of an answer memory */
	unsigned char vars[ENVELOPE_MAX_VARS];
	char uri[64 * 1024 + 1];        /* a decoded path; a request line is no longer */
	char name[256];                 /* a host's */
	struct head head;
	struct answer answer;
	struct buf out;                 /* an HTTP head; keeps its memory */
	struct later later;             /* until the end of the wake-up */
};

struct multiplexer {
	struct event_base *base;
	struct tables *tables;          /* of what begins now; held */
	struct tables_list all_tables;  /* those that something still holds */
	struct message_tables told;     /* what the manager knows of them */
	struct board *board;
	struct board_multiplexer *self; /* its own counters; NULL before it knows its number */
	unsigned number;                /* its own, or BOARD_NOBODY before its bell came */
	int control;                    /* the channel to the manager */
	int spool_dir;                  /* O_PATH, or -1 */
	bool chrooted;
	int bells[BOARD_MULTIPLEXERS + 1];      /* eventfds; -1 where not told yet */

	uint64_t now_us;                /* 0: to be read; one reading serves a wake-up */
	uint64_t timer_at;              /* what the timer is armed for, or TIMEOUT_NEVER */
	char date[DATE_LEN + 1];
	time_t wall;                    /* the second that date stands for */
	uint64_t nonces[MULTIPLEXER_NONCES];
	unsigned nonces_left;
	uint64_t serial;                /* of the last request */
	uint64_t born_ms;               /* with number and serial a request's id */

	struct timeouts timeouts;
	struct conns conns;
	struct listeners listeners;
	struct pools pools;
	struct slots slots;
	struct spares spares;
	uint64_t body_memory;           /* bytes of bodies: body_memory_total bounds them */
	uint64_t spooled;               /* spool_total */
	struct logs logs;
	struct status_desk desk;
	struct scratch *scratch;

	struct event control_event;
	struct event bell_event;
	struct event tick_event;        /* each second */
	struct event timer_event;       /* the earliest timeout */
	struct event relook_event;      /* while a request waits */
	bool relook_armed;
	bool stopping;                  /* accepts no more, finishes what runs */
	bool replaced;                  /* and others take our place */
	bool stopped;                   /* the loop ends */
	uint64_t stop_at_ms;            /* TIMEOUT_NEVER: no bound */
	int exit_status;
};

/*
 * Read the settings from settings_fd, map the board, make the tables.  Both
 * descriptors are taken and closed.  NULL: the reason was logged.
 */
struct multiplexer *multiplexer_new(int settings_fd, int board_fd, int control);
/* By its path; inside: as a chroot of the multiplexers' shows it. */
void multiplexer_open_spool(struct multiplexer *mux, bool inside);
void multiplexer_free(struct multiplexer **mux);

/* Serve until STOP was obeyed or the manager has gone.  Returns the exit status. */
int multiplexer_run(struct multiplexer *mux);

/* The time, as of this wake-up. */
uint64_t multiplexer_us(struct multiplexer *mux);
uint64_t multiplexer_ms(struct multiplexer *mux);

/* Set a timeout; 0 ms clears it. */
void multiplexer_timeout(struct multiplexer *mux, struct timeout *timeout, uint64_t ms);

/* 64 random bits. */
uint64_t multiplexer_nonce(struct multiplexer *mux);

/* Say something to the manager.  False: it can't take it now, which is logged. */
bool multiplexer_tell(struct multiplexer *mux, struct message *message,
    enum message_type type);

/* Wake a multiplexer, or the manager (BOARD_BELL_MANAGER). */
void multiplexer_ring(struct multiplexer *mux, unsigned number);

/* See to it that waiting requests are looked at again in MULTIPLEXER_RELOOK_MS. */
void multiplexer_relook(struct multiplexer *mux);

#endif
