/*
 * What the manager and its children say to each other, over one
 * SOCK_SEQPACKET pair per child: one message a packet, a header and a body of
 * fixed size.  MESSAGES is the whole vocabulary; a message that is not in it,
 * exactly, closes the channel it came on.
 *
 * A multiplexer is trusted with connections; a zygote is trusted with nothing:
 * what it says is used about its own pool's slots only, after a check.  The
 * loader (fast_start) has run nothing of any user.
 */
#ifndef PERUSERD_MESSAGE_H
#define PERUSERD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_MAGIC 0x50524d31u               /* "PRM1" */
#define MESSAGE_TEXT  200                       /* bytes of text in a fault, terminator included */

enum role {
	ROLE_MANAGER = 1,
	ROLE_MULTIPLEXER,
	ROLE_ZYGOTE,
	ROLE_LOADER
};

struct message_listener {
	uint32_t number;        /* of its entry in the slice's "listen" list */
	uint32_t reserved;
};

struct message_slot {
	uint32_t slot;          /* index on the board */
	uint32_t generation;    /* of the slot, as in its word on the board */
	uint32_t pool;          /* the pool's row on the board */
	int32_t pid;            /* SLOT: the processor's, for the access log; else 0 */
};

struct message_slot_gone {
	uint32_t slot;
	uint32_t generation;
	int32_t status;         /* as wait(2) gives it */
	uint32_t reserved;
};

struct message_pool {
	uint32_t pool;
	uint32_t generation;    /* of its zygote.  BELL: 1 where it is the receiver's own bell */
};

struct message_log {
	uint32_t log;           /* its number: log_number in the slice */
	uint32_t error;         /* 0, or the errno that kept it from being opened */
};

struct message_signal {
	uint32_t slot;
	uint32_t generation;
	uint32_t signal;        /* SIGTERM: leave when idle; SIGKILL: now; or MESSAGE_SIGNAL_TRACE */
	uint32_t reserved;
};

#define MESSAGE_SIGNAL_TRACE 1000u      /* no number of a signal: say what you do now */

struct message_stop {
	uint32_t timeout_ms;    /* how long running requests may take; 0: no bound */
	uint32_t replaced;      /* 1: others go on in its place, and read what pools say */
};

struct message_tables {
	uint32_t newest;        /* the generation that holds for what begins now */
	uint32_t oldest;        /* the eldest that something still holds on to */
};

struct message_fault {
	uint32_t step;          /* enum confine_step, or 0 where none fits */
	int32_t error;          /* errno, or 0 */
	char text[MESSAGE_TEXT];/* terminated by its sender; the receiver makes sure and escapes it */
};

struct message_part {
	uint32_t token;         /* of the zygote that it is for */
	uint32_t number;        /* enum inherited_fd: where that zygote shall find it */
};

struct message_start {
	uint32_t token;
	uint32_t namespaces;    /* 1: with PID, mount and IPC namespaces of its own */
};

struct message_started {
	uint32_t token;
	int32_t pid;            /* a child of the manager's; 0: none was made */
	int32_t error;          /* then errno */
	uint32_t reserved;
};

struct message_none {
	uint32_t reserved[2];
};

