/*
 * The folders that peruserd itself writes into: logs, the pid file, sockets,
 * the spool.  What -t says here is what a start would stumble over.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "settings/reading.h"

/* Leads that path where it says, or through a symbolic link?  /var/run is every system's own. */
static bool
is_direct(const char *path)
{
	char *real = realpath(path, NULL);
	bool direct = real == NULL || strcmp(real, path) == 0 ||
	    (strncmp(path, "/var/run", 8) == 0 && strcmp(real, path + 4) == 0);

	free(real);
	return direct;
}

/* Words for why root makes no file there, or NULL. */
static const char *
unfit(const char *folder)
{
	const char *why = check_missing(folder, S_IFDIR);
	struct stat about;

	if (why != NULL)
		return why;
	if (!is_direct(folder))
		return "leads through a symbolic link";
	if (stat(folder, &about) == 0 && about.st_uid != 0)
		return "belongs to another user than root";
	if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "may be written by others than root";
	return NULL;
}

static const char *
folder_of(struct reading *reading, const char *path)
{
	const char *end = strrchr(path, '/');

	return end == path ? "/" : arena_copy(reading->arena, path, (size_t)(end - path));
}

/* A log that can't be opened is no reason to keep a site down. */
void
check_log(struct reading *reading, const config_setting_t *node, const char *setting,
    const char *path)
{
	struct place place = place_in(reading, node, setting);
	const char *why, *folder;

	if (path == NULL)
		return;
	folder = folder_of(reading, path);
	why = unfit(folder);
	if (why == NULL || check_hidden(reading, place, folder))
		return;
	if (reading->purpose == SETTINGS_START)
		say_warning(reading, place, "%s: %s %s, so nothing is logged; make that directory, "
		    "root's and writable by root alone", setting, say_text(reading, folder), why);
	else
		say_error(reading, place, "%s: %s %s; make that directory, root's and writable by "
		    "root alone, or write another path", setting, say_text(reading, folder), why);
}

/* A missing one is made at the start, where the one above is there. */
static bool
will_be_made(struct reading *reading, const char *folder)
{
	return check_missing(folder, S_IFDIR) != NULL &&
	    check_missing(folder, 0) != NULL && strcmp(folder, "/") != 0 &&
	    check_missing(folder_of(reading, folder), S_IFDIR) == NULL;
}

/* Was it taken?  Else it was said already what is wrong with it. */
static bool
is_taken(const config_setting_t *said, const char *path)
{
	const char *text = config_setting_get_string(said);

	return text != NULL && strcmp(text, path) == 0;
}

static void
own_check(struct reading *reading, const char *setting, const char *path)
{
	const config_setting_t *said = reading_top(reading, setting);
	const char *folder, *why;
	struct place place;

	/* What is there by default comes with the installation. */
	if (said == NULL || !is_taken(said, path))
		return;
	folder = folder_of(reading, path);
	why = unfit(folder);
	if (why == NULL || will_be_made(reading, folder))
		return;
	place = place_of(reading, said);
	if (!check_hidden(reading, place, folder))
		say_error(reading, place, "%s: %s %s; make that directory, root's and writable by "
		    "root alone, or write another path", setting, say_text(reading, folder), why);
}

static bool
may_write(const struct stat *about, uid_t uid, gid_t gid)
{
	if (about->st_uid == uid)
		return (about->st_mode & (S_IWUSR | S_IXUSR)) == (S_IWUSR | S_IXUSR);
	if (about->st_gid == gid)
		return (about->st_mode & (S_IWGRP | S_IXGRP)) == (S_IWGRP | S_IXGRP);
	return (about->st_mode & (S_IWOTH | S_IXOTH)) == (S_IWOTH | S_IXOTH);
}

static void
spool_check(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	const config_setting_t *said = reading_top(reading, "spool_dir");
	const char *path = settings->spool_dir, *why = check_missing(path, S_IFDIR);
	struct place place;
	struct stat about;
	size_t i;

	if (said == NULL || !is_taken(said, path) || will_be_made(reading, path))
		return;
	place = place_of(reading, said);
	if (why != NULL && !check_hidden(reading, place, path))
		say_error(reading, place, "spool_dir: %s %s; make that directory, or write another "
		    "path", say_text(reading, path), why);
	if (why != NULL || stat(path, &about) != 0)
		return;
	for (i = 0; i < settings->multiplexer_count; i++)
		if (settings->multiplexers[i].uid != 0 && !may_write(&about,
		    settings->multiplexers[i].uid, settings->multiplexers[i].gid))
			say_error(reading, place, "spool_dir: %s can't be written by the "
			    "multiplexers' user \"%s\"; make it the owner (chown), or write another "
			    "path", say_text(reading, path),
			    say_text(reading, settings->multiplexers[i].user));
}

void
check_own_folders(struct reading *reading)
{
	const struct settings *settings = reading->settings;

	/* A start says so itself, and about what it is at that moment. */
	if (reading->purpose != SETTINGS_CHECK)
		return;
	own_check(reading, "error_log", settings->error_log);
	own_check(reading, "pid_file", settings->pid_file);
	spool_check(reading);
}
