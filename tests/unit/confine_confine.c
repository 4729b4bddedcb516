/*
 * A child becomes nobody and is asked what it may.  Needs root; skipped
 * without.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <peruserd/inherit.h>

#include "base/fd.h"
#include "confine/confine.h"

#define NOBODY 65534u
#define USERS  100u

static struct confinement
nobody(void)
{
	struct confinement record = { 0 };
	unsigned i;

	record.magic = CONFINE_MAGIC;
	record.flags = CONFINE_NO_NEW_PRIVS;
	record.uid = NOBODY;
	record.gid = NOBODY;
	record.groups[0] = NOBODY;
	record.groups[1] = USERS;
	record.group_count = 2;
	record.umask = 027;
	for (i = 0; i < CONFINE_LIMITS; i++)
		record.limits[i] = CONFINE_UNSET;
	return record;
}

static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* Run check in a child that has become record; its exit code, or 200 + the step that failed. */
static int
in_child(const struct confinement *record, size_t len, int (*check)(const struct confinement *))
{
	struct confinement got;
	enum confine_step step;
	struct fault fault;
	int status, pair[2], fd = fd_sealed("record", record, len);
	pid_t pid;

	assert_true(fd >= 0);
	assert_true(fd_pair(SOCK_SEQPACKET, pair));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!confine_become(fd, pair[1], &got, &step, &fault)) {
			if (step == CONFINE_STEP_RECORD && check == NULL)
				_exit(200 + (int)step);
			fprintf(stderr, "%s: %s\n", confine_step_name(step), fault.text);
			_exit(200 + (int)step);
		}
		_exit(check == NULL ? 0 : check(&got));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	close(pair[0]);
	close(pair[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 300 + WTERMSIG(status);
}

static int
check_is_nobody(const struct confinement *record)
{
	struct fault fault;
	struct stat st;
	int fd, deathsig = 0;

	if (getuid() != NOBODY || getgid() != NOBODY)
		return 1;
	if (!confine_prove(record, &fault))
		return 2;
	if (prctl(PR_GET_PDEATHSIG, &deathsig) != 0 || deathsig != SIGKILL)
		return 3;
	if (open("/etc/shadow", O_RDONLY) >= 0)
		return 4;
	if (kill(1, 0) == 0 || errno != EPERM)
		return 5;
	if (umask(0) != 027)
		return 6;
	fd = memfd_create("x", 0);
	if (fstat(fd, &st) != 0 || st.st_uid != NOBODY)
		return 7;
	return mount("none", "/mnt", "tmpfs", 0, NULL) == 0 ? 8 : 0;
}

static void
become_nobody(void **state)
{
	struct confinement record = nobody();

	(void)state;
	need_root();
	assert_int_equal(in_child(&record, sizeof record, check_is_nobody), 0);
}

static int
check_limits(const struct confinement *record)
{
	struct rlimit limit;

	(void)record;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != 64 || limit.rlim_max != 64)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
		return 2;
	if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max != RLIM_INFINITY)
		return 3;
	return getpriority(PRIO_PROCESS, 0) == 5 ? 0 : 4;
}

static void
limits_are_set_and_cpu_is_left(void **state)
{
	struct confinement record = nobody();

	(void)state;
	need_root();
	record.limits[CONFINE_NOFILE] = 64;
	record.limits[CONFINE_CORE] = 0;
	record.limits[CONFINE_CPU] = 3;
	record.nice = 5;
	assert_int_equal(in_child(&record, sizeof record, check_limits), 0);
}

static int
check_nice(const struct confinement *record)
{
	return getpriority(PRIO_PROCESS, 0) == (int)record->nice + 5 ? 0 : 1;
}

static void
who_is_nicer_already_stays_so(void **state)
{
	struct confinement record = nobody();
	int before = getpriority(PRIO_PROCESS, 0);

	(void)state;
	need_root();
	assert_int_equal(setpriority(PRIO_PROCESS, 0, 10), 0);
	record.nice = 5;
	assert_int_equal(in_child(&record, sizeof record, check_nice), 0);
	setpriority(PRIO_PROCESS, 0, before);
}

