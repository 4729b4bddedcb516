#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/guard.h"
#include "manager/dial.h"
#include "manager/manager.h"
#include "manager/slot_channel.h"

/* Envelope and completion fit one packet; the kernel cuts it to wmem_max. */
#define SLOT_BUFFER (1 << 18)

/* A pair: ends[0] for the multiplexers, who take no descriptor from it. */
static bool
make_pair(int ends[2])
{
	int size = SLOT_BUFFER, i;

	if (!fd_pair(SOCK_SEQPACKET, ends))
		return false;
	for (i = 0; i < 2; i++)
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	fd_refuse_rights(ends[0]);
	if (fd_set_nonblocking(ends[0], true))
		return true;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return false;
}

/* The control socket's folder: root's, and no user may write to it. */
static bool
make_listener(struct manager *manager, uint32_t slot, int ends[2])
{
	const char *path = manager->settings->control_socket;
	char folder[sizeof ((struct message_fault *)0)->text];
	int len = (int)(strrchr(path, '/') - path);

	if (snprintf(folder, sizeof folder, "%.*s", len, path) >= (int)sizeof folder) {
		errno = ENAMETOOLONG;
		return false;
	}
	return dial_listen(folder, slot, ends, &manager->slots[slot]->way);
}

bool
slot_channel_make(struct manager *manager, const struct pool *pool, uint32_t slot, int ends[2])
{
	if (pool->settings->handoff == HANDOFF_FD)
		return make_pair(ends);
	return make_listener(manager, slot, ends);
}

void
slot_channel_hang_up(struct manager *manager, uint32_t slot)
{
	const struct slot *it = manager->slots[slot];

	if (it->way >= 0 && it->channel >= 0)
		shutdown(it->channel, SHUT_RDWR);
}

void
slot_channel_close(struct manager *manager, uint32_t slot)
{
	/* A user may have sent something into it that is slow to close. */
	guard_rights();
	fd_close(&manager->slots[slot]->channel);
	fd_close(&manager->slots[slot]->way);
}

/* ---- connections anew */

/* A connection that its server keeps is everybody's, any other one the asker's alone. */
static bool
reach_server(struct multiplexer *mux, struct pool *pool, uint32_t index)
{
	struct manager *manager = mux->manager;
	const struct pool_settings *settings = pool->settings;
	struct slot *slot = manager->slots[index];
	int fd = dials_connect(&pool->dials, manager->settings, settings, &slot->server);

	if (fd < 0)
		return false;
	guard_rights();
	fd_close(&slot->channel);
	slot->channel = fd;
	if (settings->keep_connections) {
		multiplexers_slot(manager, index);
	} else {
		multiplexer_slot(mux, index);
		fd_close(&slot->channel);
	}
	return true;
}

static bool
reach_program(struct manager *manager, uint32_t index)
{
	struct slot *slot = manager->slots[index];
	int fd = slot->way >= 0 ? dial_program(slot->way) : -1;

	if (fd < 0)
		return false;
	guard_rights();
	fd_close(&slot->channel);
	slot->channel = fd;
	multiplexers_slot(manager, index);
	return true;
}

void
slot_channel_wanted(struct multiplexer *mux, const struct message_slot_gone *said)
{
	struct manager *manager = mux->manager;
	struct message message;
	struct slot *slot;
	struct pool *pool;
	bool server;

	if (!slot_is_leased_by(manager, said->slot, said->generation, mux->number))
		return;
	slot = manager->slots[said->slot];
	pool = manager->pools[slot->pool];
	server = settings_pool_runs(pool->settings) == RUNS_SERVER;
	if (pool->settings->handoff == HANDOFF_FD)
		return;
	if (server && said->status != 0)
		dials_failed(&pool->dials, manager->settings, pool->settings, slot->server,
		    said->status);
	if (server ? reach_server(mux, pool, said->slot) : reach_program(manager, said->slot))
		return;
	memset(&message, 0, sizeof message);
	message.body.gone = *said;
	message.body.gone.status = errno != 0 ? errno : ECONNREFUSED;
	channel_send(&mux->channel, &message, MESSAGE_NO_CHANNEL, -1);
	/* It listens no more, though it lives: of no use. */
	if (!server)
		slot_kill(manager, said->slot);
}

/* ---- pools of servers */

bool
slot_channels_open(struct pool *pool)
{
	struct manager *manager = pool->manager;
	uint32_t i;

	if (!dials_begin(&pool->dials, &pool->settings->connect))
		return false;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		if (!slot_make(manager, i, pool))
			return false;
	for (i = pool->slot_first; i < pool->slot_first + pool->slot_count; i++)
		slot_open(manager, i);
	return true;
}

void
slot_channels_forsaken(struct manager *manager, uint32_t multiplexer)
{
	unsigned owner;
	uint32_t i;

	for (i = 0; i < manager->slot_count; i++) {
		const struct slot *slot = slot_at(manager, i);
		const struct pool_settings *pool;

		if (slot->state != SLOT_IDLE ||
		    slot_board_state(manager, i, &owner, NULL) != SLOT_LEASED ||
		    owner != multiplexer)
			continue;
		pool = manager->pools[slot->pool]->settings;
		if (settings_pool_runs(pool) == RUNS_SERVER)
			slot_open(manager, i);
		else if (pool->handoff == HANDOFF_FASTCGI)
			slot_kill(manager, i);
	}
}
