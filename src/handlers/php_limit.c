#include "handlers/php_parts.h"

#include <signal.h>
#include <time.h>

#include <zend_ini.h>

/*
 * PHP arms an interval timer at the start of each request and disarms it at
 * its end, to stop a script after so many seconds of processor time: two
 * system calls for what nearly never happens.  Here one timer of the process
 * ticks four times in each second of processor time that it uses, so never
 * while it waits; a request counts the ticks it sees, and when they are too
 * many, raises the very signal PHP's timer would have sent.  All after that is
 * PHP's own: the error, shutdown functions, hard_timeout.  A limit is late by
 * a tick at most, never early.
 *
 * PHP must not arm its timer too: it does so for EG(timeout_seconds) and
 * PG(max_input_time), which are kept at 0 and -1, and in max_execution_time's
 * on_modify handler (set_time_limit), which is ours.
 */
#define TICK_SIGNAL SIGVTALRM
#define TICKS_A_SECOND 4
#define SECONDS_MAX (INT32_MAX / TICKS_A_SECOND - 1)

static volatile sig_atomic_t ticks_left;        /* 0: no limit runs */
static volatile sig_atomic_t seconds_allowed;
static bool taken;                              /* PHP's timers are replaced */
static zend_ini_entry *entry_execution, *entry_input;
static ZEND_INI_MH((*modify_original));

static void
tick(int number)
{
	(void)number;
	if (ticks_left == 0 || --ticks_left != 0)
		return;
	EG(timeout_seconds) = seconds_allowed;
	raise(SIGPROF);
}

static void
limit_set(zend_long seconds)
{
	if (seconds <= 0 || seconds > SECONDS_MAX) {
		ticks_left = 0;
		return;
	}
	ticks_left = 0;
	seconds_allowed = seconds;
	/* the first tick may be due at once */
	ticks_left = seconds * TICKS_A_SECOND + 1;
}

/* max_execution_time is changed: set_time_limit(), ini_set(), a vhost's php_value. */
static ZEND_INI_MH(modify)
{
	if (!taken || stage == ZEND_INI_STAGE_STARTUP)
		return modify_original(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
	if (EG(timeout_seconds) != 0) {
		/* time was up before: PHP's timer for hard_timeout runs */
		zend_unset_timeout();
		EG(timeout_seconds) = 0;
	}
	limit_set(stage == ZEND_INI_STAGE_DEACTIVATE ? 0 : ZEND_ATOL(ZSTR_VAL(new_value)));
	return SUCCESS;
}

static zend_ini_entry *
entry_find(const char *name, size_t len)
{
	return zend_hash_str_find_ptr(EG(ini_directives), name, len);
}

static zend_long
entry_value(const zend_ini_entry *entry)
{
	return entry->value != NULL ? ZEND_ATOL(ZSTR_VAL(entry->value)) : 0;
}

void
php_limit_take(void)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };

	entry_execution = entry_find(ZEND_STRL("max_execution_time"));
	entry_input = entry_find(ZEND_STRL("max_input_time"));
	if (entry_execution == NULL || entry_input == NULL ||
	    sigaction(TICK_SIGNAL, &action, NULL) == -1)
		return;
	modify_original = entry_execution->on_modify;
	entry_execution->on_modify = modify;
	/* PHP's handler of SIGPROF, before the first that we raise */
	zend_set_timeout(0, 1);
	EG(timeout_seconds) = 0;
	taken = true;
}

/* Timers are not inherited: one for each processor. */
void
php_limit_begin(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = TICK_SIGNAL };
	struct timespec tick_time = { .tv_nsec = 1000000000 / TICKS_A_SECOND };
	struct itimerspec ticks = { .it_interval = tick_time, .it_value = tick_time };
	timer_t timer;

	if (!taken)
		return;
	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 &&
	    timer_settime(timer, 0, &ticks, NULL) == 0)
		return;
	/* the account's signal queue is full: PHP's way then */
	taken = false;
	entry_execution->on_modify = modify_original;
	EG(timeout_seconds) = entry_value(entry_execution);
	PG(max_input_time) = entry_value(entry_input);
}

/* Before the request's start: the time for reading its input. */
void
php_limit_input(void)
{
	zend_long input;

	if (!taken)
		return;
	input = entry_value(entry_input);
	EG(timeout_seconds) = 0;
	PG(max_input_time) = -1;
	limit_set(input == -1 ? entry_value(entry_execution) : input);
}

/* Before the script runs. */
void
php_limit_execution(void)
{
	if (taken)
		limit_set(entry_value(entry_execution));
}

/* Where PHP would disarm its timer: after the output, before extensions clean up. */
void
php_limit_end(void)
{
	ticks_left = 0;
}
