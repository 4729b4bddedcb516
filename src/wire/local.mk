# may call: base
noinst_LTLIBRARIES += libwire.la
libwire_la_SOURCES = \
	%D%/envelope.c \
	%D%/fcgi.c %D%/fcgi.h \
	%D%/fcgi_taken.c %D%/fcgi_taken.h \
	%D%/fdpass.c %D%/fdpass.h \
	%D%/message.c \
	%D%/nv.c \
	%D%/record.c %D%/record.h
libwire_la_LIBADD = libbase.la
