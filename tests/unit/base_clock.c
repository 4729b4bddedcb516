#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static void
goes_on_in_its_units(void **state)
{
	uint64_t us = clock_us(), ms = clock_ms();

	(void)state;
	usleep(20000);
	assert_true(clock_us() - us >= 20000);
	assert_true(clock_us() - us < 20000000);
	assert_true(clock_ms() - ms >= 19);
	assert_true(clock_us() / 1000 - clock_ms() <= 1 || clock_ms() - clock_us() / 1000 <= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_in_its_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
