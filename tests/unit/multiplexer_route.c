#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multiplexer/route.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* Pool 0 has processors of ours, 1 runs a program, 2 connects to servers. */
static char program[] = "/bin/x", server[] = "tcp:127.0.0.1:9";
static char *programs[] = { program }, *servers[] = { server };
static char index_html[] = "index.html", index_php[] = "index.php";
static char *indexes[] = { index_html, index_php };
static char php[] = ".php", cgi_bin[] = "/cgi-bin/", app[] = "/app", app_files[] = "/app/files";
static char fallback[] = "/front.php";

static struct pool_settings pools[] = {
	{ .handoff = HANDOFF_FD },
	{ .handoff = HANDOFF_FASTCGI, .command = { programs, 1 } },
	{ .handoff = HANDOFF_FASTCGI, .connect = { servers, 1 } },
};
static const struct settings settings = { .pools = pools, .pool_count = COUNT(pools) };

static struct handler_settings mixed[] = {
	{ .suffix = php, .kind = HANDLER_FASTCGI, .pool = 2 },
	{ .prefix = cgi_bin, .kind = HANDLER_CGI, .pool = SETTINGS_NONE },
	{ .prefix = app, .kind = HANDLER_FASTCGI, .pool = 1 },
	{ .prefix = app_files, .kind = HANDLER_STATIC, .pool = SETTINGS_NONE },
};
static struct handler_settings own[] = {
	{ .suffix = php, .kind = HANDLER_FASTCGI, .pool = SETTINGS_NONE },
};

static const struct vhost_settings files = {
	.pool = 0, .handlers = mixed, .handler_count = COUNT(mixed),
	.index = { indexes, 2 }, .fallback = fallback,
};
static const struct vhost_settings alone = { .pool = 1 };
static const struct vhost_settings scripts = {
	.pool = 2, .handlers = own, .handler_count = COUNT(own), .index = { indexes, 2 },
};
static const struct vhost_settings front = {
	.pool = 2, .handlers = own, .handler_count = COUNT(own), .fallback = fallback,
};
static const struct vhost_settings dotted = {
	.pool = 2, .handlers = own, .handler_count = COUNT(own), .dot_files = true,
};

static const struct {
	const char *what;
	const struct vhost_settings *vhost;
	const char *path;
	int status;
	uint32_t pool;
	const char *script, *info;      /* script NULL: not a FastCGI program's */
} rows[] = {
	{ "a file", &files, "/style.css", 0, 0, NULL, "" },
	{ "a folder is looked into", &files, "/", 0, 0, NULL, "" },
	{ "a script", &files, "/a.php", 0, 2, "/a.php", "" },
	{ "a script deeper", &files, "/d/a.php", 0, 2, "/d/a.php", "" },
	{ "a script and more", &files, "/a.php/b/c", 0, 2, "/a.php", "/b/c" },
	{ "the first script", &files, "/a.php/b.php", 0, 2, "/a.php", "/b.php" },
	{ "a suffix alone is hidden", &files, "/.php", 0, 0, NULL, "" },
	{ "a suffix in the middle of a name", &files, "/a.phps", 0, 0, NULL, "" },
	{ "a hidden script", &files, "/.git/a.php", 0, 0, NULL, "" },
	{ "hidden after the script", &files, "/a.php/.x", 0, 2, "/a.php", "/.x" },
	{ "what is well known", &files, "/.well-known/a.php", 0, 2, "/.well-known/a.php", "" },
	{ "a prefix", &files, "/app", 0, 1, "/app", "" },
	{ "a prefix and more", &files, "/app/x", 0, 1, "/app", "/x" },
	{ "a prefix goes before a suffix", &files, "/app/x.php", 0, 1, "/app", "/x.php" },
	{ "no prefix", &files, "/apple", 0, 0, NULL, "" },
	{ "a longer prefix of ours", &files, "/app/files/x.php", 0, 0, NULL, "" },
	{ "a CGI folder", &files, "/cgi-bin/x.php", 0, 0, NULL, "" },
	{ "an application's root", &alone, "/", 0, 1, "", "/" },
	{ "an application's path", &alone, "/x/y.php", 0, 1, "", "/x/y.php" },
	{ "a server's script", &scripts, "/x.php/y", 0, 2, "/x.php", "/y" },
	{ "a server's index", &scripts, "/", 0, 2, "/index.php", "" },
	{ "a deeper index", &scripts, "/d/", 0, 2, "/d/index.php", "" },
	{ "a hidden index", &scripts, "/.d/", 404, 2, NULL, "" },
	{ "no file without processors", &scripts, "/x.css", 404, 2, NULL, "" },
	{ "a fallback", &front, "/x/y", 0, 2, "/front.php", "" },
	{ "a fallback for a folder", &front, "/", 0, 2, "/front.php", "" },
	{ "no fallback for what is hidden", &front, "/.git/x", 404, 2, NULL, "" },
	{ "hidden, and meant to be seen", &dotted, "/.x/y.php", 0, 2, "/.x/y.php", "" },
};

static void
paths_find_their_pool(void **state)
{
	struct route route;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		route_find(&settings, rows[i].vhost, rows[i].path, &route);
		if (route.status != rows[i].status)
			fail_msg("%s: status %d", rows[i].what, route.status);
		if (route.status != 0)
			continue;
		if (route.pool != rows[i].pool)
			fail_msg("%s: pool %u", rows[i].what, route.pool);
		if (route.script != (rows[i].script != NULL))
			fail_msg("%s: a script?", rows[i].what);
		if (route.script && (strcmp(route.script_name, rows[i].script) != 0 ||
		    strcmp(route.path_info, rows[i].info) != 0))
			fail_msg("%s: %s and %s", rows[i].what, route.script_name,
			    route.path_info);
	}
}

static void
a_long_path_is_no_script(void **state)
{
	static char path[ROUTE_SCRIPT + 10];
	struct route route;

	(void)state;
	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	memcpy(path + sizeof path - 5, ".php", 4);
	route_find(&settings, &scripts, path, &route);
	assert_int_equal(route.status, 404);
	route_find(&settings, &files, path, &route);
	assert_int_equal(route.pool, 0);
	assert_true(route_passes(&files));
	assert_false(route_passes(&alone));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_their_pool),
		cmocka_unit_test(a_long_path_is_no_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
