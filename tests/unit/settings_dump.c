#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "settings_said.h"

#ifdef WITH_PHP
#define PHP "php"
#else
#define PHP "cgi"
#endif

/* Something of everything, and nothing as it is by default. */
static const char full[] =
    "listen = ( { address = \"127.0.0.1:8080\"; connections = \"private\"; backlog = 7; },\n"
    "{ address = \"unix:/run/x\"; owner = \"daemon\"; group = \"bin\"; mode = \"0600\"; } );\n"
    "control = { socket = \"/run/c\"; mode = \"0660\"; group = \"daemon\"; };\n"
    "pid_file = \"/run/p\"; error_log = \"/var/log/e\"; log_level = \"debug\"; spool_dir = \"/tmp\";\n"
    "server_header = \"\"; header_timeout = \"1500ms\"; max_request_head = 5000;\n"
    "max_body_size = \"5g\"; keep_alive = false; stream_body = true; max_processors = 8;\n"
    "multiplexers = ( { user = \"nobody\"; group = \"nogroup\"; count = 3; } );\n"
    "processors = ( { name = \"a\"; user = \"daemon\"; group = \"bin\"; chroot = \"/usr\";\n"
    "  env = [ \"A=b \\\"c\\\" \\\\ \\n\\x09\", \"B=\" ]; php_value = [ \"x=1\" ];\n"
    "  php_admin_value = [ \"y=2\" ]; php_flag = [ \"z=on\" ]; php_admin_flag = [ \"w=off\" ];\n"
    "  perl_preload = [ \"POSIX\" ]; perl_lib = [ \"/usr/lib\" ];\n"
    "  php_ini = \"/etc/passwd\"; php_ini_scan_dir = \"/etc\"; error_log = \"/var/log/a\";\n"
    "  no_new_privs = false; umask = \"027\"; nice_level = 5; namespaces = false;\n"
    "  limits = { cpu = 60; as = \"1g\"; nproc = 64; nofile = 99; fsize = 5000000000L; core = 1; };\n"
    "  idle_timeout = 7; queue_timeout = \"250ms\"; },\n"
    "{ name = \"b\"; user = \"sys\"; },\n"
    "{ name = \"s\"; handoff = \"fastcgi\"; connect = [ \"unix:/usr/s\", \"tcp:[::1]:9\" ];\n"
    "  keep_connections = true; connect_timeout = 2; },\n"
    "{ name = \"p\"; user = \"bin\"; handoff = \"fastcgi\"; command = [ \"/bin/p\", \"-x\" ]; } );\n"
    "vhosts = ( { server_name = \"b.test\"; processor = \"b\"; document_root = \"/etc\"; "
    "access_log = \"/var/log/b\"; },\n"
    "{ server_name = \"a.test\"; aliases = [ \"*.a.test\" ]; default_vhost = true;\n"
    "  processor = \"a\"; document_root = \"/usr/share\"; index = [ ]; fallback = \"/i\";\n"
    "  dot_files = true; access_log = \"/var/log/b\"; access_log_format = \"%h \\\"%r\\\"\";\n"
    "  env = [ \"C=d\" ]; perl_lib = [ \"/usr/share\" ]; show_errors = true;\n"
    "  php_value = [ \"v=1\" ]; max_processors = 3; send_timeout = 9;\n"
    "  handlers = ( { suffix = \".php\"; handler = \"" PHP "\"; },\n"
    "  { prefix = \"/cgi-bin/\"; handler = \"cgi\"; } ); },\n"
    "{ server_name = \"c.test\"; processor = \"a\"; document_root = \"/usr\"; },\n"
    "{ server_name = \"d.test\"; processor = \"b\"; document_root = \"/usr\"; stream_body = false;\n"
    "  handlers = ( { suffix = \".pl\"; handler = \"fastcgi\"; processor = \"s\"; } ); },\n"
    "{ server_name = \"e.test\"; processor = \"p\"; document_root = \"/usr\"; stream_body = false;\n"
    "  handlers = ( { prefix = \"/p\"; handler = \"fastcgi\"; } ); } );\n";

struct text {
	char *at;
	size_t len;
};

static struct settings *
full_read(void)
{
	struct settings *settings;
	struct said said;

	settings = said_read(&said, full, SETTINGS_CHECK);
	if (settings == NULL)
		fail_msg("%u: %s", said.at[0].line, said.at[0].text);
	return settings;
}

static struct settings *
again(const struct text *text, enum settings_purpose purpose)
{
	struct settings *settings;
	struct said said;

	settings = said_read(&said, text->at, purpose);
	if (settings == NULL)
		fail_msg("%u: %s\n%s", said.at[0].line, said.at[0].text, text->at);
	return settings;
}

