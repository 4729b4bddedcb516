#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"

static void
says_what_and_why(void **state)
{
	struct fault fault;

	(void)state;
	assert_false(fault_set(&fault, ENOENT, "open %s", "/a"));
	assert_int_equal(fault.error, ENOENT);
	assert_string_equal(fault.text, "open /a: No such file or directory");
	assert_false(fault_set(&fault, 0, "no such pool: %d", 3));
	assert_int_equal(fault.error, 0);
	assert_string_equal(fault.text, "no such pool: 3");
}

static void
cuts_to_fit(void **state)
{
	char text[FAULT_TEXT * 2];
	struct fault fault;

	(void)state;
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	fault_set(&fault, EIO, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT - 1);
	text[FAULT_TEXT - 4] = '\0';
	fault_set(&fault, EIO, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_and_why),
		cmocka_unit_test(cuts_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
