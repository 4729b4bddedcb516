#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"
#include "processor/resolve.h"

#define LONG_NAME 300

/* the settings own their strings, so these are writable */
static char index_php[] = "index.php", index_html[] = "index.html", front[] = "/index.php",
    missing[] = "/none.php", folder[] = "/dir", php[] = ".php", pl[] = ".pl", perl[] = "/perl/",
    cgi_bin[] = "/cgi-bin/", app[] = "/app", raw[] = "/app/raw/", psgi[] = "/app.psgi";
static char *indexes[] = { index_php, index_html };
static struct handler_settings handlers[] = {
	{ .suffix = php, .kind = HANDLER_PHP },
	{ .prefix = cgi_bin, .kind = HANDLER_CGI },
	{ .prefix = app, .kind = HANDLER_PSGI, .application = psgi },
	{ .prefix = raw, .kind = HANDLER_STATIC },
	{ .suffix = pl, .prefix = perl, .kind = HANDLER_CGI },
};
static struct vhost_settings plain = {
	.index = { indexes, 2 }, .handlers = handlers,
	.handler_count = sizeof handlers / sizeof handlers[0],
};

static int
make_site(void **state)
{
	const char *folders[] = { "cgi-bin", "dir", "empty", ".git", ".well-known", "perl",
	    "app", "app/raw", "odd.php", "d" };
	char name[64];
	size_t i;

	(void)state;
	plain.document_root = strdup(fake_directory());
	for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", fake_directory(), folders[i]);
		assert_int_equal(mkdir(name, 0755), 0);
	}
	fake_write("index.php", "", 0644);
	fake_write("hello.php", "", 0644);
	fake_write("page.html", "", 0644);
	fake_write("dir/index.html", "", 0644);
	fake_write("cgi-bin/x.pl", "", 0755);
	fake_write("perl/x.pl", "", 0755);
	fake_write("perl/x.txt", "", 0644);
	fake_write("app/raw/a.php", "", 0644);
	fake_write(".git/config", "", 0644);
	fake_write(".htpasswd", "", 0644);
	fake_write(".well-known/token", "", 0644);
	fake_write("odd.php/x.txt", "", 0644);
	fake_write("d/index.html", "", 0644);
	snprintf(name, sizeof name, "%s/pipe", fake_directory());
	assert_int_equal(mkfifo(name, 0600), 0);
	snprintf(name, sizeof name, "%s/loop", fake_directory());
	assert_int_equal(symlink("loop", name), 0);
	snprintf(name, sizeof name, "%s/dangling", fake_directory());
	assert_int_equal(symlink("nowhere", name), 0);
	return 0;
}

static int
remove_site(void **state)
{
	(void)state;
	free(plain.document_root);
	fake_remove();
	return 0;
}

/* "what", then for a handler "kind script_name|path_info". */
static void
words(const struct resolution *is, char *out, size_t size)
{
	static const char *const kinds[] = { "static", "php", "cgi", "psgi", "perl-cgi" };

	if (is->what == RESOLVED_HANDLER)
		snprintf(out, size, "%s %s|%s", kinds[is->kind], is->script_name, is->path_info);
	else if (is->what == RESOLVED_DIRECTORY)
		snprintf(out, size, "redirect");
	else
		snprintf(out, size, "%d", is->status);
}

static const struct row {
	const char *name, *path, *without;
	const char *with;               /* fallback = "/index.php"; NULL: the same */
} rows[] = {
	{ "a script", "/hello.php", "php /hello.php|", NULL },
	{ "a file", "/page.html", "static /page.html|", NULL },
	{ "the root's index", "/", "php /index.php|", NULL },
	{ "a second index", "/dir/", "static /dir/index.html|", NULL },
	{ "a directory without slash", "/dir", "redirect", NULL },
	{ "a directory without index", "/empty/", "403", "php /index.php|" },
	{ "what follows a script", "/hello.php/a/b", "php /hello.php|/a/b", NULL },
	{ "a slash after a script", "/hello.php/", "php /hello.php|/", NULL },
	{ "what follows a file", "/page.html/a", "404", "php /index.php|" },
	{ "nothing there", "/none", "404", "php /index.php|" },
	{ "nothing there, deep", "/none/a/b.php", "404", "php /index.php|" },
	{ "nothing there, slash", "/none/", "404", "php /index.php|" },
	{ "a program", "/cgi-bin/x.pl", "cgi /cgi-bin/x.pl|", NULL },
	{ "a program with more", "/cgi-bin/x.pl/a/b", "cgi /cgi-bin/x.pl|/a/b", NULL },
	{ "a prefix's folder itself", "/cgi-bin/", "403", "php /index.php|" },
	{ "a prefix without its slash", "/cgi-bin", "redirect", NULL },
	{ "an application", "/app", "psgi /app|", NULL },
	{ "an application with more", "/app/a/b", "psgi /app|/a/b", NULL },
	{ "an application's dots are its own", "/app/.x", "psgi /app|/.x", NULL },
	{ "no prefix by letters alone", "/apple", "404", "php /index.php|" },
	{ "the longer prefix", "/app/raw/a.php", "static /app/raw/a.php|", NULL },
	{ "prefix and suffix", "/perl/x.pl", "cgi /perl/x.pl|", NULL },
	{ "prefix without suffix", "/perl/x.txt", "static /perl/x.txt|", NULL },
	{ "a dot file", "/.htpasswd", "403", NULL },
	{ "a dot file that isn't there", "/.env", "403", NULL },
	{ "in a dot folder", "/.git/config", "403", NULL },
	{ "a dot folder", "/.git", "403", NULL },
	{ "a dot after the script", "/hello.php/.x", "php /hello.php|/.x", NULL },
	{ "well-known", "/.well-known/token", "static /.well-known/token|", NULL },
	{ "well-known deeper", "/.well-known/.x", "403", NULL },
	{ "not quite well-known", "/.well-knownx", "403", NULL },
	{ "a folder named like a script", "/odd.php/x.txt", "static /odd.php/x.txt|", NULL },
	{ "a fifo", "/pipe", "403", NULL },
	{ "a link to itself", "/loop", "403", NULL },
	{ "a link to nothing", "/dangling", "404", "php /index.php|" },
	{ "no path", "*", "400", NULL },
};

