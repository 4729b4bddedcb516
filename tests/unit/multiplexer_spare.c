/* src/multiplexer/spare.c: an answer memory goes back to its own processor, and to no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "multiplexer/lease.h"
#include "multiplexer/spare.h"

#define SIZE 4096

static int
some_memory(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

static const struct row {
	const char *name;
	uint32_t slot, generation;
	uint64_t size;
	bool gets;
} rows[] = {
	{ "its own", 7, 3, SIZE, true },
	{ "another slot", 8, 3, SIZE, false },
	{ "who came after it in its slot", 7, 4, SIZE, false },
	{ "other settings since", 7, 3, 2 * SIZE, false },
};

static void
test_whose(void **state)
{
	struct spares spares;
	struct slot slot = { 0 };
	struct borrower borrower = { 7, 3, SIZE };
	size_t i;
	int fd, kept, got;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		spares_begin(&spares);
		fd = kept = some_memory();
		spare_keep(&spares, &fd, &borrower, 0);
		assert_int_equal(fd, -1);
		slot.index = rows[i].slot;
		slot.generation = rows[i].generation;
		got = spare_take(&spares, &slot, rows[i].size);
		if (got != (rows[i].gets ? kept : -1))
			fail_msg("%s", rows[i].name);
		assert_int_equal(spare_take(&spares, &slot, rows[i].size), -1);
		spares_end(&spares);
		assert_int_equal(is_open(kept), rows[i].gets);
		if (got >= 0)
			close(got);
	}
}

static void
test_bounds(void **state)
{
	struct spares spares;
	struct borrower borrower = { 1, 1, SIZE }, nobody = { 1, 1, 0 };
	int fd, last, i;

	(void)state;
	spares_begin(&spares);
	fd = last = some_memory();
	spare_keep(&spares, &fd, &nobody, 0);
	assert_false(is_open(last));
	for (i = 0; i <= SPARES; i++) {
		fd = last = some_memory();
		spare_keep(&spares, &fd, &borrower, (uint64_t)i);
		assert_int_equal(fd, -1);
		assert_int_equal(is_open(last), i < SPARES);
	}
	spares_tick(&spares, SPARE_MS);
	for (i = 0; i < SPARES; i++)
		assert_int_equal(spares.at[i].fd >= 0, i > 0);
	spares_end(&spares);
}

static void
test_total(void **state)
{
	struct borrower borrower = { 7, 3, SIZE };
	struct spares spares;
	int first, second;

	(void)state;
	spares_begin(&spares);
	first = memory_new(&spares, SIZE, 2 * SIZE);
	second = memory_new(&spares, SIZE, 2 * SIZE);
	assert_true(first >= 0 && second >= 0);
	assert_int_equal(memory_new(&spares, SIZE, 2 * SIZE), -1);
	assert_int_equal(errno, EDQUOT);
	/* A spare one counts until it is closed. */
	spare_keep(&spares, &first, &borrower, 0);
	assert_int_equal(memory_new(&spares, SIZE, 2 * SIZE), -1);
	spares_tick(&spares, SPARE_MS);
	memory_close(&spares, &second, SIZE);
	assert_int_equal(spares.bytes, 0);
	first = memory_new(&spares, 2 * SIZE, 2 * SIZE);
	assert_true(first >= 0);
	memory_close(&spares, &first, 2 * SIZE);
	assert_int_equal(spares.bytes, 0);
	spares_end(&spares);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