/*      NAME          FROM         TO           BODY                       FDS */
#define MESSAGES(M)                                                             \
	/* to a multiplexer */                                                  \
	M(LISTENER,     MANAGER,     MULTIPLEXER, struct message_listener,  1)  \
	M(POOL_LOG,     MANAGER,     MULTIPLEXER, struct message_pool,      1)  \
	M(BELL,         MANAGER,     MULTIPLEXER, struct message_pool,      1)  \
	M(SLOT,         MANAGER,     MULTIPLEXER, struct message_slot,      1)  \
	M(SLOT_GONE,    MANAGER,     MULTIPLEXER, struct message_slot_gone, 0)  \
	M(LOG,          MANAGER,     MULTIPLEXER, struct message_log,       1)  \
	M(NO_LOG,       MANAGER,     MULTIPLEXER, struct message_log,       0)  \
	M(NO_CHANNEL,   MANAGER,     MULTIPLEXER, struct message_slot_gone, 0)  \
	M(REOPEN,       MANAGER,     MULTIPLEXER, struct message_none,      1)  \
	M(STATUS,       MANAGER,     MULTIPLEXER, struct message_none,      1)  \
	M(TABLES,       MANAGER,     MULTIPLEXER, struct message_none,      1)  \
	M(STOP,         MANAGER,     MULTIPLEXER, struct message_stop,      0)  \
	/* from a multiplexer */                                                \
	M(READY,        MULTIPLEXER, MANAGER,     struct message_none,      0)  \
	M(WANT_LOG,     MULTIPLEXER, MANAGER,     struct message_log,       0)  \
	M(WANT_CHANNEL, MULTIPLEXER, MANAGER,     struct message_slot_gone, 0)  \
	M(WANT_STATUS,  MULTIPLEXER, MANAGER,     struct message_none,      0)  \
	M(TABLES_HELD,  MULTIPLEXER, MANAGER,     struct message_tables,    0)  \
	M(SLOT_EXPIRED, MULTIPLEXER, MANAGER,     struct message_slot,      0)  \
	M(SLOT_SPOILT,  MULTIPLEXER, MANAGER,     struct message_slot,      0)  \
	M(SLOT_SENT,    MULTIPLEXER, MANAGER,     struct message_slot,      0)  \
	M(SLOT_TRACE,   MULTIPLEXER, MANAGER,     struct message_slot,      0)  \
	/* to a zygote */                                                       \
	M(FORK,         MANAGER,     ZYGOTE,      struct message_slot,      1)  \
	M(SIGNAL,       MANAGER,     ZYGOTE,      struct message_signal,    0)  \
	/* from a zygote and, FORKED alone, from a processor it forked */       \
	M(LOADED,       ZYGOTE,      MANAGER,     struct message_none,      0)  \
	M(FORKED,       ZYGOTE,      MANAGER,     struct message_slot,      0)  \
	M(NOT_FORKED,   ZYGOTE,      MANAGER,     struct message_slot_gone, 0)  \
	M(GONE,         ZYGOTE,      MANAGER,     struct message_slot_gone, 0)  \
	M(FAULT,        ZYGOTE,      MANAGER,     struct message_fault,     0)  \
	/* to and from the loader */                                            \
	M(PART,         MANAGER,     LOADER,      struct message_part,      1)  \
	M(START,        MANAGER,     LOADER,      struct message_start,     0)  \
	M(MAPPED,       LOADER,      MANAGER,     struct message_none,      0)  \
	M(STARTED,      LOADER,      MANAGER,     struct message_started,   0)

