/*
 * What a processor says beside its answers: log lines, reports, completions
 * that are for nobody.  Each costs the multiplexer a little; so there is a
 * rate, message_rate.  One that says more isn't listened to until the next
 * second, which delays its own answer and nobody else's; one that goes on so
 * for flood_timeout is spoilt.
 */
#ifndef PERUSERD_MULTIPLEXER_CHATTER_H
#define PERUSERD_MULTIPLEXER_CHATTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct multiplexer;
struct slot;

/* In a slot. */
struct chatter {
	TAILQ_ENTRY(slot) link;
	uint32_t second;                /* that `said` was counted in */
	uint32_t said;
	uint32_t floods;                /* seconds in a row in which it was too much */
	uint32_t flooded;               /* the last of them */
	bool resting;                   /* not listened to until the next second */
};

/* One more message.  False: that was enough for this second. */
bool chatter_more(struct slot *slot);

/* Its channel is closed. */
void chatter_end(struct slot *slot);

/* A second has passed. */
void chatter_tick(struct multiplexer *mux);

#endif
