#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <peruserd/inherit.h>

#include "base/fd.h"
#include "base/guard.h"
#include "base/log.h"
#include "confine/confine.h"
#include "multiplexer/multiplexer.h"

static void
become(struct confinement *record)
{
	enum confine_step step;
	struct fault fault;

	if (confine_become(INHERIT_CONFINE, INHERIT_CONTROL, record, &step, &fault))
		return;
	log_error("cannot start: %s: %s", confine_step_name(step), fault.text);
	exit(EXIT_FAILURE);
}

/*
 * Its tables are read: no file is needed by name any more but those of the
 * spool, which is in there.  An open folder outside would be a way out.
 */
static void
enter_root(struct multiplexer *mux, const struct confinement *record)
{
	enum confine_step step;
	struct fault fault;

	if ((record->flags & CONFINE_CHROOT) == 0)
		return;
	fd_close(&mux->spool_dir);
	if (confine_enter(INHERIT_ROOT, &step, &fault)) {
		multiplexer_open_spool(mux, true);
		return;
	}
	log_error("cannot start: %s: %s", confine_step_name(step), fault.text);
	exit(EXIT_FAILURE);
}

static void
enter_sandbox(const struct multiplexer *mux)
{
	struct fault fault;
	const char *how;

	if (!confine_sandbox(mux->spool_dir, &how, &fault)) {
		log_error("cannot start: sandbox: %s", fault.text);
		exit(EXIT_FAILURE);
	}
	log_debug("sandbox: %s", how);
}

int
main(void)
{
	struct confinement record;
	struct multiplexer *mux;
	int status;

	log_open("multiplexer", LEVEL_NOTICE);
	become(&record);
	close(INHERIT_CONFINE);
	signal(SIGPIPE, SIG_IGN);
	if (getenv(OLD_KERNEL) != NULL)
		fd_refuse_rights_never();
	guard_begin();
	/* The time zone is read now: its file can't be opened later. */
	tzset();
	mux = multiplexer_new(INHERIT_SETTINGS, INHERIT_BOARD, INHERIT_CONTROL);
	if (mux == NULL)
		return EXIT_FAILURE;
	enter_root(mux, &record);
	enter_sandbox(mux);
	status = multiplexer_run(mux);
	multiplexer_free(&mux);
	return status;
}
