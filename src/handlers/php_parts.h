/*
 * The parts of php.so, the PHP handler: a SAPI of peruserd's own over libphp.
 *
 *   php.c            the handler: one request from its variables to its answer
 *   php_start.c      load(): PHP's start, the chroot in the middle of it
 *   php_map.c        map(): the libraries mapped in the loader, nothing run
 *   php_settings.c   php.ini, php_value and its sisters, of pool and vhost
 *   php_folders.c    folders a chroot may lack, and the script's own folder
 *   php_zones.c      time zones for a chroot that has none
 *   php_limit.c      max_execution_time without a system call per request
 *   php_backtrace.c  the functions that run now, for the slow log
 *   php_user_ini.c   .user.ini, [PATH=] and [HOST=] sections
 *   php_sapi.c       the callbacks PHP makes: head, output, log
 *   php_body.c       the request body as php://input and as uploads
 *   php_vars.c       $_SERVER, $_ENV, getenv()
 *   php_functions.c  fastcgi_finish_request(), getallheaders(), ...
 *
 * Everything runs as the pool's user, single-threaded; php_now is the one
 * piece of state they share.  Log lines go to the pool's log.
 */
#ifndef PERUSERD_HANDLERS_PHP_PARTS_H
#define PERUSERD_HANDLERS_PHP_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <php.h>
#include <SAPI.h>

#include <peruserd/handler.h>

#if PHP_VERSION_ID < 80200
#error "PHP 8.2 or newer is needed"
#endif
#ifdef ZTS
#error "a PHP without threads is needed"
#endif

struct php_now {
	const struct handler_host *host;
	const struct pool_settings *pool;
	struct request *request;                /* NULL between requests */
	const struct request_view *view;
	struct nv_pair cookie;                  /* HTTP_COOKIE; name is NULL where there is none */
	struct nv_pair authorization;           /* HTTP_AUTHORIZATION, likewise */
	bool finished;                          /* the answer is complete; more is dropped */
};

extern struct php_now php_now;

/* One line to the pool's log; level is an enum log_level. */
#define php_log(...) php_now.host->log(__VA_ARGS__)

/* PHP's interfaces lack const; nothing is written through this. */
static inline char *
php_loosen(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* php_start.c: all of load().  False: the reason was logged. */
bool php_start(void);

/* Where the system's php.ini and conf.d are; false where PHP's own place holds. */
bool php_ini_folder(char folder[PATH_MAX]);

/* php_map.c: all of map(), in the loader. */
void php_map(const struct handler_host *host);

/* From our extension's start, while PHP loads: be there when it has loaded all. */
void php_start_watch(void);

/*
 * php_settings.c.  php_settings_text: what the pool adds to php.ini, as text
 * for sapi_module.ini_entries, malloc'd; NULL with the reason logged where a
 * line can't be passed on.  php_settings_lock: make its php_admin_* final;
 * after php_module_startup.  php_settings_apply: the vhost's, before each
 * request.  php_settings_force: set one for good, at start.
 */
char *php_settings_text(void);
bool php_settings_lock(void);
void php_settings_apply(const struct vhost_settings *vhost);
bool php_settings_force(const char *name, const char *value);
const char *php_settings_string(const char *name);

/*
 * php_folders.c.  php_folders_check: look, in the chroot, for the folders that
 * the settings name; what is missing becomes /tmp, or one warning.  False:
 * opcache has no place for its lock file and must stay off.
 * php_folders_enter: make the script's folder the working folder.
 */
bool php_folders_check(void);
void php_folders_watch(void);
void php_folders_enter(const char *script);

/*
 * php_zones.c: read the system's time zones into memory where the chroot has
 * none.  Before the chroot is entered (read), and after PHP's start (use).
 */
void php_zones_read(void);
void php_zones_use(void);

/*
 * php_limit.c.  php_limit_take: after PHP's start, in the zygote.
 * php_limit_begin: in a new processor.  Then around each request.
 */
void php_limit_take(void);
void php_limit_begin(void);
void php_limit_input(void);
void php_limit_execution(void);
void php_limit_end(void);

/* php_backtrace.c: struct handler's trace(). */
size_t php_backtrace(char *out, size_t size);

/* php_user_ini.c: from sapi_module.activate. */
void php_user_ini_activate(void);

/* php_sapi.c */
extern sapi_module_struct php_sapi;
void php_sapi_log_lines(int level, const char *text, size_t len);

/*
 * php_body.c.  php_body_take: after PHP's start.  php_body_begin: note where
 * the request's body is.  php_body_preset: from sapi_module.activate.
 */
void php_body_take(void);
void php_body_begin(void);
void php_body_preset(void);
size_t php_body_read(char *to, size_t size);

/* php_vars.c */
void php_vars_take(void);
void php_vars_begin(void);
void php_vars_register(zval *array);
char *php_vars_getenv(const char *name, size_t len);

/* php_functions.c: what scripts find as extension "peruserd". */
extern zend_module_entry php_functions_module;

#endif