static void
bad_records_are_refused(void **state)
{
	struct confinement record;
	int refused = 200 + CONFINE_STEP_RECORD;

	(void)state;
	record = nobody();
	record.uid = 0;
	assert_int_equal(in_child(&record, sizeof record, NULL), refused);
	record = nobody();
	record.gid = 0;
	assert_int_equal(in_child(&record, sizeof record, NULL), refused);
	record = nobody();
	record.groups[1] = 0;
	assert_int_equal(in_child(&record, sizeof record, NULL), refused);
	record = nobody();
	record.group_count = CONFINE_GROUPS + 1;
	assert_int_equal(in_child(&record, sizeof record, NULL), refused);
	record = nobody();
	record.magic++;
	assert_int_equal(in_child(&record, sizeof record, NULL), refused);
	record = nobody();
	assert_int_equal(in_child(&record, sizeof record - 1, NULL), refused);
}

/*
 * A chroot in namespaces of its own, as a zygote has it: the directory is opened
 * outside, there is a /proc inside, and both are left for good.
 */
static int
check_jail(const struct confinement *record)
{
	enum confine_step step;
	struct fault fault;
	struct stat st;
	char self[32];
	ssize_t len;

	if (chroot("/") != 0)
		return 1;
	if (!confine_enter(INHERIT_ROOT, &step, &fault)) {
		fprintf(stderr, "%s: %s\n", confine_step_name(step), fault.text);
		return 2;
	}
	if (stat("/inside", &st) != 0 || stat("/etc", &st) == 0)
		return 3;
	if (chroot("/") == 0 || chdir("..") != 0 || stat("inside", &st) != 0)
		return 4;
	/* The chroot's /proc is our own namespace's now: it knows us by our number there. */
	len = readlink("/proc/self", self, sizeof self - 1);
	if (len <= 0 || (self[len] = '\0', atoi(self)) != (int)getpid())
		return 5;
	return confine_prove(record, &fault) ? 0 : 6;
}

static int
run_jail(const char *dir)
{
	struct confinement record = nobody();
	int fd = open(dir, O_PATH | O_DIRECTORY);
	int status;
	pid_t pid;

	record.flags |= CONFINE_CHROOT | CONFINE_NEW_PID;
	if (fd < 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
		return 100;
	pid = fork();
	if (pid == 0) {
		if (fd != INHERIT_ROOT) {
			dup2(fd, INHERIT_ROOT);
			close(fd);
		}
		/* Other directories that the test's runner left open are none of ours. */
		close_range(INHERIT_ROOT + 1, ~0u, 0);
		_exit(in_child(&record, sizeof record, check_jail));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static void
a_chroot_is_entered_for_good(void **state)
{
	char dir[] = "/tmp/confine-test-XXXXXX", path[64];
	int status, got;
	pid_t pid;

	(void)state;
	need_root();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(path, sizeof path, "%s/inside", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/proc", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
			_exit(99);
		if (mount("proc", path, "proc", 0, NULL) != 0)
			_exit(98);
		_exit(run_jail(dir));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	got = WIFEXITED(status) ? WEXITSTATUS(status) : 300 + WTERMSIG(status);
	rmdir(path);
	snprintf(path, sizeof path, "%s/inside", dir);
	rmdir(path);
	rmdir(dir);
	if (got == 99 || got == 100)
		skip();
	assert_int_equal(got, 0);
}

static void
steps_have_names(void **state)
{
	int step;

	(void)state;
	for (step = 0; step < CONFINE_STEPS; step++)
		assert_non_null(confine_step_name((enum confine_step)step));
	assert_string_equal(confine_step_name((enum confine_step)CONFINE_STEPS), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(become_nobody),
		cmocka_unit_test(limits_are_set_and_cpu_is_left),
		cmocka_unit_test(who_is_nicer_already_stays_so),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(a_chroot_is_entered_for_good),
		cmocka_unit_test(steps_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
