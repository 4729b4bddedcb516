/*
 * Names with numbers that stay: a log file keeps its number from one
 * configuration to the next.  The number of a name that has gone is given to
 * another one only when no multiplexer holds tables that may mean it.
 */
#ifndef PERUSERD_MANAGER_ROSTER_H
#define PERUSERD_MANAGER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

struct roster_entry {
	char *name;             /* owned */
	uint32_t gone;          /* the first generation without it; 0: it is there */
};

struct roster {
	struct roster_entry *at;        /* by number; owned */
	uint32_t count, size;
};

void roster_end(struct roster *roster);

/*
 * These, each once, are the names from that generation on; numbers[i] becomes
 * names[i]'s.  `oldest` is the eldest generation that anybody holds.  False: no
 * memory; then numbers say nothing, and none was given away.
 */
bool roster_take(struct roster *roster, char *const *names, uint32_t count,
    uint32_t generation, uint32_t oldest, uint32_t *numbers);

/* Exactly that number, where a predecessor gave it.  False: no memory. */
bool roster_put(struct roster *roster, uint32_t number, const char *name, uint32_t gone);

/* The name that has that number, or NULL. */
const char *roster_name(const struct roster *roster, uint32_t number);

#endif
