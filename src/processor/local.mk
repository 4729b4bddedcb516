# may call: base wire http settings confine handlers
# links: libfcgi libconfig libcap, dlopen; never libevent, libseccomp
noinst_LTLIBRARIES += libprocessor.la
libprocessor_la_SOURCES = \
	%D%/body.c %D%/body.h \
	%D%/channel.c %D%/channel.h \
	%D%/client.c %D%/client.h \
	%D%/fcgx.c %D%/fcgx.h \
	%D%/handoff.h %D%/handoff_fcgx.c %D%/handoff_fd.c \
	%D%/host.c %D%/host.h \
	%D%/modules.c %D%/modules.h \
	%D%/program.c %D%/program.h \
	%D%/raw.c %D%/raw.h \
	%D%/recent.c %D%/recent.h \
	%D%/request.c %D%/request.h \
	%D%/resolve.c %D%/resolve.h \
	%D%/respond.c %D%/respond.h \
	%D%/respond_channel.c %D%/respond_client.c %D%/respond_fcgx.c \
	%D%/serve.c %D%/serve.h \
	%D%/sticky.c %D%/sticky.h \
	%D%/title.c %D%/title.h \
	%D%/trace.c %D%/trace.h \
	%D%/zygote.c %D%/zygote.h
libprocessor_la_LIBADD = libhandlers.la libconfine.la libsettings.la libhttp.la libwire.la \
	libbase.la $(FCGI_LIBS)

pkglibexec_PROGRAMS += peruser-processor
peruser_processor_SOURCES = %D%/main.c
peruser_processor_LDADD = libprocessor.la
