/* src/settings/access_format.c: what is a format, and what -t says where it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "settings/access_format.h"
#include "settings_said.h"

static const struct row {
	const char *name, *format, *wrong;      /* what begins with no directive; NULL: it is good */
} rows[] = {
	{ "combined", "combined", NULL },
	{ "text alone", "text", NULL },
	{ "every letter", "%h%a%A%l%L%u%t%r%s%>s%b%B%D%T%v%V%m%U%q%H%p%P%%", NULL },
	{ "names", "%{pool}%{pid}%{pid}P%{X-Own}i%{ms}T%{s}T%{us}T%{wait}", NULL },
	{ "a letter that is none", "a %z b", "%z b" },
	{ "a percent sign at its end", "100%", "%" },
	{ "an open brace", "%{pool", "%{pool" },
	{ "a unit without its letter", "%{ms}", "%{ms}" },
	{ "an empty name", "%{}i", "%{}i" },
	{ "a field without its letter", "%{Referer}", "%{Referer}" },
	{ "an answer's field, as Apache has it", "%{X-Own}o", "%{X-Own}o" },
	{ "behind a good one", "%h %{User-Agent}i %k", "%k" },
	{ "an angle bracket alone", "%>", "%>" },
};

static void
only_directives_follow_percent_signs(void **state)
{
	struct access_format *format;
	struct fault fault;
	char said[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		format = access_format_new(rows[i].format, &fault);
		if ((format != NULL) != (rows[i].wrong == NULL))
			fail_msg("%s: %s", rows[i].name, format != NULL ? "taken" : fault.text);
		if (format != NULL)
			assert_true(access_format_is(format, rows[i].format));
		access_format_free(&format);
		if (rows[i].wrong == NULL)
			continue;
		snprintf(said, sizeof said, "no directive begins %s", rows[i].wrong);
		assert_string_equal(fault.text, said);
	}
}

static void
a_check_says_where(void **state)
{
	struct settings *settings;
	struct said said;

	(void)state;
	settings = said_read(&said, HEAD POOL VHOST_OPEN "access_log = \"/var/log/a\";\n"
	    "access_log_format = \"%h 100%\"; } );\n", SETTINGS_CHECK);
	assert_null(settings);
	assert_int_equal(said.report.errors, 1);
	assert_true(said_has(&said, "access_log_format: no directive begins %; write"));
	assert_int_equal(said.at[0].line, 6);
	settings = said_read(&said, HEAD POOL VHOST_OPEN "access_log = \"/var/log/a\";\n"
	    "access_log_format = \"%h 100%%\"; } );\n", SETTINGS_CHECK);
	assert_non_null(settings);
	settings_free(&settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_directives_follow_percent_signs),
		cmocka_unit_test(a_check_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
