#include <string.h>

#include "multiplexer/route.h"

#define WELL_KNOWN "/.well-known/"

bool
route_passes(const struct vhost_settings *vhost)
{
	size_t i;

	for (i = 0; i < vhost->handler_count; i++)
		if (vhost->handlers[i].kind == HANDLER_FASTCGI)
			return true;
	return false;
}

static bool
covers(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	if (len == 0 || strncmp(path, prefix, len) != 0)
		return false;
	return prefix[len - 1] == '/' || path[len] == '/' || path[len] == '\0';
}

/* Of all handlers: one that is not ours to pass on wins by its length too. */
static const struct handler_settings *
by_prefix(const struct vhost_settings *vhost, const char *path)
{
	const struct handler_settings *best = NULL;
	size_t i;

	for (i = 0; i < vhost->handler_count; i++) {
		const struct handler_settings *it = &vhost->handlers[i];

		if (it->prefix != NULL && it->suffix == NULL && covers(it->prefix, path) &&
		    (best == NULL || strlen(it->prefix) > strlen(best->prefix)))
			best = it;
	}
	return best;
}

static const struct handler_settings *
by_name(const struct vhost_settings *vhost, const char *name, size_t len)
{
	const struct handler_settings *best = NULL;
	size_t best_len = 0, suffix, i;

	for (i = 0; i < vhost->handler_count; i++) {
		const struct handler_settings *it = &vhost->handlers[i];

		suffix = it->suffix != NULL ? strlen(it->suffix) : 0;
		if (suffix <= best_len || suffix > len ||
		    memcmp(name + len - suffix, it->suffix, suffix) != 0)
			continue;
		best = it;
		best_len = suffix;
	}
	return best;
}

/* The first name along the path that a suffix covers; *len becomes the script's length. */
static const struct handler_settings *
by_suffix(const struct vhost_settings *vhost, const char *path, size_t *len)
{
	const struct handler_settings *found;
	const char *name = path, *end;

	while (name[0] == '/') {
		end = name + 1 + strcspn(name + 1, "/");
		found = by_name(vhost, name + 1, (size_t)(end - name - 1));
		if (found != NULL) {
			*len = (size_t)(end - path);
			return found;
		}
		name = end;
	}
	return NULL;
}

/* Has one of the names in path[0..len) a leading dot? */
static bool
is_hidden(const char *path, size_t len)
{
	const char *at = path;

	if (strncmp(path, WELL_KNOWN, sizeof WELL_KNOWN - 1) == 0)
		at += sizeof WELL_KNOWN - 2;
	while ((at = memchr(at, '/', len - (size_t)(at - path))) != NULL)
		if (++at < path + len && *at == '.')
			return true;
	return false;
}

static bool
give(const struct vhost_settings *vhost, const struct handler_settings *handler,
    const char *path, size_t len, struct route *to)
{
	while (handler->prefix != NULL && len > 0 && path[len - 1] == '/')
		len--;
	if (len >= sizeof to->script_name)
		return false;
	to->script = true;
	to->pool = settings_handler_pool(vhost, handler);
	memcpy(to->script_name, path, len);
	to->script_name[len] = '\0';
	to->path_info = path + len;
	return true;
}

/* By a handler.  False: none is for a FastCGI program. */
static bool
by_handler(const struct vhost_settings *vhost, const char *path, struct route *to)
{
	const struct handler_settings *handler = by_prefix(vhost, path);
	size_t len;

	if (handler != NULL)
		len = strlen(handler->prefix);
	else
		handler = by_suffix(vhost, path, &len);
	if (handler == NULL || handler->kind != HANDLER_FASTCGI)
		return false;
	if (!vhost->dot_files && is_hidden(path, len))
		return false;
	return give(vhost, handler, path, len, to);
}

static bool
by_index(const struct vhost_settings *vhost, const char *path, struct route *to)
{
	const struct handler_settings *handler;
	size_t len = strlen(path), name, i;

	if (len == 0 || path[len - 1] != '/' || (!vhost->dot_files && is_hidden(path, len)))
		return false;
	for (i = 0; i < vhost->index.count; i++) {
		name = strlen(vhost->index.at[i]);
		handler = by_name(vhost, vhost->index.at[i], name);
		if (handler == NULL || handler->kind != HANDLER_FASTCGI ||
		    len + name >= sizeof to->script_name)
			continue;
		give(vhost, handler, path, len, to);
		memcpy(to->script_name, path, len);
		memcpy(to->script_name + len, vhost->index.at[i], name + 1);
		to->path_info = "";
		return true;
	}
	return false;
}

void
route_find(const struct settings *settings, const struct vhost_settings *vhost,
    const char *path, struct route *to)
{
	bool ours = settings_pool_runs(&settings->pools[vhost->pool]) == RUNS_OURS;

	to->pool = vhost->pool;
	to->status = 0;
	to->script = !ours;
	to->script_name[0] = '\0';
	to->path_info = "";
	if (by_handler(vhost, path, to) || ours)
		return;
	if (vhost->handler_count == 0) {
		to->path_info = path;
		return;
	}
	if (by_index(vhost, path, to))
		return;
	if (vhost->fallback == NULL || (!vhost->dot_files && is_hidden(path, strlen(path))) ||
	    !by_handler(vhost, vhost->fallback, to))
		to->status = 404;
}
