#include <stdlib.h>
#include <string.h>

#include "multiplexer/door.h"

static char loopback_four[] = "127.0.0.0/8", loopback_six[] = "::1";
static char *loopback_texts[] = { loopback_four, loopback_six };
static const struct string_list loopback = { loopback_texts, 2 };

struct net *
door_nets(const struct string_list *texts)
{
	struct net *nets = calloc(texts->count + 1, sizeof *nets);
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
	/* What a web server says of its clients is believed: only from this machine. */
	if (texts->count == 0 && settings->protocol == LISTEN_FASTCGI)
		texts = &loopback;
	if (texts->count == 0)
		return true;
	door->allowed = door_nets(texts);
	door->allowed_count = texts->count;
	return door->allowed != NULL;
}

void
door_end(struct door *door)
{
	free(door->allowed);
	memset(door, 0, sizeof *door);
}

bool
door_lets_in(const struct door *door, const struct sockaddr_storage *address, int fd)
{
	struct net net;

	(void)fd;
	if (door->allowed == NULL)
		return true;
	net_of(address, &net);
	/* Who may use a Unix socket is said by its owner, group and mode. */
	return net.family == AF_UNIX || net_in(&net, door->allowed, door->allowed_count);
}
