#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "settings/reading.h"
#include "settings_said.h"

static const struct settings_row *
row_at(enum settings_group_id id, size_t i)
{
	if (id == GROUP_COUNT)
		return i < TUNING_ROWS ? &schema_tuning[i] : NULL;
	return i < schema_group(id)->count ? &schema_group(id)->rows[i] : NULL;
}

static void
every_row_is_documented(void **state)
{
	const struct settings_row *row;
	enum settings_group_id id;
	size_t i;

	(void)state;
	for (id = 0; id <= GROUP_COUNT; id++)
		for (i = 0; (row = row_at(id, i)) != NULL; i++) {
			if (row->help == NULL || strlen(row->help) < 10 ||
			    row->help[strlen(row->help) - 1] != '.')
				fail_msg("%s has no sentence of help", row->name);
			if ((row->kind == KIND_WORD) != (row->words != NULL))
				fail_msg("%s: only words have words", row->name);
			if (row->least > row->most && row->kind != KIND_TEXT)
				fail_msg("%s: least is more than most", row->name);
			if ((row->kind == KIND_GROUP || row->kind == KIND_GROUPS) !=
			    (row->of != GROUP_NONE))
				fail_msg("%s: only groups have groups", row->name);
		}
}

static void
every_row_is_found_by_its_name(void **state)
{
	const struct settings_row *row;
	enum settings_group_id id;
	int tuned;
	size_t i;

	(void)state;
	for (id = 0; id < GROUP_COUNT; id++)
		for (i = 0; (row = row_at(id, i)) != NULL; i++)
			if (schema_find(schema_group(id), row->name, &tuned) != row)
				fail_msg("%s stands twice", row->name);
	row = schema_find(schema_group(GROUP_VHOST), "send_timeout", &tuned);
	assert_ptr_equal(row, &schema_tuning[tuned]);
	assert_null(schema_find(schema_group(GROUP_LISTEN), "send_timeout", &tuned));
}

static void
every_default_parses(void **state)
{
	struct reading reading;
	enum settings_group_id id;
	struct said said;

	(void)state;
	said_begin(&said);
	reading_begin(&reading, SETTINGS_CHECK, &said.report);
	for (id = 0; id < GROUP_COUNT; id++)
		assert_non_null(group_defaults(&reading, id));
	if (said.count > 0)
		fail_msg("%s", said.at[0].text);
	arena_free(&reading.arena);
	arena_free(&reading.scratch);
}

static void
defaults_are_what_the_table_says(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD POOL VHOST, SETTINGS_CHECK);
	assert_non_null(settings);
	assert_int_equal(settings->header_timeout, 30000);
	assert_int_equal(settings->max_request_head, 32768);
	assert_int_equal(settings->max_clients, 20000);
	assert_int_equal(settings->log_level, LEVEL_NOTICE);
	assert_int_equal(settings->control_mode, 0600);
	assert_int_equal(settings->tuning.max_processors, 10);
	assert_int_equal(settings->tuning.max_body_size, 64u * 1024 * 1024);
	assert_true(settings->tuning.keep_alive);
	assert_string_equal(settings->pid_file, RUNSTATEDIR "/peruserd/peruserd.pid");
	assert_string_equal(settings->spool_dir, LOCALSTATEDIR "/spool/peruserd");
	assert_true(settings->pools[0].no_new_privs);
	assert_int_equal(settings->pools[0].umask, 022);
	assert_int_equal(settings->pools[0].limits[CONFINE_NOFILE], 1024);
	assert_true(settings->pools[0].limits[CONFINE_CPU] == CONFINE_UNSET);
	assert_string_equal(settings->vhosts[0].access_log_format, "combined");
	assert_string_equal(settings->vhosts[0].index.at[0], "index.html");
	settings_free(&settings);
	assert_null(settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_documented),
		cmocka_unit_test(every_row_is_found_by_its_name),
		cmocka_unit_test(every_default_parses),
		cmocka_unit_test(defaults_are_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
