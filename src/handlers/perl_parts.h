/*
 * The parts of perl.so, the Perl handlers: PSGI applications and persistent CGI
 * scripts over libperl.
 *
 *   perl.c             the handler: load, begin, serve, end
 *   perl_start.c       the interpreter's start, the chroot in the middle of it
 *   perl_call.c        into Perl and back: die, exit() and fork() caught
 *   perl_io.c          the pool's log as STDERR, the request's body as a handle
 *   perl_site.c        @INC and %ENV of the vhost that is served
 *   perl_apps.c        the applications: loaded in the zygote, tried again where that failed
 *   perl_env.c         a request as a PSGI environment
 *   perl_psgi.c        one request of an application, to its answer
 *   perl_answer.c      a PSGI response: checked, then given
 *   perl_stream.c      delayed responses, and the writer
 *   perl_page.c        the page that says what went wrong
 *   perl_cgi.c         one request of a persistent CGI script
 *   perl_cgi_io.c      its standard input and output
 *   perl_cgi_world.c   its arguments, folder, signals, and their end
 *   perl_cgi_env.c     its environment
 *   perl_cgi_pm.c      what CGI.pm keeps of a request, and of a script
 *   perl_script.c      scripts: checked, compiled, kept, compiled anew
 *   perl_source.c      what must be understood of their text (perl_source.h)
 *   perl_capture.c     their named subs see each run's own variables
 *
 * Everything runs as the pool's user, single-threaded; perl_now is the one
 * piece of state they share.  Log lines go to the pool's log.
 */
#ifndef PERUSERD_HANDLERS_PERL_PARTS_H
#define PERUSERD_HANDLERS_PERL_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

#include <peruserd/handler.h>

#include "settings/settings.h"

struct perl_now {
	PerlInterpreter *interpreter;
	const struct handler_host *host;
	const struct settings *settings;
	const struct pool_settings *pool;
	struct request *request;                /* NULL between requests */
	const struct request_view *view;
	uint32_t serial;                        /* of this request: what was made for it says so too */
	bool forked;                            /* this is a child that a script made */
};

extern struct perl_now perl_now;

/* One line to the pool's log; level is an enum log_level. */
#define perl_log(...) perl_now.host->log(__VA_ARGS__)

/* Each line of a text on its own, after "what: ". */
void perl_log_lines(int level, const char *what, const char *text, size_t len);

/* The same for what Perl's $@ holds. */
void perl_log_error(pTHX_ const char *what);

/* ---- perl_start.c: all of load().  False: the reason was logged. */
bool perl_start(void);

/* ---- perl_call.c */

enum perl_ended {
	PERL_RETURNED,
	PERL_DIED,              /* $@ says why */
	PERL_EXITED             /* exit() was called; everything is unwound */
};

/*
 * Call a sub without arguments, for nothing: what it leaves is dropped.  A
 * child that a script forked never returns from here: it ends as it would
 * have ended after the script's last statement.  status: of PERL_EXITED.
 */
enum perl_ended perl_call(pTHX_ CV *sub, int *status);

/* In a new processor: what is forked from here on is a script's child. */
void perl_call_begin(void);

/* In a processor that leaves: END blocks. */
void perl_call_start(pTHX);
void perl_call_end(pTHX);

/* ---- perl_io.c */

void perl_io_start(pTHX);

/* A reference to a handle on the body of this request; the caller's. */
SV *perl_io_body(pTHX);

/* The body can be read more than once. */
bool perl_io_body_seeks(void);

/* What stands in the log's last line, without its end: a line too. */
void perl_io_log_end(void);

/* ---- perl_site.c: before code of that vhost runs. */
void perl_site_start(pTHX);
void perl_site_enter(pTHX_ const struct vhost_settings *vhost);

/* ---- perl_apps.c */

struct perl_app {
	const char *file;                       /* as in the settings, the same pointer */
	const struct vhost_settings *vhost;
	SV *code;                               /* what to call; NULL: it did not load */
	char *error;                            /* why, then; malloc'd */
	uint64_t tried_ms;                      /* clock_ms of the last attempt */
};

void perl_apps_start(pTHX);
void perl_apps_load(pTHX);

/* The application of that vhost.  code is NULL where it can't be loaded; that was logged. */
struct perl_app *perl_apps_find(pTHX_ const struct vhost_settings *vhost, const char *file);

/* Run what applications asked for with Peruserd::post_fork. */
void perl_apps_begin(pTHX);

