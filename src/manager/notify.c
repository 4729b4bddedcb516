#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "manager/manager.h"
#include "manager/notify.h"

static struct {
	struct sockaddr_un to;
	socklen_t len;                  /* 0: nobody listens */
	uint64_t watchdog_us;           /* 0: none */
	struct event *alive;            /* owned */
} told;

uint64_t
notify_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t value = 0;

	return text != NULL && str_decimal(text, strlen(text), &value) ? value : 0;
}

void
notify_begin(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	uint64_t pid = notify_number("WATCHDOG_PID");

	if (pid == 0 || pid == (uint64_t)getpid())
		told.watchdog_us = notify_number("WATCHDOG_USEC");
	if (name == NULL || (name[0] != '/' && name[0] != '@') ||
	    strlen(name) >= sizeof told.to.sun_path)
		return;
	told.to.sun_family = AF_UNIX;
	memcpy(told.to.sun_path, name, strlen(name));
	if (name[0] == '@')
		told.to.sun_path[0] = '\0';
	told.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
tell(const char *format, ...)
{
	char text[256];
	va_list args;
	int fd;

	if (told.len == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL,
	    (const struct sockaddr *)&told.to, told.len) < 0)
		log_warning("tell the service manager: %s", strerror(errno));
	fd_close(&fd);
}

void
notify_ready(const struct manager *manager, bool refused)
{
	const struct settings *settings = manager->settings;

	tell("READY=1\nMAINPID=%d\nSTATUS=%u pools, %u vhosts, configuration %" PRIu64 "%s",
	    (int)getpid(), settings->pool_count, settings->vhost_count, settings->generation,
	    refused ? "; the one it was told to take was refused, see the log" : "");
}

void
notify_reloading(const struct manager *manager)
{
	(void)manager;
	tell("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_us());
}

void
notify_stopping(uint64_t most_ms)
{
	if (most_ms == 0)
		tell("STOPPING=1\nSTATUS=finishing what runs");
	else
		tell("STOPPING=1\nSTATUS=finishing what runs\nEXTEND_TIMEOUT_USEC=%" PRIu64,
		    most_ms * 1000);
}

/* ---- the watchdog */

static void
say_alive(int fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	tell("WATCHDOG=1");
}

bool
notify_watch(struct event_base *base)
{
	uint64_t half = told.watchdog_us / 2;
	struct timeval pause = { (time_t)(half / 1000000), (suseconds_t)(half % 1000000) };

	if (told.len == 0 || half == 0)
		return true;
	told.alive = event_new(base, -1, EV_PERSIST, say_alive, NULL);
	return told.alive != NULL && event_add(told.alive, &pause) == 0;
}
