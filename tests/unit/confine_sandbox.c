/* What is left to a process inside the multiplexer's sandbox.  As root, and so without its help. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "confine/confine.h"

#define NOT_THERE 77            /* this kernel, or this build, has not that part */

static char spool[] = "/tmp/sandbox-test-XXXXXX";
static const char *how;

static int
opens_nothing_else(void)
{
	if (strstr(how, "landlock") == NULL)
		return NOT_THERE;
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES &&
	    open("/tmp", O_RDONLY | O_DIRECTORY) < 0 ? 0 : 1;
}

/* A spooled body: made without a name, then opened anew for reading alone. */
static int
spools(void)
{
	char path[64];
	int fd = open(spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), again;

	if (fd < 0 || write(fd, "x", 1) != 1)
		return 1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	return again >= 0 && write(again, "x", 1) < 0 ? 0 : 2;
}

static int
lends_memory(void)
{
	int pair[2], fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, 4096) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) != 0)
		return 1;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? 0 : 2;
}

static int
makes_no_socket(void)
{
	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
maps_no_code(void)
{
	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0) == MAP_FAILED ? 0 : 1;
}

static int
sets_no_limit(void)
{
	struct rlimit limit;

	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	return setrlimit(RLIMIT_NOFILE, &limit) != 0 ? 0 : 2;
}

static int
dies_of_exec(void)
{
	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int
dies_of_ptrace(void)
{
	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 1;
}

static int
dies_of_fork(void)
{
	if (strstr(how, "seccomp") == NULL)
		return NOT_THERE;
	if (fork() == 0)
		_exit(0);
	return 1;
}

static const struct row {
	const char *name;
	int (*check)(void);
	int signal;
} rows[] = {
	{ "opens nothing outside of the spool", opens_nothing_else, 0 },
	{ "spools bodies", spools, 0 },
	{ "lends memories and streams", lends_memory, 0 },
	{ "makes no socket", makes_no_socket, 0 },
	{ "maps no code", maps_no_code, 0 },
	{ "sets no limit", sets_no_limit, 0 },
	{ "dies of exec", dies_of_exec, SIGSYS },
	{ "dies of ptrace", dies_of_ptrace, SIGSYS },
	{ "dies of fork", dies_of_fork, SIGSYS },
};

static int
run(int (*check)(void))
{
	struct fault fault;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (!confine_sandbox(open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC), &how, &fault)) {
			fprintf(stderr, "%s\n", fault.text);
			_exit(99);
		}
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
inside(void **state)
{
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		status = run(rows[i].check);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
			print_message("    not there\n");
		else if (rows[i].signal != 0)
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == rows[i].signal);
		else
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(inside) };
	struct rlimit none = { 0, 0 };
	int failed;

	/* The deaths that are asked for leave no core file. */
	setrlimit(RLIMIT_CORE, &none);
	if (mkdtemp(spool) == NULL)
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(spool);
	return failed;
}
