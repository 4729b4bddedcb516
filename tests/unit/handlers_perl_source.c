#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handlers/perl_source.h"

struct first_line {
	const char *text;
	bool is_perl, warns, taints;
	char other;
};

static const struct first_line lines[] = {
	{ "", true, false, false, 0 },
	{ "print 1;\n", true, false, false, 0 },
	{ "#!/usr/bin/perl\nprint;", true, false, false, 0 },
	{ "#!/usr/bin/perl", true, false, false, 0 },
	{ "#!/usr/bin/perl -w\n", true, true, false, 0 },
	{ "#!/usr/bin/perl -wT\r\n", true, true, true, 0 },
	{ "#! /usr/local/bin/perl5.36 -T -w\n", true, true, true, 0 },
	{ "#!/usr/bin/env perl\n", true, false, false, 0 },
	{ "#!/usr/bin/perl -U\n", true, false, false, 0 },
	{ "#!/usr/bin/perl -s\n", true, false, false, 's' },
	{ "#!/bin/sh\nexec perl\n", false, false, false, 0 },
	{ "#!/usr/bin/python3 -w\n", false, false, false, 0 },
	{ "#!\n", false, false, false, 0 },
};

static void
first_lines_are_understood(void **state)
{
	struct perl_source source;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		perl_source_read(lines[i].text, strlen(lines[i].text), &source);
		if (source.is_perl != lines[i].is_perl || source.warns != lines[i].warns ||
		    source.taints != lines[i].taints || source.other != lines[i].other)
			fail_msg("%s: %d %d %d %c", lines[i].text, source.is_perl, source.warns,
			    source.taints, source.other);
	}
}

struct text {
	const char *text, *code, *data;         /* data NULL: there is none */
};

static const struct text texts[] = {
	{ "", "", NULL },
	{ "a\nb", "a\nb", NULL },
	{ "a\n__END__\nb\n", "a\n", "b\n" },
	{ "a\n__DATA__\nb\n__END__\nc", "a\n", "b\n__END__\nc" },
	{ "a\n__END__", "a\n", "" },
	{ "a\n__END__\r\nb", "a\n", "b" },
	{ "__END__\n", "", "" },
	{ "a __END__\n__END__ b\n x__END__\n", "a __END__\n__END__ b\n x__END__\n", NULL },
	{ "a\n=pod\n\n__END__\n\n=cut\n\nb\n__END__\nc", "a\n=pod\n\n__END__\n\n=cut\n\nb\n", "c" },
	{ "a\n=head1 x\n__DATA__\n", "a\n=head1 x\n__DATA__\n", NULL },
	{ "$x\n= 1;\n__END__\nb", "$x\n= 1;\n", "b" },
};

static void
code_ends_where_its_data_begin(void **state)
{
	struct perl_source source;
	const struct text *it;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		it = &texts[i];
		perl_source_read(it->text, strlen(it->text), &source);
		assert_int_equal(source.code, strlen(it->code));
		if (it->data == NULL)
			assert_int_equal(source.data, 0);
		else
			assert_string_equal(it->text + source.data, it->data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_lines_are_understood),
		cmocka_unit_test(code_ends_where_its_data_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
