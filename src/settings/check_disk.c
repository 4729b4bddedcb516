#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/reading.h"

struct disk {
	struct reading *reading;
	struct map *warned;     /* directories that a warning named: once is enough */
	uint32_t pool;          /* the one that is being looked at */
};

const char *
check_missing(const char *path, mode_t kind)
{
	struct stat about;

	if (stat(path, &about) != 0)
		return errno == ENOENT ? "doesn't exist" : strerror(errno);
	if (kind == 0 || (about.st_mode & S_IFMT) == kind)
		return NULL;
	return kind == S_IFDIR ? "is no directory" : "is no file";
}

bool
check_hidden(struct reading *reading, struct place place, const char *path)
{
	if (geteuid() == 0 || access(path, F_OK) == 0 || errno != EACCES)
		return false;
	say_warning(reading, place, "can't look at %s: permission denied; check as root",
	    say_text(reading, path));
	return true;
}

/* ---- who may change a chroot from outside */

static bool
writable_by_others(const struct stat *about, const struct pool_settings *pool)
{
	if (about->st_uid != 0 && about->st_uid != pool->uid)
		return true;
	if ((about->st_mode & S_ISVTX) != 0)
		return false;   /* what is in it can't be taken away by others */
	if ((about->st_mode & S_IWOTH) != 0)
		return true;
	return (about->st_mode & S_IWGRP) != 0 && about->st_gid != 0 && about->st_gid != pool->gid;
}

static void
parents_check(struct disk *disk, struct place place)
{
	struct reading *reading = disk->reading;
	const struct pool_settings *pool = &reading->settings->pools[disk->pool];
	char *path = arena_text(reading->arena, pool->chroot), *slash;
	struct stat about;

	for (;;) {
		if (stat(path[0] == '\0' ? "/" : path, &about) == 0 &&
		    writable_by_others(&about, pool) &&
		    map_put(disk->warned, path, strlen(path), disk->pool) == disk->pool)
			say_warning(reading, place, "%s, which chroot \"%s\" is in, can be changed "
			    "by others than root and user \"%s\"; make root or that user its "
			    "owner, and its mode 0755",
			    path[0] == '\0' ? "/" : say_text(reading, path),
			    say_text(reading, pool->chroot), say_text(reading, pool->user));
		slash = strrchr(path, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
		path = arena_text(reading->arena, path);
	}
}

/* ---- what PHP needs inside a chroot */

static bool
can_write(const struct stat *about, const struct pool_settings *pool)
{
	if (about->st_uid == pool->uid)
		return (about->st_mode & S_IWUSR) != 0;
	if (about->st_gid == pool->gid)
		return (about->st_mode & S_IWGRP) != 0;
	return (about->st_mode & S_IWOTH) != 0;
}

static void
php_check(struct reading *reading, const struct pool_settings *pool, struct place place)
{
	const char *tmp = arena_printf(reading->arena, "%s/tmp", pool->chroot);
	struct stat about;

	if (stat(tmp, &about) != 0 || !S_ISDIR(about.st_mode) || !can_write(&about, pool))
		say_warning(reading, place, "PHP finds no place for uploads, sessions and the lock "
		    "of its opcode cache in chroot \"%s\"; make the directory %s, owned by user "
		    "\"%s\", mode 0700", say_text(reading, pool->chroot), say_text(reading, tmp),
		    say_text(reading, pool->user));
}

/* ---- what Perl needs there */

/* The chroot hides Perl's own modules: what is loaded later must have been put into it. */
static void
perl_check(struct reading *reading, const struct pool_settings *pool, struct place place)
{
#ifdef WITH_PERL
	const char *library = arena_printf(reading->arena, "%s" PERL_LIBRARY, pool->chroot);

	if (pool->perl_preload.count == 0 && check_missing(library, S_IFDIR) != NULL)
		say_warning(reading, place, "Perl's own modules can't be seen in chroot \"%s\": name "
		    "those that the applications use, as perl_preload = [ \"Plack::Builder\" ]; or "
		    "put them at %s", say_text(reading, pool->chroot), say_text(reading, library));
#else
	(void)reading;
	(void)pool;
	(void)place;
#endif
}

static void
folders_check(struct reading *reading, const config_setting_t *node,
    const struct string_list *list)
{
	struct place place = place_in(reading, node, "perl_lib");
	const char *why;
	size_t i;

	for (i = 0; i < list->count; i++) {
		why = list->at[i][0] == '/' ? check_missing(list->at[i], S_IFDIR) : NULL;
		if (why != NULL && !check_hidden(reading, place, list->at[i]))
			say_warning(reading, place, "perl_lib: %s %s; make that directory, or take "
			    "it out", say_text(reading, list->at[i]), why);
	}
}

/* ---- pools */

static void
chroot_check(struct disk *disk)
{
	struct reading *reading = disk->reading;
	const struct pool_settings *pool = &reading->settings->pools[disk->pool];
	struct place place = place_in(reading, reading->pools_said[disk->pool].node, "chroot");
	const char *why = check_missing(pool->chroot, S_IFDIR);
	char *real;

	if (why != NULL && check_hidden(reading, place, pool->chroot))
		return;
	if (why != NULL) {
		pool_wrong(reading, disk->pool, place, "chroot \"%s\" %s; make that directory, or "
		    "write the right one", say_text(reading, pool->chroot), why);
		return;
	}
	real = realpath(pool->chroot, NULL);
	if (real != NULL && strcmp(real, pool->chroot) != 0)
		pool_wrong(reading, disk->pool, place, "chroot \"%s\" leads through a symbolic "
		    "link, which somebody could change; write \"%s\"",
		    say_text(reading, pool->chroot), say_text(reading, real));
	free(real);
	parents_check(disk, place);
	if (pool->uses_php && reading->purpose == SETTINGS_CHECK)
		php_check(reading, pool, place);
	if (pool->uses_perl && reading->purpose == SETTINGS_CHECK)
		perl_check(reading, pool, place);
}

static void
file_check(struct disk *disk, const char *setting, const char *path, mode_t kind)
{
	struct reading *reading = disk->reading;
	struct place place = place_in(reading, reading->pools_said[disk->pool].node, setting);
	const char *why = path != NULL ? check_missing(path, kind) : NULL;

	if (why != NULL && !check_hidden(reading, place, path))
		pool_wrong(reading, disk->pool, place, "%s \"%s\" %s; write the right path, or "
		    "take it out", setting, say_text(reading, path), why);
}

static void
pool_check(struct disk *disk)
{
	const struct pool_settings *pool = &disk->reading->settings->pools[disk->pool];

	if (pool->chroot != NULL && pool->user != NULL &&
	    !disk->reading->pools_said[disk->pool].failed)
		chroot_check(disk);
	check_connect_disk(disk->reading, disk->pool);
	file_check(disk, "php_ini", pool->php_ini, S_IFREG);
	file_check(disk, "php_ini_scan_dir", pool->php_ini_scan_dir, S_IFDIR);
	folders_check(disk->reading, disk->reading->pools_said[disk->pool].node, &pool->perl_lib);
	check_log(disk->reading, disk->reading->pools_said[disk->pool].node, "error_log",
	    pool->error_log);
	check_log(disk->reading, disk->reading->pools_said[disk->pool].node, "slow_log",
	    pool->slow_log);
}

/* ---- vhosts */

/* An application that isn't there yet is no reason to keep its site's files down. */
static void
applications_check(struct reading *reading, const struct vhost_settings *vhost)
{
	const char *why;
	size_t i;

	for (i = 0; i < vhost->handler_count; i++) {
		const struct handler_settings *handler = &vhost->handlers[i];

		if (handler->application == NULL)
			continue;
		why = check_missing(handler->application, S_IFREG);
		if (why == NULL || check_hidden(reading, handler->place, handler->application))
			continue;
		if (reading->purpose == SETTINGS_START)
			say_warning(reading, handler->place, "application %s %s, so requests for it "
			    "fail", say_text(reading, handler->application), why);
		else
			say_error(reading, handler->place, "application \"%s\" %s; write the right "
			    "path", say_text(reading, handler->application), why);
	}
}

static void
vhost_check(struct reading *reading, uint32_t index)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const struct entry *said = &reading->vhosts_said[index];
	struct place place = place_in(reading, said->node, "document_root");
	const char *why;

	check_log(reading, said->node, "access_log", vhost->access_log);
	applications_check(reading, vhost);
	folders_check(reading, said->node, &vhost->perl_lib);
	check_log(reading, said->node, "slow_log", vhost->slow_log);
	if (vhost->document_root == NULL || said->failed || vhost->pool == SETTINGS_NONE ||
	    reading->pools_said[vhost->pool].failed)
		return;
	why = check_missing(vhost->document_root, S_IFDIR);
	if (why != NULL && !check_hidden(reading, place, vhost->document_root))
		vhost_wrong(reading, index, place, "document_root \"%s\" %s; make that directory, "
		    "or write the right one", say_text(reading, vhost->document_root), why);
}

