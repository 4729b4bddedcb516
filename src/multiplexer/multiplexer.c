#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/sticky.h"

#define EXIT_TEMPORARY 111      /* the manager may try again */

/* ---- time */

uint64_t
multiplexer_us(struct multiplexer *mux)
{
	if (mux->now_us == 0)
		mux->now_us = clock_us();
	return mux->now_us;
}

uint64_t
multiplexer_ms(struct multiplexer *mux)
{
	return multiplexer_us(mux) / 1000;
}

/* Arm the one timer for the earliest deadline. */
static void
timer_arm(struct multiplexer *mux, uint64_t at)
{
	uint64_t now = multiplexer_ms(mux), wait = at > now ? at - now : 0;
	struct timeval in = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000 };

	mux->timer_at = at;
	event_add(&mux->timer_event, &in);
}

void
multiplexer_timeout(struct multiplexer *mux, struct timeout *timeout, uint64_t ms)
{
	timeouts_set(&mux->timeouts, timeout, ms, multiplexer_ms(mux));
	/* A timer that fires too early costs one look; so it's never put off. */
	if (timeout->class != NULL && timeout->deadline < mux->timer_at)
		timer_arm(mux, timeout->deadline);
}

static struct conn *
conn_of(struct timeout *timeout)
{
	return (struct conn *)(void *)((char *)timeout - offsetof(struct conn, timeout));
}

static struct slot *
slot_of(struct timeout *timeout)
{
	return (struct slot *)(void *)((char *)timeout - offsetof(struct slot, expire));
}

static struct slot *
slot_of_slow(struct timeout *timeout)
{
	return (struct slot *)(void *)((char *)timeout - offsetof(struct slot, slow.timeout));
}

static void
timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct multiplexer *mux = context;
	struct timeout *timeout;
	uint64_t next;

	(void)fd;
	(void)what;
	mux->timer_at = 0;
	while ((timeout = timeouts_expired(&mux->timeouts, multiplexer_ms(mux))) != NULL) {
		if (timeout->kind == TIMEOUT_CONN)
			conn_timed_out(conn_of(timeout));
		else if (timeout->kind == TIMEOUT_SLOW)
			slow_due(slot_of_slow(timeout));
		else
			slot_expired(slot_of(timeout));
	}
	mux->timer_at = TIMEOUT_NEVER;
	next = timeouts_next(&mux->timeouts);
	if (next != TIMEOUT_NEVER)
		timer_arm(mux, next);
}

static void
tick(evutil_socket_t fd, short what, void *context)
{
	struct multiplexer *mux = context;
	uint32_t i;

	(void)fd;
	(void)what;
	if (mux->self != NULL)
		atomic_fetch_add_explicit(&mux->self->heartbeat, 1, memory_order_relaxed);
	date_write(mux->date, time(NULL));
	logs_tick(mux);
	for (i = 0; i < mux->pools.count; i++)
		if (mux->pools.at[i] != NULL)
			pool_log_tick(&mux->pools.at[i]->log);
	logs_flush(mux);
	chatter_tick(mux);
	spares_tick(&mux->spares, multiplexer_ms(mux));
	if (mux->listeners.paused && !mux->stopping &&
	    multiplexer_ms(mux) >= mux->listeners.resume_ms &&
	    mux->conns.open < mux->conns.max)
		listeners_resume(mux);
}

static void
relook(evutil_socket_t fd, short what, void *context)
{
	struct multiplexer *mux = context;

	(void)fd;
	(void)what;
	queue_serve(mux);
	slots_release_sticky(mux);
	if (TAILQ_EMPTY(&mux->pools.waiting)) {
		event_del(&mux->relook_event);
		mux->relook_armed = false;
		return;
	}
	multiplexer_ring(mux, BOARD_BELL_MANAGER);
}

void
multiplexer_relook(struct multiplexer *mux)
{
	static const struct timeval every = { 0, MULTIPLEXER_RELOOK_MS * 1000 };

	if (mux->relook_armed)
		return;
	mux->relook_armed = true;
	event_add(&mux->relook_event, &every);
}

/* ---- chance */

uint64_t
multiplexer_nonce(struct multiplexer *mux)
{
	uint64_t nonce;

	if (mux->nonces_left == 0) {
		/* Only at boot could it fail; a guessable nonce must never be handed out. */
		if (getrandom(mux->nonces, sizeof mux->nonces, 0) != sizeof mux->nonces)
			abort();
		mux->nonces_left = MULTIPLEXER_NONCES;
	}
	nonce = mux->nonces[--mux->nonces_left];
	mux->nonces[mux->nonces_left] = 0;
	return nonce;
}

