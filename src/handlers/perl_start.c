#include "config.h"
#include "handlers/perl_parts.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"

/* Of Perl's own, what applications and scripts ask for by name at run time. */
static const char always[] =
    "require strict; require warnings; require utf8; require bytes; require overload;\n"
    "require Carp; require IO::Handle; require IO::File; require IO::Seekable;\n"
    "require Scalar::Util; require PerlIO::scalar; require PerlIO::encoding; require Encode;\n"
    "require Socket; require Errno; require Fcntl; require File::Spec; require File::Temp;\n"
    "require File::Basename; require FindBin; require lib; require POSIX; require Tie::Hash;\n"
    "require Time::HiRes; require Cwd; require constant; require vars; require parent;\n"
    "require IO::Socket::INET; require Symbol; require SelectSaver; require feature; 1;\n";

EXTERN_C void boot_DynaLoader(pTHX_ CV *cv);

static void
boot(pTHX)
{
	newXS("DynaLoader::boot_DynaLoader", boot_DynaLoader, __FILE__);
	perl_call_start(aTHX);
	perl_apps_start(aTHX);
	perl_stream_start(aTHX);
	perl_psgi_start(aTHX);
}

/* An interpreter that has run an empty program. */
static bool
interpreter_start(void)
{
	static char name[] = "peruserd", flag[] = "-e", program[] = "0";
	static char *texts[] = { name, flag, program, NULL };
	char **arguments = texts, **environment = environ;
	int count = 3;
	PerlInterpreter *my_perl;

	PERL_SYS_INIT3(&count, &arguments, &environment);
	my_perl = perl_alloc();
	if (my_perl == NULL)
		return false;
	perl_now.interpreter = my_perl;
	PERL_SET_CONTEXT(my_perl);
	perl_construct(my_perl);
	/* END blocks are ours to run */
	PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
	PL_origalen = 1;
	return perl_parse(my_perl, boot, count, arguments, NULL) == 0 &&
	    perl_run(my_perl) == 0;
}

/* Modules of the system: the chroot is not entered yet. */
static bool
preload(pTHX)
{
	const struct string_list *modules = &perl_now.pool->perl_preload;
	size_t i;

	eval_pv(always, FALSE);
	if (SvTRUE(ERRSV)) {
		perl_log_error(aTHX_ "Perl's own modules don't load");
		return false;
	}
	for (i = 0; i < modules->count; i++) {
		eval_pv(form("require %s; 1", modules->at[i]), FALSE);
		if (!SvTRUE(ERRSV))
			continue;
		perl_log_error(aTHX_ form("perl_preload: %s", modules->at[i]));
		return false;
	}
	return true;
}

/* What application servers set; a pool's or vhost's env goes before it. */
static void
environment_set(void)
{
	const struct pool_settings *pool = perl_now.pool;

	setenv("PLACK_ENV", "deployment", 0);
	if (pool->user != NULL)
		setenv("USER", pool->user, 0);
	if (pool->home != NULL)
		setenv("HOME", pool->home, 0);
}

bool
perl_start(void)
{
	PerlInterpreter *my_perl;

	environment_set();
	if (!interpreter_start()) {
		perl_log(LEVEL_ERROR, "Perl can't start");
		return false;
	}
	my_perl = perl_now.interpreter;
	/* Perl wants these its own way; a processor has its own */
	signal(SIGPIPE, SIG_IGN);
	perl_io_start(aTHX);
	if (!preload(aTHX) || !perl_now.host->enter_root())
		return false;
	perl_call_begin();
	perl_site_start(aTHX);
	perl_env_start(aTHX);
	perl_cgi_start(aTHX);
	perl_apps_load(aTHX);
	perl_log(LEVEL_INFO, "Perl %" SVf " is loaded", SVfARG(PL_patchlevel));
	return true;
}
