#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/notify.h"
#include "manager/said.h"
#include "manager/upgrade_parts.h"

#define LOOK_AGAIN_MS 20
#define LAST_WORDS_MS 1000      /* for answers of the control socket that are on their way */

static void
upgrade_free(struct upgrade *upgrade)
{
	if (upgrade->look != NULL)
		event_free(upgrade->look);
	if (upgrade->ended != NULL)
		event_free(upgrade->ended);
	if (upgrade->child.pid != 0)
		child_signal(&upgrade->child, SIGKILL);
	fd_close(&upgrade->child.pidfd);
	fd_close(&upgrade->binary);
	fd_close(&upgrade->said);
	buf_free(&upgrade->answer);
	free(upgrade);
}

/* ---- its end, one way or the other */

static void
deliver(struct upgrade *upgrade, const struct buf *answer)
{
	struct manager *manager = upgrade->manager;
	bool reload = upgrade->reload && manager->phase == MANAGER_RUNNING;
	unsigned i;

	manager->upgrade = NULL;
	for (i = 0; i < upgrade->asker_count; i++)
		if (upgrade->askers[i].done != NULL)
			upgrade->askers[i].done(upgrade->askers[i].who, answer);
	upgrade_free(upgrade);
	if (reload)
		reload_ask(manager, NULL, 0, NULL, NULL);
}

static void
give_up(struct upgrade *upgrade, const char *error)
{
	log_error("peruserd was not replaced: %s; %s goes on", error, PACKAGE_VERSION);
	if (upgrade->phase == UPGRADE_LEAVING)
		notify_ready(upgrade->manager, false);
	said_add(&upgrade->answer, "error", error);
	deliver(upgrade, &upgrade->answer);
}

/* ---- the moment */

static bool
waits_for_loader(const struct manager *manager)
{
	const struct zygote *zygote;
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++)
		if (manager->pools[i] != NULL)
			TAILQ_FOREACH(zygote, &manager->pools[i]->zygotes, link)
				if (zygote->token != 0 || zygote->child.pid == 0)
					return true;
	return false;
}

/* What is half done; NULL: nothing. */
static const char *
half_done(const struct manager *manager)
{
	if (manager->reload != NULL)
		return "a reload is under way, and did not end in time";
	if (waits_for_loader(manager))
		return "the loader did not make a zygote in time";
	return NULL;
}

static void
look_again(struct upgrade *upgrade)
{
	struct timeval soon = { 0, LOOK_AGAIN_MS * 1000 };

	event_add(upgrade->look, &soon);
}

/* True once it is there.  False: look again; or it was given up. */
static bool
is_quiet(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;
	const char *why = half_done(manager);

	if (why == NULL)
		return true;
	if (clock_ms() - upgrade->started < manager->settings->tuning.start_timeout)
		look_again(upgrade);
	else
		give_up(upgrade, why);
	return false;
}

static void
begin_trial(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;
	struct fault fault;

	if (!is_quiet(upgrade))
		return;
	if (!multiplexers_have_room(manager)) {
		give_up(upgrade, "former multiplexers still finish what they run, and there are no "
		    "numbers left for new ones: ask again when they have gone");
		return;
	}
	upgrade->phase = UPGRADE_TRYING;
	upgrade->started = clock_ms();
	if (!upgrade_try_begin(upgrade, &fault))
		give_up(upgrade, fault.text);
	else
		look_again(upgrade);
}

static void
keep_open(void *context, int fd)
{
	(void)context;
	fd_set_cloexec(fd, false);
}

static void
close_at_exec(void *context, int fd)
{
	(void)context;
	fd_set_cloexec(fd, true);
}

