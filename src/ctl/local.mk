# may call: base, wire, board, status
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = %D%/ask.c %D%/ask.h
libctl_la_LIBADD = libstatus.la libboard.la libwire.la libbase.la

bin_PROGRAMS += peruserctl
peruserctl_SOURCES = %D%/main.c
peruserctl_LDADD = libctl.la
