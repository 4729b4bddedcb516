#include "handlers/perl_parts.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "handlers/cgi_env.h"

/*
 * What a program finds when it starts, made anew for each run: the environment
 * of RFC 3875 and nothing else, its arguments, its folder; and at its end,
 * signals, alarms, the umask and the folder as if it had ended.
 */
static struct {
	struct cgi_env env;
	char **outside;         /* environ between runs: a copy, see env_keep */
	HV *env_before;         /* %ENV */
	GV *argv_gv, *program_gv;
	struct sigaction term;  /* the processor's own SIGTERM */
	bool umask_called;      /* a script has changed it */
	mode_t mask;
} world;

/* ---- %ENV and environ: one and the same */

static void
env_fill(pTHX_ HV *env)
{
	char **at, *equals;

	for (at = world.env.environment; *at != NULL; at++) {
		equals = strchr(*at, '=');
		/* stored without its magic: environ has it already */
		(void)hv_store(env, *at, (I32)(equals - *at), newSVpv(equals + 1, 0), 0);
	}
}

/*
 * The C library's setenv() writes into the last array that it made, whatever
 * environ is then: with a run's own environment in place, over the one that was
 * there before.  So that one is always ours.
 */
static void
env_keep(pTHX)
{
	size_t count = 0;
	char **copy;

	if (environ == world.outside)
		return;
	while (environ[count] != NULL)
		count++;
	Newx(copy, count + 1, char *);
	Copy(environ, copy, count + 1, char *);
	Safefree(world.outside);
	environ = world.outside = copy;
}

static void
env_begin(pTHX)
{
	HV *env = newHV();

	hv_ksplit(env, 64);
	hv_magic(env, NULL, PERL_MAGIC_env);
	env_fill(aTHX_ env);
	world.env_before = GvHV(PL_envgv);
	GvHV(PL_envgv) = env;
	env_keep(aTHX);
	environ = world.env.environment;
}

static void
env_end(pTHX)
{
	HV *env = GvHV(PL_envgv);

	environ = world.outside;
	GvHV(PL_envgv) = world.env_before;
	/* without its magic, which would clear the environment that is there now */
	sv_unmagic((SV *)env, PERL_MAGIC_env);
	SvREFCNT_dec((SV *)env);
}

/* ---- @ARGV, $0, the working folder */

static void
arguments_begin(pTHX)
{
	AV *arguments = GvAVn(world.argv_gv);
	char **at;

	av_clear(arguments);
	for (at = world.env.arguments + 1; *at != NULL; at++)
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
	if (!cgi_env_build(&world.env, perl_now.view)) {
		cgi_env_free(&world.env);
		return false;
	}
	env_begin(aTHX);
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
	env_end(aTHX);
	cgi_env_free(&world.env);
	if (world.umask_called)
		umask(world.mask);
}

static void
local_to(pTHX_ const char *name, SV *value)
{
	SV *variable = save_scalar(gv_fetchpv(name, GV_ADD | GV_NOTQUAL, SVt_PV));

	sv_setsv_mg(variable, value);
}

void
perl_cgi_world_local(pTHX_ const struct perl_script *script)
{
	SAVEI8(PL_dowarn);
	if (script->warns)
		PL_dowarn |= G_WARN_ON;
	local_to(aTHX_ "/", sv_2mortal(newSVpvs("\n")));
	local_to(aTHX_ "\\", &PL_sv_undef);
	local_to(aTHX_ ",", &PL_sv_undef);
	local_to(aTHX_ "_", &PL_sv_undef);
}

void
perl_cgi_world_start(pTHX)
{
	world.argv_gv = gv_fetchpvs("ARGV", GV_ADD | GV_NOTQUAL, SVt_PVAV);
	world.program_gv = gv_fetchpvs("0", GV_ADD | GV_NOTQUAL, SVt_PV);
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
