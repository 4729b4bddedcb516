/*
 * Processor time and memory of our children's children, out of /proc, where
 * reading waits for nobody: stat and statm take no lock that a user's process
 * could hold (smaps, cmdline and environ do).  Looked at only when somebody
 * asks for the status, and a bounded number of processes each time.
 *
 * What a zygote reaped stands in its own stat, so a pool's total needs no
 * word of any user's process.
 */
#ifndef PERUSERD_MANAGER_USAGE_H
#define PERUSERD_MANAGER_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct manager;
struct pool;
struct zygote;

#define USAGE_PROCESSES 256             /* looked at for one status, those longest not seen first */

struct usage {
	uint64_t cpu_ms;                /* its own and that of children it has reaped */
	uint64_t rss;                   /* resident memory, bytes */
	uint64_t memory;                /* of that what is neither a file's nor shared */
	uint64_t looked_at;             /* ms; 0: never */
};

/* Read a process that has that parent.  False: it has gone, or is another one. */
bool usage_read(pid_t pid, pid_t parent, struct usage *usage);

/* Parse a line of /proc/PID/stat.  Pure. */
bool usage_parse(const char *stat, pid_t *parent, uint64_t *cpu_ticks);

/* Before a status: look at those that were not looked at for a while. */
void usage_look(struct manager *manager);

/*
 * A zygote may have ended: a last look, before it is buried.  Then, what it used
 * stays its pool's.
 */
void usage_look_last(struct zygote *zygote);
void usage_zygote_ended(struct zygote *zygote);

/* All that a pool's processes have used, ms; never less than before. */
uint64_t usage_of_pool(struct pool *pool);

#endif
