# may call: base, and confine's header; libconfig
noinst_LTLIBRARIES += libsettings.la
libsettings_la_SOURCES = \
	%D%/access_format.c %D%/access_format.h \
	%D%/arena.c %D%/arena.h \
	%D%/check.c \
	%D%/check_disk.c \
	%D%/check_folders.c \
	%D%/check_handoff.c \
	%D%/check_listen.c \
	%D%/check_vhosts.c \
	%D%/dump.c %D%/dump.h \
	%D%/group.c \
	%D%/hosts.c %D%/hosts.h \
	%D%/manual.c \
	%D%/map.c %D%/map.h \
	%D%/names.c \
	%D%/read.c %D%/reading.h %D%/settings.h \
	%D%/same.c \
	%D%/say.c \
	%D%/scan.c \
	%D%/schema.c %D%/schema.h \
	%D%/slice.c \
	%D%/source.c \
	%D%/tuning.c \
	%D%/value.c \
	%D%/write.c %D%/write.h
libsettings_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
libsettings_la_LIBADD = libbase.la $(CONFIG_LIBS)