static struct text
dump_of(const struct settings *settings)
{
	struct text text = { NULL, 0 };
	FILE *out = open_memstream(&text.at, &text.len);

	assert_true(settings_dump(settings, out));
	fclose(out);
	return text;
}

static struct text
slice_of(const struct settings *settings, uint32_t pool)
{
	struct text text = { NULL, 0 };
	FILE *out = open_memstream(&text.at, &text.len);

	if (pool == SETTINGS_NONE)
		assert_true(settings_slice_multiplexer(settings, out));
	else
		assert_true(settings_slice_pool(settings, pool, out));
	fclose(out);
	return text;
}

/* The dump shows everything, so equal dumps are equal settings; some is looked at besides. */
static void
a_dump_reads_as_the_same_settings(void **state)
{
	struct settings *settings = full_read(), *back;
	struct text first = dump_of(settings), second;

	(void)state;
	back = again(&first, SETTINGS_CHECK);
	second = dump_of(back);
	assert_string_equal(first.at, second.at);
	assert_int_equal(back->header_timeout, 1500);
	assert_int_equal(back->vhosts[1].index.count, 0);
	assert_string_equal(back->pools[0].env.at[0], "A=b \"c\" \\ \n\t");
	assert_memory_equal(back->pools[0].limits, settings->pools[0].limits,
	    sizeof back->pools[0].limits);
	assert_memory_equal(&back->tuning, &settings->tuning, sizeof back->tuning);
	assert_memory_equal(back->pools[0].tuning, settings->pools[0].tuning,
	    sizeof back->tuning);
	assert_memory_equal(back->vhosts[1].tuning, settings->vhosts[1].tuning,
	    sizeof back->tuning);
	free(first.at);
	free(second.at);
	settings_free(&settings);
	settings_free(&back);
}