/* ---- perl_env.c */
void perl_env_start(pTHX);

/*
 * The index-th name of a request as a key whose hash is reckoned: they come in the
 * same order request after request, so it is mostly the one that was made before.
 * Ours.
 */
SV *perl_env_name(pTHX_ unsigned index, const char *name, size_t len);

/* The environment of this request; the caller's. */
HV *perl_env_new(pTHX);

/* The application has taken the client's socket (psgix.io). */
bool perl_env_client_taken(void);

/* The request is over. */
void perl_env_end(pTHX);

/* ---- perl_psgi.c */
void perl_psgi_start(pTHX);
enum handler_result perl_psgi_serve(pTHX);

/*
 * The response is not what PSGI wants: one sentence, for the log.  Leaves by
 * way of die.
 */
_Noreturn void perl_psgi_fault(pTHX_ const char *format, ...)
    __attribute__((format(printf, pTHX_1, pTHX_2)));

/* ---- perl_answer.c: give what is in [status, headers, body], or leave by a fault. */
void perl_answer_give(pTHX_ SV *response);

/* Its status and headers alone: the head.  Then bytes, none of them wide.  False: nobody listens. */
bool perl_answer_head(pTHX_ AV *response);
bool perl_answer_bytes(pTHX_ SV *text, const char *what);

/* ---- perl_stream.c */
void perl_stream_start(pTHX);

/* Call a delayed response's code, and see that it answered. */
void perl_stream_run(pTHX_ SV *code);

/* ---- perl_page.c: a 500; with show_errors, its page shows the text. */
void perl_page_error(const char *text);

/* ---- perl_cgi.c */
void perl_cgi_start(pTHX);
enum handler_result perl_cgi_serve(pTHX);

/* ---- perl_cgi_io.c */

/* Standard input is this request's body, standard output its answer. */
void perl_cgi_io_begin(pTHX);

/*
 * All that was printed is on its way.  drop: what is still in Perl's buffer is
 * not wanted.  Returns NULL, or why there is no answer to give: one sentence.
 */
const char *perl_cgi_io_end(pTHX_ bool drop);

/* Keep what a chroot hides. */
void perl_cgi_io_start(pTHX);

/* ---- perl_script.c */

struct perl_captures;

struct perl_script {
	char path[PATH_MAX];
	dev_t device;                   /* what was compiled */
	ino_t inode;
	off_t size;
	struct timespec changed;
	CV *run;                        /* the script as a sub; NULL: it did not compile */
	AV *ends;                       /* its END blocks */
	SV *die_hook, *warn_hook;       /* $SIG{__DIE__} and __WARN__ as its BEGIN blocks left them */
	bool warns;                     /* -w */
	SV *data;                       /* what follows __DATA__, or NULL */
	GV *data_handle;
	AV *cgi_pm;                     /* what it chose of CGI.pm; NULL: that is not loaded */
	struct perl_captures *captures;
};

/*
 * The script of this request, compiled; or NULL, when a page was given and the
 * reason logged.
 */
struct perl_script *perl_script_find(pTHX);
void perl_script_start(pTHX);

/* ---- perl_capture.c */
struct perl_captures *perl_captures_find(pTHX_ CV *script);
void perl_captures_renew(pTHX_ const struct perl_captures *captures, CV *script);
void perl_captures_free(pTHX_ struct perl_captures **captures);

/*
 * ---- perl_cgi_pm.c: around a script's compilation (compiled: its choices, the
 * caller's, or NULL), and around each run of it.
 */
void perl_cgi_pm_compile(pTHX);
AV *perl_cgi_pm_compiled(pTHX);
void perl_cgi_pm_begin(pTHX_ AV *choices);
void perl_cgi_pm_end(pTHX);

/* ---- perl_cgi_env.c */

/* %ENV, environ and the arguments are this request's, until the end.  False: it is too large. */
bool perl_cgi_env_begin(pTHX);
void perl_cgi_env_end(pTHX);

/* [0] is the script; NULL after the last. */
char *const *perl_cgi_env_arguments(void);

/* ---- perl_cgi_world.c */

/* False: there is no memory for it. */
bool perl_cgi_world_begin(pTHX_ const struct perl_script *script);
void perl_cgi_world_end(pTHX);
void perl_cgi_world_start(pTHX);
void perl_cgi_world_forked(void);

/* Inside of a scope: the punctuation variables as a program finds them, until its end. */
void perl_cgi_world_local(pTHX_ const struct perl_script *script);

#endif
