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
	assert_memory_equal(&back->pools[0].tuning, &settings->pools[0].tuning,
	    sizeof back->tuning);
	assert_memory_equal(&back->vhosts[1].tuning, &settings->vhosts[1].tuning,
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
	assert_memory_equal(&mux->vhosts[2].tuning, &settings->vhosts[2].tuning,
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
	assert_memory_equal(&pool->pools[0].tuning, &settings->pools[0].tuning,
	    sizeof pool->tuning);
	assert_null(pool->vhosts[0].access_log);
	assert_null(strstr(text.at, "b.test"));
	assert_null(strstr(text.at, "listen"));
	free(text.at);
	settings_free(&pool);
	settings_free(&settings);
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
		cmocka_unit_test(a_slice_is_read_from_its_descriptor),
		cmocka_unit_test(what_is_disabled_stays_so_in_a_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
