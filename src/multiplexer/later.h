/*
 * Small answers that are sent at the end of a wake-up.
 *
 * Each slot whose completion came in this wake-up gets its next request before
 * any answer is sent.  To wake a processor on a CPU that idles is an
 * interrupt from one CPU to the other; while that one is busy with the first,
 * the others are only put on its queue.  An answer that is being sent costs as
 * much time as a small request takes, so that one sent between two of these
 * wake-ups would let the CPU fall idle again.
 *
 * The bytes stay where the completion was received, so a room for completions
 * comes with it.  It is bounded: where it is full, what it holds is sent.
 */
#ifndef PERUSERD_MULTIPLEXER_LATER_H
#define PERUSERD_MULTIPLEXER_LATER_H

#include <stdbool.h>
#include <stddef.h>

#include <peruserd/envelope.h>

#define LATER_ANSWERS 32
#define LATER_ROOM    (sizeof(struct completion) + COMPLETION_MAX_DATA)
#define LATER_BYTES   (2 * LATER_ROOM)

struct conn;
struct multiplexer;

struct later_answer {
	struct conn *conn;              /* NULL: it has gone */
	const char *data;
	size_t len;
	bool cut;
};

struct later {
	size_t used;                    /* bytes of room[] that answers lie in */
	unsigned count;
	struct later_answer answers[LATER_ANSWERS];
	char room[LATER_BYTES];
};

/* LATER_ROOM bytes for a completion, which last until the next call; sends what is in the way. */
char *later_room(struct multiplexer *mux);

/* Answer that client later, with these bytes of the last room. */
void later_answer(struct conn *conn, const char *data, size_t len, bool cut);

/* That connection ends: forget its answer. */
void later_forget(struct conn *conn);

/* Send them all. */
void later_send(struct multiplexer *mux);

#endif
