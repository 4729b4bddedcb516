/*
 * The processor's end of its slot's channel: requests come in, completions go
 * out.  It also keeps what the multiplexers lent for answers: a memory and a
 * stream, each for one answer.
 *
 * One request is served at a time.  In between, only an ABORT or a RELEASE may
 * arrive, which channel_look() takes; one for a nonce that is not served now is
 * stale and dropped.
 */
#ifndef PERUSERD_PROCESSOR_CHANNEL_H
#define PERUSERD_PROCESSOR_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peruserd/envelope.h>

struct channel {
	int fd;                 /* owned */
	bool serving;           /* nonce and connection are of a request that is not done yet */
	uint64_t nonce;
	uint32_t connection;
	bool aborted;           /* its client has left */
	bool released;          /* sticky: somebody waits for this slot */
	bool last;              /* sticky: the next answer ends the connection */
	bool closed;            /* nobody is at the other end */
	unsigned lost;          /* log lines that could not be sent */
	int memory;             /* lent; owned; -1 where there is none */
	uint64_t memory_size;
	int stream;             /* lent; owned; -1 where there is none */
};

/* One request as it arrived.  The descriptors are the caller's; -1 where there is none. */
struct arrival {
	struct envelope envelope;
	struct envelope_parts parts;    /* valid until the next channel_wait */
	int body_file;
	int body_stream;
	int client;
};

void channel_begin(struct channel *channel, int fd);

/*
 * Wait for the next request.  False: the channel was closed, or what came was
 * not a whole envelope; the processor has nothing more to do.
 */
bool channel_wait(struct channel *channel, struct arrival *arrival);

/* Take what is there without waiting; sets aborted, released, closed. */
void channel_look(struct channel *channel);

/*
 * Send a completion of that kind with these bytes, waiting for room.  Fills in
 * magic, nonce, connection and data_len.  False: nobody is there to read it.
 */
bool channel_send(struct channel *channel, struct completion *completion, const void *data,
    size_t len);

/* One line for the pool's log; dropped, and counted, where it would have to wait. */
void channel_log(struct channel *channel, int level, const char *text, size_t len);

#endif
