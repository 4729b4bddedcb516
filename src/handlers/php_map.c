#include "config.h"
#include "handlers/php_parts.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

/*
 * What PHP's own start spends most of its time on is the dynamic linker's work
 * on its extensions.  Where they are mapped already, opening them again counts
 * one up.  So each that the system's ini files name is opened, in their order
 * and as PHP will, and nothing of it is called but what the linker itself calls.
 */

#ifdef WITH_SANITIZERS

/* RTLD_DEEPBIND ends a process with a sanitizer */
void
php_map(const struct handler_host *host)
{
	(void)host;
}

#else

/* Of root's, and nobody else may write to it. */
static bool
is_roots(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static void
map_one(const char *name)
{
	char path[PATH_MAX];
	size_t len = strlen(name);
	bool whole = len > 3 && strcmp(name + len - 3, ".so") == 0;

	/* What has a path of its own is a site's choice: PHP's start opens that. */
	if (strchr(name, '/') != NULL || !is_roots(PHP_EXTENSION_DIR))
		return;
	snprintf(path, sizeof path, PHP_EXTENSION_DIR "/%s%s", name, whole ? "" : ".so");
	if (is_roots(path) && dlopen(path, RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND) == NULL)
		php_log(LEVEL_INFO, "not mapped: %s", dlerror());
}

/* "extension = curl.so", "zend_extension=\"opcache\"": the name, or NULL. */
static char *
extension_named(char *line)
{
	char *at = line + strspn(line, " \t");
	size_t len;

	if (strncmp(at, "zend_", 5) == 0)
		at += 5;
	if (strncmp(at, "extension", 9) != 0)
		return NULL;
	at += 9 + strspn(at + 9, " \t");
	if (*at != '=')
		return NULL;
	at += 1 + strspn(at + 1, " \t\"'");
	len = strcspn(at, " \t\"';\r\n");
	at[len] = '\0';
	return len > 0 ? at : NULL;
}

static void
map_file(const char *path)
{
	FILE *file = is_roots(path) ? fopen(path, "re") : NULL;
	char line[1024], *name;

	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL)
		if ((name = extension_named(line)) != NULL)
			map_one(name);
	fclose(file);
}

static int
is_ini(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".ini") == 0;
}

void
php_map(const struct handler_host *host)
{
	struct dirent **entries;
	char folder[PATH_MAX], path[2 * PATH_MAX];
	int i, count;

	php_now.host = host;
	if (!php_ini_folder(folder) || !is_roots(folder))
		return;
	snprintf(path, sizeof path, "%s/php.ini", folder);
	map_file(path);
	strncat(folder, "/conf.d", sizeof folder - strlen(folder) - 1);
	count = scandir(folder, &entries, is_ini, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		map_file(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

#endif
