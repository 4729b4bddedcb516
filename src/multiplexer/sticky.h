/*
 * Slots whose processors keep a client's connection for further requests
 * (private listeners): each serves one visitor until another one
 * waits for it.  It is a struct slot with `sticky` set, on the list slots.sticky.
 */
#ifndef PERUSERD_MULTIPLEXER_STICKY_H
#define PERUSERD_MULTIPLEXER_STICKY_H

struct multiplexer;
struct slot;

/* A request was answered; the next may come within the keep-alive timeout. */
void slot_sticky_idle(struct slot *slot);

/*
 * Ask the processors of pools where somebody waits, and those that are to leave,
 * to let go of clients' connections.
 */
void slots_release_sticky(struct multiplexer *mux);

/* We go and others take our place: have them close after the next answer. */
void slots_last_sticky(struct multiplexer *mux);

#endif
