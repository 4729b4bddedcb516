#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings_said.h"

static char folder[] = "/var/tmp/settings_disk.XXXXXX";

static char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
make(const char *name, mode_t mode)
{
	mkdir(path_of(name), mode);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

/* A pool in folder/chroot, its site in folder/root. */
static struct settings *
site(struct said *said, const char *chroot, const char *root, const char *handler,
    enum settings_purpose purpose)
{
	char text[2048];

	snprintf(text, sizeof text, HEAD
	    "processors = ( { name = \"a\"; user = \"daemon\"; chroot = \"%s/%s\"; } );\n"
	    "vhosts = ( { server_name = \"a\"; processor = \"a\"; document_root = \"%s/%s\";\n"
	    "handlers = ( { suffix = \".x\"; handler = \"%s\"; } ); } );\n",
	    folder, chroot, folder, root, handler);
	return said_read(said, text, purpose);
}

static void
a_sound_chroot_is_taken_in_silence(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = site(&said, "sound", "sound/www", "cgi", SETTINGS_CHECK);
	if (said.count != 0)
		fail_msg("%s", said.at[0].text);
	assert_string_equal(settings->pools[0].chroot, path_of("sound"));
	settings_free(&settings);
}

static void
a_parent_that_others_write_to_is_a_warning(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = site(&said, "loose/in", "loose/in", "cgi", SETTINGS_CHECK);
	assert_non_null(settings);
	assert_int_equal(said.report.warnings, 1);
	assert_true(said_has(&said, "/loose, which chroot"));
	assert_int_equal(said.at[0].line, 3);
	settings_free(&settings);
	settings = site(&said, "foreign", "foreign", "cgi", SETTINGS_CHECK);
	assert_true(said_has(&said, "can be changed by others than root and user \"daemon\""));
	settings_free(&settings);
	settings = site(&said, "sticky/in", "sticky/in", "cgi", SETTINGS_CHECK);
	assert_int_equal(said.count, 0);
	settings_free(&settings);
}

static void
a_chroot_behind_a_link_is_refused(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	assert_null(site(&said, "link", "link/www", "cgi", SETTINGS_CHECK));
	assert_true(said_has(&said, "leads through a symbolic link"));
	settings = site(&said, "link", "link/www", "cgi", SETTINGS_START);
	assert_non_null(settings->pools[0].disabled);
	settings_free(&settings);
}

static void
a_missing_root_is_told_once(void **state)
{
	struct said said;

	(void)state;
	assert_null(site(&said, "sound", "sound/none", "cgi", SETTINGS_CHECK));
	assert_int_equal(said.count, 1);
	assert_true(said_has(&said, "doesn't exist; make that directory"));
	assert_int_equal(said.at[0].line, 4);
	assert_null(site(&said, "none", "none/www", "cgi", SETTINGS_CHECK));
	assert_int_equal(said.count, 1);
	assert_int_equal(said.at[0].line, 3);
}

static void
php_in_a_chroot_needs_a_tmp(void **state)
{
	struct said said;
#ifdef WITH_PHP
	struct settings *settings;

	settings = site(&said, "sound", "sound/www", "php", SETTINGS_CHECK);
	assert_int_equal(said.report.warnings, 1);
	assert_true(said_has(&said, "owned by user \"daemon\""));
	settings_free(&settings);
	settings = site(&said, "whole", "whole", "php", SETTINGS_CHECK);
	if (said.count != 0)
		fail_msg("%s", said.at[0].text);
	settings_free(&settings);
#else
	assert_null(site(&said, "sound", "sound/www", "php", SETTINGS_CHECK));
	assert_true(said_has(&said, "built without PHP"));
#endif
	(void)state;
}

/* One setting more; what is said about it, or "" where nothing is. */
static const struct folder_row {
	const char *name, *setting, *path, *said;
} folder_rows[] = {
	{ "a log in root's folder", "error_log", "sound/error.log", "" },
	{ "a log in a folder that is made at the start", "error_log", "sound/new/error.log", "" },
	{ "a log in no folder", "error_log", "no/such/error.log", "doesn't exist; make that directory" },
	{ "a log in a user's folder", "error_log", "foreign/error.log", "belongs to another user" },
	{ "a log where others write", "error_log", "loose/error.log", "may be written by others" },
	{ "a log behind a link", "error_log", "link/error.log", "leads through a symbolic link" },
	{ "a log in a file", "error_log", "file/error.log", "is no directory" },
	{ "a pid file where others write", "pid_file", "sticky/a.pid", "may be written by others" },
	{ "a pid file in root's folder", "pid_file", "sound/a.pid", "" },
	{ "a spool of its user's", "spool_dir", "spool", "" },
	{ "a spool that is made at the start", "spool_dir", "sound/spool", "" },
	{ "a spool of somebody else's", "spool_dir", "sound", "can't be written by the multiplexers' "
	    "user \"nobody\"" },
	{ "a spool in no folder", "spool_dir", "no/such/spool", "doesn't exist" },
	{ "a spool that is a file", "spool_dir", "file", "is no directory" },
};

static void
own_folders_are_looked_at(void **state)
{
	struct settings *settings;
	struct said said;
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof folder_rows / sizeof folder_rows[0]; i++) {
		const struct folder_row *row = &folder_rows[i];

		snprintf(text, sizeof text, HEAD POOL VHOST "%s = \"%s/%s\";\n", row->setting, folder,
		    row->path);
		settings = said_read(&said, text, SETTINGS_CHECK);
		if (said.report.errors != (row->said[0] != '\0') || !said_has(&said, row->said))
			if (said.count > 0 || row->said[0] != '\0')
				fail_msg("%s: %s", row->name, said.count > 0 ? said.at[0].text : "nothing said");
		settings_free(&settings);
	}
}

