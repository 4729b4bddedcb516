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

/* The note of a file that is open, or NULL. */
static struct opened_note *
note_of(const char *name)
{
	struct opened_note *note;
	struct stat is;
	int fd = opened_open(path_of(name), &is);

	assert_true(fd >= 0);
	note = opened_note(fd, &is);
	opened_close(fd);
	return note;
}

/* A file that has just changed gets none, so that is what there is to wait for. */
static struct opened_note *
wait_for_note(const char *name)
{
	struct opened_note *note;

	while ((note = note_of(name)) == NULL)
		usleep(50 * 1000);
	return note;
}

static void
a_note_ends_with_a_change(void **state)
{
	struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	struct opened_note *note;
	char *from;

	(void)state;
	put("noted", "123");
	assert_null(note_of("noted"));
	note = wait_for_note("noted");
	assert_int_equal(note->head_len, 0);
	opened_end();
	/* It stays for a second, unless that went by between these two. */
	do
		note_of("noted")->head_len = 1;
	while (note_of("noted")->head_len == 0);
	/* Of the same length and with the same time: st_ctim tells. */
	put("noted", "321");
	assert_int_equal(utimensat(-1, path_of("noted"), times, 0), 0);
	assert_null(note_of("noted"));
	note = wait_for_note("noted");
	assert_int_equal(note->head_len, 0);
	/* Another one in its place. */
	put("noting", "456");
	wait_for_note("noting");
	opened_end();
	note = note_of("noted");
	note->head_len = 1;
	from = strdup(path_of("noting"));
	assert_int_equal(rename(from, path_of("noted")), 0);
	free(from);
	note = note_of("noted");
	assert_true(note == NULL || note->head_len == 0);
	opened_end();
	assert_int_equal(unlink(path_of("noted")), 0);
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
		cmocka_unit_test(a_note_ends_with_a_change),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
