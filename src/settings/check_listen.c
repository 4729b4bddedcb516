#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/net.h"
#include "base/str.h"
#include "settings/reading.h"

#define ADDRESS_MOST 128

static const char forms[] =
    "write \"0.0.0.0:80\", \"[::]:80\", \"*:80\" or \"unix:/path\"";

/* "[fe80::1%eth0]" or "10.0.0.1" in its one canonical form; false where it is neither. */
static bool
host_tidy(const char *host, size_t len, char out[ADDRESS_MOST])
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char copy[ADDRESS_MOST], *zone;
	bool v6 = len > 2 && host[0] == '[' && host[len - 1] == ']';

	if (len >= sizeof copy)
		return false;
	memcpy(copy, v6 ? host + 1 : host, v6 ? len - 2 : len);
	copy[v6 ? len - 2 : len] = '\0';
	zone = v6 ? strchr(copy, '%') : NULL;
	if (zone != NULL)
		*zone++ = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
		return false;
	inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, out, ADDRESS_MOST / 2);
	if (zone != NULL) {
		if (zone[0] == '\0' || strlen(zone) >= IF_NAMESIZE)
			return false;
		strcat(strcat(out, "%"), zone);
	}
	return true;
}

const char *
address_tidy(struct reading *reading, const char *address, const char **why)
{
	const char *colon = strrchr(address, ':');
	char host[ADDRESS_MOST];
	uint64_t port;

	*why = "is no address";
	if (strncmp(address, "unix:", 5) == 0) {
		*why = address[5] != '/' ? "has no absolute path" : "has a path that is too long";
		if (address[5] != '/' ||
		    strlen(address + 5) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return NULL;
		return address;
	}
	if (colon == NULL || !str_decimal(colon + 1, strlen(colon + 1), &port)) {
		*why = "has no port";
		return NULL;
	}
	if (port < 1 || port > 65535) {
		*why = "has a port that can't be";
		return NULL;
	}
	if (colon - address == 1 && address[0] == '*')
		return arena_printf(reading->arena, "*:%u", (unsigned)port);
	if (!host_tidy(address, (size_t)(colon - address), host))
		return NULL;
	return arena_printf(reading->arena, "%s:%u", host, (unsigned)port);
}

static void
protocol_check(struct reading *reading, const struct listen_settings *listen,
    const config_setting_t *node)
{
	bool is_unix = strncmp(listen->address, "unix:", 5) == 0;
	const struct settings_group *group = schema_group(GROUP_LISTEN);
	const char *name;
	size_t i;

	if (listen->connections == CONNECTIONS_PRIVATE && listen->protocol != LISTEN_HTTP)
		say_error(reading, place_in(reading, node, "connections"), "only HTTP connections "
		    "can be private; write connections = \"shared\"");
	for (i = 0; i < group->count && !is_unix; i++) {
		name = group->rows[i].name;
		if ((group->rows[i].where & ONLY_UNIX) != 0 &&
		    config_setting_get_member(node, name) != NULL)
			say_error(reading, place_in(reading, node, name), "%s is for unix sockets; "
			    "take it out, or write address = \"unix:/path\"", name);
	}
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
	    strncmp(address, "unix:", 5) == 0;
}

static void
status_check(struct reading *reading, const struct listen_settings *listen,
    const config_setting_t *node)
{
	const char *wrong = listen->allow_remote ? "allow_remote" :
	    listen->hosts.count > 0 ? "hosts" : NULL;

	if (listen->protocol == LISTEN_STATUS) {
		if (!is_loopback(listen->address) && !listen->allow_remote)
			say_error(reading, place_in(reading, node, "address"), "whoever reaches "
			    "\"%s\" would see the URLs of all running requests; write "
			    "\"127.0.0.1:9180\", or allow_remote = true",
			    say_text(reading, listen->address));
		return;
	}
	if (wrong != NULL)
		say_error(reading, place_in(reading, node, wrong), "%s is for protocol = "
		    "\"status\"; take it out", wrong);
}

static void
nets_check(struct reading *reading, const config_setting_t *node, const char *name,
    const struct string_list *list)
{
	struct net net;
	size_t i;

	for (i = 0; i < list->count; i++)
		if (!net_parse(list->at[i], strlen(list->at[i]), &net))
			say_error(reading, place_in(reading, node, name), "%s: \"%s\" is no "
			    "address and no network; write \"127.0.0.1\", \"10.0.0.0/8\", "
			    "\"fd00::/8\" or \"unix:\"", name, say_text(reading, list->at[i]));
}

/* Whose word is believed, of what, and where that makes sense. */
static void
proxies_check(struct reading *reading, const struct listen_settings *listen,
    const config_setting_t *node)
{
	bool trusts = listen->trusted_proxies.count > 0;
	const char *name = listen->proxy_protocol ? "proxy_protocol" : "trusted_proxies";

	nets_check(reading, node, "allowed_clients", &listen->allowed_clients);
	nets_check(reading, node, "trusted_proxies", &listen->trusted_proxies);
	if ((trusts || listen->proxy_protocol) && listen->protocol != LISTEN_HTTP)
		say_error(reading, place_in(reading, node, name), "%s is for HTTP; take it out",
		    name);
	else if ((trusts || listen->proxy_protocol) &&
	    listen->connections == CONNECTIONS_PRIVATE)
		say_error(reading, place_in(reading, node, name), "behind a proxy no connection is "
		    "one visitor's; write connections = \"shared\"");
	else if (listen->proxy_protocol && !trusts)
		say_error(reading, place_in(reading, node, name), "whose PROXY headers are to be "
		    "believed is not said; write trusted_proxies = [ \"192.0.2.7\" ]");
	if (listen->protocol == LISTEN_HANDOFF && strncmp(listen->address, "unix:", 5) != 0)
		say_error(reading, place_in(reading, node, "address"), "the handoff from Apache goes "
		    "by a Unix socket; write address = \"unix:/run/peruserd/apache.sock\"");
}

static const char *
wildcard_of(struct reading *reading, const char *tidy)
{
	const char *colon = strrchr(tidy, ':');

	if (strncmp(tidy, "0.0.0.0:", 8) != 0 && strncmp(tidy, ":::", 3) != 0)
		return NULL;
	return arena_printf(reading->arena, "*%s", colon);
}

static void
clash(struct reading *reading, struct place here, size_t other, const char *address)
{
	struct place there = reading->settings->listens[other].place;

	say_error(reading, here, "\"%s\" is listened on at %s:%u already; take one of the two out",
	    say_text(reading, address), there.file, there.line);
}

/* "*:80" is both "0.0.0.0:80" and "[::]:80". */
static void
address_check(struct reading *reading, struct map *map, size_t index)
{
	const struct listen_settings *listen = &reading->settings->listens[index];
	const config_setting_t *node = reading->listens.at[index];
	struct place place = place_in(reading, node, "address");
	const char *tidy, *why, *wildcard;
	uint32_t other;

	tidy = address_tidy(reading, listen->address, &why);
	if (tidy == NULL) {
		say_error(reading, place, "address \"%s\" %s; %s",
		    say_text(reading, listen->address), why, forms);
		return;
	}
	other = map_put(map, tidy, strlen(tidy), (uint32_t)index);
	if (other != index) {
		clash(reading, place, other, listen->address);
		return;
	}
	wildcard = wildcard_of(reading, tidy);
	if (tidy[0] == '*') {
		const char *v4 = arena_printf(reading->arena, "0.0.0.0%s", tidy + 1);
		const char *v6 = arena_printf(reading->arena, "::%s", tidy + 1);

		other = map_find(map, v4, strlen(v4), NULL);
		if (other == MAP_NONE)
			other = map_find(map, v6, strlen(v6), NULL);
	} else if (wildcard != NULL) {
		other = map_find(map, wildcard, strlen(wildcard), NULL);
	} else {
		return;
	}
	if (other != MAP_NONE)
		clash(reading, place, other, listen->address);
}

void
check_listen(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	struct place nowhere = { reading->sources->name, 0 };
	const config_setting_t *node;
	struct map *map;
	size_t i;

	if (settings->listen_count == 0) {
		say_error(reading, nowhere, "there is nothing to listen on; write "
		    "listen = ( { address = \"*:80\"; } );");
		return;
	}
	map = map_new(settings->listen_count);
	if (map == NULL)
		abort();
	for (i = 0; i < settings->listen_count; i++) {
		node = reading->listens.at[i];
		if (settings->listens[i].address != NULL) {
			protocol_check(reading, &settings->listens[i], node);
			status_check(reading, &settings->listens[i], node);
			proxies_check(reading, &settings->listens[i], node);
			address_check(reading, map, i);
		} else if (config_setting_get_member(node, "address") == NULL) {
			say_error(reading, settings->listens[i].place,
			    "this listen entry has no address; %s", forms);
		}
	}
	map_free(&map);
}
