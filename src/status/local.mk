# may call: base, wire, board.  For peruserctl and for multiplexers: no I/O of its own
noinst_LTLIBRARIES += libstatus.la
libstatus_la_SOURCES = \
	%D%/json.c \
	%D%/metrics.c %D%/metrics.h \
	%D%/numbers.c \
	%D%/page.c %D%/page.h \
	%D%/show.c %D%/show.h \
	%D%/table.c %D%/table.h \
	%D%/text.c \
	%D%/view.c %D%/view.h
nodist_libstatus_la_SOURCES = %D%/page_html.c
libstatus_la_LIBADD = libboard.la libwire.la libbase.la

# The page as bytes of C
EXTRA_DIST += %D%/page.html
CLEANFILES += %D%/page_html.c
%D%/page_html.c: %D%/page.html
	$(AM_V_GEN)$(MKDIR_P) %D% && { \
		echo 'extern const char page_html[];' && echo 'const char page_html[] = {' && \
		od -An -v -tu1 $(srcdir)/%D%/page.html | sed 's/[0-9][0-9]*/&,/g' && \
		echo '0 };'; } >$@.tmp && mv $@.tmp $@
