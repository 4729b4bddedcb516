#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/loader.h"
#include "manager/manager.h"
#include "manager/zygote.h"

#define QUEUE_MAX 1024          /* six messages a zygote */

void
loader_init(struct loader *loader, struct manager *manager)
{
	memset(loader, 0, sizeof *loader);
	loader->manager = manager;
	loader->child = (struct child)CHILD_NONE;
	loader->channel.fd = -1;
}

/* ---- what it answers */

static struct zygote *
zygote_of_token(const struct manager *manager, uint32_t token)
{
	struct zygote *zygote;
	uint32_t i;

	for (i = 0; i < manager->pool_count && token != 0; i++)
		if (manager->pools[i] != NULL)
			TAILQ_FOREACH(zygote, &manager->pools[i]->zygotes, link)
				if (zygote->token == token)
					return zygote;
	return NULL;
}

static void
on_mapped(struct loader *loader)
{
	loader->mapped = true;
	loader->pause = 0;
	log_info("the loader %d has mapped what zygotes load", (int)loader->child.pid);
}

void
loader_bury(struct loader *loader, pid_t pid)
{
	if (loader->stray_count < LOADER_STRAYS)
		loader->strays[loader->stray_count++] = pid;
	else
		log_warning("process %d, which nobody waits for, is not buried", (int)pid);
}

static void
bury_strays(struct loader *loader)
{
	unsigned i = 0;

	while (i < loader->stray_count)
		if (waitpid(loader->strays[i], NULL, WNOHANG) != 0)
			loader->strays[i] = loader->strays[--loader->stray_count];
		else
			i++;
}

static void
on_started(struct loader *loader, const struct message_started *said)
{
	struct zygote *zygote = zygote_of_token(loader->manager, said->token);

	/* Given up meanwhile: its control channel is closed, so it ends by itself. */
	if (zygote == NULL) {
		if (said->pid > 0)
			loader_bury(loader, said->pid);
		return;
	}
	zygote->token = 0;
	if (said->pid > 0)
		zygote_came(zygote, said->pid);
	else
		zygote_did_not_come(zygote, said->error);
}

static void
loader_got(void *owner, const struct message *message, pid_t pid)
{
	struct loader *loader = owner;

	(void)pid;
	if (message->header.type == MESSAGE_MAPPED)
		on_mapped(loader);
	else
		on_started(loader, &message->body.started);
}

static void
loader_lost(void *owner, enum message_got why)
{
	struct loader *loader = owner;

	(void)why;
	channel_end(&loader->channel);
	child_signal(&loader->child, SIGKILL);
}

static const struct channel_owner loader_calls = { loader_got, loader_lost };

/* ---- its life */

/* Those that it did not answer for are started without it. */
static void
give_back(struct loader *loader)
{
	struct manager *manager = loader->manager;
	struct zygote *zygote, *next;
	uint32_t i;

	for (i = 0; i < manager->pool_count; i++) {
		if (manager->pools[i] == NULL)
			continue;
		for (zygote = TAILQ_FIRST(&manager->pools[i]->zygotes); zygote != NULL;
		    zygote = next) {
			next = TAILQ_NEXT(zygote, link);
			if (zygote->token == 0)
				continue;
			zygote->token = 0;
			zygote_did_not_come(zygote, ECHILD);
		}
	}
}

static void
on_ended(int fd, short what, void *context)
{
	struct loader *loader = context;
	const struct settings *settings = loader->manager->settings;
	uint64_t now = clock_ms();
	char ending[96];
	int status;

	(void)fd;
	(void)what;
	channel_drain(&loader->channel);
	if (!child_bury(&loader->child, &status))
		return;
	channel_end(&loader->channel);
	event_free(loader->ended);
	loader->ended = NULL;
	loader->mapped = false;
	if (!loader->unwanted && loader->manager->phase == MANAGER_RUNNING) {
		loader->pause = scale_pause(loader->pause, now - loader->started,
		    settings->restart_delay, settings->restart_delay_max);
		loader->restart_at = now + loader->pause;
		log_error("the loader %s; it starts again in %llu ms, zygotes start without it "
		    "until then", child_ending(status, ending, sizeof ending),
		    (unsigned long long)loader->pause);
	}
	give_back(loader);
}

