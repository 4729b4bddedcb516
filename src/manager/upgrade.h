/*
 * Another binary in place of this one, by exec: the same process, with the same
 * children, listeners, board and pools (USR2, peruserctl upgrade).
 *
 *   WAITING      for a moment in which nothing is half done (a reload, a zygote
 *                that the loader makes)
 *   TRYING       the new binary runs as a child: it checks the configuration file
 *                and says whether it can go on with this one's state
 *   LEAVING      the last answers of the control socket go out; then exec
 *   SUCCEEDING   in the new binary: its multiplexers start; the former ones
 *                finish what they run
 *
 * Up to the exec nothing has changed, and whoever asked is told why it was
 * refused.  What is executed is what was tried: the file is opened once.
 */
#ifndef PERUSERD_MANAGER_UPGRADE_H
#define PERUSERD_MANAGER_UPGRADE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fault.h"

struct manager;
struct settings;

/* In the environment of the new binary: the descriptor of the state. */
#define UPGRADE_STATE "PERUSERD_STATE"

/* How it went: lines of said.h. */
typedef void upgrade_done(void *who, const struct buf *answer);

/* False: there is no room for who asks.  done() is called once; it may be NULL. */
bool upgrade_ask(struct manager *manager, upgrade_done *done, void *who);
void upgrade_forget(struct manager *manager, const void *who);

/* Until the exec nothing new is to begin: no reload, no zygote by the loader. */
bool upgrade_is_under_way(const struct manager *manager);

/* HUP came meanwhile: a reload follows, whoever does it. */
void upgrade_then_reload(struct manager *manager);

/* The manager stops. */
void upgrade_end(struct manager *manager);

/* ---- in the new binary */

/* The state's descriptor, or -1: it was started by nobody's upgrade. */
int upgrade_inherited(void);

/* Its configuration is checked: can it take that state over?  Says so on standard output. */
bool upgrade_try(int state);

/* Make the manager what its predecessor was; it has an event base then. */
bool upgrade_take(struct manager *manager, int state, struct fault *fault);

/* The loop is about to run: a generation of multiplexers of our own. */
void upgrade_succeed(struct manager *manager);

#endif
