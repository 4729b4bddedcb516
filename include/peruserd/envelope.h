/*
 * What travels between a multiplexer and a processor, over the slot's own
 * SOCK_SEQPACKET channel: one message a packet.
 *
 *   multiplexer -> processor   struct envelope, then vars, body and rest bytes,
 *                              descriptors as its flags say
 *   processor -> multiplexer   struct completion, then bytes as its kind says;
 *                              never a descriptor
 *
 * The processor is untrusted: user code holds this channel.  Whatever comes
 * from it is checked here, bounded, and used about its own slot alone.
 */
#ifndef PERUSERD_ENVELOPE_H
#define PERUSERD_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/nv.h>

#define ENVELOPE_MAGIC      0x50524531u         /* "PRE1" */
#define COMPLETION_MAGIC    0x50524331u         /* "PRC1" */

#define ENVELOPE_MAX_VARS   (80u * 1024)        /* the encoded meta-variables */
#define ENVELOPE_MAX_BODY   (32u * 1024)        /* body bytes inside the envelope */
#define ENVELOPE_MAX_REST   (16u * 1024)        /* raw: bytes read past the request */
#define ENVELOPE_MAX_FDS    4
#define COMPLETION_MAX_DATA (64u * 1024)        /* an answer inside the completion */
#define COMPLETION_MAX_LOG  2048                /* one log line */
#define COMPLETION_MAX_TRACE 4096               /* what a request does now */
#define BODY_UNTIL_END      UINT64_MAX          /* body_total: length not known */

enum envelope_kind {
	ENVELOPE_REQUEST = 1,   /* serve this */
	ENVELOPE_ABORT,         /* the client of this nonce has left; nothing follows the struct */
	ENVELOPE_RELEASE,       /* sticky: close after the answer of this nonce, someone waits */
	ENVELOPE_LAST           /* sticky: the next answer is the last; an idle client is let be */
};

/*
 * Which descriptors follow, in this order, and how to answer.
 */
enum envelope_flag {
	ENVELOPE_BODY_FILE   = 1 << 0,  /* fd: the whole body, seekable, read-only */
	ENVELOPE_BODY_STREAM = 1 << 1,  /* fd: the rest of the body as it arrives, until body_total or EOF */
	ENVELOPE_MEMORY      = 1 << 2,  /* fd: answer memory, kept and used until another one comes */
	ENVELOPE_STREAM      = 1 << 3,  /* fd: answer stream, kept until it was used, for one answer */
	ENVELOPE_RAW         = 1 << 4,  /* fd: the client's socket; answer HTTP to it */
	ENVELOPE_STICKY      = 1 << 5,  /* raw: may keep the connection and serve what follows on it */
	ENVELOPE_KEEP_ALIVE  = 1 << 6,  /* raw: the client would keep the connection */
	ENVELOPE_LOGGED      = 1 << 7,  /* sticky: tell of each further request, for the log */
	ENVELOPE_NAMED       = 1 << 8   /* an answer named this file: send it, whatever handles such names */
};
#define ENVELOPE_FLAGS 0x1ffu

struct envelope {
	uint32_t magic;
	uint16_t kind;          /* enum envelope_kind */
	uint16_t flags;         /* enum envelope_flag */
	uint64_t nonce;         /* 64 random bits, good for one completion */
	uint32_t connection;    /* the multiplexer's own name for the client; to be given back */
	uint32_t vhost;         /* which of the pool's vhosts, in the slice's order */
	uint32_t vars_len;
	uint32_t body_len;      /* the body's first bytes; all of it without a BODY flag */
	uint32_t rest_len;      /* raw: what the client sent after this request */
	uint32_t timeout_ms;    /* what is left of the request's time; 0: no bound */
	uint64_t body_total;    /* the body's length in bytes, or BODY_UNTIL_END */
	uint64_t memory_size;   /* of the lent answer memory; 0 where none is lent now */
};

struct envelope_parts {
	struct nv vars;                 /* valid pairs, all of them */
	const unsigned char *body;
	const unsigned char *rest;
};

enum completion_kind {
	/*
	 * data: one line of text for the pool's log.  status: enum log_level.
	 */
	COMPLETION_LOG = 1,
	/*
	 * The answer is complete (answer says where it is), the processor is not
	 * free yet: fastcgi_finish_request(), or work after the last byte.  Raw
	 * and sticky: the first request is served (its status and bytes), its
	 * connection is kept; from here on the request's time no longer runs.
	 */
	COMPLETION_ANSWER,
	/*
	 * Raw and sticky: so many more requests (count) were served on the
	 * connection that was given away.  ENVELOPE_LOGGED: it is one, and data is
	 * its meta-variables.  Else it is told once a second and at the end.
	 */
	COMPLETION_SERVED,
	/*
	 * The processor is free.  Carries the answer unless COMPLETION_ANSWER did.
	 */
	COMPLETION_DONE,
	/*
	 * data: what the request does now, lines of text.  Told when it is asked
	 * for (message.h, SLOT_TRACE), from beside: other completions may come
	 * before and after.
	 */
	COMPLETION_TRACE
};

enum completion_answer {
	ANSWER_NONE,            /* it was given before, or went to the client's socket */
	ANSWER_INLINE,          /* data: the CGI response, whole */
	ANSWER_MEMORY,          /* answer_len bytes of the lent memory, from its start */
	ANSWER_STREAM,          /* answer_len bytes went through the lent stream */
	ANSWER_FAILED,          /* there is none: 500 if nothing went out, else close */
	ANSWER_PASS             /* data: the path that the request is to be handed over for anew,
	                           to the pool of a handler "fastcgi" that covers it */
};

enum completion_flag {
	COMPLETION_LEAVING = 1 << 0,    /* this processor exits now: lease it no more */
	COMPLETION_CUT     = 1 << 1     /* the answer ended early: close the connection, don't end it well */
};
#define COMPLETION_FLAGS 0x3u

struct completion {
	uint32_t magic;
	uint8_t kind;           /* enum completion_kind */
	uint8_t answer;         /* enum completion_answer */
	uint16_t flags;         /* enum completion_flag */
	uint64_t nonce;
	uint32_t connection;
	uint16_t status;        /* raw: what was answered, for the log only; LOG: level */
	uint16_t reserved;
	uint32_t data_len;
	uint32_t cpu_us;        /* what the request cost, by its own account */
	uint32_t wall_us;       /* SERVED: how long the last of them took */
	uint32_t count;         /* SERVED: requests, at least 1 */
	uint64_t answer_len;    /* bytes of the answer: head and body */
	uint64_t sent;          /* raw: body bytes sent, for the log only */
};

/*
 * True if these len bytes with that many descriptors are a whole envelope;
 * *parts then points into them.  Pure: no I/O, no allocation.
 */
bool envelope_check(const void *bytes, size_t len, unsigned fds,
    struct envelope_parts *parts);

/* How many descriptors follow an envelope of these flags. */
unsigned envelope_fds(unsigned flags);

/*
 * True if these len bytes are a whole completion whose lengths fit its kind
 * and, for ANSWER_MEMORY, memory_size.  *data then points to its data_len
 * bytes.  Says nothing of nonce and connection: that is for whom it reached.
 */
bool completion_check(const void *bytes, size_t len, uint64_t memory_size,
    const unsigned char **data);

#endif
