#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <peruserd/message.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "confine/confine.h"
#include "loader/loader.h"
#include "processor/modules.h"
#include "processor/zygote.h"

#define EXIT_FAULT 1

/* ---- becoming */

_Noreturn static void
give_up(const char *text)
{
	log_error("%s", text);
	_exit(EXIT_FAULT);
}

void
loader_confine(struct loader *loader)
{
	struct fault fault;
	int number;

	log_open("loader", LEVEL_NOTICE);
	loader->control = INHERIT_CONTROL;
	loader->token = 0;
	for (number = 0; number < INHERIT_COUNT; number++)
		loader->parts[number] = -1;
	/* What every child is given, and this one has no use for. */
	close(INHERIT_CONFINE);
	close(INHERIT_SETTINGS);
	fd_set_cloexec(loader->control, true);
	if (!confine_loader(loader->control, &fault))
		give_up(fault.text);
}

/* ---- mapping */

__attribute__((format(printf, 2, 3)))
static void
host_log(int level, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_line((enum log_level)level, "%s", text);
}

void
loader_map(struct loader *loader)
{
	static const struct handler_host host = { .version = HANDLER_VERSION, .log = host_log };
	struct message message = { 0 };

	modules_map(&host);
	if (!message_send(loader->control, &message, MESSAGE_MAPPED, -1))
		_exit(EXIT_FAULT);
}

/* ---- forking */

static void
drop_parts(struct loader *loader)
{
	int number;

	for (number = 0; number < INHERIT_COUNT; number++)
		fd_close(&loader->parts[number]);
	loader->token = 0;
}

/* One part of the next zygote.  The manager sends them one zygote after another. */
static bool
take_part(struct loader *loader, const struct message_part *part, int fd)
{
	if (part->number < INHERIT_LOG || part->number >= INHERIT_COUNT || part->token == 0) {
		fd_close(&fd);
		return false;
	}
	if (part->token != loader->token)
		drop_parts(loader);
	loader->token = part->token;
	fd_close(&loader->parts[part->number]);
	loader->parts[part->number] = fd;
	return true;
}

/* In the new process: what an exec'd zygote finds, and nothing of ours. */
_Noreturn static void
become_zygote(const struct loader *loader)
{
	prctl(PR_SET_NAME, "peruser-processor", 0L, 0L, 0L);
	if (!fd_arrange(loader->parts, INHERIT_COUNT))
		_exit(EXIT_FAULT);
	exit(zygote_live());
}

/*
 * CLONE_PARENT: it is the manager's child and not ours, so the manager ends and
 * buries it as any other.  libc's fork can't do that; what it would have done
 * besides matters to threads, and there are none.
 */
static pid_t
fork_zygote(const struct loader *loader, bool namespaces)
{
	uint64_t flags = CLONE_PARENT | (namespaces ? PROCESS_NAMESPACES : 0);
	pid_t pid = process_clone(flags, NULL);

	if (pid == 0)
		become_zygote(loader);
	return pid;
}

static bool
start(struct loader *loader, const struct message_start *asked)
{
	struct message message = { 0 };
	pid_t pid = -1;

	errno = EPROTO;
	if (asked->token == loader->token && asked->token != 0)
		pid = fork_zygote(loader, asked->namespaces != 0);
	message.body.started.token = asked->token;
	message.body.started.pid = pid > 0 ? (int32_t)pid : 0;
	message.body.started.error = pid > 0 ? 0 : errno;
	drop_parts(loader);
	return message_send(loader->control, &message, MESSAGE_STARTED, -1);
}

/* ---- the loop */

/* False: the manager has gone, or spoke nonsense. */
static bool
take_messages(struct loader *loader)
{
	struct message message;
	enum message_got got;
	bool good = true;
	int fd;

	while (good && (got = message_receive(loader->control, ROLE_MANAGER, ROLE_LOADER,
	    &message, &fd, NULL)) == MESSAGE_GOT)
		good = message.header.type == MESSAGE_PART ?
		    take_part(loader, &message.body.part, fd) :
		    start(loader, &message.body.start);
	return good && got == MESSAGE_NOTHING;
}

int
loader_run(struct loader *loader)
{
	struct pollfd control = { loader->control, POLLIN, 0 };

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		if (poll(&control, 1, -1) < 0 && errno != EINTR)
			return EXIT_FAULT;
		if (!take_messages(loader))
			return 0;
	}
}
