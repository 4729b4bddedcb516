#include "handlers/perl_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "handlers/page.h"
#include "handlers/perl_source.h"
#include "handlers/suexec.h"

#define SOURCE_MAX (16u * 1024 * 1024)

static HV *scripts;             /* by path: struct perl_script *, as an IV */
static CV *compiler;            /* xs_compile */

/* What is compiled now, for xs_compile. */
static struct {
	struct perl_script *script;
	SV *text;
	SV *package;
} now;

/* ---- the table */

static struct perl_script *
slot_of(pTHX_ const char *path)
{
	SV **slot = hv_fetch(scripts, path, (I32)strlen(path), 1);
	struct perl_script *script;

	if (slot == NULL)
		croak("no memory");
	if (SvIOK(*slot))
		return INT2PTR(struct perl_script *, SvIVX(*slot));
	Newxz(script, 1, struct perl_script);
	my_strlcpy(script->path, path, sizeof script->path);
	sv_setiv(*slot, PTR2IV(script));
	return script;
}

static bool
is_unchanged(const struct perl_script *script, const struct stat *about)
{
	return script->run != NULL && script->device == about->st_dev &&
	    script->inode == about->st_ino && script->size == about->st_size &&
	    script->changed.tv_sec == about->st_mtim.tv_sec &&
	    script->changed.tv_nsec == about->st_mtim.tv_nsec;
}

static void
forget(pTHX_ struct perl_script *script)
{
	perl_captures_free(aTHX_ &script->captures);
	SvREFCNT_dec((SV *)script->run);
	SvREFCNT_dec((SV *)script->ends);
	SvREFCNT_dec(script->die_hook);
	SvREFCNT_dec(script->warn_hook);
	SvREFCNT_dec(script->data);
	SvREFCNT_dec((SV *)script->cgi_pm);
	script->run = NULL;
	script->ends = script->cgi_pm = NULL;
	script->die_hook = script->warn_hook = script->data = NULL;
}

/* ---- its text */

static SV *
read_text(pTHX_ int fd, size_t size)
{
	SV *text = newSV(size + 1);
	size_t len = 0;
	ssize_t got;

	SvPOK_only(text);
	while (len < size && (got = read(fd, SvPVX(text) + len, size - len)) > 0)
		len += (size_t)got;
	SvPVX(text)[len] = '\0';
	SvCUR_set(text, len);
	return text;
}

/* The package is the script's own: its globals are no other's, and stay. */
static SV *
package_of(pTHX_ const char *path)
{
	SV *package = newSVpvs("Peruserd::Script::");
	const char *at;

	for (at = path; *at != '\0'; at++)
		if (isALNUM(*at))
			sv_catpvn(package, at, 1);
		else
			sv_catpvf(package, "_%02x", (unsigned char)*at);
	return package;
}

/* A sub; its name is one that no script uses. */
static SV *
wrapped(pTHX_ SV *package, const char *path, SV *text, size_t code)
{
	SV *whole = newSVpvf("package %" SVf "; sub __peruserd_run {\n#line 1 \"%s\"\n",
	    SVfARG(package), path);

	sv_catpvn(whole, SvPVX(text), code);
	sv_catpvs(whole, "\n}\n1;\n");
	return whole;
}

/* ---- compiling, in a sub that may die or exit */

/* "Variable will not stay shared": it will (perl_capture.c). */
XS_INTERNAL(xs_warn)
{
	dXSARGS;

	if (items > 0 && strstr(SvPV_nolen(ST(0)), "will not stay shared") == NULL)
		PerlIO_printf(Perl_error_log, "%s", SvPV_nolen(ST(0)));
	XSRETURN_EMPTY;
}

static SV *
hook(pTHX_ const char *name)
{
	SV **slot = hv_fetch(get_hv("SIG", GV_ADD), name, (I32)strlen(name), 0);

	return slot != NULL && SvOK(*slot) ? newSVsv(*slot) : NULL;
}

XS_INTERNAL(xs_compile)
{
	dXSARGS;
	HV *signals = get_hv("SIG", GV_ADD);
	static CV *quiet;

	PERL_UNUSED_VAR(items);
	if (quiet == NULL)
		quiet = newXS(NULL, xs_warn, __FILE__);
	SAVEGENERICSV(PL_warnhook);
	PL_warnhook = newRV_inc((SV *)quiet);
	SAVEI8(PL_dowarn);
	if (now.script->warns)
		PL_dowarn |= G_WARN_ON;
	hv_delete(signals, "__DIE__", 7, G_DISCARD);
	hv_delete(signals, "__WARN__", 8, G_DISCARD);
	PL_warnhook = newRV_inc((SV *)quiet);
	eval_sv(now.text, G_VOID | G_DISCARD | G_RETHROW);
	now.script->die_hook = hook(aTHX_ "__DIE__");
	now.script->warn_hook = hook(aTHX_ "__WARN__");
	XSRETURN_EMPTY;
}

/* Its own END blocks end each run; those of modules that it loaded, the processor. */
static AV *
take_ends(pTHX_ AV *all, HV *stash)
{
	AV *own = newAV(), *others;
	SSize_t i;
	SV *sub;

	if (all == NULL)
		return own;
	others = newAV();
	for (i = 0; i < (SSize_t)av_count(all); i++) {
		sub = SvREFCNT_inc(*av_fetch(all, i, 1));
		av_push(CvSTASH((CV *)sub) == stash ? own : others, sub);
	}
	if (PL_endav == NULL)
		PL_endav = newAV();
	while (av_count(others) > 0)
		av_push(PL_endav, av_shift(others));
	SvREFCNT_dec((SV *)others);
	return own;
}

