# Apache's side of the handoff, a module of Apache's: libc, APR and what Apache exports.
EXTRA_DIST += %D%/mod_peruserd.c
if APACHE
apachemodule_LTLIBRARIES += mod_peruserd.la
mod_peruserd_la_SOURCES = %D%/mod_peruserd.c
mod_peruserd_la_CPPFLAGS = -D_GNU_SOURCE -I$(srcdir)/include $(APACHE_CPPFLAGS)
# Without sanitizers: Apache has none.
mod_peruserd_la_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
mod_peruserd_la_LDFLAGS = -module -avoid-version -shared
endif
