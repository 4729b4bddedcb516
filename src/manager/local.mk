# libevent, libconfig, libcap; never http, TLS or libfcgi
noinst_LTLIBRARIES += libmanager.la
libmanager_la_SOURCES = \
	%D%/channel.c %D%/channel.h \
	%D%/child.c %D%/child.h \
	%D%/configuration.c %D%/configuration.h \
	%D%/control.c %D%/control.h \
	%D%/dial.c %D%/dial.h \
	%D%/demand.c %D%/demand.h \
	%D%/folder.c %D%/folder.h \
	%D%/listener.c %D%/listener.h \
	%D%/loader.c %D%/loader.h \
	%D%/listening.c %D%/listening.h \
	%D%/logs.c %D%/logs.h \
	%D%/manager.c %D%/manager.h \
	%D%/multiplexer.c %D%/multiplexer.h %D%/multiplexer_said.c \
	%D%/multiplexers.c %D%/multiplexers.h %D%/multiplexers_told.c \
	%D%/multiplexers_scale.c %D%/multiplexers_scale.h \
	%D%/notify.c %D%/notify.h \
	%D%/orphans.c %D%/orphans.h \
	%D%/passed.c %D%/passed.h \
	%D%/paths.c %D%/paths.h \
	%D%/pidfile.c %D%/pidfile.h \
	%D%/pool.c %D%/pool.h \
	%D%/ranges.c %D%/ranges.h \
	%D%/reload.c %D%/reload.h %D%/reload_parts.h \
	%D%/reload_plan.c %D%/reload_read.c \
	%D%/roster.c %D%/roster.h \
	%D%/rows.c %D%/rows.h \
	%D%/said.c %D%/said.h \
	%D%/scale.c %D%/scale.h \
	%D%/slot.c %D%/slot.h \
	%D%/slot_channel.c %D%/slot_channel.h \
	%D%/start.c %D%/start.h \
	%D%/state.c %D%/state.h %D%/state_check.c \
	%D%/status.c %D%/status.h \
	%D%/upgrade.c %D%/upgrade.h %D%/upgrade_parts.h \
	%D%/upgrade_give.c %D%/upgrade_take.c %D%/upgrade_try.c \
	%D%/usage.c %D%/usage.h \
	%D%/zygote.c %D%/zygote.h \
	%D%/zygote_said.c
libmanager_la_CPPFLAGS = $(AM_CPPFLAGS) -DSBINDIR='"$(sbindir)"'
libmanager_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libmanager_la_LIBADD = libsettings.la libboard.la libconfine.la libwire.la libbase.la \
	$(EVENT_LIBS)

sbin_PROGRAMS += peruserd
peruserd_SOURCES = %D%/main.c
peruserd_LDADD = libmanager.la
peruserd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