/* ---- the manager */

bool
multiplexer_tell(struct multiplexer *mux, struct message *message, enum message_type type)
{
	if (message_send(mux->control, message, type, -1))
		return true;
	logs_complain(mux, "the manager does not take a %s: %s", message_name(type),
	    strerror(errno));
	return false;
}

void
multiplexer_ring(struct multiplexer *mux, unsigned number)
{
	static const uint64_t once = 1;

	if (number > BOARD_MULTIPLEXERS || mux->bells[number] < 0)
		return;
	/* It clears this before it looks; until then one ring is as good as two. */
	if (number == BOARD_BELL_MANAGER &&
	    atomic_exchange(&mux->board->manager_rung, 1) != 0)
		return;
	if (write(mux->bells[number], &once, sizeof once) < 0)
		return;
}

static void
bell_rung(evutil_socket_t fd, short what, void *context)
{
	struct multiplexer *mux = context;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		return;
	queue_serve(mux);
	slots_release_sticky(mux);
}

static void
got_bell(struct multiplexer *mux, const struct message *message, int fd)
{
	uint32_t number = message->body.pool.pool;

	if (number > BOARD_MULTIPLEXERS) {
		fd_close(&fd);
		return;
	}
	if (message->body.pool.generation == 1 && mux->number == BOARD_NOBODY &&
	    number < BOARD_MULTIPLEXERS) {
		mux->number = number;
		mux->self = &mux->board->multiplexers[number];
		fd_set_nonblocking(fd, true);
		event_assign(&mux->bell_event, mux->base, fd, EV_READ | EV_PERSIST, bell_rung,
		    mux);
		event_add(&mux->bell_event, NULL);
	}
	fd_close(&mux->bells[number]);
	mux->bells[number] = fd;
}

static void
got_listener(struct multiplexer *mux, const struct message *message, int fd)
{
	listener_take(mux, message->body.listener.number, fd);
}

static void
got_pool_log(struct multiplexer *mux, const struct message *message, int fd)
{
	struct pool *pool = pool_make(mux, message->body.pool.pool);

	if (pool != NULL)
		pool_log_take(&pool->log, fd);
	else
		fd_close(&fd);
}

static void
got_slot(struct multiplexer *mux, const struct message *message, int fd)
{
	slot_take(mux, &message->body.slot, fd);
}

static void
got_slot_gone(struct multiplexer *mux, const struct message *message, int fd)
{
	(void)fd;
	slot_gone(mux, &message->body.gone);
}

static void
got_no_channel(struct multiplexer *mux, const struct message *message, int fd)
{
	(void)fd;
	slot_not_reached(mux, &message->body.gone);
}

static void
got_log(struct multiplexer *mux, const struct message *message, int fd)
{
	logs_take(mux, message->body.log.log, fd);
}

static void
got_no_log(struct multiplexer *mux, const struct message *message, int fd)
{
	(void)fd;
	logs_refused(mux, message->body.log.log, (int)message->body.log.error);
}

static void
got_reopen(struct multiplexer *mux, const struct message *message, int fd)
{
	(void)message;
	if (dup2(fd, STDERR_FILENO) < 0)
		log_warning("cannot take the new error log: %s", strerror(errno));
	fd_close(&fd);
	logs_reopen(mux);
}

/* What waits and what begins from here on is the new tables'; what runs keeps its own. */
static void
got_tables(struct multiplexer *mux, const struct message *message, int fd)
{
	struct tables *tables = tables_new(&mux->all_tables, fd), *former = mux->tables;

	(void)message;
	if (tables == NULL) {
		/* Its successor gets them at its start. */
		mux->stopped = true;
		mux->exit_status = EXIT_TEMPORARY;
		return;
	}
	mux->tables = tables;
	log_open("multiplexer", tables->settings->log_level);
	listeners_swap(mux);
	conns_swap(mux);
	slots_release_sticky(mux);
	tables_drop(&former);
}