static void
mime_check(struct reading *reading)
{
	struct place place = { reading->sources->name, 0 };
	const struct settings *settings = reading->settings;
	const char *why = check_missing(settings->mime_types, S_IFREG);

	if (why != NULL && reading->purpose == SETTINGS_CHECK)
		say_warning(reading, place, "mime_types \"%s\" %s, so every file is sent as "
		    "application/octet-stream; install it (Debian: media-types), or write the "
		    "right path", say_text(reading, settings->mime_types), why);
}

/* Who could change it could make something of its emptiness. */
static void
multiplexer_check(struct reading *reading, const struct multiplexer_settings *it)
{
	struct stat about;

	if (it->chroot == NULL)
		return;
	if (stat(it->chroot, &about) != 0 || !S_ISDIR(about.st_mode))
		say_error(reading, it->place, "the multiplexers' chroot \"%s\" is no directory; "
		    "make it, owned by root, or take it out", say_text(reading, it->chroot));
	else if (about.st_uid != 0 || (about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		say_error(reading, it->place, "the multiplexers' chroot \"%s\" can be changed by "
		    "others than root; make root its owner, and its mode 0755",
		    say_text(reading, it->chroot));
	else if (settings_inside(it->chroot, reading->settings->spool_dir) == NULL)
		say_error(reading, it->place, "spool_dir \"%s\" is not in the multiplexers' chroot "
		    "\"%s\"; write one that is", say_text(reading, reading->settings->spool_dir),
		    say_text(reading, it->chroot));
}

void
check_disk(struct reading *reading)
{
	struct disk disk = { reading, NULL, 0 };
	uint32_t i;

	/* A path has at most as many parents as bytes, but few pools have parents of their own. */
	disk.warned = map_new((size_t)reading->settings->pool_count * 8 + 64);
	if (disk.warned == NULL)
		abort();
	for (i = 0; i < reading->settings->pool_count; i++) {
		disk.pool = i;
		pool_check(&disk);
	}
	for (i = 0; i < reading->settings->vhost_count; i++)
		vhost_check(reading, i);
	for (i = 0; i < reading->settings->multiplexer_count; i++)
		multiplexer_check(reading, &reading->settings->multiplexers[i]);
	mime_check(reading);
	check_own_folders(reading);
	map_free(&disk.warned);
}
