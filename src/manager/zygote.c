#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "manager/manager.h"
#include "manager/zygote.h"

/* A zygote's queue: one FORK and two SIGNALs for each slot, and some air. */
#define QUEUE_A_SLOT 3
#define QUEUE_MORE   16

/* ---- its start */

static void
make_record(const struct pool *pool, struct confinement *record)
{
	const struct pool_settings *settings = pool->settings;

	memset(record, 0, sizeof *record);
	record->magic = CONFINE_MAGIC;
	record->flags = (settings->no_new_privs ? CONFINE_NO_NEW_PRIVS : 0) |
	    (settings->chroot != NULL ? CONFINE_CHROOT : 0);
	record->uid = settings->uid;
	record->gid = settings->gid;
	record->group_count = settings->group_count;
	memcpy(record->groups, settings->groups, settings->group_count * sizeof record->groups[0]);
	record->umask = settings->umask;
	record->nice = settings->nice;
	memcpy(record->limits, settings->limits, sizeof record->limits);
	/* Seconds per request: its processors set that anew for each. */
	record->limits[CONFINE_CPU] = CONFINE_UNSET;
	/* Ours is raised for thousands of channels; theirs is what we were started with. */
	if (record->limits[CONFINE_NOFILE] == CONFINE_UNSET)
		record->limits[CONFINE_NOFILE] = pool->manager->plain_nofile;
}

struct start {
	struct confinement record;
	char title[128];
	char *slice;
	size_t slice_len;
	int control[2];
	int log[2];
	int root;
};

static bool
prepare(const struct pool *pool, struct start *start, struct fault *fault)
{
	const struct pool_settings *settings = pool->settings;
	FILE *text;
	bool whole;

	if (settings->chroot != NULL) {
		start->root = child_root(settings->chroot);
		if (start->root < 0)
			return fault_set(fault, errno, "open its chroot %s (no symbolic links)",
			    settings->chroot);
	}
	text = open_memstream(&start->slice, &start->slice_len);
	whole = text != NULL &&
	    settings_slice_pool(pool->configuration->settings,
	    (uint32_t)(settings - pool->configuration->settings->pools), text);
	if (text != NULL && fclose(text) != 0)
		whole = false;
	if (!whole || !child_control(start->control) || !fd_pair(SOCK_STREAM, start->log) ||
	    !fd_set_nonblocking(start->log[0], true))
		return fault_set(fault, errno, "prepare its zygote");
	fd_refuse_rights(start->log[0]);
	make_record(pool, &start->record);
	snprintf(start->title, sizeof start->title, "peruser-processor: %s", settings->name);
	return true;
}

static void on_ended(int fd, short what, void *context);

static void
watch_end(struct zygote *zygote)
{
	zygote->ended = event_new(zygote->pool->manager->base, zygote->child.pidfd,
	    EV_READ | EV_PERSIST, on_ended, zygote);
	/* It runs already: it is killed, and buried by a tick. */
	if (zygote->ended == NULL || event_add(zygote->ended, NULL) != 0)
		zygote_kill(zygote, "no memory to watch its zygote");
}

/* Its channel, which may be heard before the process is known. */
static bool
listen_to(struct zygote *zygote, int *control)
{
	return channel_begin(&zygote->channel, zygote->pool->manager->base, fd_take(control),
	    ROLE_ZYGOTE, zygote->pool->slot_count * QUEUE_A_SLOT + QUEUE_MORE, &zygote_calls,
	    zygote);
}

/* By the loader where it can, which then answers; else by an exec of our own. */
static bool
run(struct zygote *zygote, struct start *start, bool may_ask, struct fault *fault)
{
	const struct pool *pool = zygote->pool;
	struct child_plan plan = {
		.path = pool->manager->paths.processor,
		.title = start->title,
		.record = &start->record,
		.namespaces = pool->settings->namespaces,
		.settings = start->slice,
		.settings_len = start->slice_len,
		.log = start->log[1],
		.control = start->control[1],
		.board = -1,
		.root = start->root,
		.handlers = pool->manager->paths.handlers,
	};

	zygote->log = fd_take(&start->log[0]);
	if (!listen_to(zygote, &start->control[0]))
		return fault_set(fault, ENOMEM, "watch its zygote");
	if (may_ask && pool->settings->uses_php &&
	    loader_ask(&pool->manager->loader, zygote, &plan))
		return true;
	if (!child_start(&zygote->child, &plan, fault))
		return false;
	watch_end(zygote);
	return true;
}

static void
start_end(struct start *start)
{
	fd_close(&start->control[0]);
	fd_close(&start->control[1]);
	fd_close(&start->log[0]);
	fd_close(&start->log[1]);
	fd_close(&start->root);
	free(start->slice);
}

