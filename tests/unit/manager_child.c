/* src/manager/child.c: when a pool does without namespaces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/child.h"

static const struct row {
	const char *name;
	int error;
	bool missing;
} rows[] = {
	{ "not allowed here", EPERM, true },
	{ "not built into this kernel", EINVAL, true },
	{ "no such call", ENOSYS, true },
	{ "too many processes now", EAGAIN, false },
	{ "no memory now", ENOMEM, false },
	{ "too many namespaces now", ENOSPC, false },
	{ "too many descriptors now", EMFILE, false },
};

static void
isolation_is_not_given_up_for_want_of_memory(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (child_namespaces_missing(rows[i].error) != rows[i].missing)
			fail_msg("%s", rows[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(isolation_is_not_given_up_for_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
