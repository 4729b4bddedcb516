# may call: base, wire, board
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	%D%/ask.c %D%/ask.h \
	%D%/json.c %D%/show.h \
	%D%/text.c \
	%D%/view.c %D%/view.h
libctl_la_LIBADD = libboard.la libwire.la libbase.la

bin_PROGRAMS += peruserctl
peruserctl_SOURCES = %D%/main.c
peruserctl_LDADD = libctl.la