static void
leave(struct upgrade *upgrade)
{
	struct manager *manager = upgrade->manager;
	struct state state;
	struct fault fault;
	int sealed = -1;

	if (!is_quiet(upgrade))
		return;
	if (control_is_busy(manager) && clock_ms() - upgrade->started < LAST_WORDS_MS) {
		look_again(upgrade);
		return;
	}
	/* It starts anew; what it forked stays. */
	loader_end(&manager->loader);
	log_notice("%s is replaced by %s", PACKAGE_VERSION, manager->binary);
	if (upgrade_give(manager, &state, &fault))
		sealed = upgrade_seal(&state, &fault);
	if (sealed >= 0) {
		state_each_fd(&state, keep_open, NULL);
		upgrade_execute(manager, upgrade->binary, sealed, false);
		fault_set(&fault, errno, "execute %s", manager->binary);
		state_each_fd(&state, close_at_exec, NULL);
	}
	fd_close(&sealed);
	upgrade_give_end(&state);
	give_up(upgrade, fault.text);
}

void
upgrade_tried(struct upgrade *upgrade)
{
	if (!upgrade->accepted) {
		give_up(upgrade, "the new binary refuses");
		return;
	}
	upgrade->phase = UPGRADE_LEAVING;
	upgrade->started = clock_ms();
	notify_reloading(upgrade->manager);
	leave(upgrade);
}

static void
on_look(int fd, short what, void *context)
{
	struct upgrade *upgrade = context;
	uint64_t patience = upgrade->manager->settings->tuning.start_timeout;

	(void)fd;
	(void)what;
	switch (upgrade->phase) {
	case UPGRADE_WAITING:
		begin_trial(upgrade);
		break;
	case UPGRADE_TRYING:
		if (clock_ms() - upgrade->started < patience)
			look_again(upgrade);
		else
			give_up(upgrade, "the new binary did not say within start_timeout whether it "
			    "can take over");
		break;
	case UPGRADE_LEAVING:
		leave(upgrade);
		break;
	case UPGRADE_SUCCEEDING:
		break;
	}
}

/* ---- who asks */

struct upgrade *
upgrade_new(struct manager *manager)
{
	struct upgrade *upgrade = calloc(1, sizeof *upgrade);

	if (upgrade == NULL)
		return NULL;
	upgrade->manager = manager;
	upgrade->child = (struct child)CHILD_NONE;
	upgrade->binary = upgrade->said = -1;
	upgrade->started = clock_ms();
	upgrade->answer.max = SAID_ANSWER;
	upgrade->look = evtimer_new(manager->base, on_look, upgrade);
	if (upgrade->look != NULL)
		return upgrade;
	upgrade_free(upgrade);
	return NULL;
}

bool
upgrade_add_asker(struct upgrade *upgrade, upgrade_done *done, void *who)
{
	if (upgrade->asker_count == UPGRADE_ASKERS)
		return false;
	upgrade->askers[upgrade->asker_count].done = done;
	upgrade->askers[upgrade->asker_count++].who = who;
	return true;
}

bool
upgrade_ask(struct manager *manager, upgrade_done *done, void *who)
{
	if (manager->upgrade != NULL)
		return upgrade_add_asker(manager->upgrade, done, who);
	manager->upgrade = upgrade_new(manager);
	if (manager->upgrade == NULL)
		return false;
	log_notice("%s is tried, to take over", manager->binary);
	upgrade_add_asker(manager->upgrade, done, who);
	look_again(manager->upgrade);
	return true;
}

void
upgrade_forget(struct manager *manager, const void *who)
{
	struct upgrade *upgrade = manager->upgrade;
	unsigned i;

	for (i = 0; upgrade != NULL && i < upgrade->asker_count; i++)
		if (upgrade->askers[i].who == who)
			upgrade->askers[i].done = NULL;
}

bool
upgrade_is_under_way(const struct manager *manager)
{
	return manager->upgrade != NULL && manager->upgrade->phase != UPGRADE_SUCCEEDING;
}

void
upgrade_then_reload(struct manager *manager)
{
	manager->upgrade->reload = true;
}

void
upgrade_end(struct manager *manager)
{
	if (manager->upgrade != NULL)
		give_up(manager->upgrade, "peruserd is stopping");
}

/* ---- in the new binary */

static void
on_renewed(void *who, const struct buf *told)
{
	deliver(who, told);
}

void
upgrade_succeed(struct manager *manager)
{
	sigset_t none;

	/* What came in between is heard now. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	reload_renew(manager, on_renewed, manager->upgrade);
}
