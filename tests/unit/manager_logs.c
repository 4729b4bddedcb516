/* Which log files root opens.  Needs root; skipped for others. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "manager/listener.h"
#include "manager/logs.h"
#include "manager/pidfile.h"

static char folder[] = "/tmp/peruserd-logs-XXXXXX";

struct row {
	const char *name;
	const char *prepare;    /* shell, in the folder */
	const char *path;       /* beneath it */
	int opens;
};

static const struct row rows[] = {
	{ "a new file", "true", "new.log", 1 },
	{ "an existing one", "touch old.log", "old.log", 1 },
	{ "a symbolic link", "ln -s /etc/passwd link.log", "link.log", 0 },
	{ "a hard link", "touch one.log; ln one.log two.log", "two.log", 0 },
	{ "a pipe", "mkfifo pipe.log", "pipe.log", 0 },
	{ "a folder", "mkdir folder.log", "folder.log", 0 },
	{ "a user's file", "touch his.log; chown 65534 his.log", "his.log", 0 },
	{ "a missing folder", "true", "missing/a.log", 0 },
	{ "a user's folder", "mkdir his; chown 65534 his", "his/a.log", 0 },
	{ "a folder that a group may write", "mkdir gw; chmod 775 gw", "gw/a.log", 0 },
	{ "a folder that all may write", "mkdir aw; chmod 1777 aw", "aw/a.log", 0 },
	{ "through a symbolic link", "mkdir real; ln -s real via", "via/a.log", 0 },
	{ "no name", "true", "", 0 },
};

static void
run(const char *command)
{
	char line[512];

	snprintf(line, sizeof line, "cd %s && %s", folder, command);
	assert_int_equal(system(line), 0);
}

static void
test_open(void **state)
{
	char path[512];
	struct fault fault;
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		run(rows[i].prepare);
		snprintf(path, sizeof path, "%s/%s", folder, rows[i].path);
		fd = logs_open(path, &fault);
		if ((fd >= 0) != rows[i].opens)
			fail_msg("%s: %s", rows[i].name, fd >= 0 ? "opened" : fault.text);
		if (fd < 0)
			continue;
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & S_IWOTH, 0);
		assert_true((fcntl(fd, F_GETFL) & O_APPEND) != 0);
		close(fd);
	}
	fd = logs_open("relative.log", &fault);
	assert_int_equal(fd, -1);
}

/* The same folders are good enough for a pid file and for a socket. */
static void
test_others(void **state)
{
	static const struct {
		const char *folder;
		int good;
	} folders[] = { { ".", 1 }, { "his", 0 }, { "gw", 0 }, { "aw", 0 }, { "via", 0 } };
	struct fault fault;
	char path[512];
	size_t i;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s/%s/a.pid", folder, folders[i].folder);
		fd = pidfile_take(path, &fault);
		if ((fd >= 0) != folders[i].good)
			fail_msg("%s: %s", path, fd >= 0 ? "taken" : fault.text);
		close(fd);
		snprintf(path, sizeof path, "%s/%s/a.sock", folder, folders[i].folder);
		fd = listener_open_unix(path, 0, 0, 0600, 1, &fault);
		if ((fd >= 0) != folders[i].good)
			fail_msg("%s: %s", path, fd >= 0 ? "bound" : fault.text);
		close(fd);
	}
	/* A stale socket is replaced, what is no socket stays. */
	snprintf(path, sizeof path, "%s/a.sock", folder);
	fd = listener_open_unix(path, 0, 0, 0600, 1, &fault);
	assert_true(fd >= 0);
	assert_int_equal(listener_open_unix(path, 0, 0, 0600, 1, &fault), -1);
	close(fd);
	snprintf(path, sizeof path, "%s/a.pid", folder);
	assert_int_equal(listener_open_unix(path, 0, 0, 0600, 1, &fault), -1);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int
remove_folder(void **state)
{
	(void)state;
	run("rm -rf ./*");
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("manager/logs", tests, make_folder, remove_folder);
}
