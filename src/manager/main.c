#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "base/fd.h"
#include "base/guard.h"
#include "base/log.h"
#include "manager/manager.h"
#include "manager/passed.h"

#define DEFAULT_CONFIG SYSCONFDIR "/peruserd/peruserd.cfg"

struct options {
	const char *config;
	bool foreground, check, dump;
};

static void
usage(FILE *out)
{
	fputs("usage: peruserd [-c FILE] [-f] [-t] [-T] [-V] [-h]\n"
	    "  -c FILE  configuration (default " DEFAULT_CONFIG ")\n"
	    "  -f       stay in the foreground, log to standard error\n"
	    "  -t       check the configuration, exit 0 or 1\n"
	    "  -T       check and print the effective configuration\n"
	    "  -V       version and what it was built with\n"
	    "  -h       this help\n", out);
}

static void
version(void)
{
	printf("peruserd %s\n", PACKAGE_VERSION);
#ifdef WITH_PHP
	puts("PHP handler: yes");
#else
	puts("PHP handler: no");
#endif
#ifdef WITH_PERL
	puts("Perl handler: yes");
#else
	puts("Perl handler: no");
#endif
#ifdef WITH_SANITIZERS
	puts("sanitizers: yes");
#endif
	printf("configuration: %s\nprograms: %s\nhandlers: %s\n", DEFAULT_CONFIG,
	    LIBEXECDIR "/peruserd", HANDLERDIR);
}

/* Returns -1 to go on, else an exit status. */
static int
options_read(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "c:ftTVh")) != -1) {
		switch (option) {
		case 'c': options->config = optarg; break;
		case 'f': options->foreground = true; break;
		case 't': options->check = true; break;
		case 'T': options->dump = true; break;
		case 'V': version(); return EXIT_SUCCESS;
		case 'h': usage(stdout); return EXIT_SUCCESS;
		default: usage(stderr); return 2;
		}
	}
	if (optind == argc)
		return -1;
	usage(stderr);
	return 2;
}

static void
say_mistake(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	if (place != NULL && place->file != NULL && place->line != 0)
		fprintf(stderr, "%s:%u: ", place->file, place->line);
	else if (place != NULL && place->file != NULL)
		fprintf(stderr, "%s: ", place->file);
	fprintf(stderr, "%s: %s\n", error ? "error" : "warning", text);
}

static struct settings *
read_settings(const struct options *options)
{
	struct settings_report report = { say_mistake, NULL, 0, 0 };
	bool only_check = options->check || options->dump;
	struct settings *settings;

	settings = settings_read(options->config, only_check ? SETTINGS_CHECK : SETTINGS_START,
	    &report);
	if (settings == NULL)
		fprintf(stderr, "peruserd: %s: %u mistake%s\n", options->config,
		    report.errors, report.errors == 1 ? "" : "s");
	else if (options->check)
		fprintf(stderr, "peruserd: %s is good\n", options->config);
	return settings;
}

/* The parent of a daemon: wait until it is ready, or tell why it is not. */
static int
wait_for_start(int said)
{
	char text[2048];
	ssize_t got = 0;
	size_t len = 0;

	while (len < sizeof text - 1 &&
	    ((got = read(said, text + len, sizeof text - 1 - len)) > 0 || errno == EINTR)) {
		if (got <= 0)
			break;
		if (text[len] == '\0')
			return EXIT_SUCCESS;
		len += (size_t)got;
	}
	text[len] = '\0';
	fprintf(stderr, "%s%speruserd did not start\n", len > 0 ? "peruserd: " : "", text);
	return EXIT_FAILURE;
}

/* In the daemon returns the end that its parent listens to; exits in the parent. */
static int
daemonise(void)
{
	int ends[2], nowhere;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		fprintf(stderr, "peruserd: become a daemon: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
	if (pid > 0) {
		close(ends[1]);
		exit(wait_for_start(ends[0]));
	}
	close(ends[0]);
	setsid();
	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere >= 0) {
		dup2(nowhere, STDIN_FILENO);
		dup2(nowhere, STDOUT_FILENO);
		close(nowhere);
	}
	return ends[1];
}

/*
 * The first process of a container: when it ends all others are killed, so it can't
 * become a daemon; and the kernel drops every signal that it has no handler for.
 */
static void
be_first_process(struct options *options)
{
	options->foreground = true;
	manager_signals(SIG_BLOCK);
}

/* HUP reads it again, from whatever folder we are in by then. */
static char *
absolute(const char *path)
{
	char *whole = realpath(path, NULL);

	return whole != NULL ? whole : strdup(path);
}

/* For tests, by their environment: what this kernel can't do. */
static void
begin_process(void)
{
	if (getenv(OLD_KERNEL) != NULL)
		fd_refuse_rights_never();
	guard_begin();
}

/* In the place of another binary (upgrade.h): it had checked all that is checked here. */
static int
succeed(int state)
{
	struct manager_start start = { NULL, state, NULL, NULL, false, -1 };

	log_open("manager", LEVEL_NOTICE);
	begin_process();
	return manager_run(&start);
}

int
main(int argc, char **argv)
{
	struct options options = { DEFAULT_CONFIG, false, false, false };
	struct manager_start start = { .state = -1, .said = -1 };
	struct settings *settings;
	int status = options_read(argc, argv, &options), state = upgrade_inherited();

	if (status >= 0)
		return status;
	if (state >= 0 && !options.check && !options.dump)
		return succeed(state);
	passed_begin();
	if (getpid() == 1)
		be_first_process(&options);
	settings = read_settings(&options);
	if (settings == NULL)
		return EXIT_FAILURE;
	if (options.dump)
		return settings_dump(settings, stdout) && fflush(stdout) == 0 ?
		    EXIT_SUCCESS : EXIT_FAILURE;
	if (options.check)
		return state < 0 || upgrade_try(state) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (geteuid() != 0) {
		fputs("peruserd: only root can start it: its pools run as their own users\n",
		    stderr);
		return EXIT_FAILURE;
	}
	start.settings = settings;
	start.config = absolute(options.config);
	start.binary = paths_executed();
	start.foreground = options.foreground;
	umask(022);
	if (chdir("/") != 0 || start.config == NULL || start.binary == NULL)
		return EXIT_FAILURE;
	if (!options.foreground)
		start.said = daemonise();
	log_open("manager", settings->log_level);
	begin_process();
	return manager_run(&start);
}