static void
paths_resolve(void **state)
{
	struct vhost_settings with = plain;
	struct resolution is;
	char said[2 * PATH_MAX];
	size_t i;

	(void)state;
	with.fallback = front;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		resolve_path(&plain, rows[i].path, strlen(rows[i].path), &is);
		words(&is, said, sizeof said);
		if (strcmp(said, rows[i].without) != 0)
			fail_msg("%s: %s, not %s", rows[i].name, said, rows[i].without);
		resolve_path(&with, rows[i].path, strlen(rows[i].path), &is);
		words(&is, said, sizeof said);
		if (strcmp(said, rows[i].with != NULL ? rows[i].with : rows[i].without) != 0)
			fail_msg("%s, with fallback: %s", rows[i].name, said);
	}
}

static void
dot_files_are_served_where_asked(void **state)
{
	struct vhost_settings open = plain;
	struct resolution is;

	(void)state;
	open.dot_files = true;
	resolve_path(&open, "/.git/config", 12, &is);
	assert_int_equal(is.what, RESOLVED_HANDLER);
	assert_int_equal(is.kind, HANDLER_STATIC);
}

static void
what_an_answer_names_is_a_file_whatever_it_is(void **state)
{
	static const struct {
		const char *path;
		int status;     /* 0: sent */
	} named[] = {
		{ "/page.html", 0 }, { "/hello.php", 0 }, { "/cgi-bin/x.pl", 0 }, { "/.htpasswd", 0 },
		{ "/.git/config", 0 }, { "/app/raw/a.php", 0 }, { "/none", 404 }, { "/dir", 404 },
		{ "/dir/", 404 }, { "/", 404 }, { "/page.html/x", 404 }, { "/pipe", 403 },
		{ "/loop", 403 }, { "/dangling", 404 },
	};
	struct vhost_settings with = plain;
	struct resolution is;
	size_t i;

	(void)state;
	with.fallback = front;
	for (i = 0; i < sizeof named / sizeof named[0]; i++) {
		resolve_named(&with, named[i].path, strlen(named[i].path), &is);
		if (named[i].status == 0 ? is.what != RESOLVED_HANDLER || is.kind != HANDLER_STATIC ||
		    strcmp(is.script_name, named[i].path) != 0 :
		    is.what != RESOLVED_STATUS || is.status != named[i].status)
			fail_msg("%s: %d, status %d", named[i].path, is.what, is.status);
	}
}

static void
names_that_are_too_long_are_nothing(void **state)
{
	static char path[2 * PATH_MAX];
	struct resolution is;

	(void)state;
	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	path[LONG_NAME] = '\0';
	resolve_path(&plain, path, LONG_NAME, &is);
	assert_int_equal(is.status, 404);
	path[LONG_NAME] = 'a';
	resolve_path(&plain, path, sizeof path - 1, &is);
	assert_int_equal(is.status, 404);
	memcpy(path, "/hello.php/", 11);
	resolve_path(&plain, path, sizeof path - 1, &is);
	assert_int_equal(is.what, RESOLVED_HANDLER);
	assert_string_equal(is.script_name, "/hello.php");
	assert_int_equal(strlen(is.path_info), sizeof path - 1 - 10);
}

static void
a_fallback_that_is_missing_is_404(void **state)
{
	struct vhost_settings with = plain;
	struct resolution is;

	(void)state;
	with.fallback = missing;
	resolve_path(&with, "/x", 2, &is);
	assert_int_equal(is.what, RESOLVED_STATUS);
	assert_int_equal(is.status, 404);
	with.fallback = folder;
	resolve_path(&with, "/x", 2, &is);
	assert_int_equal(is.status, 404);
}

static void
the_root_may_end_in_a_slash(void **state)
{
	struct vhost_settings with = plain;
	char root[256], file[256];
	struct resolution is;

	(void)state;
	snprintf(root, sizeof root, "%s/", plain.document_root);
	snprintf(file, sizeof file, "%s/hello.php", plain.document_root);
	with.document_root = root;
	resolve_path(&with, "/hello.php", 10, &is);
	assert_string_equal(is.script_filename, file);
}

static void
a_location_is_encoded(void **state)
{
	char out[64];

	(void)state;
	assert_true(resolve_location(out, sizeof out, "/a b", 4, "x=1&y"));
	assert_string_equal(out, "/a%20b/?x=1&y");
	assert_true(resolve_location(out, sizeof out, "/a", 2, ""));
	assert_string_equal(out, "/a/");
	assert_true(resolve_location(out, 4, "/a", 2, NULL));
	assert_false(resolve_location(out, 3, "/a", 2, NULL));
	assert_false(resolve_location(out, 6, "/a", 2, "xyz"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_resolve),
		cmocka_unit_test(dot_files_are_served_where_asked),
		cmocka_unit_test(what_an_answer_names_is_a_file_whatever_it_is),
		cmocka_unit_test(names_that_are_too_long_are_nothing),
		cmocka_unit_test(a_fallback_that_is_missing_is_404),
		cmocka_unit_test(the_root_may_end_in_a_slash),
		cmocka_unit_test(a_location_is_encoded),
	};

	return cmocka_run_group_tests(tests, make_site, remove_site);
}
