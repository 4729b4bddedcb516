#include "handlers/php_parts.h"

#include <string.h>

#include <php_variables.h>

#include "base/str.h"

/*
 * The names come in the same order request after request, so the zend_string
 * made for the n-th name (its hash is reckoned already) mostly serves again.
 */
#define KEPT_NAMES 64

struct kept_name {
	zend_string *text;      /* persistent; NULL while unused */
	bool plain;             /* letters, digits, '_': goes into an array as it is */
};

static struct kept_name kept[KEPT_NAMES];
static void (*import_environ)(zval *array);     /* PHP's own: the process's environment */

static bool
name_is_plain(const char *name, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = str_lower(name[i]);
		if (!(c >= 'a' && c <= 'z') && c != '_' && (i == 0 || !(c >= '0' && c <= '9')))
			return false;
	}
	return len > 0;
}

static const struct kept_name *
name_keep(unsigned index, const struct nv_pair *pair)
{
	struct kept_name *name = &kept[index < KEPT_NAMES ? index : KEPT_NAMES - 1];

	if (name->text != NULL && ZSTR_LEN(name->text) == pair->name_len &&
	    memcmp(ZSTR_VAL(name->text), pair->name, pair->name_len) == 0)
		return name;
	if (name->text != NULL)
		zend_string_release_ex(name->text, 1);
	name->text = zend_string_init(pair->name, pair->name_len, 1);
	GC_MAKE_PERSISTENT_LOCAL(name->text);
	zend_string_hash_val(name->text);
	name->plain = name_is_plain(pair->name, pair->name_len);
	return name;
}

/* filter: PARSE_SERVER or PARSE_ENV for ext/filter's own copy, or -1 for none. */
static void
put(zval *array, int filter, const struct kept_name *name, const char *value, size_t len)
{
	char *copy = estrndup(value, len);
	size_t new_len = len;
	zval entry;

	if (filter == -1 ||
	    sapi_module.input_filter(filter, ZSTR_VAL(name->text), &copy, len, &new_len)) {
		if (name->plain) {
			ZVAL_STRINGL_FAST(&entry, copy, new_len);
			zend_hash_update(Z_ARRVAL_P(array), name->text, &entry);
		} else {
			php_register_variable_safe(ZSTR_VAL(name->text), copy, new_len, array);
		}
	}
	efree(copy);
}

static void
put_all(zval *array, int filter)
{
	struct nv_pair pair;
	unsigned index = 0;
	size_t at = 0;

	if (php_now.view == NULL)
		return;
	while (nv_next(php_now.view->vars, &at, &pair) == NV_PAIR) {
		if (pair.name_len == 0 || memchr(pair.name, '\0', pair.name_len) != NULL)
			continue;
		put(array, filter, name_keep(index, &pair), pair.value, pair.value_len);
		index++;
	}
}

/* PHP_SELF is the script's path and what follows it, whatever file that is. */
static void
put_self(zval *array)
{
	const struct request_view *view = php_now.view;
	size_t script = strlen(view->script_name), info = strlen(view->path_info);
	char *self = emalloc(script + info + 1);
	size_t len = script + info;

	memcpy(self, view->script_name, script);
	memcpy(self + script, view->path_info, info + 1);
	if (sapi_module.input_filter(PARSE_SERVER, "PHP_SELF", &self, len, &len))
		php_register_variable_safe("PHP_SELF", self, len, array);
	efree(self);
}

/* As under php-fpm: the environment, the meta-variables, PHP_SELF; PHP adds the rest. */
void
php_vars_register(zval *array)
{
	import_environ(array);
	if (php_now.view == NULL)
		return;
	put_all(array, PARSE_SERVER);
	put_self(array);
}

/* $_ENV, where variables_order has an E. */
static void
import(zval *array)
{
	import_environ(array);
	put_all(array, PARSE_ENV);
}

/* getenv() without arguments. */
static void
load(zval *array)
{
	import_environ(array);
	put_all(array, -1);
}

void
php_vars_take(void)
{
	import_environ = php_import_environment_variables;
	php_import_environment_variables = import;
	php_load_environment_variables = load;
}

/* One pass for what each request needs. */
void
php_vars_begin(void)
{
	struct nv_pair pair;
	size_t at = 0;

	php_now.cookie.name = NULL;
	php_now.authorization.name = NULL;
	while (nv_next(php_now.view->vars, &at, &pair) == NV_PAIR) {
		if (pair.name_len < 11 || pair.name[0] != 'H')
			continue;
		if (str_is(pair.name, pair.name_len, "HTTP_COOKIE"))
			php_now.cookie = pair;
		else if (str_is(pair.name, pair.name_len, "HTTP_AUTHORIZATION"))
			php_now.authorization = pair;
	}
}

/* The meta-variables are a request's environment; PHP looks at the process's own next. */
char *
php_vars_getenv(const char *name, size_t len)
{
	struct nv_pair pair;
	size_t at = 0;

	if (php_now.view == NULL)
		return NULL;
	while (nv_next(php_now.view->vars, &at, &pair) == NV_PAIR) {
		if (pair.name_len == len && memcmp(pair.name, name, len) == 0)
			return estrndup(pair.value, pair.value_len);
	}
	return NULL;
}
