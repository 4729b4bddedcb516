/*
 * The loader: root, with four capabilities.  It maps the interpreters'
 * libraries once, from folders that only root may write to, and forks zygotes
 * on the manager's word: each begins as the manager's child, with exactly the
 * descriptors that the manager sent for it, and becomes its pool's user as one
 * that was exec'd does (processor/zygote.h).  Of an interpreter nothing runs
 * in it but what the linker calls.
 *
 * It runs nothing of any user, reads no configuration, keeps no descriptor of a
 * zygote once that is forked, and hears nobody but the manager.
 */
#ifndef PERUSERD_LOADER_H
#define PERUSERD_LOADER_H

#include <stdint.h>

#include <peruserd/inherit.h>

struct loader {
	int control;
	uint32_t token;                 /* of the zygote whose parts come in; 0: of none */
	int parts[INHERIT_COUNT];       /* what came for it; owned, -1 where nothing did */
};

/* Each returns only where it succeeded; else it logs why, and the process exits. */
void loader_confine(struct loader *loader);
void loader_map(struct loader *loader);

/* Fork until the manager goes.  Returns the exit code; in a zygote, that one's. */
int loader_run(struct loader *loader);

#endif