static void
join(struct zygote *zygote, struct pool *pool, uint32_t generation)
{
	zygote->pool = pool;
	zygote->generation = generation;
	zygote->child = (struct child)CHILD_NONE;
	zygote->channel.fd = zygote->log = -1;
	zygote->started = clock_ms();
	zygote->deadline = zygote->started + pool->settings->tuning->start_timeout;
	TAILQ_INSERT_TAIL(&pool->zygotes, zygote, link);
}

/* What it forks inherits that.  Raising it takes no privilege over the process. */
static void
set_oom_score(const struct zygote *zygote)
{
	char path[64], number[16];
	int fd, len;

	if (zygote->pool->settings->oom_score_adj == 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)zygote->child.pid);
	len = snprintf(number, sizeof number, "%d", zygote->pool->settings->oom_score_adj);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, number, (size_t)len) != len)
		log_warning("pool %s: oom_score_adj can't be set: %s", zygote->pool->settings->name,
		    strerror(errno));
	fd_close(&fd);
}

static void
say_namespaces(const struct zygote *zygote)
{
	struct manager *manager = zygote->pool->manager;

	if (!zygote->pool->settings->namespaces || zygote->child.namespaced ||
	    manager->said_namespaces)
		return;
	manager->said_namespaces = true;
	log_warning("the kernel gives no namespaces: pools run without them");
}

static bool
begin(struct zygote *zygote, bool may_ask, struct fault *fault)
{
	struct start start;
	bool running;

	memset(&start, 0, sizeof start);
	start.control[0] = start.control[1] = start.log[0] = start.log[1] = start.root = -1;
	running = prepare(zygote->pool, &start, fault) && run(zygote, &start, may_ask, fault);
	start_end(&start);
	if (running && zygote->token == 0)
		set_oom_score(zygote);
	say_namespaces(zygote);
	if (running)
		multiplexers_pool_log(zygote->pool->manager, zygote);
	return running;
}

struct zygote *
zygote_new(struct pool *pool, struct fault *fault)
{
	struct zygote *zygote = calloc(1, sizeof *zygote);

	if (zygote == NULL) {
		fault_set(fault, ENOMEM, "prepare its zygote");
		return NULL;
	}
	join(zygote, pool, ++pool->generation);
	if (!begin(zygote, true, fault))
		zygote_free(&zygote);
	return zygote;
}

struct zygote *
zygote_adopt(struct pool *pool, const struct zygote_past *past, struct fault *fault)
{
	struct zygote *zygote = calloc(1, sizeof *zygote);
	int control = past->control;

	if (zygote == NULL) {
		fault_set(fault, ENOMEM, "take a zygote over");
		return NULL;
	}
	join(zygote, pool, past->generation);
	zygote->log = past->log;
	/* One that hung up has no channel any more, and is about to end. */
	if ((control < 0 || listen_to(zygote, &control)) &&
	    child_adopt(&zygote->child, past->pid, past->namespaced, fault)) {
		watch_end(zygote);
		return zygote;
	}
	zygote_free(&zygote);
	return NULL;
}

void
zygote_came(struct zygote *zygote, pid_t pid)
{
	struct fault fault;

	if (child_adopt(&zygote->child, pid, zygote->pool->settings->namespaces, &fault)) {
		watch_end(zygote);
		return;
	}
	log_error("the loader spoke of a process that is none: %s", fault.text);
	zygote_blame(zygote, fault.text);
	channel_end(&zygote->channel);
	pool_zygote_ended(zygote->pool, zygote);
}

/* What was sent to the loader is lost: everything is made anew. */
void
zygote_did_not_come(struct zygote *zygote, int error)
{
	bool wanted = zygote->state == ZYGOTE_LOADING &&
	    zygote->pool->manager->phase == MANAGER_RUNNING;
	struct fault fault;

	if (wanted)
		log_warning("pool %s: the loader could not fork its zygote: %s; it starts without",
		    zygote->pool->settings->name, strerror(error));
	channel_end(&zygote->channel);
	fd_close(&zygote->log);
	if (wanted && begin(zygote, false, &fault))
		return;
	zygote_blame(zygote, wanted ? fault.text : "it was given up");
	channel_end(&zygote->channel);
	pool_zygote_ended(zygote->pool, zygote);
}

/* ---- its end */

void
zygote_free(struct zygote **where)
{
	struct zygote *zygote = *where;

	channel_end(&zygote->channel);
	fd_close(&zygote->log);
	if (zygote->ended != NULL)
		event_free(zygote->ended);
	TAILQ_REMOVE(&zygote->pool->zygotes, zygote, link);
	free(zygote->reason);
	free(zygote);
	*where = NULL;
}

void
zygote_blame(struct zygote *zygote, const char *reason)
{
	if (zygote->reason == NULL)
		zygote->reason = strdup(reason);
}

