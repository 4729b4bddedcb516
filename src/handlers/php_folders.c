#include "handlers/php_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "settings/settings.h"

static bool
is_usable(const char *folder)
{
	return folder[0] == '/' && access(folder, W_OK | X_OK) == 0;
}

/* A file can be made there: a full disk or quota shows only so. */
static bool
is_writable(const char *folder)
{
	char path[PATH_MAX];
	int fd;

	if (!is_usable(folder) ||
	    (size_t)snprintf(path, sizeof path, "%s/.peruserd.XXXXXX", folder) >= sizeof path)
		return false;
	fd = mkstemp(path);
	if (fd == -1)
		return false;
	unlink(path);
	close(fd);
	return true;
}

static const char *
where(void)
{
	return php_now.pool->chroot != NULL ? " (as seen inside the chroot)" : "";
}

/* ---- what PHP's settings name */

/* session.save_path may begin with "depth;" or "depth;mode;". */
static const char *
session_folder(const char *save_path)
{
	const char *last = strrchr(save_path, ';');

	return last != NULL ? last + 1 : save_path;
}

static void
check_sessions(bool has_tmp)
{
	const char *path = session_folder(php_settings_string("session.save_path"));

	if (strcmp(php_settings_string("session.save_handler"), "files") != 0 ||
	    path[0] == '\0' || is_usable(path))
		return;
	if (!has_tmp || !php_settings_force("session.save_path", "/tmp")) {
		php_log(LEVEL_WARNING, "sessions can't be kept: %s can't be written to, nor "
		    "can /tmp%s", path, where());
		return;
	}
	/* Debian leaves the clearing to cron, which looks at its own folder only */
	if (strcmp(php_settings_string("session.gc_probability"), "0") == 0)
		php_settings_force("session.gc_probability", "1");
	php_log(LEVEL_INFO, "sessions are kept in /tmp: %s can't be written to%s", path,
	    where());
}

static void
check_uploads(bool has_tmp)
{
	const char *path = php_settings_string("upload_tmp_dir");

	if (path[0] == '\0')
		path = php_settings_string("sys_temp_dir");
	if (path[0] == '\0')
		path = "/tmp";
	if (is_usable(path))
		return;
	if (has_tmp && php_settings_force("upload_tmp_dir", "/tmp"))
		php_log(LEVEL_INFO, "uploads are kept in /tmp: %s can't be written to%s", path,
		    where());
	else
		php_log(LEVEL_WARNING, "files can't be uploaded: %s can't be written to, nor "
		    "can /tmp%s", path, where());
}

/*
 * opcache ends the process where it can't make its lock file: look before it
 * does.  A name for a moment in memory will do: on a disk each of the two files
 * costs a new inode, half a millisecond of a pool's start.
 */
static bool
check_opcache(bool has_tmp)
{
	const char *path = php_settings_string("opcache.lockfile_path");

	if (strcmp(path, "/tmp") == 0 && is_writable("/dev/shm") &&
	    php_settings_force("opcache.lockfile_path", "/dev/shm"))
		return true;
	if (path[0] == '\0' || is_writable(path))
		return true;
	if (has_tmp && is_writable("/tmp") && php_settings_force("opcache.lockfile_path", "/tmp"))
		return true;
	php_log(LEVEL_WARNING, "there is no opcode cache: no file can be made in %s "
	    "(opcache.lockfile_path), nor in /tmp%s", path, where());
	return false;
}

bool
php_folders_check(void)
{
	bool has_tmp = is_usable("/tmp");

	check_sessions(has_tmp);
	check_uploads(has_tmp);
	return check_opcache(has_tmp);
}

/* ---- the working folder */

/*
 * A script runs in its own folder.  PHP would ask for the present one, change,
 * and change back for each request.  We change when the folder is another one,
 * when a script called chdir(), and once a second in any case: the name may be
 * a symbolic link that a deployment has turned.
 */
static char present[PATH_MAX];
static time_t present_since;
static zif_handler chdir_original;

static ZEND_FUNCTION(chdir_watched)
{
	present[0] = '\0';
	chdir_original(INTERNAL_FUNCTION_PARAM_PASSTHRU);
}

void
php_folders_watch(void)
{
	zend_function *function = zend_hash_str_find_ptr(CG(function_table), ZEND_STRL("chdir"));

	SG(options) |= SAPI_OPTION_NO_CHDIR;
	if (function == NULL || function->type != ZEND_INTERNAL_FUNCTION)
		return;
	chdir_original = function->internal_function.handler;
	function->internal_function.handler = ZEND_FN(chdir_watched);
}

void
php_folders_enter(const char *script)
{
	const char *slash = strrchr(script, '/');
	size_t len = slash == NULL || slash == script ? 1 : (size_t)(slash - script);
	struct timespec now;

	if (script[0] != '/' || len >= sizeof present)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == present_since && strncmp(present, script, len) == 0 &&
	    present[len] == '\0')
		return;
	memcpy(present, script, len);
	present[len] = '\0';
	present_since = now.tv_sec;
	if (chdir(present) == -1)
		present[0] = '\0';
}