static void
logs_of_sites_too(void **state)
{
	struct settings *settings;
	struct said said;
	char text[1024];

	(void)state;
	snprintf(text, sizeof text, HEAD POOL VHOST_OPEN "access_log = \"%s/loose/a.log\"; } );\n", folder);
	assert_null(said_read(&said, text, SETTINGS_CHECK));
	assert_true(said_has(&said, "access_log: "));
	assert_true(said_has(&said, "may be written by others than root; make that directory"));
	/* At a start it is a warning: the site goes on without. */
	settings = said_read(&said, text, SETTINGS_START);
	assert_non_null(settings);
	assert_int_equal(said.report.warnings, 1);
	settings_free(&settings);
}

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	make("", 0755);
	make("sound", 0755);
	make("sound/www", 0755);
	make("loose", 0777);
	make("loose/in", 0755);
	make("sticky", 01777);
	make("sticky/in", 0755);
	make("foreign", 0755);
	make("whole", 0755);
	make("spool", 0700);
	assert_int_equal(close(creat(path_of("file"), 0600)), 0);
	if (chown(path_of("spool"), 65534, 65534) != 0)
		return -1;
	make("whole/tmp", 0700);
	if (chown(path_of("foreign"), 2, 2) != 0 || chown(path_of("whole/tmp"), 1, 1) != 0)
		return -1;
	return symlink("sound", path_of("link"));
}

static int
end(void **state)
{
	static const char *const names[] = { "whole/tmp", "whole", "foreign", "sticky/in", "sticky", "loose/in",
	    "loose", "sound/www", "sound", "" };
	size_t i;

	(void)state;
	unlink(path_of("link"));
	unlink(path_of("file"));
	rmdir(path_of("spool"));
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		rmdir(path_of(names[i]));
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_chroot_is_taken_in_silence),
		cmocka_unit_test(a_parent_that_others_write_to_is_a_warning),
		cmocka_unit_test(a_chroot_behind_a_link_is_refused),
		cmocka_unit_test(a_missing_root_is_told_once),
		cmocka_unit_test(php_in_a_chroot_needs_a_tmp),
		cmocka_unit_test(own_folders_are_looked_at),
		cmocka_unit_test(logs_of_sites_too),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root, to give folders to others");
		return 0;
	}
	return cmocka_run_group_tests(tests, begin, end);
}
