/*
 * The answer that is being given.  A handler gives a head and body bytes, which
 * are collected in out[]; where they go from there is an outlet's to know:
 *
 *                 fits in out[]       fits in the memory    longer, or flushed
 *   channel       ANSWER_INLINE       ANSWER_MEMORY         ANSWER_STREAM
 *   client        Content-Length      chunked, or as the script said
 *   FastCGI       STDOUT records, as they come
 *
 * The client is its own socket, where that was given away.  Never allocates.
 * Knows nothing of handlers.
 */
#ifndef PERUSERD_PROCESSOR_RESPOND_H
#define PERUSERD_PROCESSOR_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <peruserd/envelope.h>

#include "http/answer.h"
#include "processor/channel.h"
#include "processor/raw.h"

struct fcgx;
struct respond;

/* Where it goes.  False: nobody takes it any more, which it has noted (respond_lose). */
struct outlet {
	/* What is in out[], which is empty after it; then these bytes. */
	bool (*put)(struct respond *respond, const void *bytes, size_t len);
	/* What is in out[], to the client now. */
	bool (*flush)(struct respond *respond);
	/* What is in out[], then more of a file than there is room in it. */
	bool (*file)(struct respond *respond, int fd, off_t offset, uint64_t len);
	/* It is complete, the handler goes on. */
	bool (*finish)(struct respond *respond);
	/* The request is over; flags: enum completion_flag.  False: no more of them come. */
	bool (*end)(struct respond *respond, unsigned flags);
	/* The client has left: looks. */
	bool (*left)(struct respond *respond);
};

struct respond {
	const struct outlet *outlet;
	struct channel *channel;        /* NULL: it goes by FastCGI */
	struct raw *raw;                /* the client's own socket, or NULL */
	struct fcgx *fcgx;              /* or NULL */
	bool no_body;                   /* HEAD, 204, 304: body bytes are dropped */
	bool head_given;
	bool finished;                  /* the answer is complete; further bytes are dropped */
	bool lost;                      /* nobody takes it any more */
	bool cut;                       /* it ended before its end */
	bool reported;                  /* raw: a completion told of it */
	enum completion_answer where;   /* channel: of what is not in out[] */
	uint64_t sent;                  /* channel: bytes that are in the memory or the stream */
	size_t head_len;                /* bytes of out[] that are the head, until they went out */
	size_t used;                    /* bytes of out[] */
	struct answer answer;           /* points into out[], or has done so */
	char out[COMPLETION_MAX_DATA];
};

/* For a new request: its answer goes there. */
void respond_to_channel(struct respond *respond, struct channel *channel, bool head_only);
void respond_to_client(struct respond *respond, struct channel *channel, struct raw *raw,
    bool head_only);
void respond_to_fcgx(struct respond *respond, struct fcgx *fcgx, bool head_only);

/*
 * The head.  False: *why is one sentence for the log, and nothing was given;
 * or it is NULL, and nobody takes the answer.
 */
bool respond_head(struct respond *respond, const char *fields, size_t len, const char **why);

/*
 * There is no answer of ours: another pool of the vhost serves that path.  False: it
 * can't be passed on (it does not go by a channel).
 */
bool respond_pass(struct respond *respond, const char *script_name, const char *path_info);

/* False: nobody takes it any more. */
bool respond_write(struct respond *respond, const void *bytes, size_t len);
bool respond_file(struct respond *respond, int fd, off_t offset, uint64_t len);
bool respond_flush(struct respond *respond);

/* The answer is complete, the handler goes on. */
bool respond_finish(struct respond *respond);

/*
 * The request is over: what is left of the answer, and that it is.  flags:
 * enum completion_flag.  False: no more requests come this way.
 */
bool respond_end(struct respond *respond, unsigned flags);

/* True once it is known that the client has left.  Looks. */
bool respond_left(struct respond *respond);

/* ---- raw, on a connection that stays */

/* Somebody else has used the client's socket; nothing is sent, and it is closed. */
void respond_abandon(struct respond *respond);

/* The answer is whole, send what is left of it; no completion. */
void respond_conclude(struct respond *respond);

/* Tell the multiplexer of this answer now (COMPLETION_ANSWER), for its log. */
bool respond_report(struct respond *respond);

/* Status and bytes, into a completion. */
void respond_account(const struct respond *respond, struct completion *completion);

/* ---- for the outlets */

/* Nothing given yet. */
void respond_begin(struct respond *respond, const struct outlet *outlet, bool head_only);

/* That much of a file into out[], where there is room for it.  False: it ended before; the answer is cut. */
bool respond_take(struct respond *respond, int fd, off_t offset, size_t len);

/* Nobody takes it any more.  False. */
bool respond_lose(struct respond *respond);

#endif