static void
set_data(pTHX_ struct perl_script *script, SV *text, size_t data)
{
	SV *name;

	if (data == 0)
		return;
	name = sv_2mortal(newSVpvf("%" SVf "::DATA", SVfARG(now.package)));
	script->data = newSVpvn(SvPVX(text) + data, SvCUR(text) - data);
	script->data_handle = gv_fetchsv(name, GV_ADD, SVt_PVIO);
}

static enum perl_ended
compile(pTHX_ struct perl_script *script, SV *text, const struct perl_source *source, int *status)
{
	AV *ends = PL_endav;
	enum perl_ended ended;
	CV *run;

	now.script = script;
	now.package = package_of(aTHX_ script->path);
	now.text = wrapped(aTHX_ now.package, script->path, text, source->code);
	script->warns = source->warns;
	set_data(aTHX_ script, text, source->data);
	PL_endav = NULL;
	perl_cgi_pm_compile(aTHX);
	ended = perl_call(aTHX_ compiler, status);
	if (ended == PERL_RETURNED) {
		AV *made = PL_endav;

		PL_endav = ends;
		run = get_cv(form("%" SVf "::__peruserd_run", SVfARG(now.package)), 0);
		script->run = (CV *)SvREFCNT_inc((SV *)run);
		script->ends = take_ends(aTHX_ made, gv_stashsv(now.package, GV_ADD));
		SvREFCNT_dec((SV *)made);
		script->cgi_pm = perl_cgi_pm_compiled(aTHX);
		if (run != NULL)
			script->captures = perl_captures_find(aTHX_ run);
	} else {
		SvREFCNT_dec((SV *)PL_endav);
		PL_endav = ends;
	}
	SvREFCNT_dec(now.text);
	SvREFCNT_dec(now.package);
	return ended;
}

/* ---- a script that is new, or has changed */

static void
refuse(int status)
{
	page_give(perl_now.host, perl_now.request, perl_now.view, status, NULL);
}

static bool
judge_source(const struct perl_source *source)
{
	const char *name = perl_now.view->script_name;

	if (!source->is_perl) {
		perl_log(LEVEL_ERROR, "%s: its first line names no perl; write { prefix = \"%s\"; "
		    "handler = \"cgi\"; } for it", name, name);
		return false;
	}
	if (source->other != 0)
		perl_log(LEVEL_WARNING, "%s: the switch -%c of its first line is not heeded; "
		    "{ prefix = \"%s\"; handler = \"cgi\"; } runs it with all of them", name,
		    source->other, name);
	if (source->taints)
		perl_log(LEVEL_NOTICE, "%s: -T has no effect in a script that lives on", name);
	return true;
}

static void
tell(pTHX_ enum perl_ended ended, int status)
{
	const char *file = perl_now.view->script_filename;
	char what[PATH_MAX + 64];

	if (ended == PERL_EXITED) {
		perl_log(LEVEL_ERROR, "%s: it called exit(%d) while it was compiled", file, status);
		perl_page_error("It called exit() while it was compiled.");
		return;
	}
	snprintf(what, sizeof what, "%s does not compile", file);
	perl_log_error(aTHX_ what);
	perl_page_error(SvPV_nolen(ERRSV));
}

static bool
compile_file(pTHX_ struct perl_script *script, int fd, const struct stat *about)
{
	struct perl_source source;
	enum perl_ended ended;
	SV *text = read_text(aTHX_ fd, (size_t)about->st_size);
	int status = 0;

	perl_source_read(SvPVX(text), SvCUR(text), &source);
	if (!judge_source(&source)) {
		SvREFCNT_dec(text);
		refuse(500);
		return false;
	}
	ended = compile(aTHX_ script, text, &source, &status);
	SvREFCNT_dec(text);
	if (ended != PERL_RETURNED || script->run == NULL) {
		tell(aTHX_ ended, status);
		return false;
	}
	script->device = about->st_dev;
	script->inode = about->st_ino;
	script->size = about->st_size;
	script->changed = about->st_mtim;
	return true;
}

/* What is opened is what was checked, as it was. */
static int
open_checked(const struct suexec_script *checked, struct stat *about)
{
	const char *name = strrchr(checked->path, '/') + 1;
	int fd = openat(checked->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	if (fd >= 0 && fstat(fd, about) == 0 && about->st_dev == checked->device &&
	    about->st_ino == checked->inode && about->st_size <= (off_t)SOURCE_MAX)
		return fd;
	fd_close(&fd);
	return -1;
}

static bool
renew(pTHX_ struct perl_script *script)
{
	const struct request_view *view = perl_now.view;
	struct suexec_script checked;
	struct fault fault;
	struct stat about;
	bool good = false;
	int fd;

	forget(aTHX_ script);
	if (!suexec_check(view->script_filename, view->document_root, geteuid(), &checked, &fault)) {
		perl_log(LEVEL_ERROR, "%s: not run: %s", view->script_name, fault.text);
		refuse(fault.error == ENOENT ? 404 : 403);
		return false;
	}
	fd = open_checked(&checked, &about);
	if (fd < 0) {
		perl_log(LEVEL_ERROR, "%s: not run: it can't be read", view->script_name);
		refuse(403);
	} else {
		good = compile_file(aTHX_ script, fd, &about);
	}
	fd_close(&fd);
	fd_close(&checked.directory);
	return good;
}

struct perl_script *
perl_script_find(pTHX)
{
	struct perl_script *script = slot_of(aTHX_ perl_now.view->script_filename);
	struct stat about;

	if (stat(script->path, &about) == 0 && is_unchanged(script, &about))
		return script;
	return renew(aTHX_ script) ? script : NULL;
}

void
perl_script_start(pTHX)
{
	scripts = newHV();
	compiler = newXS(NULL, xs_compile, __FILE__);
}
