#include "handlers/php_parts.h"

#include <string.h>

#include <php_ini.h>

/*
 * Settings that belong to a folder or a host name, as under php-fpm: [PATH=]
 * and [HOST=] sections of php.ini, and the file user_ini.filename (.user.ini)
 * of each folder from the document root down to the script's own.  What was
 * read is kept for user_ini.cache_ttl seconds.
 */
struct folder_settings {
	time_t expires;
	HashTable values;
};

#define FOLDERS_MAX 1024

static HashTable folders;       /* by the script's folder; persistent */
static bool folders_made;

/* A value read from a file, or a list of them, in persistent memory. */
static void
value_free(zval *value)
{
	if (Z_TYPE_P(value) == IS_ARRAY) {
		zend_hash_destroy(Z_ARRVAL_P(value));
		free(Z_ARRVAL_P(value));
	} else if (Z_TYPE_P(value) == IS_STRING) {
		zend_string_release_ex(Z_STR_P(value), 1);
	}
}

static void
folder_free(zval *value)
{
	struct folder_settings *folder = Z_PTR_P(value);

	zend_hash_destroy(&folder->values);
	free(folder);
}

static struct folder_settings *
folder_find(const char *path, size_t len)
{
	struct folder_settings *found;

	if (!folders_made) {
		zend_hash_init(&folders, 0, NULL, folder_free, 1);
		folders_made = true;
	}
	found = zend_hash_str_find_ptr(&folders, path, len);
	if (found == NULL) {
		/* anybody may ask for any folder: begin anew before they are many */
		if (zend_hash_num_elements(&folders) >= FOLDERS_MAX)
			zend_hash_clean(&folders);
		found = pecalloc(1, sizeof *found, 1);
		zend_hash_init(&found->values, 0, NULL, value_free, 1);
		zend_hash_str_update_ptr(&folders, path, len, found);
	}
	return found;
}

/* A list (name[] = value) or a section is no setting, and PHP would take it for text. */
static int
remove_list(zval *value)
{
	return Z_TYPE_P(value) == IS_STRING ? ZEND_HASH_APPLY_KEEP : ZEND_HASH_APPLY_REMOVE;
}

/* Every folder from the root's own down to path; path ends in '/'. */
static void
folder_read(struct folder_settings *folder, char *path, size_t root_len)
{
	char *at;

	zend_hash_clean(&folder->values);
	for (at = strchr(path + root_len, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		php_parse_user_ini_file(path, PG(user_ini_filename), &folder->values);
		*at = '/';
	}
	zend_hash_apply(&folder->values, remove_list);
}

static void
activate_folder(char *path, size_t len)
{
	const char *root = php_now.view->document_root;
	size_t root_len = strlen(root);
	time_t now = (time_t)sapi_get_request_time();
	struct folder_settings *folder = folder_find(path, len);

	while (root_len > 0 && root[root_len - 1] == '/')
		root_len--;
	if (now > folder->expires) {
		/* outside the root, the script's own folder is all that counts */
		if (strncmp(path, root, root_len) != 0 || path[root_len] != '/')
			root_len = len - 1;
		folder_read(folder, path, root_len);
		folder->expires = now + PG(user_ini_cache_ttl);
	}
	if (zend_hash_num_elements(&folder->values) > 0)
		php_ini_activate_config(&folder->values, ZEND_INI_PERDIR, ZEND_INI_STAGE_HTACCESS);
}

static void
activate_host(void)
{
	struct nv_pair name;
	char *host;

	if (!nv_find(php_now.view->vars, "SERVER_NAME", &name))
		return;
	host = estrndup(name.value, name.value_len);
	zend_str_tolower(host, name.value_len);
	php_ini_activate_per_host_config(host, name.value_len);
	efree(host);
}

void
php_user_ini_activate(void)
{
	const char *script = php_now.view->script_filename, *slash = strrchr(script, '/');
	bool reads_files = PG(user_ini_filename) != NULL && PG(user_ini_filename)[0] != '\0';
	char path[MAXPATHLEN];
	size_t len;

	if (php_ini_has_per_host_config())
		activate_host();
	if (slash == NULL || (!reads_files && !php_ini_has_per_dir_config()))
		return;
	len = slash + 1 - script;
	if (len >= sizeof path)
		return;
	memcpy(path, script, len);
	path[len] = '\0';
	if (php_ini_has_per_dir_config())
		php_ini_activate_per_dir_config(path, len);
	if (reads_files)
		activate_folder(path, len);
}
