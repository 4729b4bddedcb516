#include "handlers/perl_parts.h"

#include "base/log.h"

struct perl_now perl_now;

static bool
load(const struct handler_host *host, const struct settings *settings,
    const struct pool_settings *pool)
{
	perl_now.host = host;
	perl_now.settings = settings;
	perl_now.pool = pool;
	return perl_start();
}

static bool
begin(void)
{
	dTHXa(perl_now.interpreter);

	/* else all processors of a pool would draw the same numbers */
	PL_srand_called = FALSE;
	perl_call_begin();
	perl_cgi_world_forked();
	perl_apps_begin(aTHX);
	perl_io_log_end();
	return true;
}

static enum handler_result
serve(struct request *request, const struct request_view *view)
{
	enum handler_result result;
	dTHXa(perl_now.interpreter);

	perl_now.request = request;
	perl_now.view = view;
	if (++perl_now.serial == 0)
		perl_now.serial = 1;
	perl_site_enter(aTHX_ view->vhost);
	/* only a psgi entry has an application */
	result = view->application != NULL ? perl_psgi_serve(aTHX) : perl_cgi_serve(aTHX);
	perl_io_log_end();
	perl_now.request = NULL;
	perl_now.view = NULL;
	return result;
}

/*
 * A processor leaves without Perl's own end, which would touch, so copy, most of
 * the memory that it shares with its siblings.  What others would miss are END
 * blocks: those run.
 */
static void
end(void)
{
	dTHXa(perl_now.interpreter);

	perl_call_end(aTHX);
	perl_io_log_end();
}

__attribute__((visibility("default")))
const struct handler peruser_handler = {
	.version = HANDLER_VERSION,
	.name = "perl",
	.load = load,
	.begin = begin,
	.serve = serve,
	.end = end,
};
