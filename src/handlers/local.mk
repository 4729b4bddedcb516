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
	%D%/page.c %D%/page.h \
	%D%/ranges.c %D%/ranges.h \
	%D%/static.c \
	%D%/suexec.c %D%/suexec.h
libhandlers_la_LIBADD = libhttp.la libwire.la libbase.la
