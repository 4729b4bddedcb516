#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "ctl/ask.h"
#include "ctl/look.h"
#include "ctl/screen.h"
#include "ctl/top.h"
#include "status/metrics.h"
#include "status/show.h"
#include "wire/record.h"

#define DEFAULT_SOCKET RUNSTATEDIR "/peruserd/control.sock"

#define EXIT_USAGE 2

static int
usage(FILE *out, int status)
{
	fputs("usage: peruserctl [-s SOCKET] COMMAND\n"
	    "  status [--json|--openmetrics]\n"
	    "                    what runs: multiplexers, pools, processors\n"
	    "  top               pools and running requests, live; q ends it\n"
	    "  reload [POOL]     take the configuration as it is now, or that pool's part of it\n"
	    "  upgrade           replace the manager by the binary that lies in its place now\n"
	    "  restart POOL      a new zygote and new processors, without losing a request\n"
	    "  drain POOL        finish what waits and runs, refuse what comes (503)\n"
	    "  resume POOL       take requests again\n"
	    "  stop [--now]      finish what runs, then end; --now: within a second\n"
	    "  reopen-logs       open all log files anew\n"
	    "  -s SOCKET         the control socket (default " DEFAULT_SOCKET ")\n"
	    "  -h, --help        this help\n"
	    "  -V, --version     version\n", out);
	return status;
}

static int
failed(const struct fault *fault)
{
	char text[FAULT_TEXT * 4];

	/* What the daemon says may quote what somebody else said. */
	log_escape(text, sizeof text, fault->text, strlen(fault->text), 0);
	fprintf(stderr, "peruserctl: %s\n", text);
	return EXIT_FAILURE;
}

static bool
show_as_text(const struct view *view, struct buf *out)
{
	unsigned columns, rows;

	screen_size(&columns, &rows);
	return show_terminal(view, columns, out);
}

static const struct {
	const char *option;
	bool (*show)(const struct view *view, struct buf *out);
} forms[] = {
	{ NULL, show_as_text },
	{ "--json", show_json },
	{ "--openmetrics", metrics_write },
};

static int
status(const char *socket, bool (*show)(const struct view *view, struct buf *out))
{
	struct buf out = BUF(ASK_ANSWER_MAX);
	struct fault fault;
	struct view view;
	bool counted, written;

	if (!look(socket, &view, &counted, &fault))
		return failed(&fault);
	if (!counted)
		fputs("peruserctl: the board can't be read; counts are missing\n", stderr);
	written = show(&view, &out) && fwrite(out.data, 1, out.len, stdout) == out.len &&
	    fflush(stdout) == 0;
	view_end(&view);
	buf_free(&out);
	return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
show_top(const char *socket)
{
	struct fault fault;

	return top(socket, &fault) ? EXIT_SUCCESS : failed(&fault);
}

/*
 * Requests that are answered by lines: "said" with what there is to tell, then
 * "ok" or "error".  Returns how the last one is meant; it stays in *record.
 */
static bool
read_lines(struct buf *answer, struct record *record)
{
	char text[RECORD_LINE], *line = answer->data, *end;
	size_t left = answer->len;

	while ((end = memchr(line, '\n', left)) != NULL) {
		*end = '\0';
		left -= (size_t)(end + 1 - line);
		if (!record_parse(line, record))
			return false;
		line = end + 1;
		if (strcmp(record->kind, "said") != 0)
			return left == 0;
		/* What the daemon says may quote what somebody else said. */
		log_escape(text, sizeof text, record_get(record, "text"),
		    strlen(record_get(record, "text")), 0);
		puts(text);
	}
	return false;
}

static int
order(const char *socket, const char *line)
{
	struct buf answer = BUF(ASK_ANSWER_MAX);
	struct record record;
	struct fault fault;
	int board_fd;

	if (!ask(socket, line, &answer, &board_fd, &fault))
		return failed(&fault);
	fd_close(&board_fd);
	if (!read_lines(&answer, &record))
		fault_set(&fault, 0, "peruserd's answer makes no sense");
	else if (strcmp(record.kind, "ok") != 0)
		fault_set(&fault, 0, "%s", record_get(&record, "text"));
	else {
		buf_free(&answer);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	fflush(stdout);
	buf_free(&answer);
	return failed(&fault);
}

static int
order_pool(const char *socket, const char *verb, const char *pool)
{
	char line[128];
	int len = snprintf(line, sizeof line, "%s %s\n", verb, pool);

	if (len < 0 || (size_t)len >= sizeof line || strchr(pool, '\n') != NULL) {
		fprintf(stderr, "peruserctl: that is not the name of a pool\n");
		return EXIT_USAGE;
	}
	return order(socket, line);
}

static int
command(const char *socket, const char *name, const char *option)
{
	static const char *const pools[] = { "drain", "resume", "restart" };
	size_t i;

	if (strcmp(name, "status") == 0)
		for (i = 0; i < sizeof forms / sizeof forms[0]; i++)
			if (option == forms[i].option || (option != NULL &&
			    forms[i].option != NULL && strcmp(option, forms[i].option) == 0))
				return status(socket, forms[i].show);
	if (strcmp(name, "top") == 0 && option == NULL)
		return show_top(socket);
	if (strcmp(name, "stop") == 0 && option == NULL)
		return order(socket, "stop\n");
	if (strcmp(name, "stop") == 0 && strcmp(option, "--now") == 0)
		return order(socket, "stop now\n");
	if (strcmp(name, "reopen-logs") == 0 && option == NULL)
		return order(socket, "reopen-logs\n");
	if (strcmp(name, "upgrade") == 0 && option == NULL)
		return order(socket, "upgrade\n");
	if (strcmp(name, "reload") == 0)
		return option == NULL ? order(socket, "reload\n") :
		    order_pool(socket, name, option);
	for (i = 0; i < sizeof pools / sizeof pools[0]; i++)
		if (strcmp(name, pools[i]) == 0 && option != NULL)
			return order_pool(socket, name, option);
	return usage(stderr, EXIT_USAGE);
}

int
main(int argc, char **argv)
{
	const char *socket = DEFAULT_SOCKET;
	int at = 1;

	if (at < argc && (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0))
		return usage(stdout, EXIT_SUCCESS);
	if (at < argc && (strcmp(argv[at], "-V") == 0 || strcmp(argv[at], "--version") == 0)) {
		printf("peruserctl %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (at + 1 < argc && strcmp(argv[at], "-s") == 0) {
		socket = argv[at + 1];
		at += 2;
	}
	if (at >= argc)
		return usage(stderr, EXIT_USAGE);
	/* restart, drain and resume name a pool; nothing else takes more than an option. */
	if (argc - at > 2)
		return usage(stderr, EXIT_USAGE);
	return command(socket, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
}