/*
 * LISTENER      a bound, listening, non-blocking socket to accept on
 * POOL_LOG      the other end of that pool's standard error; this multiplexer alone reads it
 * BELL          an eventfd; message_pool.pool is a multiplexer's number: write to it to wake
 *               that one.  Each is told its own bell too, which it reads: its generation is
 *               1, its number is the receiver's own.  The own one comes first, before any
 *               LISTENER.  Number BOARD_BELL_MANAGER is the manager's.
 * SLOT          a new slot: its channel's multiplexers' end (FastCGI: a connection).  Sent before
 *               the slot turns idle on the board
 * SLOT_GONE     the slot's processor has ended; status says how
 * WANT_CHANNEL  a slot leased by the sender, of a pool with handoff = "fastcgi", has no
 *               connection (any more); status: the errno that kept one from coming to be, or 0.
 *               The answer is SLOT, with the same generation, or
 * NO_CHANNEL    there is none to be had; status: the errno
 * LOG, NO_LOG   the answer to WANT_LOG: an O_APPEND descriptor, or why there is none
 * REOPEN        forget every open log, ask anew; the descriptor is the new error log
 * STATUS        the answer to WANT_STATUS: records of manager/status.h in a sealed memory
 * TABLES        a new slice of the configuration, sealed: it holds for what begins now
 * TABLES_HELD   which generations this multiplexer uses, whenever that changes: a number
 *               (of a row, a log, a listener) that is in none of them may be given anew
 * STOP          accept no more, finish what runs, exit
 * READY         the tables are built and the listeners are being served
 * SLOT_EXPIRED  the request on that slot ran longer than expire_timeout: kill it
 * SLOT_SPOILT   the slot's processor broke the protocol: kill it
 * SLOT_SENT     it sent a descriptor, which the kernel could not refuse: its pool has failed
 * SLOT_TRACE    the request on that slot is slow: have its processor say what it does
 * FORK          fork a processor for that slot; the descriptor is its end of the channel
 *               (FastCGI: the socket that it is to accept on)
 * SIGNAL        send a signal to that slot's processor
 * LOADED        interpreters are loaded, the pool is confined: ready to fork
 * FORKED        sent by the new processor itself, so the kernel's credentials tell its pid
 * NOT_FORKED    fork failed; status is the errno
 * GONE          that slot's processor has ended; status as wait(2) gives it
 * FAULT         the zygote can't go on and exits; why
 * PART          one of the descriptors that the zygote of that token is to find
 * START         they are all there: make it
 * MAPPED        the libraries are mapped: zygotes may be asked for
 * STARTED       the answer to START; the new process is the manager's child, as the kernel
 *               will confirm
 */

enum message_type {
	MESSAGE_NONE,
#define M(name, from, to, body, fds) MESSAGE_##name,
	MESSAGES(M)
#undef M
	MESSAGE_TYPES
};

struct message_header {
	uint32_t magic;
	uint16_t type;          /* enum message_type */
	uint16_t len;           /* of the body, bytes */
};

struct message {
	struct message_header header;
	union {
		struct message_listener listener;
		struct message_slot slot;
		struct message_slot_gone gone;
		struct message_pool pool;
		struct message_log log;
		struct message_signal signal;
		struct message_stop stop;
		struct message_tables tables;
		struct message_fault fault;
		struct message_part part;
		struct message_start start;
		struct message_started started;
		struct message_none none;
	} body;
};

/*
 * Fill in the header.  Returns the message's whole length in bytes.
 */
size_t message_begin(struct message *message, enum message_type type);

/*
 * True if these len bytes with that many descriptors are a message that this
 * role may send to that one: magic, type, direction, exact length, exact count.
 */
bool message_allowed(const struct message *message, size_t len, unsigned fds,
    enum role from, enum role to);

/* The type's name for a log line, e.g. "SLOT_GONE"; "unknown" where there is none. */
const char *message_name(unsigned type);

/*
 * Send one message with one descriptor, or none where fd is -1.  Never blocks.
 * Returns false with errno set where the kernel takes it not: EAGAIN when the
 * receiver doesn't read, EPIPE or ECONNRESET when it has gone.
 */
bool message_send(int channel, struct message *message, enum message_type type, int fd);

enum message_got { MESSAGE_GOT, MESSAGE_NOTHING, MESSAGE_CLOSED, MESSAGE_BROKEN };

/*
 * Receive one message that that role may send to this one.  Never blocks.  *fd becomes
 * its descriptor, which the caller then owns, or -1.  *pid becomes the sender's, as the
 * kernel sees it, where the channel has SO_PASSCRED set; else 0.  pid may be NULL.
 * MESSAGE_NOTHING: none is there.  MESSAGE_CLOSED: the peer has gone.  MESSAGE_BROKEN: not
 * a message of ours, descriptors are closed; close the channel.  To the manager no
 * descriptor ever comes: there SO_PASSCRED must be set, and none is taken.
 */
enum message_got message_receive(int channel, enum role from, enum role to,
    struct message *message, int *fd, pid_t *pid);

#endif
