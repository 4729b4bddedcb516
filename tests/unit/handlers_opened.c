/* src/handlers/opened.c: what stays open, and what is seen all the same. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "handlers/opened.h"

static char folder[] = "/tmp/peruserd-opened-XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int
open_size(const char *name, off_t size)
{
	struct stat is;
	int fd = opened_open(path_of(name), &is);

	assert_true(fd >= 0);
	assert_int_equal(is.st_size, size);
	opened_close(fd);
	return fd;
}

static void
a_file_stays_open(void **state)
{
	int fd;

	(void)state;
	put("stays", "12345");
	fd = open_size("stays", 5);
	assert_int_equal(open_size("stays", 5), fd);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	opened_end();
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
what_changes_is_seen(void **state)
{
	struct stat is;
	char *from;

	(void)state;
	put("changes", "1");
	open_size("changes", 1);
	put("changes", "123");
	open_size("changes", 3);
	put("other", "1234567");
	from = strdup(path_of("other"));
	assert_int_equal(rename(from, path_of("changes")), 0);
	free(from);
	open_size("changes", 7);
	assert_int_equal(unlink(path_of("changes")), 0);
	assert_int_equal(opened_open(path_of("changes"), &is), -1);
	opened_end();
}

static void
what_is_large_is_closed(void **state)
{
	struct stat is;
	int fd;

	(void)state;
	put("large", "");
	assert_int_equal(truncate(path_of("large"), OPENED_SIZE + 1), 0);
	fd = opened_open(path_of("large"), &is);
	assert_true(fd >= 0);
	opened_close(fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static int
begin(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	unlink(path_of("stays"));
	unlink(path_of("large"));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_stays_open),
		cmocka_unit_test(what_changes_is_seen),
		cmocka_unit_test(what_is_large_is_closed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
