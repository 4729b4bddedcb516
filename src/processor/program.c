#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "handlers/cgi_env.h"
#include "handlers/cgi_explain.h"
#include "processor/host.h"
#include "processor/program.h"

#define FIRST_BYTES 256
#define PROGRAM_FDS 3

static bool
missing(const struct pool_settings *pool, const char *what, const char *path, struct fault *fault)
{
	return fault_set(fault, errno, "command: %s%s can't be run: %s%s", what, path,
	    errno == ENOENT ? "it is not there" : strerror(errno),
	    pool->chroot != NULL ? " (inside the chroot)" : "");
}

/* A script's interpreter; one that can't be read tells when it is run. */
static bool
interpreter_check(const struct pool_settings *pool, struct fault *fault)
{
	char bytes[FIRST_BYTES], interpreter[FIRST_BYTES];
	int fd = open(pool->command.at[0], O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;

	fd_close(&fd);
	if (len <= 0 || !cgi_interpreter(bytes, (size_t)len, interpreter, sizeof interpreter))
		return true;
	if (access(interpreter, X_OK) == 0)
		return true;
	return missing(pool, "its interpreter ", interpreter, fault);
}

bool
program_check(const struct pool_settings *pool, struct fault *fault)
{
	const char *path = pool->command.at[0];
	struct stat about;

	if (stat(path, &about) != 0)
		return missing(pool, "", path, fault);
	errno = EACCES;
	if (!S_ISREG(about.st_mode))
		return missing(pool, "", path, fault);
	if (access(path, X_OK) != 0)
		return missing(pool, "", path, fault);
	return interpreter_check(pool, fault);
}

/*
 * php-cgi: no children of its own, each slot is one process; and it leaves
 * when the multiplexers stop giving it requests.
 */
static void
set_environment(const struct pool_settings *pool)
{
	char requests[24];

	snprintf(requests, sizeof requests, "%" PRIu64, pool->tuning->max_requests_per_child);
	setenv("PHP_FCGI_CHILDREN", "0", 0);
	setenv("PHP_FCGI_MAX_REQUESTS", requests, 0);
	setenv("PATH", CGI_PATH, 0);
	unsetenv("FCGI_WEB_SERVER_ADDRS");
	unsetenv("PERUSERD_HANDLERS");
}

static void
plain_signals(void)
{
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
program_run(const struct pool_settings *pool, int listener)
{
	const int fds[PROGRAM_FDS] = { listener, STDERR_FILENO, STDERR_FILENO };
	char **arguments = calloc(pool->command.count + 1, sizeof *arguments);
	char why[512];

	if (arguments == NULL)
		_exit(PROGRAM_NOT_RUN);
	memcpy(arguments, pool->command.at, pool->command.count * sizeof *arguments);
	set_environment(pool);
	plain_signals();
	if (fd_arrange(fds, PROGRAM_FDS)) {
		execv(arguments[0], arguments);
		cgi_explain(why, sizeof why, arguments[0], errno, pool->chroot != NULL);
		processor_host.log(LEVEL_ERROR, "command: %s", why);
	}
	_exit(PROGRAM_NOT_RUN);
}
