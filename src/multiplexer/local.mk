# libevent, settings, http; never libfcgi, never a handler
noinst_LTLIBRARIES += libmultiplexer.la
libmultiplexer_la_SOURCES = \
	%D%/access_line.c %D%/access_line.h \
	%D%/carrier.c %D%/carrier.h \
	%D%/chatter.c %D%/chatter.h \
	%D%/completion.c %D%/completion.h \
	%D%/conn.c %D%/conn.h \
	%D%/door.c %D%/door.h \
	%D%/fcgi_answer.c %D%/fcgi_answer.h \
	%D%/fcgi_peer.c %D%/fcgi_peer.h \
	%D%/fcgi_request.c %D%/fcgi_request.h \
	%D%/front.h \
	%D%/front_fcgi.c %D%/front_fcgi_answer.c %D%/front_fcgi.h \
	%D%/front_http.c %D%/front_http_answer.c %D%/front_http.h \
	%D%/front_status.c %D%/front_status.h \
	%D%/handoff_fcgi.c %D%/handoff_fcgi.h \
	%D%/handoff_fd.c %D%/handoff_fd.h \
	%D%/later.c %D%/later.h \
	%D%/lease.c %D%/lease.h \
	%D%/lend.c %D%/lend.h \
	%D%/listener.c %D%/listener.h \
	%D%/logs.c %D%/logs.h \
	%D%/multiplexer.c %D%/multiplexer.h \
	%D%/named_file.c %D%/named_file.h \
	%D%/out.c %D%/out.h \
	%D%/pool_log.c %D%/pool_log.h \
	%D%/queue.c %D%/queue.h \
	%D%/request.c %D%/request.h \
	%D%/respond.c %D%/respond.h \
	%D%/route.c %D%/route.h \
	%D%/spare.c %D%/spare.h \
	%D%/slow.c %D%/slow.h \
	%D%/spool.c %D%/spool.h \
	%D%/sticky.c %D%/sticky.h \
	%D%/tables.c %D%/tables.h \
	%D%/timeouts.c %D%/timeouts.h \
	%D%/visitor.c %D%/visitor.h
libmultiplexer_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libmultiplexer_la_LIBADD = libstatus.la libboard.la libhttp.la libwire.la libsettings.la libbase.la \
	$(EVENT_LIBS)

pkglibexec_PROGRAMS += peruser-multiplexer
peruser_multiplexer_SOURCES = %D%/main.c
peruser_multiplexer_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
peruser_multiplexer_LDADD = libmultiplexer.la libsandbox.la libconfine.la
