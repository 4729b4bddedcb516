#include "handlers/perl_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static struct {
	CV *run;                /* xs_run, as Perl knows it */
	struct perl_app *app;
	HV *env;                /* of the request that is served */
	bool faulty;            /* what it died of is the response's fault */
} psgi;

void
perl_psgi_fault(pTHX_ const char *format, ...)
{
	char text[512], *at;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* one line, whatever the application put into it */
	for (at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 32)
			*at = '?';
	psgi.faulty = true;
	croak_sv(sv_2mortal(newSVpvf("%s\n", text)));
}

/* ---- the application, called as a sub that may die or exit */

static SV *
call_app(pTHX)
{
	SV *response;
	dSP;

	PUSHMARK(SP);
	XPUSHs(sv_2mortal(newRV_inc((SV *)psgi.env)));
	PUTBACK;
	call_sv(psgi.app->code, G_SCALAR);
	SPAGAIN;
	response = POPs;
	PUTBACK;
	return response;
}

static bool
is_code(pTHX_ SV *response)
{
	if (!SvROK(response))
		return false;
	return SvTYPE(SvRV(response)) == SVt_PVCV ||
	    (SvAMAGIC(response) && SvTYPE(SvRV(response)) != SVt_PVAV);
}

XS_INTERNAL(xs_run)
{
	dXSARGS;
	SV *response;

	PERL_UNUSED_VAR(items);
	response = call_app(aTHX);
	if (perl_env_client_taken() && !perl_now.host->head_given(perl_now.request) &&
	    !SvROK(response))
		XSRETURN_EMPTY;
	if (is_code(aTHX_ response))
		perl_stream_run(aTHX_ response);
	else
		perl_answer_give(aTHX_ response);
	XSRETURN_EMPTY;
}

/* ---- what it came to */

static void
log_end(pTHX_ enum perl_ended ended, int status)
{
	const char *file = perl_now.view->application;
	char what[PATH_MAX + 64];

	if (ended == PERL_EXITED) {
		perl_log(LEVEL_ERROR, "the application %s called exit(%d)", file, status);
		return;
	}
	snprintf(what, sizeof what, "the application %s %s", file,
	    psgi.faulty ? "gave a bad response" : "died");
	perl_log_error(aTHX_ what);
}

static enum handler_result
judge(pTHX_ enum perl_ended ended, int status)
{
	struct request *request = perl_now.request;
	bool begun = perl_now.host->head_given(request);

	if (ended != PERL_RETURNED)
		log_end(aTHX_ ended, status);
	if (perl_env_client_taken() && !begun) {
		perl_now.host->abandon(request);
		return HANDLER_CUT;
	}
	if (ended == PERL_RETURNED)
		return HANDLER_DONE;
	if (!begun)
		perl_page_error(ended == PERL_EXITED ? "it called exit()" : SvPV_nolen(ERRSV));
	return begun ? HANDLER_CUT : HANDLER_DONE;
}

/* ---- after the answer */

static SV *
env_find(pTHX_ const char *name)
{
	SV **slot = hv_fetch(psgi.env, name, (I32)strlen(name), 0);

	return slot != NULL ? *slot : &PL_sv_undef;
}

/* psgix.cleanup.handlers: the client has its answer, they take their time. */
XS_INTERNAL(xs_clean)
{
	dXSARGS;
	SV *list = env_find(aTHX_ "psgix.cleanup.handlers"), **code;
	SSize_t i;

	PERL_UNUSED_VAR(items);
	for (i = 0; i < (SSize_t)av_count((AV *)SvRV(list)); i++) {
		dSP;

		code = av_fetch((AV *)SvRV(list), i, 0);
		if (code == NULL || !SvROK(*code))
			continue;
		PUSHMARK(SP);
		XPUSHs(sv_2mortal(newRV_inc((SV *)psgi.env)));
		PUTBACK;
		call_sv(*code, G_VOID | G_DISCARD);
	}
	XSRETURN_EMPTY;
}

static void
clean_up(pTHX)
{
	SV *list = env_find(aTHX_ "psgix.cleanup.handlers");
	static CV *clean;
	int status = 0;

	if (!SvROK(list) || SvTYPE(SvRV(list)) != SVt_PVAV || av_count((AV *)SvRV(list)) == 0)
		return;
	if (clean == NULL)
		clean = newXS(NULL, xs_clean, __FILE__);
	perl_now.host->finish(perl_now.request);
	psgi.faulty = false;
	if (perl_call(aTHX_ clean, &status) == PERL_DIED)
		perl_log_error(aTHX_ "a psgix.cleanup handler died");
}

/* ---- one request */

static enum handler_result
no_application(void)
{
	const char *why = psgi.app != NULL && psgi.app->error != NULL ? psgi.app->error :
	    "it is not one of this pool's";

	perl_log_lines(LEVEL_ERROR, "the application does not load", why, strlen(why));
	perl_page_error(why);
	return HANDLER_DONE;
}

enum handler_result
perl_psgi_serve(pTHX)
{
	enum handler_result result;
	enum perl_ended ended;
	int status = 0;

	psgi.app = perl_apps_find(aTHX_ perl_now.view->vhost, perl_now.view->application);
	if (psgi.app == NULL || psgi.app->code == NULL)
		return no_application();
	psgi.env = perl_env_new(aTHX);
	psgi.faulty = false;
	ended = perl_call(aTHX_ psgi.run, &status);
	result = judge(aTHX_ ended, status);
	clean_up(aTHX);
	if (result == HANDLER_DONE && SvTRUE(env_find(aTHX_ "psgix.harakiri.commit")))
		result = HANDLER_LEAVE;
	SvREFCNT_dec((SV *)psgi.env);
	psgi.env = NULL;
	perl_env_end(aTHX);
	return result;
}

void
perl_psgi_start(pTHX)
{
	psgi.run = newXS(NULL, xs_run, __FILE__);
}
