#include "handlers/perl_parts.h"

/*
 * CGI.pm keeps in globals of its class the parameters of the request, which end
 * with it, and the choices of its user ("use CGI '-nosticky'", $CGI::POST_MAX),
 * which are the script's: what its BEGIN blocks have chosen is what each run of
 * it begins with, whatever other scripts of the processor chose.
 */
static const char *const choices[] = {
	"CGI::XHTML", "CGI::NOSTICKY", "CGI::NPH", "CGI::DEBUG", "CGI::TABINDEX",
	"CGI::CLOSE_UPLOAD_FILES", "CGI::HEADERS_ONCE", "CGI::USE_PARAM_SEMICOLONS",
	"CGI::NO_UNDEF_PARAMS", "CGI::PARAM_UTF8", "CGI::PUTDATA_UPLOAD",
	"CGI::APPEND_QUERY_STRING", "CGI::LIST_CONTEXT_WARN", "CGI::POST_MAX",
	"CGI::DISABLE_UPLOADS",
};

#define CHOICES (sizeof choices / sizeof choices[0])

static AV *defaults;            /* what CGI.pm itself begins with */

static bool
is_loaded(pTHX)
{
	return get_cv("CGI::save_request", 0) != NULL;
}

static AV *
chosen(pTHX)
{
	AV *values = newAV();
	SV *value;
	size_t i;

	for (i = 0; i < CHOICES; i++) {
		value = get_sv(choices[i], 0);
		av_push(values, value != NULL ? newSVsv(value) : newSV(0));
	}
	return values;
}

static void
choose(pTHX_ AV *values)
{
	SV *value;
	size_t i;

	for (i = 0; i < CHOICES; i++) {
		value = get_sv(choices[i], 0);
		if (value != NULL)
			sv_setsv_mg(value, *av_fetch(values, (SSize_t)i, 1));
	}
}

void
perl_cgi_pm_compile(pTHX)
{
	if (!is_loaded(aTHX))
		return;
	if (defaults != NULL)
		choose(aTHX_ defaults);
}

AV *
perl_cgi_pm_compiled(pTHX)
{
	if (!is_loaded(aTHX))
		return NULL;
	if (defaults == NULL) {
		/* loaded by this script just now: ask the class for its own */
		AV *script = chosen(aTHX);
		CV *reset = get_cv("CGI::initialize_globals", 0);
		int status;

		if (reset != NULL)
			perl_call(aTHX_ reset, &status);
		defaults = chosen(aTHX);
		return script;
	}
	return chosen(aTHX);
}

void
perl_cgi_pm_begin(pTHX_ AV *values)
{
	if (values != NULL)
		choose(aTHX_ values);
}

void
perl_cgi_pm_end(pTHX)
{
	static const char *const scalars[] = { "CGI::Q", "CGI::QUERY_CHARSET" };
	static const char *const hashes[] = {
		"CGI::QUERY_PARAM", "CGI::QUERY_FIELDNAMES", "CGI::QUERY_TMPFILES",
	};
	AV *names;
	SV *scalar;
	HV *hash;
	size_t i;

	if (!is_loaded(aTHX))
		return;
	for (i = 0; i < sizeof scalars / sizeof scalars[0]; i++)
		if ((scalar = get_sv(scalars[i], 0)) != NULL)
			sv_setsv(scalar, &PL_sv_undef);
	for (i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
		if ((hash = get_hv(hashes[i], 0)) != NULL)
			hv_clear(hash);
	if ((names = get_av("CGI::QUERY_PARAM", 0)) != NULL)
		av_clear(names);
}
