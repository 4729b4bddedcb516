/*
 * Answer memories that have been sent and wait to be lent again.
 *
 * A fresh memory costs its processor a page to be found, charged and entered
 * for each 4 KiB that it writes, and whoever closes it the way back: a third of
 * what an answer of 1 MiB took.  So one that was sent goes back to the
 * processor that wrote it, and to no other: the slot and its generation are
 * kept with it.
 *
 * It may be lent again because its bytes were copied into the client's socket.
 * sendfile would put its very pages there, where they would change under a
 * client that has not read them yet.  So a front's send_file() reads, and
 * never splices.
 *
 * Bounded: SPARES of them, each for SPARE_MS.
 */
#ifndef PERUSERD_MULTIPLEXER_SPARE_H
#define PERUSERD_MULTIPLEXER_SPARE_H

#include <stdint.h>

#define SPARES   16
#define SPARE_MS 1000

struct multiplexer;
struct slot;

/* Whose an answer memory was that is not its slot's any more. */
struct borrower {
	uint32_t slot;          /* its index */
	uint32_t generation;
	uint64_t size;          /* bytes; 0: it was nobody's, and is not lent again */
};

struct spare {
	int fd;                 /* owned, or -1 */
	struct borrower borrower;
	uint64_t since_ms;
};

struct spares {
	struct spare at[SPARES];
	uint64_t bytes;         /* of all answer memories there are: lent, being sent, spare */
};

/* An answer memory of that size, where all of them stay within `most`; or -1 with errno. */
int memory_new(struct spares *spares, uint64_t size, uint64_t most);
void memory_close(struct spares *spares, int *fd, uint64_t size);

void spares_begin(struct spares *spares);
void spares_end(struct spares *spares);

/* A memory of that size which that slot's processor had before; or -1. */
int spare_take(struct spares *spares, const struct slot *slot, uint64_t size);

/* That memory has been sent: keep or close it; *fd becomes -1. */
void spare_keep(struct spares *spares, int *fd, const struct borrower *borrower,
    uint64_t now_ms);

/* Close those that nobody wanted for a while. */
void spares_tick(struct spares *spares, uint64_t now_ms);

#endif
