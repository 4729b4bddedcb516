/*
 * Where the programs that the manager starts, and the handler modules, are.
 * Installed: fixed at build time.  Run from a build tree: beside peruserd.
 */
#ifndef PERUSERD_MANAGER_PATHS_H
#define PERUSERD_MANAGER_PATHS_H

#include <limits.h>
#include <stdbool.h>

struct paths {
	char multiplexer[PATH_MAX];
	char processor[PATH_MAX];
	char loader[PATH_MAX];
	char handlers[PATH_MAX];        /* the folder of php.so */
};

/*
 * self is peruserd's own file.  At its installed place the installed paths
 * hold, whatever lies beside it.  Elsewhere ("/build/peruserd", or
 * "/build/.libs/peruserd" where libtool put a wrapper before it) the programs
 * are taken from there, and modules from its ".libs", as far as exists() says.
 */
void paths_find(struct paths *paths, const char *self, bool (*exists)(const char *path));

/* The same for this process, by looking at /proc/self/exe. */
void paths_find_own(struct paths *paths);

/*
 * By what path this program was executed, absolute, with the symbolic links that
 * are in it: another binary may lie there later.  The caller's; NULL: no memory.
 */
char *paths_executed(void);

#endif
