/*
 * Where an answer goes.  A handler gives a head and body bytes; small answers
 * end up inside the completion, larger ones in the lent memory, flushed or
 * still longer ones in the lent stream, or all of it at the client's own
 * socket where that was given away.
 *
 *                 fits in out[]       fits in the memory    longer, or flushed
 *   channel       ANSWER_INLINE       ANSWER_MEMORY         ANSWER_STREAM
 *   client        Content-Length      chunked, or as the script said
 *
 * Never allocates.  Knows nothing of handlers.
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

struct respond {
	struct channel *channel;
	struct raw *raw;                /* NULL: the answer goes by the channel */
	bool no_body;                   /* HEAD, 204, 304: body bytes are dropped */
	bool head_given;
	bool finished;                  /* the answer is complete; further bytes are dropped */
	bool lost;                      /* nobody takes it any more */
	bool cut;                       /* it ended before its end */
	bool reported;                  /* raw: a completion told of it */
	enum completion_answer where;   /* of what is not in out[] */
	uint64_t sent;                  /* bytes that are in the memory or the stream */
	size_t head_len;                /* bytes of out[] that are the head, until they went out */
	size_t used;                    /* bytes of out[] */
	struct answer answer;           /* points into out[], or has done so */
	char out[COMPLETION_MAX_DATA];
};

/* For a new request.  raw is NULL where the answer goes by the channel. */
void respond_begin(struct respond *respond, struct channel *channel, struct raw *raw,
    bool head_only);

/*
 * The head.  False: *why is one sentence for the log, and nothing was given;
 * or it is NULL, and nobody takes the answer.
 */
bool respond_head(struct respond *respond, const char *fields, size_t len, const char **why);

/*
 * There is no answer of ours: another pool of the vhost serves that path.  False: it
 * can't be passed on (the client's socket is ours).
 */
bool respond_pass(struct respond *respond, const char *script_name, const char *path_info);

/* False: nobody takes it any more. */
bool respond_write(struct respond *respond, const void *bytes, size_t len);
bool respond_file(struct respond *respond, int fd, off_t offset, uint64_t len);
bool respond_flush(struct respond *respond);

/* The answer is complete, the handler goes on. */
bool respond_finish(struct respond *respond);

/*
 * The request is over: what is left of the answer, and the completion.  flags:
 * enum completion_flag.  False: the channel is closed.
 */
bool respond_end(struct respond *respond, unsigned flags);

/* Raw: somebody else has used the client's socket; nothing is sent, and it is closed. */
void respond_abandon(struct respond *respond);

/* Raw: the answer is whole, send what is left of it; no completion. */
void respond_conclude(struct respond *respond);

/* Raw: tell the multiplexer of this answer now (COMPLETION_ANSWER), for its log. */
bool respond_report(struct respond *respond);

/* Raw: status and bytes, into a completion. */
void respond_account(const struct respond *respond, struct completion *completion);

#endif