static void
a_multiplexer_keeps_every_index_and_no_secret(void **state)
{
	static const char *const secrets[] = { "env", "php_value", "php_admin", "php_flag",
	    "php_ini", "limits", "control" };
	struct settings *settings = full_read(), *mux;
	struct text text = slice_of(settings, SETTINGS_NONE);
	size_t i;

	(void)state;
	mux = again(&text, SETTINGS_SLICE);
	assert_int_equal(mux->pool_count, 4);
	assert_int_equal(mux->vhost_count, 5);
	assert_int_equal(mux->vhosts[3].handlers[0].pool, 2);
	assert_int_equal(settings_handler_pool(&mux->vhosts[4], &mux->vhosts[4].handlers[0]), 3);
	assert_int_equal(settings_pool_runs(&mux->pools[2]), RUNS_SERVER);
	assert_int_equal(settings_pool_runs(&mux->pools[3]), RUNS_PROGRAM);
	assert_int_equal(mux->listen_count, 2);
	assert_int_equal(mux->multiplexer_total, 3);
	assert_string_equal(mux->vhosts[1].server_name, "a.test");
	assert_int_equal(mux->vhosts[0].pool, 1);
	assert_int_equal(mux->vhosts[2].pool_vhost, 1);
	assert_int_equal(mux->logs.count, settings->logs.count);
	for (i = 0; i < mux->logs.count; i++)
		assert_string_equal(mux->logs.at[i], settings->logs.at[i]);
	assert_int_equal(mux->vhosts[0].log, settings->vhosts[0].log);
	assert_int_equal(mux->vhosts[1].log, settings->vhosts[0].log);
	assert_memory_equal(mux->vhosts[2].tuning, settings->vhosts[2].tuning,
	    sizeof mux->tuning);
	for (i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (strstr(text.at, secrets[i]) != NULL)
			fail_msg("the multiplexers learn %s", secrets[i]);
	free(text.at);
	settings_free(&mux);
	settings_free(&settings);
}

static void
a_pool_learns_of_itself_alone(void **state)
{
	struct settings *settings = full_read(), *pool;
	struct text text = slice_of(settings, 0);

	(void)state;
	pool = again(&text, SETTINGS_SLICE);
	assert_int_equal(pool->pool_count, 1);
	assert_int_equal(pool->vhost_count, 2);
	assert_string_equal(pool->pools[0].name, "a");
	assert_string_equal(pool->vhosts[0].server_name, "a.test");
	assert_int_equal(pool->vhosts[1].pool_vhost, 1);
	assert_string_equal(pool->vhosts[0].document_root, "/share");
	assert_string_equal(pool->vhosts[1].document_root, "/");
	assert_string_equal(pool->pools[0].home, "/sbin");
	assert_string_equal(pool->pools[0].php_ini, "/etc/passwd");
	assert_string_equal(pool->mime_types, settings->mime_types);
	assert_int_equal(pool->pools[0].limits[CONFINE_CPU], 60);
	assert_int_equal(pool->pools[0].tuning->send_timeout, settings->pools[0].tuning->send_timeout);
	assert_int_equal(pool->vhosts[0].tuning->send_timeout, 9000);
	assert_int_equal(pool->pools[0].tuning->max_body_size,
	    settings->pools[0].tuning->max_body_size);
	assert_true(pool->pools[0].tuning->stream_body);
	/* Numbers that the manager alone needs may change without a new zygote. */
	assert_null(strstr(text.at, "max_processors"));
	assert_null(strstr(text.at, "idle_timeout"));
	assert_null(pool->vhosts[0].access_log);
	assert_null(strstr(text.at, "b.test"));
	assert_null(strstr(text.at, "listen"));
	free(text.at);
	settings_free(&pool);
	settings_free(&settings);
}

static struct text
written(const struct settings *settings, const struct settings *next, const char *pool)
{
	struct text text = { NULL, 0 };
	FILE *out = open_memstream(&text.at, &text.len);

	assert_true(pool != NULL ? settings_write_with(settings, next, pool, out) :
	    settings_write(settings, out));
	fclose(out);
	return text;
}

/* With who everybody is, so that nothing need be looked up again. */
static void
what_is_written_reads_as_the_same(void **state)
{
	struct settings *settings = full_read(), *back;
	struct text text = written(settings, NULL, NULL), dumps[2];
	uint32_t i;

	(void)state;
	back = again(&text, SETTINGS_SLICE);
	dumps[0] = dump_of(settings);
	dumps[1] = dump_of(back);
	assert_string_equal(dumps[0].at, dumps[1].at);
	for (i = 0; i < settings->pool_count; i++) {
		assert_int_equal(back->pools[i].uid, settings->pools[i].uid);
		assert_int_equal(back->pools[i].gid, settings->pools[i].gid);
		assert_int_equal(back->pools[i].group_count, settings->pools[i].group_count);
		assert_memory_equal(back->pools[i].groups, settings->pools[i].groups,
		    settings->pools[i].group_count * sizeof back->pools[i].groups[0]);
		assert_true(settings_same_pool(settings, i, back, i));
	}
	assert_false(settings_same_pool(settings, 0, back, 1));
	assert_int_equal(back->multiplexers[0].uid, settings->multiplexers[0].uid);
	free(text.at);
	free(dumps[0].at);
	free(dumps[1].at);
	settings_free(&back);
	settings_free(&settings);
}

#define PAIR(env, user, more) "listen = ( { address = \"127.0.0.1:80\"; } );\n" \
    "processors = ( { name = \"one\"; user = \"daemon\"; " env " }, { name = \"two\"; user = \"" \
    user "\"; env = [ \"A=2\" ]; } );\n" \
    "vhosts = ( { server_name = \"one.test\"; processor = \"one\"; document_root = \"/usr\"; }, " \
    "{ server_name = \"two.test\"; processor = \"two\"; document_root = \"/usr\"; " more " } );\n" \
    "multiplexers = ( { user = \"nobody\"; group = \"nogroup\"; } );"

/* What a zygote is told, and who it is to be, and nothing else, makes two pools differ. */
static void
pools_differ_by_what_they_are_told(void **state)
{
	static const struct { const char *text; bool one, two; } rows[] = {
		{ PAIR("", "bin", ""), true, true },
		{ PAIR("max_processors = 3; idle_timeout = 9;", "bin", ""), true, true },
		{ PAIR("error_log = \"/var/log/x\";", "bin", "access_log = \"/var/log/y\";"), true,
		    true },
		{ PAIR("env = [ \"B=1\" ];", "bin", ""), false, true },
		{ PAIR("", "sys", ""), true, false },
		{ PAIR("", "bin", "aliases = [ \"x.test\" ];"), true, false },
		{ PAIR("", "bin", "send_timeout = 9;"), true, false },
		{ PAIR("limits = { nofile = 99; };", "bin", ""), false, true },
		{ "log_level = \"debug\";\n" PAIR("", "bin", ""), false, false },
		{ "server_limit = 9;\n" PAIR("", "bin", ""), true, true },
	};
	struct settings *settings, *other;
	struct said said;
	size_t i;

	(void)state;
	settings = said_read(&said, rows[0].text, SETTINGS_CHECK);
	assert_non_null(settings);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		other = said_read(&said, rows[i].text, SETTINGS_CHECK);
		assert_non_null(other);
		if (settings_same_pool(settings, 0, other, 0) != rows[i].one ||
		    settings_same_pool(settings, 1, other, 1) != rows[i].two)
			fail_msg("row %zu", i);
		settings_free(&other);
	}
	settings_free(&settings);
}