static bool
start(struct loader *loader, struct fault *fault)
{
	struct manager *manager = loader->manager;
	struct confinement nobody = { 0 };      /* not read: it stays root */
	int control[2];
	struct child_plan plan = {
		.path = manager->paths.loader,
		.title = "peruser-loader",
		.record = &nobody,
		.settings = "",
		.log = STDERR_FILENO,
		.board = -1,
		.root = -1,
		.handlers = manager->paths.handlers,
	};
	bool running;

	if (!child_control(control))
		return fault_set(fault, errno, "make a control channel for the loader");
	plan.control = control[1];
	running = child_start(&loader->child, &plan, fault);
	if (running) {
		loader->ended = event_new(manager->base, loader->child.pidfd,
		    EV_READ | EV_PERSIST, on_ended, loader);
		if (loader->ended == NULL || event_add(loader->ended, NULL) != 0 ||
		    !channel_begin(&loader->channel, manager->base, fd_take(&control[0]),
		    ROLE_LOADER, QUEUE_MAX, &loader_calls, loader))
			child_signal(&loader->child, SIGKILL);
	}
	fd_close(&control[0]);
	fd_close(&control[1]);
	return running;
}

static bool
wanted(const struct settings *settings)
{
	uint32_t i;

	for (i = 0; i < settings->pool_count && settings->fast_start; i++)
		if (settings->pools[i].uses_php)
			return true;
	return false;
}

/* Not mapped in time, or it does not read: no zygote waits for such a one. */
static bool
hangs(const struct loader *loader, uint64_t now)
{
	const struct settings *settings = loader->manager->settings;
	uint64_t stuck = loader->channel.stuck_since;

	return (!loader->mapped && now > loader->started + settings->tuning.start_timeout) ||
	    (stuck != 0 && now > stuck + settings->heartbeat_timeout);
}

void
loader_tick(struct loader *loader, uint64_t now)
{
	struct fault fault;

	bury_strays(loader);
	if (loader->child.pid != 0) {
		loader->unwanted = !wanted(loader->manager->settings);
		if (loader->unwanted)
			channel_end(&loader->channel);
		else if (hangs(loader, now))
			child_signal(&loader->child, SIGKILL);
		return;
	}
	if (now < loader->restart_at || loader->manager->phase != MANAGER_RUNNING ||
	    !wanted(loader->manager->settings))
		return;
	loader->unwanted = false;
	loader->started = now;
	if (start(loader, &fault))
		return;
	loader->restart_at = now + loader->manager->settings->restart_delay_max;
	log_error("%s; zygotes start without the loader", fault.text);
}

void
loader_end(struct loader *loader)
{
	if (loader->child.pid != 0)
		child_signal(&loader->child, SIGKILL);
}

/* ---- asking it */

static bool
send_part(struct loader *loader, uint32_t token, unsigned number, int fd)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.part.token = token;
	message.body.part.number = number;
	return fd >= 0 && channel_send(&loader->channel, &message, MESSAGE_PART, fd);
}

static bool
send_start(struct loader *loader, uint32_t token, bool namespaces)
{
	struct message message;

	memset(&message, 0, sizeof message);
	message.body.start.token = token;
	message.body.start.namespaces = namespaces;
	return channel_send(&loader->channel, &message, MESSAGE_START, -1);
}

bool
loader_ask(struct loader *loader, struct zygote *zygote, const struct child_plan *plan)
{
	uint32_t token = loader->token + 1 == 0 ? 1 : loader->token + 1;
	int record, settings;
	bool asked;

	/* It has no_new_privs itself, and so would what it forks. */
	if (!loader->mapped || !channel_is_open(&loader->channel) ||
	    upgrade_is_under_way(loader->manager) ||
	    !(plan->record->flags & CONFINE_NO_NEW_PRIVS))
		return false;
	plan->record->flags &= ~(uint32_t)CONFINE_NEW_PID;
	if (plan->namespaces)
		plan->record->flags |= CONFINE_NEW_PID;
	record = fd_sealed("confinement", plan->record, sizeof *plan->record);
	settings = fd_sealed("settings", plan->settings, plan->settings_len);
	asked = send_part(loader, token, INHERIT_LOG, plan->log) &&
	    send_part(loader, token, INHERIT_CONTROL, plan->control) &&
	    send_part(loader, token, INHERIT_CONFINE, record) &&
	    send_part(loader, token, INHERIT_SETTINGS, settings) &&
	    (plan->root < 0 || send_part(loader, token, INHERIT_ROOT, plan->root)) &&
	    send_start(loader, token, plan->namespaces);
	fd_close(&record);
	fd_close(&settings);
	if (!asked)
		return false;
	loader->token = zygote->token = token;
	return true;
}
