/*
 * The manual's list of settings is the table's.  With the argument "print" the
 * program prints it:  tests/unit/settings_manual print >man/settings.5.in
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "settings/schema.h"
#include "settings_said.h"

static char *
source_file(const char *name)
{
	const char *folder = getenv("srcdir");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *in;

	snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : ".", name);
	in = fopen(path, "r");
	if (in == NULL)
		fail_msg("%s can't be read (srcdir says where the source is)", path);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

static char *
manual(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_true(settings_manual(out));
	fclose(out);
	return text;
}

static void
the_committed_list_is_the_tables(void **state)
{
	char *committed = source_file("man/settings.5.in"), *made = manual();

	(void)state;
	if (strcmp(committed, made) != 0)
		fail_msg("man/settings.5.in is out of date; run "
		    "tests/unit/settings_manual print >man/settings.5.in");
	free(committed);
	free(made);
}

static void
every_setting_is_in_it(void **state)
{
	char *made = manual(), heading[128];
	enum settings_group_id id;
	size_t i;

	(void)state;
	for (id = 0; id < GROUP_COUNT; id++)
		for (i = 0; i < schema_group(id)->count; i++) {
			if ((schema_group(id)->rows[i].where & ONLY_SLICE) != 0)
				continue;
			snprintf(heading, sizeof heading, ".BR %s ",
			    schema_group(id)->rows[i].name);
			if (strstr(made, heading) == NULL)
				fail_msg("%s is missing", heading);
		}
	free(made);
}

/* Accounts and folders of the example are nobody's; all else must be right. */
static bool
is_to_be_edited(const char *text)
{
	static const char *const edits[] = { "there is no user", "there is no group",
	    "doesn't exist", "built without PHP" };
	size_t i;

	for (i = 0; i < sizeof edits / sizeof edits[0]; i++)
		if (strstr(text, edits[i]) != NULL)
			return true;
	return false;
}

static void
the_example_needs_the_obvious_edits_only(void **state)
{
	static const char *const names[] = { "conf/peruserd.cfg", "conf/conf.d/site.cfg" };
	struct settings *settings;
	struct said said;
	char *text, *whole;
	size_t i;
	unsigned j;

	(void)state;
	for (i = 0; i < 2; i++) {
		text = source_file(names[i]);
		whole = calloc(1, strlen(text) + 1000);
		sprintf(whole, "%s%s", text, i == 0 ? "" : HEAD);
		settings = said_read(&said, whole, SETTINGS_CHECK);
		settings_free(&settings);
		for (j = 0; j < said.count; j++)
			if (!is_to_be_edited(said.at[j].text))
				fail_msg("%s:%u: %s", names[i], said.at[j].line, said.at[j].text);
		free(text);
		free(whole);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_list_is_the_tables),
		cmocka_unit_test(every_setting_is_in_it),
		cmocka_unit_test(the_example_needs_the_obvious_edits_only),
	};

	if (argc > 1 && strcmp(argv[1], "print") == 0)
		return settings_manual(stdout) ? 0 : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
