/*
 * From a request's path to what serves it: a handler and its file, a directory
 * redirect, or a status.  Runs in the processor, as the pool's user, so the
 * kernel decides what may be seen.  No allocation, no log, no state.
 *
 * The path is decoded and normalised (DOCUMENT_URI): it holds no "..", no "//"
 * and no control character, so it can't name a file outside of the document
 * root.  Symbolic links are followed as the user may.
 *
 *   1. A prefix handler, the longest first.  "/app" covers /app and /app/x, not
 *      /apple.  With an application it needs no file: SCRIPT_NAME is the
 *      prefix, PATH_INFO the rest.  Without, all files below it are its own.
 *   2. The first regular file along the path; what follows it is PATH_INFO
 *      (RFC 3875, 4.1.5).  Its name's suffix, the longest first, says which
 *      handler; none: static.  A handler with prefix and suffix takes the
 *      files that match both.  A static file takes no PATH_INFO.
 *   3. A directory: redirected to path + "/" where the slash lacks, else the
 *      first of its index files.
 *   4. Nothing there, or a directory without index: the fallback, once.
 *
 * A name that begins with a dot, anywhere in what leads to the file, is a 403
 * whether it exists or not, unless dot_files is set; /.well-known/ at the root
 * is meant to be seen (RFC 8615).
 *
 * System calls: one stat for /hello.php and for / with its first index file.
 */
#ifndef PERUSERD_PROCESSOR_RESOLVE_H
#define PERUSERD_PROCESSOR_RESOLVE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "settings/settings.h"

enum resolved {
	RESOLVED_HANDLER,       /* kind serves it */
	RESOLVED_DIRECTORY,     /* redirect to path + "/": see resolve_location */
	RESOLVED_STATUS         /* nothing to serve: status 403, 404, 400 or 500 */
};

struct resolution {
	enum resolved what;
	int status;                     /* RESOLVED_STATUS */
	enum handler_kind kind;         /* RESOLVED_HANDLER, and what follows */
	const char *application;        /* borrowed from the settings; or NULL */
	const char *path_info;          /* points into the path, or to "" */
	char script_name[PATH_MAX];     /* "" for an application at "/" */
	char script_filename[PATH_MAX]; /* an absolute path; "" for an application */
};

/*
 * Resolve a terminated path of len bytes.  The path must live as long as *to
 * is used.  Never fails: what can't be served is a status.
 */
void resolve_path(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to);

/*
 * A path that an answer named (X-Accel-Redirect, X-Sendfile): a regular file is
 * for the static handler whatever its name is, with a leading dot too.  Anything
 * else is 404, or 403 where the user may not look.
 */
void resolve_named(const struct vhost_settings *vhost, const char *path, size_t len,
    struct resolution *to);

/*
 * The Location of a directory redirect: path, encoded, "/", and the query where
 * there is one ("" or NULL: none).  False where it does not fit.
 */
bool resolve_location(char *out, size_t size, const char *path, size_t len, const char *query);

#endif
