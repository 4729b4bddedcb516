#include "handlers/perl_parts.h"

#include <stdio.h>

#include "base/log.h"

/*
 * A CGI script, compiled once and run as often as it is asked for.  Around each
 * run the world is made as a program finds it (perl_cgi_world.c); the script's
 * own variables are new because its sub is called anew, its package's stay.
 */
static CV *runner;
static struct perl_script *running;

/* DATA begins where __DATA__ ended, each time. */
static void
data_begin(pTHX_ const struct perl_script *script)
{
	if (script->data == NULL)
		return;
	do_close(script->data_handle, FALSE);
	do_openn(script->data_handle, "<", 1, FALSE, O_RDONLY, 0, NULL,
	    (SV *[]){ sv_2mortal(newRV_noinc(newSVsv(script->data))) }, 1);
}

XS_INTERNAL(xs_run)
{
	dXSARGS;

	PERL_UNUSED_VAR(items);
	perl_cgi_world_local(aTHX_ running);
	data_begin(aTHX_ running);
	PUSHMARK(PL_stack_sp);
	call_sv((SV *)running->run, G_VOID | G_DISCARD | G_NOARGS);
	XSRETURN_EMPTY;
}

/* ---- the end of a run */

static void
run_ends(pTHX_ const struct perl_script *script)
{
	SSize_t i;
	int status = 0;

	for (i = 0; i < (SSize_t)av_count(script->ends); i++)
		if (perl_call(aTHX_ (CV *)*av_fetch(script->ends, i, 1), &status) == PERL_DIED)
			perl_log_error(aTHX_ form("%s: an END block died", script->path));
}

static enum handler_result
died(pTHX_ SV *why)
{
	struct request *request = perl_now.request;
	char what[PATH_MAX + 16];
	const char *text = SvPV_nolen(why);

	snprintf(what, sizeof what, "%s died", perl_now.view->script_filename);
	perl_log_lines(LEVEL_ERROR, what, text, strlen(text));
	if (perl_now.host->head_given(request))
		return HANDLER_CUT;
	perl_page_error(text);
	return HANDLER_DONE;
}

static enum handler_result
judge(pTHX_ enum perl_ended ended, SV *error)
{
	const char *why = perl_cgi_io_end(aTHX_ ended == PERL_DIED &&
	    !perl_now.host->head_given(perl_now.request));

	if (ended == PERL_DIED)
		return died(aTHX_ error);
	if (why == NULL)
		return HANDLER_DONE;
	perl_log(LEVEL_ERROR, "%s: %s", perl_now.view->script_filename, why);
	perl_page_error(why);
	return HANDLER_DONE;
}

/* ---- one request */

static enum handler_result
run(pTHX_ struct perl_script *script)
{
	enum handler_result result;
	enum perl_ended ended;
	SV *error = NULL;
	int status = 0;

	running = script;
	perl_cgi_io_begin(aTHX);
	ended = perl_call(aTHX_ runner, &status);
	if (ended == PERL_DIED)
		error = newSVsv(ERRSV);
	run_ends(aTHX_ script);
	perl_captures_renew(aTHX_ script->captures, script->run);
	result = judge(aTHX_ ended, error);
	SvREFCNT_dec(error);
	return result;
}

enum handler_result
perl_cgi_serve(pTHX)
{
	struct perl_script *script = perl_script_find(aTHX);
	enum handler_result result;

	if (script == NULL)
		return HANDLER_DONE;
	if (!perl_cgi_world_begin(aTHX_ script)) {
		perl_log(LEVEL_ERROR, "%s: its environment is too large", perl_now.view->script_name);
		perl_page_error("its environment is too large");
		return HANDLER_DONE;
	}
	result = run(aTHX_ script);
	perl_cgi_world_end(aTHX);
	return result;
}

void
perl_cgi_start(pTHX)
{
	runner = newXS(NULL, xs_run, __FILE__);
	perl_script_start(aTHX);
	perl_cgi_io_start(aTHX);
	perl_cgi_world_start(aTHX);
}
