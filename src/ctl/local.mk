# may call: base, wire, board, status
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	%D%/ask.c %D%/ask.h \
	%D%/look.c %D%/look.h \
	%D%/screen.c %D%/screen.h \
	%D%/top.c %D%/top.h \
	%D%/top_draw.c
libctl_la_LIBADD = libstatus.la libboard.la libwire.la libbase.la

bin_PROGRAMS += peruserctl
peruserctl_SOURCES = %D%/main.c
peruserctl_LDADD = libctl.la
