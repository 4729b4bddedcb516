/*
 * The steps of confine_become, one file each.  Private to this folder.  Each
 * does its part, looks whether it took, and returns false with *fault filled
 * in where it did not.
 */
#ifndef PERUSERD_CONFINE_STEPS_H
#define PERUSERD_CONFINE_STEPS_H

#include <stdbool.h>

#include "base/fault.h"
#include "confine/confine.h"

/* Which capabilities a step leaves in the effective and permitted sets. */
enum caps_left { CAPS_NONE, CAPS_CHROOT };

/*
 * ids.c: supplementary groups; then group and user, for good.  keep: the
 * permitted capabilities outlive the change of user, for caps_cut to choose
 * from.
 */
bool ids_set_groups(const struct confinement *record, struct fault *fault);
bool ids_become(const struct confinement *record, bool keep, struct fault *fault);

/*
 * caps.c: cut the bounding set, while CAP_SETPCAP is there to do it.  Empty
 * under no_new_privs; without, what a set-user-id mailer needs is left, for
 * such a program to gain it and nothing else to.
 */
bool caps_cut_bounding(const struct confinement *record, struct fault *fault);

/* Reduce all sets but the bounding one to that. */
bool caps_cut(enum caps_left left, struct fault *fault);

/* The loader's four, and an empty bounding set. */
bool caps_loader(struct fault *fault);

/* True if they are that now, the bounding set of that record included. */
bool caps_are(const struct confinement *record, enum caps_left left, struct fault *fault);

/*
 * jail.c: no mount goes out of or comes into our namespace any more; /proc, or
 * the one inside the chroot's directory at root_fd, shows our PID namespace
 * alone.  root_fd is -1 where there is none; it is opened anew, under the same
 * number, as a directory of our own mount namespace.
 */
bool jail_mounts(int root_fd, struct fault *fault);

/* limits.c: resource limits, umask, nice. */
bool limits_set(const struct confinement *record, struct fault *fault);

/* proof.c: confine_prove, with what may be left. */
bool proof_take(const struct confinement *record, enum caps_left left, struct fault *fault);

#endif
