#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "base/guard.h"

#define IDLE_TICKS (1000 / GUARD_MS)

static volatile sig_atomic_t running, wanted, idle_ticks;
static bool refused;

static void
run(bool on)
{
	struct itimerval timer = { { 0, 0 }, { 0, 0 } };

	if (on)
		timer.it_interval.tv_usec = timer.it_value.tv_usec = GUARD_MS * 1000;
	running = on;
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* That a signal came is all that matters; a wait on something of ours goes on. */
static void
tick(int number)
{
	(void)number;
	if (wanted)
		idle_ticks = 0;
	else if (++idle_ticks >= IDLE_TICKS)
		run(false);
	wanted = 0;
}

void
guard_begin(void)
{
	struct sigaction action;
	int pair[2];

	memset(&action, 0, sizeof action);
	action.sa_handler = tick;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	refused = false;
	if (!fd_pair(SOCK_SEQPACKET, pair))
		return;
	refused = fd_refuse_rights(pair[0]);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

void
guard_now(void)
{
	/* First this: a tick from here on leaves the timer running. */
	wanted = 1;
	if (!running)
		run(true);
}

void
guard_rights(void)
{
	if (!refused)
		guard_now();
}

bool
guard_is_on(void)
{
	return running;
}
