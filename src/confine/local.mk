# may call: base
noinst_LTLIBRARIES += libconfine.la
libconfine_la_SOURCES = \
	%D%/caps.c \
	%D%/confine.c %D%/confine.h \
	%D%/ids.c \
	%D%/jail.c \
	%D%/limits.c \
	%D%/proof.c \
	%D%/steps.h
libconfine_la_LIBADD = libbase.la $(CAP_LIBS)

# may call: base; apart, for the multiplexer alone links libseccomp
noinst_LTLIBRARIES += libsandbox.la
libsandbox_la_SOURCES = \
	%D%/sandbox.c %D%/confine.h
libsandbox_la_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
libsandbox_la_LIBADD = libbase.la $(SECCOMP_LIBS)
