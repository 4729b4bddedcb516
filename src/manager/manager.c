#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"

#include "base/clock.h"
#include "base/fd.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/notify.h"
#include "manager/orphans.h"
#include "manager/start.h"

#define TICK_MS        1000     /* housekeeping */
#define TICK_BUSY_MS   100      /* while something starts, leaves or stops */
#define STOP_GRACE_MS  2000     /* beyond what running requests may take */
#define STOP_FAST_MS   1000     /* for everything, once it was asked twice */
#define END_MS         5000     /* for killed zygotes to end */

/* ---- the start's outcome */

void
manager_fail_start(struct manager *manager, const char *format, ...)
{
	char text[FAULT_TEXT * 2];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text - 1, format, args);
	va_end(args);
	log_error("%s", text);
	strcat(text, "\n");
	/* The terminal saw it already, unless descriptor 2 is the error log by now. */
	if (manager->said >= 0 && manager->log_opened)
		fd_write_all(manager->said, text, strlen(text));
	manager->exit_status = EXIT_FAILURE;
	if (manager->base != NULL)
		event_base_loopbreak(manager->base);
}

void
manager_multiplexer_ready(struct manager *manager)
{
	const struct settings *settings = manager->settings;

	if (manager->phase != MANAGER_STARTING) {
		reload_look(manager);
		return;
	}
	if (!multiplexers_all_ready(manager))
		return;
	manager->phase = MANAGER_RUNNING;
	loader_tick(&manager->loader, clock_ms());
	multiplexers_take_over(manager);
	log_notice("peruserd %s is ready: %zu listeners, %u pools, %u vhosts, %u multiplexers",
	    PACKAGE_VERSION, settings->listen_count, settings->pool_count, settings->vhost_count,
	    settings->multiplexer_total);
	if (manager->said >= 0 && write(manager->said, "", 1) != 1)
		log_debug("nobody waited for our start");
	fd_close(&manager->said);
	notify_ready(manager, false);
	if (manager->stop_ready)
		manager_stop(manager, manager->stop_ready_ms);
}

/* ---- the stop */

static void
end_zygotes(struct manager *manager)
{
	struct zygote *zygote;
	uint32_t i;

	manager->phase = MANAGER_ENDING;
	loader_end(&manager->loader);
	manager->stop_by = clock_ms() + END_MS;
	for (i = 0; i < manager->pool_count; i++) {
		if (manager->pools[i] == NULL)
			continue;
		TAILQ_FOREACH(zygote, &manager->pools[i]->zygotes, link) {
			channel_end(&zygote->channel);
			child_signal(&zygote->child, SIGKILL);
		}
	}
	manager_zygote_gone(manager);
}

void
manager_zygote_gone(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL && !TAILQ_EMPTY(&manager->pools[i]->zygotes))
			return;
	event_base_loopbreak(manager->base);
}

void
manager_multiplexer_gone(struct manager *manager)
{
	if (manager->phase == MANAGER_STOPPING && multiplexers_running(manager) == 0)
		end_zygotes(manager);
}

/* A multiplexer may hold a request already: that is finished as any other.  Asked twice: not. */
static void
stop_once_ready(struct manager *manager, uint64_t timeout_ms)
{
	if (manager->stop_ready) {
		manager_fail_start(manager, "stopped before it was ready");
		return;
	}
	manager->stop_ready = true;
	manager->stop_ready_ms = timeout_ms;
}

void
manager_stop(struct manager *manager, uint64_t timeout_ms)
{
	uint64_t now = clock_ms();

	if (manager->phase == MANAGER_STARTING) {
		stop_once_ready(manager, timeout_ms);
		return;
	}
	if (manager->phase == MANAGER_ENDING)
		return;
	if (manager->phase == MANAGER_STOPPING) {
		log_notice("stopping fast: asked again");
		timeout_ms = STOP_FAST_MS;
		manager->stop_by = now + STOP_FAST_MS;
	} else {
		log_notice("stopping");
		manager->phase = MANAGER_STOPPING;
		manager->stop_by = timeout_ms == 0 ? 0 : now + timeout_ms + STOP_GRACE_MS;
		notify_stopping(timeout_ms == 0 ? 0 : timeout_ms + STOP_GRACE_MS + END_MS);
		reload_end(manager);
		upgrade_end(manager);
		listening_end(manager, true);
	}
	multiplexers_stop(manager, timeout_ms);
	manager_multiplexer_gone(manager);
}

/* ---- signals */

void
manager_reopen_logs(struct manager *manager)
{
	start_error_log(manager);
	multiplexers_reopen(manager);
	log_notice("log files are opened anew");
}

static void
on_signal(int number, short what, void *context)
{
	struct manager *manager = context;

	(void)what;
	switch (number) {
	case SIGTERM:
	case SIGINT:
		manager_stop(manager, manager->settings->stop_timeout);
		break;
	case SIGQUIT:
		manager_stop(manager, 0);
		break;
	case SIGUSR1:
		manager_reopen_logs(manager);
		break;
	case SIGHUP:
		if (upgrade_is_under_way(manager))
			upgrade_then_reload(manager);
		else if (manager->phase == MANAGER_RUNNING)
			reload_ask(manager, NULL, 0, NULL, NULL);
		break;
	case SIGUSR2:
		if (manager->phase == MANAGER_RUNNING)
			upgrade_ask(manager, NULL, NULL);
		break;
	default:
		break;
	}
}

