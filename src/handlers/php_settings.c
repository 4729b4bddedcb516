#include "handlers/php_parts.h"

#include <stdlib.h>
#include <string.h>

#include <zend_ini.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "settings/settings.h"

#define TEXT_MAX (256u * 1024)
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/*
 * The pool's php_value, php_flag, php_admin_value and php_admin_flag are read
 * with php.ini, after it: so they reach settings too that only count at PHP's
 * start (opcache.*, extension, disable_functions).  The admin ones are locked
 * after it.  A vhost's are set before each of its requests, as mod_php does.
 */
struct kind {
	const struct string_list *list;
	bool is_flag, is_admin;
};

struct one_setting {
	zend_string *name, *value;      /* persistent */
	bool is_admin;
	bool refused;                   /* said so once */
};

struct vhost_kept {
	bool ready;
	size_t count;
	struct one_setting *at;
};

static struct vhost_kept *vhosts_kept;  /* by vhost_settings.pool_vhost */
static zend_long *cache_limit, cache_limit_set;  /* of PHP's cache of real paths, bytes */

static bool
flag_is_on(const char *text)
{
	size_t len = strlen(text);

	return str_is_nocase(text, len, "on") || str_is_nocase(text, len, "yes") ||
	    str_is_nocase(text, len, "true") || strcmp(text, "1") == 0;
}

/* Some write error_log = /dev/stderr: that is where we log anyway, and no file here. */
static bool
is_stderr(const char *name, size_t name_len, const char *value)
{
	static const char *const names[] = {
		"/dev/stderr", "/proc/self/fd/2", "/dev/fd/2", "php://stderr", "stderr"
	};
	size_t i;

	if (!str_is(name, name_len, "error_log"))
		return false;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(value, names[i]) == 0)
			return true;
	}
	return false;
}

/* Split "name=value"; *value is what PHP is to see. */
static bool
split(const char *line, bool is_flag, size_t *name_len, const char **value)
{
	const char *equals = strchr(line, '=');

	if (equals == NULL || equals == line) {
		php_log(LEVEL_WARNING, "PHP setting without a name and '=': %s", line);
		return false;
	}
	*name_len = equals - line;
	while (*name_len > 0 && line[*name_len - 1] == ' ')
		(*name_len)--;
	*value = equals + 1;
	while (**value == ' ')
		(*value)++;
	if (is_flag)
		*value = flag_is_on(*value) ? "1" : "0";
	else if (is_stderr(line, *name_len, *value))
		*value = "";
	return true;
}

/* ---- the pool's */

/* One line of php.ini whose value PHP reads exactly as it stands here. */
static bool
add_line(struct buf *text, const char *name, size_t name_len, const char *value)
{
	const char *at;

	if (strspn(name, NAME_CHARS) < name_len || strchr(value, '\n') != NULL)
		return false;
	if (!buf_add(text, name, name_len) || !buf_add_str(text, "="))
		return false;
	if (value[0] != '\0' && strchr(value, '\'') == NULL)
		return buf_printf(text, "'%s'\n", value);
	if (strstr(value, "${") != NULL || !buf_add_str(text, "\""))
		return false;
	for (at = value; *at != '\0'; at++) {
		if ((*at == '"' || *at == '\\') && !buf_add_str(text, "\\"))
			return false;
		if (!buf_add(text, at, 1))
			return false;
	}
	return buf_add_str(text, "\"\n");
}

static bool
add_list(struct buf *text, const struct string_list *list, bool is_flag)
{
	const char *value;
	size_t name_len, i;

	for (i = 0; i < list->count; i++) {
		if (!split(list->at[i], is_flag, &name_len, &value))
			continue;
		if (!add_line(text, list->at[i], name_len, value)) {
			php_log(LEVEL_ERROR, "this PHP setting can't be passed on: %s",
			    list->at[i]);
			return false;
		}
	}
	return true;
}

char *
php_settings_text(void)
{
	const struct pool_settings *pool = php_now.pool;
	struct buf text = BUF(TEXT_MAX);

	if (add_list(&text, &pool->php_value, false) && add_list(&text, &pool->php_flag, true) &&
	    add_list(&text, &pool->php_admin_value, false) &&
	    add_list(&text, &pool->php_admin_flag, true) && buf_add(&text, "\0", 1))
		return text.data;
	buf_free(&text);
	return NULL;
}

/* What is read at the start and is no setting that could be asked for later. */
static bool
is_startup_only(const char *name, size_t len)
{
	return str_is(name, len, "extension") || str_is(name, len, "zend_extension") ||
	    str_is(name, len, "disable_functions") || str_is(name, len, "disable_classes");
}

