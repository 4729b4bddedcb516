/*
 * The parts of an upgrade (upgrade.h): upgrade.c asks, waits and executes,
 * upgrade_try.c tries the new binary, upgrade_give.c writes the state that
 * upgrade_take.c takes.
 */
#ifndef PERUSERD_MANAGER_UPGRADE_PARTS_H
#define PERUSERD_MANAGER_UPGRADE_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/fault.h"
#include "manager/child.h"
#include "manager/state.h"
#include "manager/upgrade.h"

#define UPGRADE_ASKERS 16

enum upgrade_phase { UPGRADE_WAITING, UPGRADE_TRYING, UPGRADE_LEAVING, UPGRADE_SUCCEEDING };

struct upgrade {
	struct manager *manager;
	enum upgrade_phase phase;
	struct {
		upgrade_done *done;
		void *who;
	} askers[UPGRADE_ASKERS];
	unsigned asker_count;
	uint64_t started;               /* ms; of the phase, before the exec */
	struct event *look;             /* again, in a moment */
	struct child child;             /* TRYING */
	struct event *ended;
	int binary;                     /* O_PATH; -1: not opened yet */
	int said;                       /* what the child writes */
	bool accepted;                  /* the last of that: yes */
	bool reload;                    /* asked for meanwhile: once it is done */
	struct buf answer;
};

/* ---- upgrade_give.c */

/* All that lives on.  False: the fault says what can't be told.  End it in any case. */
bool upgrade_give(struct manager *manager, struct state *state, struct fault *fault);

/* Sealed, as the successor finds it; -1: too long, or no memory. */
int upgrade_seal(const struct state *state, struct fault *fault);
void upgrade_give_end(struct state *state);

/* ---- upgrade_try.c */

/* Start the child.  upgrade_tried() once it has ended; its words are in the answer. */
bool upgrade_try_begin(struct upgrade *upgrade, struct fault *fault);

/* Become that binary (an O_PATH descriptor), with the state in its environment; returns on failure. */
void upgrade_execute(struct manager *manager, int binary, int state, bool only_try);

/* ---- upgrade_take.c */

/* What that descriptor holds, every number of it within its bounds.  End it in any case. */
bool upgrade_read(int sealed, struct state *state, struct fault *fault);

/* ---- upgrade.c */

/* Who asked before the exec, as the successor knows him. */
struct upgrade *upgrade_new(struct manager *manager);
bool upgrade_add_asker(struct upgrade *upgrade, upgrade_done *done, void *who);

/* The child has ended, and was heard. */
void upgrade_tried(struct upgrade *upgrade);

#endif