static const int handled[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP, SIGUSR2 };

void
manager_signals(int how)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof handled / sizeof handled[0]; i++)
		sigaddset(&set, handled[i]);
	sigprocmask(how, &set, NULL);
}

static bool
watch_signals(struct manager *manager)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof handled / sizeof handled[0]; i++) {
		manager->signals[i] = evsignal_new(manager->base, handled[i], on_signal, manager);
		if (manager->signals[i] == NULL || event_add(manager->signals[i], NULL) != 0)
			return false;
	}
	manager_signals(SIG_UNBLOCK);
	return true;
}

/* ---- the loop */

static void
on_tick(int fd, short what, void *context)
{
	struct manager *manager = context;
	uint64_t now = clock_ms(), pause = TICK_MS;
	struct timeval next;
	uint32_t i;

	(void)fd;
	(void)what;
	multiplexers_tick(manager, now);
	control_tick(manager);
	loader_tick(&manager->loader, now);
	orphans_bury();
	rows_sweep(manager);
	for (i = 0; i < manager->pool_count; i++) {
		if (manager->pools[i] == NULL)
			continue;
		pool_tick(manager->pools[i], now);
		if (manager->pools[i]->loading != NULL)
			pause = TICK_BUSY_MS;
	}
	if (manager->phase == MANAGER_RUNNING)
		demand_look_soon(manager);
	else
		pause = TICK_BUSY_MS;
	if (manager->stop_by != 0 && now >= manager->stop_by) {
		if (manager->phase == MANAGER_ENDING)
			event_base_loopbreak(manager->base);
		else if (manager->phase == MANAGER_STOPPING)
			multiplexers_kill(manager);
	}
	if (manager->leaving > 0)
		pause = TICK_BUSY_MS;
	next.tv_sec = (time_t)(pause / 1000);
	next.tv_usec = (suseconds_t)(pause % 1000) * 1000;
	event_add(manager->second, &next);
}

static bool
begin_loop(struct manager *manager)
{
	struct timeval next = { 0, TICK_BUSY_MS * 1000 };
	struct fault fault;

	manager->second = evtimer_new(manager->base, on_tick, manager);
	if (!watch_signals(manager) || !notify_watch(manager->base) || manager->second == NULL ||
	    event_add(manager->second, &next) != 0) {
		manager_fail_start(manager, "no memory for the event loop");
		return false;
	}
	if (demand_begin(manager, &fault) && control_serve(manager, &fault)) {
		if (manager->upgrade != NULL) {
			upgrade_succeed(manager);
			return true;
		}
		if (multiplexers_begin(manager, &fault))
			return true;
	}
	manager_fail_start(manager, "%s", fault.text);
	return false;
}

static void
end_all(struct manager *manager)
{
	struct zygote *zygote;
	uint32_t i;

	for (i = 0; manager->multiplexers != NULL && i < manager->multiplexer_count; i++)
		if (manager->multiplexers[i].child.pid != 0)
			child_signal(&manager->multiplexers[i].child, SIGKILL);
	for (i = 0; manager->pools != NULL && i < manager->pool_count; i++) {
		if (manager->pools[i] == NULL)
			continue;
		TAILQ_FOREACH(zygote, &manager->pools[i]->zygotes, link)
			child_signal(&zygote->child, SIGKILL);
	}
	loader_end(&manager->loader);
	start_undo(manager);
}

static struct manager *
manager_new(const struct manager_start *start)
{
	struct manager *manager = calloc(1, sizeof *manager);
	unsigned i;

	if (manager == NULL)
		return NULL;
	for (i = 0; i <= BOARD_MULTIPLEXERS; i++)
		manager->bells[i] = -1;
	manager->config = start->config;
	manager->binary = start->binary;
	manager->foreground = start->foreground;
	manager->said = start->said;
	manager->started = clock_ms();
	loader_init(&manager->loader, manager);
	manager->pid_file = manager->board_fd = manager->board_reader = manager->status_fd = -1;
	return manager;
}

static bool
begin_fresh(struct manager *manager, struct settings *settings)
{
	manager->settings = settings;
	manager->configuration = configuration_new(settings);
	if (manager->configuration == NULL || !start_all(manager))
		return false;
	manager->base = event_base_new();
	if (manager->base == NULL)
		manager_fail_start(manager, "no memory for the event loop");
	return manager->base != NULL;
}

static bool
begin_as_successor(struct manager *manager, int state)
{
	struct fault fault;

	if (upgrade_take(manager, state, &fault))
		return true;
	manager_fail_start(manager, "the state of the former binary can't be taken over: %s",
	    fault.text);
	return false;
}

int
manager_run(const struct manager_start *start)
{
	struct manager *manager = manager_new(start);
	int status;

	if (manager == NULL)
		return EXIT_FAILURE;
	notify_begin();
	if ((start->state < 0 ? begin_fresh(manager, start->settings) :
	    begin_as_successor(manager, start->state)) && begin_loop(manager))
		event_base_dispatch(manager->base);
	end_all(manager);
	if (manager->exit_status == EXIT_SUCCESS)
		log_notice("stopped");
	status = manager->exit_status;
	fd_close(&manager->said);
	free(manager);
	return status;
}
