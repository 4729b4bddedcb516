#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings_said.h"

static char folder[] = "/tmp/settings_include.XXXXXX";
static const char *const names[] = { "main.cfg", "conf.d/a.cfg", "conf.d/b.cfg",
    "conf.d/deep/c.cfg", "part.cfg" };
#define NAMES (sizeof names / sizeof names[0])

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	fclose(out);
}

static struct settings *
read_main(struct said *said)
{
	char path[256];

	snprintf(path, sizeof path, "%s/main.cfg", folder);
	said_begin(said);
	return settings_read(path, SETTINGS_CHECK, &said->report);
}

static bool
is_in(const struct said *said, const char *name, unsigned line)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return strcmp(said->at[0].file, path) == 0 && said->at[0].line == line;
}

static void
lists_are_appended_in_order(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	put("main.cfg", HEAD POOL VHOST "include = [ \"conf.d/*.cfg\", \"none.d/*.cfg\" ];\n");
	put("conf.d/b.cfg", "vhosts = ( { server_name = \"c.test\"; processor = \"c\"; "
	    "document_root = \"/\"; } );\n");
	put("conf.d/a.cfg", "send_timeout = 7;\ninclude = \"deep/c.cfg\";\n"
	    "vhosts = ( { server_name = \"b.test\"; processor = \"a\"; document_root = \"/\"; } );\n");
	put("conf.d/deep/c.cfg", "processors = ( { name = \"c\"; user = \"sys\"; } );\n");
	settings = read_main(&said);
	if (settings == NULL)
		fail_msg("%s:%u: %s", said.at[0].file, said.at[0].line, said.at[0].text);
	assert_int_equal(settings->vhost_count, 3);
	assert_string_equal(settings->vhosts[1].server_name, "b.test");
	assert_string_equal(settings->vhosts[2].server_name, "c.test");
	assert_int_equal(settings->vhosts[2].pool, 1);
	assert_int_equal(settings->tuning.send_timeout, 7000);
	assert_true(strstr(settings->vhosts[2].place.file, "/conf.d/b.cfg") != NULL);
	settings_free(&settings);
}

static void
a_scalar_stands_in_one_file_only(void **state)
{
	struct said said;

	(void)state;
	put("main.cfg", HEAD POOL VHOST "include = [ \"conf.d/[ab].cfg\" ];\nsend_timeout = 5;\n");
	put("conf.d/a.cfg", "\n\nsend_timeout = 7;\n");
	put("conf.d/b.cfg", "\n");
	assert_null(read_main(&said));
	assert_int_equal(said.count, 1);
	assert_true(is_in(&said, "conf.d/a.cfg", 3));
	assert_true(said_has(&said, "/main.cfg:7;"));
}

static void
a_mistake_is_placed_in_its_file(void **state)
{
	struct said said;

	(void)state;
	put("main.cfg", HEAD POOL VHOST "include = [ \"conf.d/[ab].cfg\" ];\n");
	put("conf.d/b.cfg", "\nquux = 5;\n");
	put("conf.d/a.cfg", "\n");
	assert_null(read_main(&said));
	assert_true(is_in(&said, "conf.d/b.cfg", 2));
	put("conf.d/b.cfg", "\n\nsend_timeout = 08;\n");
	assert_null(read_main(&said));
	assert_true(is_in(&said, "conf.d/b.cfg", 3));
	put("conf.d/b.cfg", "\n\nsend_timeout = ;\n");
	assert_null(read_main(&said));
	assert_int_equal(said.count, 1);
	assert_true(is_in(&said, "conf.d/b.cfg", 3));
}

static void
libconfigs_own_include_is_placed_too(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	put("main.cfg", HEAD "@include \"part.cfg\"\n" VHOST);
	put("part.cfg", POOL);
	settings = read_main(&said);
	assert_non_null(settings);
	assert_true(strstr(settings->pools[0].place.file, "/part.cfg") != NULL);
	assert_true(strstr(settings->vhosts[0].place.file, "/main.cfg") != NULL);
	assert_int_equal(settings->vhosts[0].place.line, 4);
	settings_free(&settings);
	put("part.cfg", "\nsend_timeout = 08;\n" POOL);
	assert_null(read_main(&said));
	assert_true(is_in(&said, "part.cfg", 2));
	put("part.cfg", "\n\nquux = 1;\n" POOL);
	assert_null(read_main(&said));
	assert_true(is_in(&said, "part.cfg", 3));
	put("part.cfg", "\n\nquux = ( ;\n");
	assert_null(read_main(&said));
	assert_true(is_in(&said, "part.cfg", 3));
}

static void
what_cannot_be_read_is_told(void **state)
{
	struct said said;

	(void)state;
	put("main.cfg", HEAD POOL VHOST "\ninclude = [ \"conf.d/nosuch.cfg\" ];\n");
	assert_null(read_main(&said));
	assert_int_equal(said.count, 1);
	assert_true(is_in(&said, "main.cfg", 7));
	assert_true(said_has(&said, "nosuch.cfg: No such file"));
	put("main.cfg", HEAD POOL VHOST "include = [ \"conf.d\" ];\n");
	assert_null(read_main(&said));
	assert_true(said_has(&said, "Is a directory"));
	put("main.cfg", HEAD POOL VHOST "include = [ \"main.cfg\" ];\n");
	assert_null(read_main(&said));
	assert_true(said_has(&said, "included for the second time"));
	put("main.cfg", HEAD POOL VHOST "@include \"main.cfg\"\n");
	assert_null(read_main(&said));
	said_begin(&said);
	assert_null(settings_read("/nowhere/x.cfg", SETTINGS_CHECK, &said.report));
	assert_true(said_has(&said, "can't read /nowhere/x.cfg"));
}

static void
a_slice_includes_nothing(void **state)
{
	struct said said;

	(void)state;
	assert_null(said_read(&said, "include = [ \"/etc/passwd\" ];\n", SETTINGS_SLICE));
	assert_true(said_has(&said, "a slice includes nothing"));
	assert_null(said_read(&said, "\n@include \"/etc/passwd\"\n", SETTINGS_SLICE));
	assert_true(said_has(&said, "a slice includes nothing"));
	assert_int_equal(said.at[0].line, 2);
}

static int
begin(void **state)
{
	char path[256];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/conf.d", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/conf.d/deep", folder);
	return mkdir(path, 0700);
}

static int
end(void **state)
{
	static const char *const folders[] = { "conf.d/deep", "conf.d", "" };
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
		rmdir(path);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_appended_in_order),
		cmocka_unit_test(a_scalar_stands_in_one_file_only),
		cmocka_unit_test(a_mistake_is_placed_in_its_file),
		cmocka_unit_test(libconfigs_own_include_is_placed_too),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(a_slice_includes_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
