# may call: base, wire, board.  For peruserctl and for multiplexers: no I/O of its own
noinst_LTLIBRARIES += libstatus.la
libstatus_la_SOURCES = \
	%D%/json.c \
	%D%/numbers.c \
	%D%/show.c %D%/show.h \
	%D%/table.c %D%/table.h \
	%D%/text.c \
	%D%/view.c %D%/view.h
libstatus_la_LIBADD = libboard.la libwire.la libbase.la
