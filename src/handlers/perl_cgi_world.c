#include "handlers/perl_parts.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/*
 * What a program finds when it starts, made anew for each run: its environment,
 * its arguments, its folder; and at its end, signals, alarms, the umask and the
 * folder as if it had ended.
 */
static struct {
	GV *argv_gv, *program_gv;
	GV *separator_gv;       /* $/, which is a line's end at first */
	SV *line_end;
	GV *undefined_gv[3];    /* $\ $, $_ */
	struct sigaction term;  /* the processor's own SIGTERM */
	bool umask_called;      /* a script has changed it */
	mode_t mask;
} world;

/* ---- @ARGV, $0, the working folder */

static void
arguments_begin(pTHX)
{
	AV *arguments = GvAVn(world.argv_gv);
	char *const *at;

	av_clear(arguments);
	for (at = perl_cgi_env_arguments() + 1; *at != NULL; at++)
		av_push(arguments, newSVpv(*at, 0));
	/* without its magic, which would name the process */
	sv_setpv(GvSVn(world.program_gv), perl_now.view->script_filename);
}

static Perl_ppaddr_t chdir_original;
static char folder[PATH_MAX];   /* where we are; "": a script has called chdir() */
static time_t folder_since;

static OP *
chdir_watched(pTHX)
{
	folder[0] = '\0';
	return chdir_original(aTHX);
}

/*
 * Not asked for again where we are there already; but once a second, for the
 * name may be a symbolic link that a deployment has turned.
 */
static void
folder_begin(const char *script)
{
	const char *slash = strrchr(script, '/');
	size_t len = slash == NULL || slash == script ? 1 : (size_t)(slash - script);
	struct timespec now;

	if (len >= sizeof folder)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == folder_since && strncmp(folder, script, len) == 0 && folder[len] == '\0')
		return;
	memcpy(folder, script, len);
	folder[len] = '\0';
	folder_since = now.tv_sec;
	if (chdir(folder) == 0)
		return;
	folder[0] = '\0';
	perl_log(LEVEL_WARNING, "%s: cannot go to its folder", script);
}

/* ---- signals */

static void
hook_set(pTHX_ const char *name, SV *hook)
{
	SV **slot = hv_fetch(get_hv("SIG", GV_ADD), name, (I32)strlen(name), 1);

	if (slot != NULL)
		sv_setsv_mg(*slot, hook != NULL ? hook : &PL_sv_undef);
}

static void
hooks_begin(pTHX_ const struct perl_script *script)
{
	if (script->die_hook != NULL || PL_diehook != NULL)
		hook_set(aTHX_ "__DIE__", script->die_hook);
	if (script->warn_hook != NULL || PL_warnhook != NULL)
		hook_set(aTHX_ "__WARN__", script->warn_hook);
}

/* Handlers that the script set, and did not take back. */
static void
signals_end(pTHX)
{
	HV *signals = get_hv("SIG", GV_ADD);
	int i;

	alarm(0);
	for (i = 1; i < SIG_SIZE; i++)
		if (PL_psig_ptr[i] != NULL)
			hv_delete(signals, PL_sig_name[i], (I32)strlen(PL_sig_name[i]), G_DISCARD);
	if (PL_diehook != NULL)
		hook_set(aTHX_ "__DIE__", NULL);
	if (PL_warnhook != NULL)
		hook_set(aTHX_ "__WARN__", NULL);
	sigaction(SIGTERM, &world.term, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

/* ---- the umask: asked for only where a script has called umask() */

static Perl_ppaddr_t umask_original;

static OP *
umask_watched(pTHX)
{
	world.umask_called = true;
	return umask_original(aTHX);
}

/* ---- all of it */

bool
perl_cgi_world_begin(pTHX_ const struct perl_script *script)
{
	if (!perl_cgi_env_begin(aTHX))
		return false;
	arguments_begin(aTHX);
	folder_begin(script->path);
	hooks_begin(aTHX_ script);
	perl_cgi_pm_begin(aTHX_ script->cgi_pm);
	world.umask_called = false;
	PL_statusvalue = 0;
	return true;
}

void
perl_cgi_world_end(pTHX)
{
	signals_end(aTHX);
	perl_cgi_pm_end(aTHX);
	perl_cgi_env_end(aTHX);
	if (world.umask_called)
		umask(world.mask);
}

static void
local_to(pTHX_ GV *variable, SV *value)
{
	sv_setsv_mg(save_scalar(variable), value);
}

void
perl_cgi_world_local(pTHX_ const struct perl_script *script)
{
	size_t i;

	SAVEI8(PL_dowarn);
	if (script->warns)
		PL_dowarn |= G_WARN_ON;
	local_to(aTHX_ world.separator_gv, world.line_end);
	for (i = 0; i < sizeof world.undefined_gv / sizeof world.undefined_gv[0]; i++)
		local_to(aTHX_ world.undefined_gv[i], &PL_sv_undef);
}

void
perl_cgi_world_start(pTHX)
{
	world.argv_gv = gv_fetchpvs("ARGV", GV_ADD | GV_NOTQUAL, SVt_PVAV);
	world.program_gv = gv_fetchpvs("0", GV_ADD | GV_NOTQUAL, SVt_PV);
	world.separator_gv = gv_fetchpvs("/", GV_ADD | GV_NOTQUAL, SVt_PV);
	world.line_end = newSVpvs("\n");
	world.undefined_gv[0] = gv_fetchpvs("\\", GV_ADD | GV_NOTQUAL, SVt_PV);
	world.undefined_gv[1] = gv_fetchpvs(",", GV_ADD | GV_NOTQUAL, SVt_PV);
	world.undefined_gv[2] = gv_fetchpvs("_", GV_ADD | GV_NOTQUAL, SVt_PV);
	world.mask = umask(0);
	umask(world.mask);
	chdir_original = PL_ppaddr[OP_CHDIR];
	PL_ppaddr[OP_CHDIR] = chdir_watched;
	umask_original = PL_ppaddr[OP_UMASK];
	PL_ppaddr[OP_UMASK] = umask_watched;
}

/* In a new processor: its own SIGTERM is there. */
void
perl_cgi_world_forked(void)
{
	sigaction(SIGTERM, NULL, &world.term);
}
