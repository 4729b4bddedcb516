#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "manager/listening.h"
#include "manager/manager.h"

#define UNIX_PREFIX "unix:"

static bool
same_address(const struct address *a, const struct address *b)
{
	return a->len == b->len && a->dual == b->dual &&
	    memcmp(&a->bytes, &b->bytes, a->len) == 0;
}

static struct listening *
find(struct manager *manager, const char *text)
{
	struct address address;
	uint32_t i;

	if (!address_parse(text, &address))
		return NULL;
	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].address != NULL &&
		    same_address(&manager->listening[i].bytes, &address))
			return &manager->listening[i];
	return NULL;
}

static struct listening *
free_number(struct manager *manager)
{
	struct listening *grown;
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].address == NULL)
			return &manager->listening[i];
	grown = realloc(manager->listening, ((size_t)i + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	manager->listening = grown;
	manager->listening_count = i + 1;
	memset(&grown[i], 0, sizeof grown[i]);
	grown[i].fd = -1;
	return &grown[i];
}

bool
listening_adopt(struct manager *manager, const char *address, int fd, bool passed)
{
	struct listening *it = find(manager, address) == NULL ? free_number(manager) : NULL;

	if (it == NULL || (it->address = strdup(address)) == NULL)
		return false;
	address_parse(address, &it->bytes);
	it->fd = fd;
	it->passed = passed;
	it->wanted = true;
	return true;
}

static bool
is_unix(const struct listening *it)
{
	return strncmp(it->address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

/*
 * What still comes is dropped, as if nobody were there: only what waits already is
 * accepted.  One that was passed is left as it is, for it is not ours alone.
 */
static void
turn_away(struct listening *it)
{
	struct sock_filter drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &drop };

	if (it->away)
		return;
	it->away = true;
	if (it->passed)
		log_warning("%s was passed by the service manager and is not configured: who comes "
		    "there waits for nobody; add it to listen, or take it out of the socket unit",
		    it->address);
	else if (is_unix(it))
		unlink(it->address + strlen(UNIX_PREFIX));
	else
		setsockopt(it->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static void
forget(struct listening *it, bool remove)
{
	if (remove && !it->passed && is_unix(it))
		unlink(it->address + strlen(UNIX_PREFIX));
	fd_close(&it->fd);
	free(it->address);
	memset(it, 0, sizeof *it);
	it->fd = -1;
}

static bool
prepare_one(struct manager *manager, struct listen_settings *settings, struct fault *fault)
{
	struct listening *it = find(manager, settings->address);
	struct fault why;
	int fd;

	if (it == NULL) {
		fd = listener_open(settings, &why);
		if (fd < 0)
			return fault_set(fault, 0, "%s:%u: listen on %s: %s",
			    settings->place.file != NULL ? settings->place.file : "",
			    settings->place.line, settings->address, why.text);
		it = free_number(manager);
		if (it == NULL || (it->address = strdup(settings->address)) == NULL) {
			fd_close(&fd);
			return fault_set(fault, ENOMEM, "listen on %s", settings->address);
		}
		address_parse(settings->address, &it->bytes);
		it->fd = fd;
		it->fresh = true;
	}
	settings->number = (uint64_t)(it - manager->listening);
	return true;
}

bool
listening_prepare(struct manager *manager, struct settings *settings, struct fault *fault)
{
	size_t i;

	for (i = 0; i < settings->listen_count; i++)
		if (!prepare_one(manager, &settings->listens[i], fault)) {
			listening_undo(manager);
			return false;
		}
	return true;
}

void
listening_undo(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].fresh)
			forget(&manager->listening[i], true);
}

void
listening_commit(struct manager *manager, const struct settings *settings)
{
	struct listening *it;
	uint32_t i;
	size_t j;

	for (i = 0; i < manager->listening_count; i++)
		manager->listening[i].wanted = manager->listening[i].fresh = false;
	for (j = 0; j < settings->listen_count; j++) {
		it = &manager->listening[settings->listens[j].number];
		it->wanted = true;
		it->away = false;
		/* A backlog that has changed; also for one that was passed to us. */
		if (it->fd >= 0)
			listen(it->fd, (int)settings->listens[j].backlog);
	}
	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].address != NULL && !manager->listening[i].wanted)
			turn_away(&manager->listening[i]);
}

void
listening_close_unwanted(struct manager *manager)
{
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].address != NULL && !manager->listening[i].wanted &&
		    !manager->listening[i].passed)
			forget(&manager->listening[i], false);
}

void
listening_end(struct manager *manager, bool remove)
{
	uint32_t i;

	for (i = 0; i < manager->listening_count; i++)
		if (manager->listening[i].address != NULL)
			forget(&manager->listening[i], remove);
}
