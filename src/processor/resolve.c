#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "http/uri.h"
#include "processor/resolve.h"

#define WELL_KNOWN "/.well-known"

enum found {
	FOUND_FILE,             /* a regular file */
	FOUND_DIRECTORY,        /* named without its slash */
	FOUND_NO_INDEX,         /* named with it, and none of its index files is there */
	FOUND_NOTHING,
	FOUND_BEYOND,           /* something before the path's end may be a regular file */
	FOUND_DENIED,
	FOUND_BROKEN            /* the file system failed */
};

/* What is there, at the document root + path[0..len) + name. */
static enum found
look(const struct vhost_settings *vhost, const char *path, size_t len, const char *name,
    char file[PATH_MAX])
{
	size_t root_len = strlen(vhost->document_root), name_len = strlen(name);
	struct stat is;

	while (root_len > 0 && vhost->document_root[root_len - 1] == '/')
		root_len--;
	if (root_len >= PATH_MAX || len >= PATH_MAX - root_len ||
	    name_len >= PATH_MAX - root_len - len)
		return FOUND_BEYOND;
	memcpy(file, vhost->document_root, root_len);
	memcpy(file + root_len, path, len);
	memcpy(file + root_len + len, name, name_len + 1);
	if (stat(file, &is) == 0) {
		if (S_ISREG(is.st_mode))
			return FOUND_FILE;
		return S_ISDIR(is.st_mode) ? FOUND_DIRECTORY : FOUND_DENIED;
	}
	switch (errno) {
	case ENOENT:
		return FOUND_NOTHING;
	case ENOTDIR:
	case ENAMETOOLONG:
		return FOUND_BEYOND;
	case EACCES:
	case EPERM:
	case ELOOP:
		return FOUND_DENIED;
	default:
		return FOUND_BROKEN;
	}
}

/* The first regular file along the path: as many looks as directories lead to it. */
static enum found
find_along(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to, size_t *script_len)
{
	enum found found;
	const char *slash;

	for (slash = path; slash != NULL; ) {
		slash = memchr(slash + 1, '/', len - (size_t)(slash + 1 - path));
		*script_len = slash != NULL ? (size_t)(slash - path) : len;
		found = look(vhost, path, *script_len, "", to->script_filename);
		if (found == FOUND_BEYOND)
			return FOUND_NOTHING;
		if (found != FOUND_DIRECTORY)
			return found;
	}
	return FOUND_NOTHING;
}

/*
 * The first index file of a directory whose path ends in a slash.  The
 * directory itself is looked at only where the first index isn't there: the
 * common case costs one look, and so does what isn't there, one more.
 */
static enum found
find_index(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to, const char **index)
{
	enum found found;
	size_t i;

	for (i = 0; i < vhost->index.count; i++) {
		*index = vhost->index.at[i];
		found = look(vhost, path, len, *index, to->script_filename);
		if (found != FOUND_NOTHING && found != FOUND_DIRECTORY)
			return found;
		if (i > 0 || found == FOUND_DIRECTORY)
			continue;
		found = look(vhost, path, len, "", to->script_filename);
		if (found != FOUND_DIRECTORY)
			return found;
	}
	*index = "";
	if (i > 0)
		return FOUND_NO_INDEX;
	found = look(vhost, path, len, "", to->script_filename);
	return found == FOUND_DIRECTORY ? FOUND_NO_INDEX : found;
}

static enum found
find(const struct vhost_settings *vhost, const char *path, size_t len, struct resolution *to,
    size_t *script_len)
{
	const char *index = "";
	enum found found;

	*script_len = len;
	if (path[len - 1] == '/')
		found = find_index(vhost, path, len, to, &index);
	else
		found = look(vhost, path, len, "", to->script_filename);
	if (found == FOUND_BEYOND) {
		index = "";
		found = find_along(vhost, path, len, to, script_len);
	}
	if (found == FOUND_FILE) {
		/* both fit: script_filename holds them, and the root before them */
		memcpy(to->script_name, path, *script_len);
		strcpy(to->script_name + *script_len, index);
		to->path_info = path + *script_len;
	}
	return found;
}

/* Where the first name that begins with a dot begins, else len. */
static size_t
hidden_at(const char *path, size_t len)
{
	const char *end = path + len, *at = path;

	if (strncmp(path, WELL_KNOWN "/", sizeof WELL_KNOWN) == 0 || strcmp(path, WELL_KNOWN) == 0)
		at += sizeof WELL_KNOWN - 1;
	while ((at = memchr(at, '/', (size_t)(end - at))) != NULL)
		if (*++at == '.')
			return (size_t)(at - path);
	return len;
}

static bool
prefix_covers(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	if (len == 0 || strncmp(path, prefix, len) != 0)
		return false;
	return prefix[len - 1] == '/' || path[len] == '/' || path[len] == '\0';
}