void
zygote_kill(struct zygote *zygote, const char *reason)
{
	zygote_blame(zygote, reason);
	zygote->deadline = 0;
	if (!child_signal(&zygote->child, SIGKILL))
		log_error("pool %s: its zygote %d can't be killed: %s",
		    zygote->pool->settings->name, (int)zygote->child.pid, strerror(errno));
}

/* Its namespace is empty now, so no processor of it is left. */
static void
bury_slots(struct zygote *zygote)
{
	struct manager *manager = zygote->pool->manager;
	const struct pool *pool = zygote->pool;
	uint32_t i;

	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++) {
		if (slot_at(manager, i)->zygote != zygote)
			continue;
		manager->slots[i]->asked = true;
		slot_gone(manager, i, SIGKILL);
	}
}

static void
look_whether_ended(struct zygote *zygote)
{
	char ending[96], reason[160];
	int status;

	usage_look_last(zygote);
	if (!child_bury(&zygote->child, &status))
		return;
	usage_zygote_ended(zygote);
	snprintf(reason, sizeof reason, "its zygote %s%s",
	    child_ending(status, ending, sizeof ending),
	    zygote->loaded ? "" : " before it had loaded");
	zygote_blame(zygote, reason);
	channel_end(&zygote->channel);
	bury_slots(zygote);
	pool_zygote_ended(zygote->pool, zygote);
}

static void
on_ended(int fd, short what, void *context)
{
	struct zygote *zygote = context;

	(void)fd;
	(void)what;
	/* Its last words, a FAULT for one, may still be in the channel. */
	channel_drain(&zygote->channel);
	look_whether_ended(zygote);
}

/* ---- leaving */

static void
go(struct zygote *zygote)
{
	zygote->state = ZYGOTE_GOING;
	zygote->deadline = clock_ms() + zygote->pool->settings->tuning->kill_timeout;
	child_signal(&zygote->child, SIGTERM);
}

void
zygote_slot_gone(struct zygote *zygote)
{
	zygote->slots--;
	if (zygote->state == ZYGOTE_LEAVING && zygote->slots == 0)
		go(zygote);
}

void
zygote_leave(struct zygote *zygote)
{
	const struct pool *pool = zygote->pool;
	uint64_t graceful = pool->settings->tuning->graceful_timeout;
	uint32_t i;

	if (zygote->state >= ZYGOTE_LEAVING)
		return;
	if (zygote->state == ZYGOTE_LOADING) {
		zygote->state = ZYGOTE_GOING;
		zygote_kill(zygote, "it is needed no more");
		return;
	}
	zygote->state = ZYGOTE_LEAVING;
	zygote->deadline = graceful == 0 ? 0 : clock_ms() + graceful;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(pool->manager, i)->zygote == zygote)
			slot_leave(pool->manager, i);
	if (zygote->slots == 0)
		go(zygote);
	else
		multiplexers_ring_all(pool->manager);
}

static void
kill_slots(struct zygote *zygote)
{
	const struct pool *pool = zygote->pool;
	uint32_t i;

	log_warning("pool %s: %u processors of its former zygote %d did not finish within "
	    "graceful_timeout and are killed", pool->settings->name, zygote->slots,
	    (int)zygote->child.pid);
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (slot_at(pool->manager, i)->zygote == zygote)
			slot_kill(pool->manager, i);
}

/* ---- time */

static void
on_deadline(struct zygote *zygote)
{
	zygote->deadline = 0;
	switch (zygote->state) {
	case ZYGOTE_LOADING:
		zygote_kill(zygote, "its zygote did not load within start_timeout");
		break;
	case ZYGOTE_LEAVING:
		kill_slots(zygote);
		break;
	case ZYGOTE_GOING:
		zygote_kill(zygote, "its zygote did not leave within kill_timeout");
		break;
	case ZYGOTE_SERVING:
		break;
	}
}

void
zygote_tick(struct zygote *zygote, uint64_t now)
{
	uint64_t stuck = zygote->channel.stuck_since;

	if (zygote->ended == NULL && zygote->token == 0) {
		look_whether_ended(zygote);
		return;
	}
	if (zygote->deadline != 0 && now >= zygote->deadline)
		on_deadline(zygote);
	if (stuck != 0 && now > stuck + zygote->pool->settings->tuning->kill_timeout)
		zygote_kill(zygote, "its zygote does not read its control channel");
}

void
zygote_send_log(struct zygote *zygote, struct channel *channel)
{
	struct message message;

	if (zygote->log < 0)
		return;
	memset(&message, 0, sizeof message);
	message.body.pool.pool = zygote->pool->index;
	message.body.pool.generation = zygote->generation;
	channel_send(channel, &message, MESSAGE_POOL_LOG, zygote->log);
}