/* Tell the manager which tables are in use, when that has changed. */
static void
tell_tables(struct multiplexer *mux)
{
	struct message message = { 0 };
	struct message_tables *held = &message.body.tables;
	const struct tables *oldest = TAILQ_FIRST(&mux->all_tables);

	while (oldest->refs == oldest->plain_refs)
		oldest = TAILQ_NEXT(oldest, link);
	held->newest = mux->tables->generation;
	held->oldest = oldest->generation;
	if (held->newest == mux->told.newest && held->oldest == mux->told.oldest)
		return;
	if (multiplexer_tell(mux, &message, MESSAGE_TABLES_HELD))
		mux->told = *held;
}

static void
got_status(struct multiplexer *mux, const struct message *message, int fd)
{
	(void)message;
	front_status_said(mux, fd);
}

static void
got_stop(struct multiplexer *mux, const struct message *message, int fd)
{
	uint32_t timeout = message->body.stop.timeout_ms;

	(void)fd;
	mux->stopping = true;
	mux->replaced = message->body.stop.replaced != 0;
	mux->stop_at_ms = timeout == 0 ? TIMEOUT_NEVER : multiplexer_ms(mux) + timeout;
	listeners_close(mux);
	if (!mux->replaced) {
		conns_close_idle(mux);
		slots_release_sticky(mux);
		return;
	}
	/* Idle clients may be about to ask: their next answer tells them to close. */
	slots_last_sticky(mux);
	pools_silence(mux);
}

static void (*const handlers[MESSAGE_TYPES])(struct multiplexer *mux,
    const struct message *message, int fd) = {
	[MESSAGE_LISTENER] = got_listener,
	[MESSAGE_POOL_LOG] = got_pool_log,
	[MESSAGE_BELL] = got_bell,
	[MESSAGE_SLOT] = got_slot,
	[MESSAGE_SLOT_GONE] = got_slot_gone,
	[MESSAGE_NO_CHANNEL] = got_no_channel,
	[MESSAGE_LOG] = got_log,
	[MESSAGE_NO_LOG] = got_no_log,
	[MESSAGE_REOPEN] = got_reopen,
	[MESSAGE_STATUS] = got_status,
	[MESSAGE_TABLES] = got_tables,
	[MESSAGE_STOP] = got_stop,
};

static void
drain_control(struct multiplexer *mux)
{
	struct message message;
	enum message_got got;
	int fd;

	while ((got = message_receive(mux->control, ROLE_MANAGER, ROLE_MULTIPLEXER, &message,
	    &fd, NULL)) == MESSAGE_GOT)
		handlers[message.header.type](mux, &message, fd);
	if (got == MESSAGE_NOTHING)
		return;
	log_warning(got == MESSAGE_CLOSED ? "the manager has gone; leaving" :
	    "the manager's message is not one of ours; leaving");
	mux->stopped = true;
	mux->exit_status = EXIT_TEMPORARY;
}

static void
control_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	drain_control(context);
	/* A slot that somebody waits for may have come. */
	queue_serve(context);
}

/* ---- the loop */

/* The path as the chroot that we are in shows it: of the entry that has such a one. */
static const char *
spool_inside(const struct settings *settings)
{
	const char *path = NULL;
	size_t i;

	for (i = 0; i < settings->multiplexer_count && path == NULL; i++)
		if (settings->multiplexers[i].chroot != NULL)
			path = settings_inside(settings->multiplexers[i].chroot,
			    settings->spool_dir);
	return path != NULL ? path : settings->spool_dir;
}

void
multiplexer_open_spool(struct multiplexer *mux, bool inside)
{
	const struct settings *settings = mux->tables->settings;

	mux->chrooted = inside;
	mux->spool_dir = open(inside ? spool_inside(settings) : settings->spool_dir,
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mux->spool_dir < 0)
		log_warning("spool_dir %s: %s; large request bodies will get 503",
		    settings->spool_dir, strerror(errno));
}

static bool
read_settings(struct multiplexer *mux, int fd)
{
	const struct settings *settings;

	mux->tables = tables_new(&mux->all_tables, fd);
	if (mux->tables == NULL)
		return false;
	settings = mux->tables->settings;
	log_open("multiplexer", settings->log_level);
	multiplexer_open_spool(mux, false);
	return true;
}

