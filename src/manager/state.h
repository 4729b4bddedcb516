/*
 * What a manager leaves to its successor (binary upgrade): lines of record.h in
 * a sealed memory, one for each thing that lives on, descriptors by their
 * numbers.  The tables below are the whole vocabulary.  Pure: nothing is opened
 * and nobody is asked; who takes it over looks at each number before he uses it.
 *
 * A binary says with STATE_VERSION which vocabulary it speaks, and with
 * PROCESSORS_VERSION what its multiplexers and processors say to each other.
 */
#ifndef PERUSERD_MANAGER_STATE_H
#define PERUSERD_MANAGER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"

#define STATE_MOST (512u << 20)         /* bytes; ten million slots fit */

/* Whether this binary can go on with what another one made: these must be equal. */
extern const char state_version[];

/* Whether its multiplexers can use that one's processors: if not, pools begin anew. */
extern const char state_processors[];

/*
 * N: a number, 0 where it is not told.  T: text, owned, NULL.  F: a descriptor, -1.
 * Times are ms of CLOCK_MONOTONIC, which goes on.
 */

/* The manager itself; there is one. */
#define STATE_HEAD(N, T, F)                                                     \
	T(version) T(processors) T(config) T(binary)                            \
	N(foreground) N(log_opened) N(started) N(upgrades) N(asked)             \
	N(plain_nofile) N(most_nofile) N(said_namespaces) N(rung_last)          \
	N(multiplexers) N(pools) N(slots)                                       \
	F(pid_file) F(board) F(board_reader) F(bell) F(control) N(control_group)\
	N(control_has_group) N(capabilities) N(reload)

/* Settings, as settings_write() has them; the first ones are in force. */
#define STATE_SETTINGS(N, T, F)  F(text) N(generation)

#define STATE_LISTENER(N, T, F)  T(address) F(fd) N(passed) N(wanted)
#define STATE_LOG(N, T, F)       N(number) T(name) N(gone)

#define STATE_MULTIPLEXER(N, T, F)                                              \
	N(number) N(entry) N(pid) F(channel) F(bell) N(used) N(leaving)         \
	N(leave_by) N(ready) N(replaced) N(newest) N(oldest) N(started)         \
	N(restart_at) N(restarts) N(extra)

#define STATE_POOL(N, T, F)                                                     \
	N(row) N(settings) N(at) N(slot_first) N(slot_count) N(retired)         \
	N(generation) N(failed) N(drained) N(removed) N(roll_again) N(fresh)    \
	N(requests_seen) N(used_at) N(rested_at) N(pause) N(retry_at)           \
	N(fork_pause) N(fork_at) N(crashed_at) N(crash_pause) N(roll_at)        \
	N(crashes) N(recycled) N(cpu_gone) N(cpu_ms)                            \
	T(reason) T(fork_reason) T(roll_reason)

#define STATE_ZYGOTE(N, T, F)                                                   \
	N(row) N(generation) N(state) N(role) N(pid) N(namespaced) F(channel)   \
	F(log) N(strays) N(loaded) N(spoilt) N(foreign) N(started) N(deadline)  \
	T(reason)

/* Also of a number that nobody has now: its generation goes on counting. */
#define STATE_SLOT(N, T, F)                                                     \
	N(slot) N(generation) N(state) N(row) N(zygote) N(pid) F(channel)       \
	F(way) N(server) N(killed) N(asked) N(born) N(since) N(deadline)

/* A message that a zygote or (row: UINT32_MAX) multiplexer has not taken yet. */
#define STATE_QUEUED(N, T, F)    N(row) N(number) N(type) T(body) F(fd)

/* A connection of the control socket that waits for the upgrade's end. */
#define STATE_ASKER(N, T, F)     F(fd)

/* A child that nobody waits for any more, to be buried. */
#define STATE_STRAY(N, T, F)     N(pid)

#define STATE_KINDS(K)                                                          \
	K(HEAD, head) K(SETTINGS, settings) K(LISTENER, listener) K(LOG, log)   \
	K(MULTIPLEXER, multiplexer) K(POOL, pool) K(ZYGOTE, zygote)             \
	K(SLOT, slot) K(QUEUED, queued) K(ASKER, asker) K(STRAY, stray)

enum state_kind {
#define K(upper, lower) STATE_OF_##upper,
	STATE_KINDS(K)
#undef K
	STATE_KIND_COUNT
};

#define N(name) uint64_t name;
#define T(name) char *name;
#define F(name) int name;
#define K(upper, lower) struct state_##lower { STATE_##upper(N, T, F) };
STATE_KINDS(K)
#undef K
#undef N
#undef T
#undef F

/* What a zygote is to its pool. */
enum state_role { STATE_FORMER, STATE_LOADING, STATE_SERVING };

struct state_list {
	void *at;               /* of that kind's struct; owned */
	size_t count;
};

struct state {
	struct state_list lists[STATE_KIND_COUNT];
};

/* One more of that kind, with nothing told yet; valid until the next one.  NULL: no memory. */
void *state_add(struct state *state, enum state_kind kind);

/* How many there are, and that one. */
size_t state_count(const struct state *state, enum state_kind kind);
void *state_at(const struct state *state, enum state_kind kind, size_t at);

/* False: it is longer than the buffer, or one thing is longer than a line. */
bool state_write(const struct state *state, struct buf *to);

/*
 * From bytes, which are cut up.  What is not in the tables, exactly, is a
 * fault; state_version alone may be another one, which is a fault that says so.
 * The state is to be ended also on failure.
 */
bool state_read(struct state *state, char *bytes, size_t len, struct fault *fault);
void state_end(struct state *state);

/*
 * Every number within the bounds that the head tells (board.h's bound those), each
 * thing once, and all that is needed there.
 */
bool state_check(const struct state *state, struct fault *fault);

/* Call that for each descriptor that it names. */
void state_each_fd(const struct state *state, void (*each)(void *context, int fd), void *context);

#endif
