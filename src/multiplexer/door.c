#include <stdlib.h>
#include <string.h>

#include "multiplexer/door.h"

#define GROUPS_MOST 256         /* of a client; one in more is not let in by its group */

static char loopback_four[] = "127.0.0.0/8", loopback_six[] = "::1";
static char *loopback_texts[] = { loopback_four, loopback_six };
static const struct string_list loopback = { loopback_texts, 2 };

/* NULL: none were said, or there is no memory. */
static struct net *
door_nets(const struct string_list *texts)
{
	struct net *nets = texts->count > 0 ? calloc(texts->count, sizeof *nets) : NULL;
	size_t i;

	for (i = 0; nets != NULL && i < texts->count; i++)
		net_parse(texts->at[i], strlen(texts->at[i]), &nets[i]);
	return nets;
}

bool
door_begin(struct door *door, const struct listen_settings *settings)
{
	const struct string_list *texts = &settings->allowed_clients;

	memset(door, 0, sizeof *door);
	door->by_account = settings->protocol == LISTEN_HANDOFF;
	door->owner = (uid_t)settings->owner_id;
	door->group = (gid_t)settings->group_id;
	/* What a web server says of its clients is believed: only from this machine. */
	if (texts->count == 0 && settings->protocol == LISTEN_FASTCGI)
		texts = &loopback;
	door->allowed = door_nets(texts);
	door->allowed_count = texts->count;
	door->trusted = door_nets(&settings->trusted_proxies);
	door->trusted_count = settings->trusted_proxies.count;
	return (door->allowed != NULL || door->allowed_count == 0) &&
	    (door->trusted != NULL || door->trusted_count == 0);
}

void
door_end(struct door *door)
{
	free(door->allowed);
	free(door->trusted);
	memset(door, 0, sizeof *door);
}

static bool
is_among(int fd, gid_t wanted)
{
	gid_t groups[GROUPS_MOST];
	socklen_t len = sizeof groups, i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (i = 0; i < len / sizeof groups[0]; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* By the kernel's word: as of its connect(), whatever it has become since. */
static bool
is_known(const struct door *door, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	return peer.uid == 0 || peer.uid == door->owner || peer.gid == door->group ||
	    is_among(fd, door->group);
}

bool
door_lets_in(const struct door *door, const struct sockaddr_storage *address, int fd)
{
	struct net net;

	if (door->by_account)
		return is_known(door, fd);
	if (door->allowed == NULL)
		return true;
	net_of(address, &net);
	/* Who may use a Unix socket is said by its owner, group and mode. */
	return net.family == AF_UNIX || net_in(&net, door->allowed, door->allowed_count);
}
