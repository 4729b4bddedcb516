#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
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
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root, to give folders to others");
		return 0;
	}
	return cmocka_run_group_tests(tests, begin, end);
}