static struct settings *
with(const char *now_text, const char *next_text, const char *pool)
{
	struct settings *now, *next, *both;
	struct text text;
	struct said said;

	now = said_read(&said, now_text, SETTINGS_CHECK);
	next = said_read(&said, next_text, SETTINGS_CHECK);
	assert_non_null(now);
	assert_non_null(next);
	text = written(now, next, pool);
	both = again(&text, SETTINGS_SLICE);
	free(text.at);
	settings_free(&now);
	settings_free(&next);
	return both;
}

#define ALONE(name) "listen = ( { address = \"127.0.0.1:80\"; } );\n" \
    "processors = ( { name = \"" name "\"; user = \"daemon\"; } );\n" \
    "vhosts = ( { server_name = \"" name ".test\"; processor = \"" name \
    "\"; document_root = \"/usr\"; } );\n" \
    "multiplexers = ( { user = \"nobody\"; group = \"nogroup\"; } );"

/* One pool changed, added, taken away; the rest as it was. */
static void
one_pool_of_another_configuration(void **state)
{
	struct settings *both;

	(void)state;
	both = with(PAIR("", "bin", ""), PAIR("env = [ \"B=1\" ];", "sys", ""), "one");
	assert_int_equal(both->pool_count, 2);
	assert_int_equal(both->vhost_count, 2);
	assert_string_equal(both->pools[settings_find_pool(both, "one")].env.at[0], "B=1");
	assert_string_equal(both->pools[settings_find_pool(both, "two")].user, "bin");
	settings_free(&both);
	both = with(PAIR("", "bin", ""), ALONE("three"), "three");
	assert_int_equal(both->pool_count, 3);
	assert_int_equal(both->vhost_count, 3);
	settings_free(&both);
	both = with(PAIR("", "bin", ""), ALONE("three"), "two");
	assert_int_equal(both->pool_count, 1);
	assert_string_equal(both->vhosts[0].server_name, "one.test");
	settings_free(&both);
}

static void
a_slice_is_read_from_its_descriptor(void **state)
{
	struct settings *settings = full_read(), *pool;
	struct text text = slice_of(settings, 1);
	int fd = fd_sealed("slice", text.at, text.len);
	struct said said;

	(void)state;
	said_begin(&said);
	pool = settings_read_fd(fd, &said.report);
	assert_non_null(pool);
	assert_string_equal(pool->pools[0].name, "b");
	assert_int_equal(pool->vhosts[1].handlers[0].kind, HANDLER_FASTCGI);
	assert_int_equal(pool->vhosts[1].handlers[0].pool, SETTINGS_NONE);
	settings_free(&pool);
	close(fd);
	assert_null(settings_read_fd(fd, &said.report));
	assert_int_equal(said.report.errors, 1);
	free(text.at);
	settings_free(&settings);
}

static void
what_is_disabled_stays_so_in_a_slice(void **state)
{
	struct settings *settings, *mux;
	struct text text;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD "processors = ( { name = \"a\"; user = \"nosuch-user\"; },\n"
	    "{ name = \"b\"; user = \"daemon\"; } );\n"
	    "vhosts = ( { server_name = \"a\"; processor = \"b\"; document_root = \"/nowhere\"; } );\n",
	    SETTINGS_START);
	assert_non_null(settings);
	text = slice_of(settings, SETTINGS_NONE);
	mux = again(&text, SETTINGS_SLICE);
	assert_string_equal(mux->pools[0].disabled, settings->pools[0].disabled);
	assert_null(mux->pools[1].disabled);
	assert_string_equal(mux->vhosts[0].disabled, settings->vhosts[0].disabled);
	free(text.at);
	settings_free(&mux);
	settings_free(&settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_reads_as_the_same_settings),
		cmocka_unit_test(a_multiplexer_keeps_every_index_and_no_secret),
		cmocka_unit_test(a_pool_learns_of_itself_alone),
		cmocka_unit_test(what_is_written_reads_as_the_same),
		cmocka_unit_test(pools_differ_by_what_they_are_told),
		cmocka_unit_test(one_pool_of_another_configuration),
		cmocka_unit_test(a_slice_is_read_from_its_descriptor),
		cmocka_unit_test(what_is_disabled_stays_so_in_a_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
