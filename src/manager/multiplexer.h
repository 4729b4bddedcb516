/*
 * One multiplexer: its start, what it is told then, its end.  What it says is
 * multiplexer_said.c's.  A slot that a dead one had leased stays leased: its
 * successor under that number reads the completion and frees it.
 */
#ifndef PERUSERD_MANAGER_MULTIPLEXER_H
#define PERUSERD_MANAGER_MULTIPLEXER_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include "base/fault.h"
#include "manager/channel.h"
#include "manager/child.h"
#include "manager/usage.h"

struct manager;

struct multiplexer {
	struct manager *manager;
	bool used;                      /* the number is somebody's */
	bool leaving;                   /* others have its place; it finishes what runs */
	bool fresh;                     /* of a generation that has not taken over yet */
	uint64_t leave_by;              /* ms; 0: no bound */
	struct message_tables held;     /* the tables that it uses */
	bool extra;                     /* beyond its entry's count: it goes when nobody needs it */
	struct usage usage;
	uint32_t number;                /* on the board */
	uint32_t entry;                 /* of settings.multiplexers */
	struct child child;
	struct channel channel;
	struct event *ended;
	bool ready;
	bool replaced;                  /* began when another one of that number had died */
	uint64_t started;               /* ms */
	uint64_t restart_at;            /* ms; 0: none is due */
	uint64_t beat, beat_at;         /* the last heartbeat seen, and when */
	uint32_t restarts;
};

/* By the settings in force, under the number that it has. */
bool multiplexer_start(struct multiplexer *mux, struct fault *fault);

/* One that a predecessor of this manager had started; control: taken over; -1: it is closed. */
bool multiplexer_adopt(struct multiplexer *mux, pid_t pid, int control, struct fault *fault);

/* All that one needs to know when it starts (multiplexers_told.c). */
void multiplexer_tell(struct multiplexer *mux);

/* Of one slot.  False: it will never hear of that.  One that has ended will when it starts anew. */
bool multiplexer_slot(struct multiplexer *mux, uint32_t slot);

/* It is not there, or never will be: its number is free.  What it had leased nobody else reads. */
void multiplexer_forget(struct multiplexer *mux);

/* Its heartbeat, and whether it reads its channel. */
void multiplexer_tick(struct multiplexer *mux, uint64_t now);

/* For its channel: multiplexer_said.c. */
extern const struct channel_owner multiplexer_calls;

#endif
