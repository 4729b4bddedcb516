#include "handlers/perl_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS 1000           /* between two attempts to load what did not load */

static struct perl_app *apps;
static size_t app_count;
static AV *after_fork;          /* what Peruserd::post_fork was given */

/*
 * As plackup does it: the file's last value is the application, its package is
 * its own, $0 is the file, and @ARGV is empty.  An object is asked for its code.
 */
static const char loader[] =
    "package Peruserd;\n"
    "our ($file, $package, $application);\n"
    "sub load_application {\n"
    "	local ($@, $!);\n"
    "	local @ARGV;\n"
    "	my ($path, $into, $why) = ($file, $package);\n"
    "	delete @INC{grep { !defined $INC{$_} } keys %INC};\n"
    "	$application = eval \"package $into; my \\$made = do \\$path;\n"
    "	    \\$why = \\$@ || (defined \\$made ? '' : \\$!); \\$made\";\n"
    "	$why = $@ if $@;\n"
    "	$application = $application->to_app\n"
    "	    if UNIVERSAL::can($application, 'to_app') && ref $application ne 'CODE';\n"
    "	return if ref $application && (Scalar::Util::reftype($application) eq 'CODE'\n"
    "	    || overload::Method($application, '&{}'));\n"
    "	die $why if $why;\n"
    "	die \"$path: its last value is \" . (ref $application || 'no reference')\n"
    "	    . \", not the application's code\\n\";\n"
    "}\n"
    "1;\n";

/* ---- loading */

static void
tell_loader(pTHX_ const struct perl_app *app)
{
	char package[64];

	snprintf(package, sizeof package, "Peruserd::Application::%zu", (size_t)(app - apps));
	sv_setpv(get_sv("Peruserd::file", GV_ADD), app->file);
	sv_setpv(get_sv("Peruserd::package", GV_ADD), package);
}

/* $0 without its magic, which would name the process. */
static void
set_program_name(pTHX_ const char *name)
{
	sv_setpv(GvSVn(gv_fetchpvs("0", GV_ADD | GV_NOTQUAL, SVt_PV)), name);
}

static void
keep_error(pTHX_ struct perl_app *app, enum perl_ended ended, int status)
{
	char what[64];

	free(app->error);
	snprintf(what, sizeof what, "it called exit(%d) while it was loaded\n", status);
	app->error = strdup(ended == PERL_EXITED ? what : SvPV_nolen(ERRSV));
}

static void
load(pTHX_ struct perl_app *app)
{
	CV *sub = get_cv("Peruserd::load_application", 0);
	SV *made = get_sv("Peruserd::application", GV_ADD);
	enum perl_ended ended;
	int status = 0;

	app->tried_ms = clock_ms();
	perl_site_enter(aTHX_ app->vhost);
	tell_loader(aTHX_ app);
	set_program_name(aTHX_ app->file);
	ended = perl_call(aTHX_ sub, &status);
	set_program_name(aTHX_ "peruserd");
	if (ended == PERL_RETURNED) {
		app->code = newSVsv(made);
		free(app->error);
		app->error = NULL;
	} else {
		keep_error(aTHX_ app, ended, status);
		perl_log(LEVEL_ERROR, "%s: the application %s does not load:",
		    app->vhost->server_name, app->file);
		if (app->error != NULL)
			perl_log_lines(LEVEL_ERROR, app->vhost->server_name, app->error,
			    strlen(app->error));
	}
	sv_setsv(made, &PL_sv_undef);
	perl_io_log_end();
}

/* ---- the table */

static struct perl_app *
find(const struct vhost_settings *vhost, const char *file)
{
	size_t i;

	for (i = 0; i < app_count; i++)
		if (apps[i].file == file ||
		    (apps[i].vhost == vhost && strcmp(apps[i].file, file) == 0))
			return &apps[i];
	return NULL;
}

static void
add_all(const struct vhost_settings *vhost)
{
	const char *file;
	size_t i;

	for (i = 0; i < vhost->handler_count; i++) {
		file = vhost->handlers[i].application;
		if (vhost->handlers[i].kind != HANDLER_PSGI || file == NULL ||
		    find(vhost, file) != NULL)
			continue;
		apps[app_count].file = file;
		apps[app_count].vhost = vhost;
		app_count++;
	}
}

static size_t
count_all(void)
{
	const struct pool_settings *pool = perl_now.pool;
	size_t count = 0, i;

	for (i = 0; i < pool->vhost_count; i++)
		count += perl_now.settings->vhosts[pool->vhosts[i]].handler_count;
	return count;
}

void
perl_apps_load(pTHX)
{
	const struct pool_settings *pool = perl_now.pool;
	size_t i;

	after_fork = newAV();
	eval_pv(loader, TRUE);
	Newxz(apps, count_all() + 1, struct perl_app);
	for (i = 0; i < pool->vhost_count; i++)
		add_all(&perl_now.settings->vhosts[pool->vhosts[i]]);
	for (i = 0; i < app_count; i++)
		load(aTHX_ &apps[i]);
}

struct perl_app *
perl_apps_find(pTHX_ const struct vhost_settings *vhost, const char *file)
{
	static struct perl_app *last;

	if (last == NULL || last->file != file || last->vhost != vhost)
		last = find(vhost, file);
	if (last != NULL && last->code == NULL && clock_ms() - last->tried_ms >= RETRY_MS)
		load(aTHX_ last);
	return last;
}

/* ---- Peruserd::post_fork(sub { ... }) */

XS_INTERNAL(xs_post_fork)
{
	dXSARGS;

	if (items != 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVCV)
		croak("usage: Peruserd::post_fork(sub { ... })");
	av_push(after_fork, newSVsv(ST(0)));
	XSRETURN_EMPTY;
}

void
perl_apps_begin(pTHX)
{
	SSize_t i;
	SV **code;
	int status = 0;

	for (i = 0; i < (SSize_t)av_count(after_fork); i++) {
		code = av_fetch(after_fork, i, 0);
		if (code == NULL || !SvROK(*code))
			continue;
		switch (perl_call(aTHX_ (CV *)SvRV(*code), &status)) {
		case PERL_RETURNED:
			break;
		case PERL_DIED:
			perl_log_error(aTHX_ "a post_fork hook died");
			break;
		case PERL_EXITED:
			perl_log(LEVEL_ERROR, "a post_fork hook called exit(%d)", status);
			break;
		}
	}
}

void
perl_apps_start(pTHX)
{
	newXS("Peruserd::post_fork", xs_post_fork, __FILE__);
}