static const struct handler_settings *
handler_by_prefix(const struct vhost_settings *vhost, const char *path)
{
	const struct handler_settings *best = NULL, *handler;
	size_t i;

	for (i = 0; i < vhost->handler_count; i++) {
		handler = &vhost->handlers[i];
		if (handler->prefix == NULL || handler->suffix != NULL ||
		    !prefix_covers(handler->prefix, path))
			continue;
		if (best == NULL || strlen(handler->prefix) > strlen(best->prefix))
			best = handler;
	}
	return best;
}

static const struct handler_settings *
handler_by_suffix(const struct vhost_settings *vhost, const char *script_name)
{
	const struct handler_settings *best = NULL, *handler;
	const char *name = strrchr(script_name, '/') + 1;
	size_t len = strlen(name), best_len = 0, suffix_len, i;

	for (i = 0; i < vhost->handler_count; i++) {
		handler = &vhost->handlers[i];
		suffix_len = handler->suffix != NULL ? strlen(handler->suffix) : 0;
		if (suffix_len <= best_len || suffix_len > len ||
		    memcmp(name + len - suffix_len, handler->suffix, suffix_len) != 0)
			continue;
		if (handler->prefix != NULL && !prefix_covers(handler->prefix, script_name))
			continue;
		best = handler;
		best_len = suffix_len;
	}
	return best;
}

static void
give_status(struct resolution *to, int status)
{
	to->what = RESOLVED_STATUS;
	to->status = status;
}

static void
give_application(const struct handler_settings *handler, const char *path, struct resolution *to)
{
	size_t len = strlen(handler->prefix);

	while (len > 0 && handler->prefix[len - 1] == '/')
		len--;
	if (len >= sizeof to->script_name) {
		give_status(to, 404);
		return;
	}
	to->what = RESOLVED_HANDLER;
	to->kind = handler->kind;
	to->application = handler->application;
	memcpy(to->script_name, handler->prefix, len);
	to->script_name[len] = '\0';
	to->script_filename[0] = '\0';
	to->path_info = path + len;
}

static void
give_file(const struct vhost_settings *vhost, const struct handler_settings *handler,
    struct resolution *to)
{
	if (handler == NULL)
		handler = handler_by_suffix(vhost, to->script_name);
	to->what = RESOLVED_HANDLER;
	to->kind = handler != NULL ? handler->kind : HANDLER_STATIC;
	to->application = handler != NULL ? handler->application : NULL;
	if (to->kind == HANDLER_STATIC && *to->path_info != '\0')
		give_status(to, 404);
}

/*
 * Resolve without the fallback.  True where the fallback may stand in: nothing
 * is there, or a directory without index.
 */
static bool
resolve_once(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to)
{
	const struct handler_settings *handler = handler_by_prefix(vhost, path);
	size_t script_len;
	enum found found;

	if (handler != NULL && handler->application != NULL) {
		give_application(handler, path, to);
		return false;
	}
	found = find(vhost, path, len, to, &script_len);
	if (found != FOUND_FILE)
		script_len = len;
	if (!vhost->dot_files && hidden_at(path, script_len) < script_len)
		found = FOUND_DENIED;
	switch (found) {
	case FOUND_FILE:
		give_file(vhost, handler, to);
		return to->what == RESOLVED_STATUS;
	case FOUND_DIRECTORY:
		to->what = RESOLVED_DIRECTORY;
		return false;
	case FOUND_NO_INDEX:
		give_status(to, 403);
		return true;
	case FOUND_NOTHING:
	case FOUND_BEYOND:
		give_status(to, 404);
		return true;
	case FOUND_DENIED:
		give_status(to, 403);
		return false;
	case FOUND_BROKEN:
		break;
	}
	give_status(to, 500);
	return false;
}

void
resolve_path(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to)
{
	to->path_info = "";
	to->application = NULL;
	if (len == 0 || path[0] != '/') {
		give_status(to, 400);
		return;
	}
	if (!resolve_once(vhost, path, len, to) || vhost->fallback == NULL)
		return;
	if (vhost->fallback[0] != '/' ||
	    resolve_once(vhost, vhost->fallback, strlen(vhost->fallback), to) ||
	    to->what == RESOLVED_DIRECTORY)
		give_status(to, 404);
}

void
resolve_named(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to)
{
	enum found found = look(vhost, path, len, "", to->script_filename);

	to->path_info = "";
	to->application = NULL;
	if (found != FOUND_FILE) {
		give_status(to, found == FOUND_DENIED ? 403 : found == FOUND_BROKEN ? 500 : 404);
		return;
	}
	to->what = RESOLVED_HANDLER;
	to->kind = HANDLER_STATIC;
	memcpy(to->script_name, path, len);
	to->script_name[len] = '\0';
}

bool
resolve_location(char *out, size_t size, const char *path, size_t len, const char *query)
{
	size_t used, query_len = query != NULL ? strlen(query) : 0;

	if (!uri_encode_path(path, len, out, size))
		return false;
	used = strlen(out);
	if ((query_len > 0 ? query_len + 3 : 2) > size - used)
		return false;
	out[used++] = '/';
	if (query_len > 0) {
		out[used++] = '?';
		memcpy(out + used, query, query_len);
		used += query_len;
	}
	out[used] = '\0';
	return true;
}