static void
lock_list(const struct string_list *list, bool is_admin)
{
	zend_ini_entry *entry;
	const char *value;
	size_t name_len, i;

	for (i = 0; i < list->count; i++) {
		if (!split(list->at[i], false, &name_len, &value))
			continue;
		entry = zend_hash_str_find_ptr(EG(ini_directives), list->at[i], name_len);
		if (entry != NULL && is_admin)
			entry->modifiable = ZEND_INI_SYSTEM;
		if (entry == NULL && !is_startup_only(list->at[i], name_len))
			php_log(LEVEL_WARNING, "PHP knows no setting %.*s (is its extension "
			    "loaded?)", (int)name_len, list->at[i]);
	}
}

/* PHP doesn't export the variable; the setting knows where it is. */
static void
find_cache_limit(void)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives),
	    ZEND_STRL("realpath_cache_size"));

	if (entry == NULL || entry->mh_arg2 == NULL)
		return;
	cache_limit = (zend_long *)((char *)entry->mh_arg2 + (size_t)entry->mh_arg1);
	cache_limit_set = *cache_limit;
}

bool
php_settings_lock(void)
{
	const struct pool_settings *pool = php_now.pool;

	lock_list(&pool->php_value, false);
	lock_list(&pool->php_flag, false);
	lock_list(&pool->php_admin_value, true);
	lock_list(&pool->php_admin_flag, true);
	find_cache_limit();
	vhosts_kept = calloc(pool->vhost_count > 0 ? pool->vhost_count : 1, sizeof *vhosts_kept);
	return vhosts_kept != NULL;
}

const char *
php_settings_string(const char *name)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), name, strlen(name));

	return entry == NULL || entry->value == NULL ? "" : ZSTR_VAL(entry->value);
}

bool
php_settings_force(const char *name, const char *value)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), name, strlen(name));
	zend_string *text;

	if (entry == NULL)
		return false;
	/* opcache frees any other when it moves settings into its memory; who read it points there */
	text = zend_string_init_interned(value, strlen(value), 1);
	if (entry->on_modify != NULL && entry->on_modify(entry, text, entry->mh_arg1,
	    entry->mh_arg2, entry->mh_arg3, ZEND_INI_STAGE_STARTUP) != SUCCESS)
		return false;
	/* the old value may be configuration or a literal: it is not ours to free */
	entry->value = text;
	return true;
}

/* ---- a vhost's */

static zend_string *
keep(const char *text, size_t len)
{
	zend_string *kept = zend_string_init(text, len, 1);

	GC_MAKE_PERSISTENT_LOCAL(kept);
	zend_string_hash_val(kept);
	return kept;
}

static void
prepare_list(struct vhost_kept *kept, const struct kind *kind, const char *vhost)
{
	struct one_setting *one;
	const char *value, *line;
	size_t name_len, i;

	for (i = 0; i < kind->list->count; i++) {
		line = kind->list->at[i];
		if (!split(line, kind->is_flag, &name_len, &value))
			continue;
		if (is_startup_only(line, name_len)) {
			php_log(LEVEL_WARNING, "%s: %.*s counts only in a processor entry, where "
			    "PHP starts", vhost, (int)name_len, line);
			continue;
		}
		one = &kept->at[kept->count++];
		one->name = keep(line, name_len);
		one->value = keep(value, strlen(value));
		one->is_admin = kind->is_admin;
	}
}

static void
prepare(struct vhost_kept *kept, const struct vhost_settings *vhost)
{
	const struct kind kinds[] = {
		{ &vhost->php_value, false, false },
		{ &vhost->php_flag, true, false },
		{ &vhost->php_admin_value, false, true },
		{ &vhost->php_admin_flag, true, true },
	};
	size_t i, room = 0;

	for (i = 0; i < 4; i++)
		room += kinds[i].list->count;
	kept->at = pecalloc(room, sizeof *kept->at, 1);
	for (i = 0; i < 4; i++)
		prepare_list(kept, &kinds[i], vhost->server_name);
	kept->ready = true;
}

static void
apply_one(struct one_setting *one)
{
	int type = one->is_admin ? ZEND_INI_SYSTEM : ZEND_INI_PERDIR;

	if (zend_alter_ini_entry(one->name, one->value, type, ZEND_INI_STAGE_ACTIVATE) == SUCCESS ||
	    one->refused)
		return;
	one->refused = true;
	php_log(LEVEL_WARNING, "PHP refuses %s = %s here", ZSTR_VAL(one->name),
	    ZSTR_VAL(one->value));
}

void
php_settings_apply(const struct vhost_settings *vhost)
{
	struct vhost_kept *kept;
	size_t i;

	/* an open_basedir in force switches the cache off, for that request alone */
	if (cache_limit != NULL)
		*cache_limit = cache_limit_set;
	if (vhost == NULL || vhost->php_value.count + vhost->php_flag.count +
	    vhost->php_admin_value.count + vhost->php_admin_flag.count == 0 ||
	    vhost->pool_vhost >= php_now.pool->vhost_count)
		return;
	kept = &vhosts_kept[vhost->pool_vhost];
	if (!kept->ready)
		prepare(kept, vhost);
	for (i = 0; i < kept->count; i++)
		apply_one(&kept->at[i]);
}
