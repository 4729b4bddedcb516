#include "handlers/perl_parts.h"

#include "base/log.h"

/*
 * A delayed response: the application's code is given `respond`, which takes the
 * whole response, or its status and headers and gives a writer.  Both are of one
 * request: what is kept for later is refused.
 */
enum stream { STREAM_WAITS, STREAM_ANSWERED, STREAM_WRITES, STREAM_CLOSED };

static enum stream stream;
static HV *writers;             /* the class of writers */

static void
check_serial(pTHX_ UV serial, const char *what)
{
	if (perl_now.request == NULL || serial != perl_now.serial)
		croak("%s is of a request that is over", what);
}

/* ---- respond */

static SV *
writer_new(pTHX)
{
	return sv_bless(newRV_noinc(newSVuv(perl_now.serial)), writers);
}

XS_INTERNAL(xs_respond)
{
	dXSARGS;
	AV *response;

	check_serial(aTHX_ (UV)XSANY.any_u32, "this response's callback");
	if (stream != STREAM_WAITS)
		croak("this response's callback was called before");
	if (items < 1 || !SvROK(ST(0)) || SvTYPE(SvRV(ST(0))) != SVt_PVAV)
		perl_psgi_fault(aTHX_ "what it responds with is no reference to an array");
	response = (AV *)SvRV(ST(0));
	if (av_count(response) != 2) {
		stream = STREAM_ANSWERED;
		perl_answer_give(aTHX_ ST(0));
		XSRETURN_EMPTY;
	}
	perl_answer_head(aTHX_ response);
	stream = STREAM_WRITES;
	ST(0) = sv_2mortal(writer_new(aTHX));
	XSRETURN(1);
}

/* ---- the writer */

static void
check_writer(pTHX_ SV *writer)
{
	if (!SvROK(writer) || !SvOBJECT(SvRV(writer)) || SvSTASH(SvRV(writer)) != writers)
		croak("not a writer");
	check_serial(aTHX_ SvUV(SvRV(writer)), "this writer");
	if (stream != STREAM_WRITES)
		croak("this writer is closed");
}

/* Each piece goes on its way at once: that is what it is written for. */
XS_INTERNAL(xs_write)
{
	dXSARGS;
	bool there = true;
	int i;

	if (items < 1)
		croak("usage: $writer->write($bytes)");
	check_writer(aTHX_ ST(0));
	for (i = 1; i < items && there; i++)
		there = perl_answer_bytes(aTHX_ ST(i), "what it wrote");
	if (there)
		there = perl_now.host->flush(perl_now.request);
	ST(0) = boolSV(there);
	XSRETURN(1);
}

XS_INTERNAL(xs_close)
{
	dXSARGS;

	if (items < 1)
		croak("usage: $writer->close");
	check_writer(aTHX_ ST(0));
	stream = STREAM_CLOSED;
	XSRETURN_EMPTY;
}

/* ---- the application's code */

void
perl_stream_run(pTHX_ SV *code)
{
	CV *respond = newXS(NULL, xs_respond, __FILE__);
	dSP;

	CvXSUBANY(respond).any_u32 = perl_now.serial;
	stream = STREAM_WAITS;
	PUSHMARK(SP);
	XPUSHs(sv_2mortal(newRV_noinc((SV *)respond)));
	PUTBACK;
	call_sv(code, G_VOID | G_DISCARD);
	if (stream == STREAM_WAITS && !perl_env_client_taken())
		perl_psgi_fault(aTHX_ "it never called its response's callback");
	if (stream == STREAM_WRITES)
		perl_log(LEVEL_WARNING, "the application %s did not close its writer",
		    perl_now.view->application);
}

void
perl_stream_start(pTHX)
{
	writers = gv_stashpvs("Peruserd::Writer", GV_ADD);
	newXS("Peruserd::Writer::write", xs_write, __FILE__);
	newXS("Peruserd::Writer::close", xs_close, __FILE__);
}