static bool
make_loop(struct multiplexer *mux)
{
	static const struct timeval second = { MULTIPLEXER_TICK_MS / 1000, 0 };
	struct event_config *config = event_config_new();

	if (config == NULL)
		return false;
	event_config_require_features(config, EV_FEATURE_O1);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	mux->base = event_base_new_with_config(config);
	event_config_free(config);
	if (mux->base == NULL)
		return false;
	event_assign(&mux->control_event, mux->base, mux->control, EV_READ | EV_PERSIST,
	    control_readable, mux);
	event_assign(&mux->tick_event, mux->base, -1, EV_PERSIST, tick, mux);
	event_assign(&mux->timer_event, mux->base, -1, 0, timer_fired, mux);
	event_assign(&mux->relook_event, mux->base, -1, EV_PERSIST, relook, mux);
	return event_add(&mux->control_event, NULL) == 0 &&
	    event_add(&mux->tick_event, &second) == 0;
}

static bool
make_tables(struct multiplexer *mux)
{
	date_write(mux->date, time(NULL));
	timeouts_begin(&mux->timeouts);
	spares_begin(&mux->spares);
	front_status_begin(mux);
	mux->scratch->out.max = 2 * ANSWER_HEAD_MAX + 8192;
	return buf_reserve(&mux->scratch->out, mux->scratch->out.max) && conns_begin(mux) &&
	    listeners_begin(mux) && logs_begin(mux) && pools_begin(mux) && slots_begin(mux);
}

struct multiplexer *
multiplexer_new(int settings_fd, int board_fd, int control)
{
	struct multiplexer *mux = calloc(1, sizeof *mux);
	unsigned i;

	if (mux == NULL)
		return NULL;
	TAILQ_INIT(&mux->all_tables);
	mux->number = BOARD_NOBODY;
	mux->born_ms = clock_ms();
	mux->control = control;
	mux->timer_at = TIMEOUT_NEVER;
	mux->stop_at_ms = TIMEOUT_NEVER;
	for (i = 0; i <= BOARD_MULTIPLEXERS; i++)
		mux->bells[i] = -1;
	mux->scratch = calloc(1, sizeof *mux->scratch);
	mux->board = board_map(board_fd, true);
	fd_close(&board_fd);
	if (mux->board == NULL || mux->scratch == NULL) {
		log_error("cannot map the board: %s", strerror(errno));
		return NULL;
	}
	fd_set_nonblocking(control, true);
	if (read_settings(mux, settings_fd) && make_loop(mux) && make_tables(mux))
		return mux;
	log_error("cannot build the tables: %s", strerror(errno));
	return NULL;
}

void
multiplexer_free(struct multiplexer **where)
{
	struct multiplexer *mux = *where;
	unsigned i;

	logs_flush(mux);
	conns_end(mux);
	slots_end(mux);
	spares_end(&mux->spares);
	pools_end(mux);
	listeners_end(mux);
	logs_end(mux);
	front_status_end(mux);
	if (mux->number != BOARD_NOBODY)
		event_del(&mux->bell_event);
	event_del(&mux->relook_event);
	event_del(&mux->timer_event);
	event_del(&mux->tick_event);
	event_del(&mux->control_event);
	event_base_free(mux->base);
	for (i = 0; i <= BOARD_MULTIPLEXERS; i++)
		fd_close(&mux->bells[i]);
	fd_close(&mux->control);
	fd_close(&mux->spool_dir);
	tables_drop(&mux->tables);
	board_unmap(&mux->board);
	buf_free(&mux->scratch->out);
	free(mux->scratch);
	free(mux);
	*where = NULL;
}

static void
look_whether_done(struct multiplexer *mux)
{
	uint32_t i;

	if (multiplexer_ms(mux) < mux->stop_at_ms) {
		if (mux->conns.open > 0)
			return;
		/* fastcgi_finish_request: the client has gone, the work has not. */
		for (i = 0; i < mux->slots.count; i++)
			if (mux->slots.at[i] != NULL && mux->slots.at[i]->busy)
				return;
	}
	mux->stopped = true;
}

int
multiplexer_run(struct multiplexer *mux)
{
	struct message message = { 0 };
	int flags;

	drain_control(mux);
	multiplexer_tell(mux, &message, MESSAGE_READY);
	while (!mux->stopped) {
		flags = TAILQ_EMPTY(&mux->conns.again) ? EVLOOP_ONCE :
		    EVLOOP_ONCE | EVLOOP_NONBLOCK;
		mux->now_us = 0;
		event_base_loop(mux->base, flags);
		later_send(mux);
		conns_again(mux);
		if (mux->pools.sweep)
			pools_sweep(mux);
		tell_tables(mux);
		if (mux->stopping && !mux->stopped)
			look_whether_done(mux);
	}
	return mux->exit_status;
}
