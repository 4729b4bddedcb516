#include "config.h"
#include "handlers/php_parts.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <php_ini.h>
#include <php_main.h>
#include <zend_extensions.h>
#include <zend_signal.h>

#include "base/log.h"
#include "settings/settings.h"

/*
 * The chroot is entered in the middle of PHP's start: after php.ini, the
 * extensions and all their libraries were read outside, before opcache makes
 * its memory and runs opcache.preload, which is the user's code.  PHP has a
 * callback at that very place (zend_post_startup_cb), and opcache is in it.
 * An extension of ours that starts after opcache takes the callback over and
 * calls opcache's when the chroot is entered and has what opcache needs.
 */
static zend_result (*post_startup_next)(void);
static bool root_refused;

static zend_result
post_startup(void)
{
	if (!php_now.host->enter_root()) {
		root_refused = true;
		return FAILURE;
	}
	php_zones_use();
	if (!php_settings_lock())
		return FAILURE;
	if (!php_folders_check() || post_startup_next == NULL)
		return SUCCESS;
	return post_startup_next();
}

static int
extension_startup(zend_extension *extension)
{
	(void)extension;
	post_startup_next = zend_post_startup_cb;
	zend_post_startup_cb = post_startup;
	return SUCCESS;
}

void
php_start_watch(void)
{
	static zend_extension extension = {
		.name = "peruserd",
		.version = "1",
		.author = "peruserd",
		.URL = "",
		.copyright = "",
		.startup = extension_startup,
		.resource_number = -1,
	};

	zend_register_extension(&extension, NULL);
}

/* ---- where php.ini is */

/*
 * Debian keeps a folder for each SAPI and builds PHP with the command line's.
 * Ours is none of them: the first that is there, php-fpm's before the
 * library's own, for that is where a site's PHP was tuned until now.
 */
bool
php_ini_folder(char folder[PATH_MAX])
{
	static const char *const names[] = { "fpm", "embed", "cli" };
	char built_in[] = PHP_CONFIG_FILE_PATH, file[PATH_MAX + 16];
	const char *parent;
	size_t i;

	if (strcmp(strrchr(PHP_CONFIG_FILE_PATH, '/') != NULL ?
	    strrchr(PHP_CONFIG_FILE_PATH, '/') : "", "/cli") != 0)
		return false;
	parent = dirname(built_in);
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(folder, PATH_MAX, "%s/%s", parent, names[i]);
		snprintf(file, sizeof file, "%s/php.ini", folder);
		if (access(file, R_OK) == 0)
			return true;
	}
	return false;
}

/* PHP keeps pointers to both for as long as it runs. */
static void
ini_choose(void)
{
	static char file[PATH_MAX + 16], scan[PATH_MAX + 32];
	const struct pool_settings *pool = php_now.pool;
	char folder[PATH_MAX];
	bool found = php_ini_folder(folder);

	if (pool->php_ini != NULL)
		php_sapi.php_ini_path_override = pool->php_ini;
	else if (found) {
		snprintf(file, sizeof file, "%s/php.ini", folder);
		php_sapi.php_ini_path_override = file;
	}
	if (pool->php_ini_scan_dir != NULL)
		snprintf(scan, sizeof scan, "PHP_INI_SCAN_DIR=%s", pool->php_ini_scan_dir);
	else if (found)
		snprintf(scan, sizeof scan, "PHP_INI_SCAN_DIR=%s/conf.d", folder);
#ifdef WITH_SANITIZERS
	/* PHP opens shared extensions with RTLD_DEEPBIND, which ends a process with a sanitizer */
	snprintf(scan, sizeof scan, "PHP_INI_SCAN_DIR=");
#endif
	if (scan[0] != '\0')
		putenv(scan);
	if (pool->php_ini != NULL && access(pool->php_ini, R_OK) == -1)
		php_log(LEVEL_WARNING, "%s can't be read: PHP runs on its defaults",
		    pool->php_ini);
}

/* ---- the environment */

/* The home directory as seen from inside. */
static const char *
home_inside(const struct pool_settings *pool)
{
	size_t len;

	if (pool->chroot == NULL)
		return pool->home;
	len = strlen(pool->chroot);
	while (len > 0 && pool->chroot[len - 1] == '/')
		len--;
	if (strncmp(pool->home, pool->chroot, len) == 0 && pool->home[len] == '/')
		return pool->home + len;
	return "/";
}

/* USER and HOME as php-fpm sets them, then what the pool names. */
static void
environment_set(void)
{
	const struct pool_settings *pool = php_now.pool;
	char *name, *equals;
	size_t i;

	if (pool->user != NULL)
		setenv("USER", pool->user, 1);
	if (pool->home != NULL)
		setenv("HOME", home_inside(pool), 1);
	for (i = 0; i < pool->env.count; i++) {
		name = strdup(pool->env.at[i]);
		if (name == NULL)
			continue;
		equals = strchr(name, '=');
		if (equals != NULL) {
			*equals = '\0';
			setenv(name, equals + 1, 1);
		}
		free(name);
	}
}

/* ---- PHP's start */

static bool
module_startup(void)
{
	char *text = php_settings_text();

	if (text == NULL)
		return false;
	zend_signal_startup();
	/* else seven system calls a request, for handlers that never change */
	SIGG(reset) = 0;
	sapi_startup(&php_sapi);
	/* sapi_startup forgets this one */
	php_sapi.ini_entries = text;
	if (php_module_startup(&php_sapi, &php_functions_module) == FAILURE) {
		if (!root_refused)
			php_log(LEVEL_ERROR, "PHP can't start: what it says stands above");
		return false;
	}
	return true;
}

static void
look_around(void)
{
	const char *log = php_settings_string("error_log");
	char *file;

	if (strcmp(log, "/dev/stderr") == 0 || strcmp(log, "/proc/self/fd/2") == 0 ||
	    strcmp(log, "php://stderr") == 0)
		php_settings_force("error_log", "");
	if (cfg_get_string("cfg_file_path", &file) == FAILURE)
		file = php_loosen("nowhere (its defaults)");
	php_log(LEVEL_INFO, "PHP " PHP_VERSION " is loaded, settings from %s", file);
}

bool
php_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	environment_set();
	ini_choose();
	php_zones_read();
	if (!module_startup())
		return false;
	unsetenv("PHP_INI_SCAN_DIR");
	php_limit_take();
	php_vars_take();
	php_body_take();
	php_folders_watch();
	look_around();
	return true;
}
