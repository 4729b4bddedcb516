# The built-in handlers.  may call: base, wire, http, settings (its structs alone)
noinst_LTLIBRARIES += libhandlers.la
libhandlers_la_SOURCES = \
	%D%/cgi.c \
	%D%/cgi_child.c %D%/cgi_child.h \
	%D%/cgi_env.c %D%/cgi_env.h \
	%D%/cgi_explain.c %D%/cgi_explain.h \
	%D%/cgi_head.c %D%/cgi_head.h \
	%D%/cgi_relay.c %D%/cgi_relay.h \
	%D%/conditions.c %D%/conditions.h \
	%D%/handlers.h \
	%D%/mime.c %D%/mime.h \
	%D%/opened.c %D%/opened.h \
	%D%/page.c %D%/page.h \
	%D%/ranges.c %D%/ranges.h \
	%D%/static.c \
	%D%/suexec.c %D%/suexec.h
libhandlers_la_LIBADD = libhttp.la libwire.la libbase.la

# ---- php.so: the PHP handler, a module of the processor.  One symbol is exported.
# Links libphp and what reads the meta-variables; may call: base wire http(constants) settings(data).
if PHP
handler_LTLIBRARIES += php.la
php_la_SOURCES = \
	%D%/php_parts.h \
	%D%/php.c \
	%D%/php_backtrace.c \
	%D%/php_body.c \
	%D%/php_folders.c \
	%D%/php_functions.c \
	%D%/php_limit.c \
	%D%/php_map.c \
	%D%/php_sapi.c \
	%D%/php_settings.c \
	%D%/php_start.c \
	%D%/php_user_ini.c \
	%D%/php_vars.c \
	%D%/php_zones.c
php_la_CFLAGS = $(AM_CFLAGS) $(PHP_CFLAGS)
php_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
php_la_LIBADD = libwire.la $(PHP_LIBS)
endif

# ---- perl.so: the Perl handlers, likewise.  Links libperl; what it shares with the built-in
# handlers is compiled into it.
if WITH_PERL
handler_LTLIBRARIES += perl.la
perl_la_SOURCES = \
	%D%/perl_parts.h \
	%D%/perl.c \
	%D%/perl_answer.c \
	%D%/perl_apps.c \
	%D%/perl_call.c \
	%D%/perl_capture.c \
	%D%/perl_cgi.c \
	%D%/perl_cgi_env.c \
	%D%/perl_cgi_io.c \
	%D%/perl_cgi_pm.c \
	%D%/perl_cgi_world.c \
	%D%/perl_env.c \
	%D%/perl_io.c \
	%D%/perl_page.c \
	%D%/perl_psgi.c \
	%D%/perl_script.c \
	%D%/perl_site.c \
	%D%/perl_source.c %D%/perl_source.h \
	%D%/perl_start.c \
	%D%/perl_stream.c \
	%D%/cgi_env.c %D%/cgi_env.h \
	%D%/cgi_head.c %D%/cgi_head.h \
	%D%/page.c \
	%D%/suexec.c %D%/suexec.h \
	src/http/answer.c \
	src/http/chars.c \
	src/http/chunked.c \
	src/http/date.c \
	src/http/status.c
perl_la_CFLAGS = $(AM_CFLAGS) $(PERL_CFLAGS)
perl_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
perl_la_LIBADD = libwire.la $(PERL_LIBS)
endif
EXTRA_DIST += doc/PHP.md doc/PERL.md
