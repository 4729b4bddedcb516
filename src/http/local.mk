# may call: base, wire
noinst_LTLIBRARIES += libhttp.la
libhttp_la_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/cgi_request.c %D%/cgi_request.h \
	%D%/chars.c %D%/chars.h \
	%D%/chunked.c %D%/chunked.h \
	%D%/date.c %D%/date.h \
	%D%/forwarded.c %D%/forwarded.h \
	%D%/head.c %D%/head.h \
	%D%/host.c \
	%D%/proxy.c %D%/proxy.h \
	%D%/status.c %D%/status.h \
	%D%/uri.c %D%/uri.h \
	%D%/vars.c %D%/vars.h
libhttp_la_LIBADD = libbase.la
