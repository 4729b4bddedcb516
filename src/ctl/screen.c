#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/screen.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define CLEAR "\033[J"          /* to the end of the screen */
#define CLEAR_LINE "\033[K"

static struct termios before, during;
static volatile sig_atomic_t opened;

/* Both are called by signal handlers too: write and tcsetattr may be. */
static void
enter(void)
{
	opened = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &during);
	if (write(STDOUT_FILENO, ENTER, sizeof ENTER - 1) < 0)
		return;
}

static void
leave(void)
{
	if (!opened)
		return;
	opened = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1) < 0)
		return;
}

static void
on_end(int number)
{
	leave();
	/* Once more, with its own effect: its default is in force again. */
	raise(number);
}

static void
on_stop(int number)
{
	int saved = errno;

	(void)number;
	leave();
	raise(SIGSTOP);
	enter();
	errno = saved;
}

static void
on_change(int number)
{
	(void)number;
}

static void
catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction end = { .sa_handler = on_end, .sa_flags = (int)SA_RESETHAND };
	struct sigaction stop = { .sa_handler = on_stop };
	struct sigaction change = { .sa_handler = on_change };
	size_t i;

	for (i = 0; i < sizeof ends / sizeof ends[0]; i++)
		sigaction(ends[i], &end, NULL);
	sigaction(SIGTSTP, &stop, NULL);
	sigaction(SIGWINCH, &change, NULL);
}

bool
screen_open(struct fault *fault)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &before) != 0)
		return fault_set(fault, 0, "this needs a terminal; for a program there is "
		    "status --json");
	during = before;
	during.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	during.c_cc[VMIN] = 1;
	during.c_cc[VTIME] = 0;
	catch_signals();
	enter();
	return true;
}

void
screen_close(void)
{
	leave();
}

void
screen_size(unsigned *columns, unsigned *rows)
{
	const char *said = getenv("COLUMNS");
	struct winsize size;

	memset(&size, 0, sizeof size);
	*columns = said != NULL ? (unsigned)strtoul(said, NULL, 10) : 0;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		*columns = size.ws_col;
	*rows = size.ws_row > 0 ? size.ws_row : 24;
	if (*columns == 0)
		*columns = 80;
	if (*columns < SCREEN_COLUMNS_LEAST)
		*columns = SCREEN_COLUMNS_LEAST;
	if (*columns > SCREEN_COLUMNS_MOST)
		*columns = SCREEN_COLUMNS_MOST;
}

int
screen_key(int wait_ms)
{
	struct pollfd keys = { STDIN_FILENO, POLLIN, 0 };
	unsigned char key;
	int ready = poll(&keys, 1, wait_ms);

	if (ready == 0 || (ready < 0 && errno == EINTR))
		return SCREEN_NO_KEY;
	if (ready < 0 || read(STDIN_FILENO, &key, 1) != 1)
		return SCREEN_CLOSED;
	return key;
}

bool
screen_show(const struct buf *lines)
{
	struct buf out = BUF(4u << 20);
	const char *at = lines->data, *end;
	size_t left = lines->len;
	bool shown = buf_add_str(&out, HOME);

	/* The last line has no newline: it would scroll. */
	while (shown && left > 0 && (end = memchr(at, '\n', left)) != NULL) {
		shown = buf_add(&out, at, (size_t)(end - at)) && buf_add_str(&out, CLEAR_LINE);
		left -= (size_t)(end + 1 - at);
		at = end + 1;
		if (left > 0)
			shown = shown && buf_add_str(&out, "\r\n");
	}
	shown = shown && buf_add_str(&out, CLEAR) &&
	    fd_write_all(STDOUT_FILENO, out.data, out.len);
	buf_free(&out);
	return shown;
}
