#include "handlers/perl_parts.h"

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"

void
perl_log_lines(int level, const char *what, const char *text, size_t len)
{
	const char *end = text + len, *stop;

	while (text < end) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		if (stop > text)
			perl_log(level, "%s%s%.*s", what, what[0] != '\0' ? ": " : "",
			    (int)(stop - text), text);
		text = stop + 1;
	}
}

void
perl_log_error(pTHX_ const char *what)
{
	STRLEN len;
	const char *text = SvPV(ERRSV, len);

	perl_log_lines(LEVEL_ERROR, what, text, len);
}

/* ---- a child that a script forked */

static void
in_child(void)
{
	perl_now.forked = true;
}

void
perl_call_begin(void)
{
	static bool watched;

	perl_now.forked = false;
	if (!watched)
		watched = pthread_atfork(NULL, NULL, in_child) == 0;
}

/*
 * It holds the channel, and would answer on it a second time.  It is no
 * processor: END blocks are its parent's.
 */
_Noreturn static void
leave_child(pTHX_ int status)
{
	PerlIO_flush(NULL);
	_exit(status);
}

/* ---- exit() */

/*
 * exit() has unwound all contexts and jumped here.  What is left is what no
 * context held, as at the end of perl_run().
 */
static void
unwind(pTHX_ I32 scope, SSize_t stack, SSize_t mark)
{
	while (PL_scopestack_ix > scope)
		LEAVE;
	FREETMPS;
	PL_stack_sp = PL_stack_base + stack;
	PL_markstack_ptr = PL_markstack + mark;
	PL_curstash = (HV *)SvREFCNT_inc_simple_NN((SV *)PL_defstash);
	PL_curcop = &PL_compiling;
	STATUS_ALL_SUCCESS;
}

static enum perl_ended
call_body(pTHX_ CV *sub)
{
	dSP;

	ENTER;
	SAVETMPS;
	PUSHMARK(SP);
	call_sv((SV *)sub, G_VOID | G_DISCARD | G_EVAL | G_NOARGS);
	FREETMPS;
	LEAVE;
	return SvTRUE(ERRSV) ? PERL_DIED : PERL_RETURNED;
}

enum perl_ended
perl_call(pTHX_ CV *sub, int *status)
{
	volatile enum perl_ended ended = PERL_EXITED;
	volatile I32 scope = PL_scopestack_ix;
	volatile SSize_t stack = PL_stack_sp - PL_stack_base;
	volatile SSize_t mark = PL_markstack_ptr - PL_markstack;
	int jumped;
	dJMPENV;

	JMPENV_PUSH(jumped);
	if (jumped == 0) {
		ended = call_body(aTHX_ sub);
	} else {
		*status = STATUS_EXIT;
		unwind(aTHX_ scope, stack, mark);
	}
	JMPENV_POP;
	if (perl_now.forked)
		leave_child(aTHX_ ended == PERL_EXITED ? *status : ended == PERL_DIED ? 255 : 0);
	return ended;
}

/* ---- END */

static CV *end_sub;

XS_INTERNAL(xs_end)
{
	dXSARGS;

	PERL_UNUSED_VAR(items);
	PL_phase = PERL_PHASE_END;
	if (PL_endav != NULL)
		call_list(PL_scopestack_ix, PL_endav);
	XSRETURN_EMPTY;
}

void
perl_call_start(pTHX)
{
	end_sub = newXS(NULL, xs_end, __FILE__);
}

void
perl_call_end(pTHX)
{
	int status = 0;

	if (PL_endav == NULL || av_count(PL_endav) == 0)
		return;
	if (perl_call(aTHX_ end_sub, &status) == PERL_DIED)
		perl_log_error(aTHX_ "an END block died");
}
