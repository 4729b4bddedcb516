#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "settings/hosts.h"
#include "settings/map.h"

#define NAME_MAX_LEN 255

/*
 * A wildcard stands in the same map without its star: "*.example.com" as
 * ".example.com", which no exact name looks like.
 */
struct hosts {
	struct map *map;
	uint32_t fallback;      /* the default vhost, or SETTINGS_NONE */
	size_t longest;         /* of the wildcards, in bytes; 0: there is none */
};

static size_t
names_count(const struct settings *settings)
{
	size_t count = 0;
	uint32_t i;

	for (i = 0; i < settings->vhost_count; i++)
		count += 1 + settings->vhosts[i].aliases.count;
	return count;
}

static void
name_add(struct hosts *hosts, const char *name, uint32_t vhost)
{
	size_t len = strlen(name);

	if (strcmp(name, "*") == 0)
		return;
	if (name[0] == '*') {
		name++;
		len--;
		if (len > hosts->longest)
			hosts->longest = len;
	}
	map_put(hosts->map, name, len, vhost);
}

static void
vhost_add(struct hosts *hosts, const struct vhost_settings *vhost, uint32_t index)
{
	size_t i;

	if (vhost->is_default)
		hosts->fallback = index;
	name_add(hosts, vhost->server_name, index);
	for (i = 0; i < vhost->aliases.count; i++)
		name_add(hosts, vhost->aliases.at[i], index);
}

struct hosts *
hosts_new(const struct settings *settings)
{
	struct hosts *hosts = calloc(1, sizeof *hosts);
	uint32_t i;

	if (hosts == NULL)
		return NULL;
	hosts->fallback = SETTINGS_NONE;
	hosts->map = map_new(names_count(settings));
	if (hosts->map == NULL) {
		hosts_free(&hosts);
		return NULL;
	}
	for (i = 0; i < settings->vhost_count; i++)
		vhost_add(hosts, &settings->vhosts[i], i);
	return hosts;
}

void
hosts_free(struct hosts **hosts)
{
	if (*hosts == NULL)
		return;
	map_free(&(*hosts)->map);
	free(*hosts);
	*hosts = NULL;
}

/* Each tail that begins with a dot, the longest first. */
static uint32_t
wildcard_find(const struct hosts *hosts, const char *name, size_t len, unsigned *probes)
{
	uint32_t found;
	size_t i;

	for (i = 1; i < len && hosts->longest > 0; i++) {
		if (name[i] != '.' || len - i > hosts->longest)
			continue;
		found = map_find(hosts->map, name + i, len - i, probes);
		if (found != MAP_NONE)
			return found;
	}
	return MAP_NONE;
}

/* By name or wildcard alone, or MAP_NONE. */
static uint32_t
name_find(const struct hosts *hosts, const char *name, size_t len, unsigned *probes)
{
	char lower[NAME_MAX_LEN];
	uint32_t found;
	size_t i;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > sizeof lower || name[0] == '.')
		return MAP_NONE;
	for (i = 0; i < len; i++)
		lower[i] = str_lower(name[i]);
	found = map_find(hosts->map, lower, len, probes);
	return found != MAP_NONE ? found : wildcard_find(hosts, lower, len, probes);
}

uint32_t
hosts_find_counted(const struct hosts *hosts, const char *name, size_t len, unsigned *probes)
{
	uint32_t found = name_find(hosts, name, len, probes);

	return found != MAP_NONE ? found : hosts->fallback;
}

bool
hosts_has(const struct hosts *hosts, const char *name, size_t len)
{
	return name_find(hosts, name, len, NULL) != MAP_NONE;
}

uint32_t
hosts_find(const struct hosts *hosts, const char *name, size_t len)
{
	return hosts_find_counted(hosts, name, len, NULL);
}
