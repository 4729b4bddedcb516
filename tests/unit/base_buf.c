#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"

/* Under the address sanitizer too, what can't be had is NULL and no abort. */
const char *__asan_default_options(void) __attribute__((visibility("default")));

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static const char letters[] = "abcdefghij";

static void
grows_up_to_its_bound(void **state)
{
	struct buf buf = BUF(1000);
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_true(buf_add(&buf, &letters[i % 10], 1));
	assert_int_equal(buf.len, 1000);
	assert_true(buf.size <= 1000);
	assert_true(str_is(buf.data + 990, 10, letters));
	assert_false(buf_add(&buf, "x", 1));
	assert_false(buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(buf.len, 1000);
	assert_true(buf_add(&buf, "", 0));
	buf_free(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	/* Empty and usable. */
	assert_true(buf_add_str(&buf, "again"));
	assert_true(str_is(buf.data, buf.len, "again"));
	buf_free(&buf);
}

static void
reserves_without_using(void **state)
{
	struct buf buf = BUF(4096);

	(void)state;
	assert_true(buf_reserve(&buf, 4096));
	assert_int_equal(buf.len, 0);
	assert_true(buf.size >= 4096);
	assert_false(buf_reserve(&buf, 4097));
	buf_free(&buf);
}

/* A bound that no machine has room for is no reason to hang. */
static void
refuses_what_memory_refuses(void **state)
{
	struct buf buf = BUF(SIZE_MAX);

	(void)state;
	assert_true(buf_add_str(&buf, "a"));
	assert_false(buf_reserve(&buf, SIZE_MAX - 1));
	assert_false(buf_reserve(&buf, SIZE_MAX));
	assert_true(str_is(buf.data, buf.len, "a"));
	buf_free(&buf);
}

static void
prints(void **state)
{
	struct buf buf = BUF(12);

	(void)state;
	assert_true(buf_printf(&buf, "%s=%d", "ab", 42));
	assert_true(buf_printf(&buf, "%s", ""));
	assert_true(str_is(buf.data, buf.len, "ab=42"));
	assert_false(buf_printf(&buf, "%s", "too long for it"));
	assert_true(str_is(buf.data, buf.len, "ab=42"));
	buf_free(&buf);
}

static void
drops_from_the_front(void **state)
{
	struct buf buf = BUF(100);

	(void)state;
	buf_drop(&buf, 5);
	assert_true(buf_add_str(&buf, "abcdef"));
	buf_drop(&buf, 0);
	buf_drop(&buf, 2);
	assert_true(str_is(buf.data, buf.len, "cdef"));
	buf_drop(&buf, 4);
	assert_int_equal(buf.len, 0);
	assert_true(buf_add_str(&buf, "xy"));
	buf_drop(&buf, 100);
	assert_int_equal(buf.len, 0);
	buf_free(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_bound),
		cmocka_unit_test(reserves_without_using),
		cmocka_unit_test(refuses_what_memory_refuses),
		cmocka_unit_test(prints),
		cmocka_unit_test(drops_from_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
