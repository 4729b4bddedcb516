/* src/processor/recent.c: what is remembered of a path, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "processor/recent.h"

static const struct vhost_settings one, other;

static struct resolution
resolved(const char *name, const char *filename)
{
	struct resolution found = { .what = RESOLVED_HANDLER, .kind = HANDLER_PHP, .path_info = "" };

	snprintf(found.script_name, sizeof found.script_name, "%s", name);
	snprintf(found.script_filename, sizeof found.script_filename, "%s", filename);
	return found;
}

static bool
found_as(const struct vhost_settings *vhost, const char *path, const char *filename)
{
	struct resolution to;

	return recent_find(vhost, path, strlen(path), &to) && to.what == RESOLVED_HANDLER &&
	    to.kind == HANDLER_PHP && strcmp(to.script_name, path) == 0 &&
	    strcmp(to.script_filename, filename) == 0 && to.path_info[0] == '\0';
}

static void
a_plain_file_is_remembered_for_its_vhost(void **state)
{
	struct resolution found = resolved("/a.php", "/home/one/a.php");

	(void)state;
	assert_false(found_as(&one, "/a.php", "/home/one/a.php"));
	recent_keep(&one, "/a.php", 6, &found);
	assert_true(found_as(&one, "/a.php", "/home/one/a.php"));
	assert_false(found_as(&other, "/a.php", "/home/one/a.php"));
	assert_false(found_as(&one, "/a.ph", "/home/one/a.php"));
}

static void
what_is_more_than_a_file_is_not(void **state)
{
	struct resolution index = resolved("/index.php", "/home/one/index.php");
	struct resolution info = resolved("/b.php", "/home/one/b.php");
	struct resolution application = resolved("/c", "");
	struct resolution status = { .what = RESOLVED_STATUS, .status = 404, .path_info = "" };
	char path[400];

	(void)state;
	recent_keep(&one, "/", 1, &index);
	assert_false(found_as(&one, "/", "/home/one/index.php"));
	info.path_info = "/more";
	recent_keep(&one, "/b.php/more", 11, &info);
	assert_false(found_as(&one, "/b.php/more", "/home/one/b.php"));
	application.application = "/home/one/app";
	recent_keep(&one, "/c", 2, &application);
	assert_false(found_as(&one, "/c", ""));
	recent_keep(&one, "/d", 2, &status);
	assert_false(found_as(&one, "/d", ""));
	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	info = resolved(path, "/home/one/x");
	recent_keep(&one, path, strlen(path), &info);
	assert_false(found_as(&one, path, "/home/one/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_file_is_remembered_for_its_vhost),
		cmocka_unit_test(what_is_more_than_a_file_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
