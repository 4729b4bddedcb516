# libc alone
noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/fault.c %D%/fault.h \
	%D%/fd.c %D%/fd.h \
	%D%/guard.c %D%/guard.h \
	%D%/log.c %D%/log.h \
	%D%/memory.c %D%/memory.h \
	%D%/net.c %D%/net.h \
	%D%/process.c %D%/process.h \
	%D%/str.c %D%/str.h
