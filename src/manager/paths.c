#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/paths.h"

static bool
take(char to[PATH_MAX], const char *folder, size_t len, const char *name,
    bool (*exists)(const char *path))
{
	char tried[PATH_MAX];
	int printed = snprintf(tried, sizeof tried, "%.*s/%s", (int)len, folder, name);

	if (printed < 0 || (size_t)printed >= sizeof tried || !exists(tried))
		return false;
	memcpy(to, tried, (size_t)printed + 1);
	return true;
}

void
paths_find(struct paths *paths, const char *self, bool (*exists)(const char *path))
{
	const char *end = strrchr(self, '/');
	size_t len;

	snprintf(paths->multiplexer, PATH_MAX, "%s", LIBEXECDIR "/peruserd/peruser-multiplexer");
	snprintf(paths->processor, PATH_MAX, "%s", LIBEXECDIR "/peruserd/peruser-processor");
	snprintf(paths->loader, PATH_MAX, "%s", LIBEXECDIR "/peruserd/peruser-loader");
	snprintf(paths->handlers, PATH_MAX, "%s", HANDLERDIR);
	if (strcmp(self, SBINDIR "/peruserd") == 0 || end == NULL)
		return;
	len = (size_t)(end - self);
	if (len >= 6 && memcmp(end - 6, "/.libs", 6) == 0)
		len -= 6;
	if (!take(paths->multiplexer, self, len, ".libs/peruser-multiplexer", exists))
		take(paths->multiplexer, self, len, "peruser-multiplexer", exists);
	if (!take(paths->processor, self, len, ".libs/peruser-processor", exists))
		take(paths->processor, self, len, "peruser-processor", exists);
	if (!take(paths->loader, self, len, ".libs/peruser-loader", exists))
		take(paths->loader, self, len, "peruser-loader", exists);
	/* A tree that builds no module still must not load the installed ones. */
	if (take(paths->handlers, self, len, "peruser-processor", exists))
		snprintf(paths->handlers, PATH_MAX, "%.*s/.libs", (int)len, self);
}

static bool
can_run(const char *path)
{
	return access(path, X_OK) == 0;
}

static bool
is_own(const char *path)
{
	struct stat own, other;

	return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
	    own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

char *
paths_executed(void)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	char folder[PATH_MAX], whole[PATH_MAX * 2];
	ssize_t len;

	if (name != NULL && is_own(name)) {
		if (name[0] == '/')
			return strdup(name);
		if (getcwd(folder, sizeof folder) != NULL) {
			snprintf(whole, sizeof whole, "%s/%s", folder, name);
			return strdup(whole);
		}
	}
	/* By another program's hand, a loader's for one. */
	len = readlink("/proc/self/exe", folder, sizeof folder - 1);
	folder[len > 0 ? len : 0] = '\0';
	return strdup(folder);
}

void
paths_find_own(struct paths *paths)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	self[len > 0 ? len : 0] = '\0';
	paths_find(paths, self, can_run);
}
