#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "manager/manager.h"
#include "manager/usage.h"

#define STAT_MAX     1024
#define STALE_MS     500                /* looked at no oftener */

/* The times of stat's line, counted from the field after the name: 11 and the three that follow. */
#define FIELD_PARENT 1
#define FIELD_TIMES  11
#define TIMES        4

/* /proc/PID/NAME, terminated.  False: it has gone. */
static bool
read_proc(pid_t pid, const char *name, char out[STAT_MAX])
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	len = read(fd, out, STAT_MAX - 1);
	fd_close(&fd);
	out[len > 0 ? len : 0] = '\0';
	return len > 0;
}

bool
usage_parse(const char *stat, pid_t *parent, uint64_t *cpu_ticks)
{
	/* The name may hold anything, a ')' too: the last one is its end. */
	const char *at = strrchr(stat, ')');
	unsigned long long value;
	long long number;
	unsigned field;
	int used;

	*parent = 0;
	*cpu_ticks = 0;
	if (at == NULL || at[1] != ' ' || at[2] == '\0')
		return false;
	at += 3;
	for (field = FIELD_PARENT; field < FIELD_TIMES + TIMES; field++) {
		if (sscanf(at, "%lld%n", &number, &used) != 1)
			return false;
		at += used;
		value = number > 0 ? (unsigned long long)number : 0;
		if (field == FIELD_PARENT)
			*parent = (pid_t)number;
		if (field >= FIELD_TIMES)
			*cpu_ticks += value;
	}
	return true;
}

bool
usage_read(pid_t pid, pid_t parent, struct usage *usage)
{
	unsigned long long size, resident = 0, shared = 0;
	uint64_t ticks, page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[STAT_MAX];
	pid_t whose;

	usage->looked_at = clock_ms();
	if (!read_proc(pid, "stat", text) || !usage_parse(text, &whose, &ticks) ||
	    whose != parent)
		return false;
	usage->cpu_ms = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	/* A zombie has no memory any more. */
	if (read_proc(pid, "statm", text))
		sscanf(text, "%llu %llu %llu", &size, &resident, &shared);
	usage->rss = resident * page;
	usage->memory = resident > shared ? (resident - shared) * page : 0;
	return true;
}

static bool
is_stale(const struct usage *usage, uint64_t now)
{
	return usage->looked_at == 0 || now - usage->looked_at >= STALE_MS;
}

static void
look_at_slots(struct manager *manager, uint64_t now, unsigned *left)
{
	uint32_t i, index;

	for (i = 0; i < manager->slot_count && *left > 0; i++) {
		struct slot *slot;

		index = (manager->usage_next + i) % manager->slot_count;
		slot = manager->slots[index];
		if (slot == NULL || slot->pid == 0 || slot->zygote == NULL || !is_stale(&slot->usage, now))
			continue;
		usage_read(slot->pid, slot->zygote->child.pid, &slot->usage);
		if (--*left == 0)
			manager->usage_next = index + 1;
	}
}

void
usage_look(struct manager *manager)
{
	unsigned slots_left = USAGE_PROCESSES, left = USAGE_PROCESSES;
	uint64_t now = clock_ms();
	struct zygote *zygote;
	uint32_t i;

	look_at_slots(manager, now, &slots_left);
	for (i = 0; i < manager->pool_count && left > 0; i++) {
		if (manager->pools[i] == NULL)
			continue;
		TAILQ_FOREACH(zygote, &manager->pools[i]->zygotes, link)
			if (zygote->child.pid != 0 && is_stale(&zygote->usage, now) && left > 0) {
				usage_read(zygote->child.pid, getpid(), &zygote->usage);
				left--;
			}
	}
}

void
usage_look_last(struct zygote *zygote)
{
	if (zygote->child.pid != 0)
		usage_read(zygote->child.pid, getpid(), &zygote->usage);
}

void
usage_zygote_ended(struct zygote *zygote)
{
	zygote->pool->cpu_gone += zygote->usage.cpu_ms;
	memset(&zygote->usage, 0, sizeof zygote->usage);
}

uint64_t
usage_of_pool(struct pool *pool)
{
	uint64_t used = pool->cpu_gone;
	const struct zygote *zygote;
	uint32_t i;

	if (TAILQ_EMPTY(&pool->zygotes) && used <= pool->cpu_ms)
		return pool->cpu_ms;
	TAILQ_FOREACH(zygote, &pool->zygotes, link)
		used += zygote->usage.cpu_ms;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(pool->manager, i)->pid != 0)
			used += slot_at(pool->manager, i)->usage.cpu_ms;
	/* One that dies between two looks may be missing for a moment. */
	if (used > pool->cpu_ms)
		pool->cpu_ms = used;
	return pool->cpu_ms;
}
