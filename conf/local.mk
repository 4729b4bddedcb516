# Examples, installed under names that peruserd doesn't read: an admin's own
# files are never touched.
exampledir = $(sysconfdir)/peruserd
exampleconfddir = $(sysconfdir)/peruserd/conf.d
example_DATA = %D%/peruserd.cfg.example %D%/logrotate/logrotate.example
exampleconfd_DATA = %D%/conf.d/site.cfg.example
EXTRA_DIST += %D%/logrotate/peruserd.in %D%/systemd/peruserd.service.in %D%/systemd/peruserd.socket
EXTRA_DIST += %D%/recipes %D%/peruserd.cfg %D%/conf.d/site.cfg
CLEANFILES += $(example_DATA) $(exampleconfd_DATA)

%D%/peruserd.cfg.example: %D%/peruserd.cfg
	$(AM_V_GEN)$(MKDIR_P) %D% && $(INSTALL_DATA) $(srcdir)/%D%/peruserd.cfg $@
%D%/conf.d/site.cfg.example: %D%/conf.d/site.cfg
	$(AM_V_GEN)$(MKDIR_P) %D%/conf.d && $(INSTALL_DATA) $(srcdir)/%D%/conf.d/site.cfg $@

# Names of folders that configure found; complete only when make knows prefix.
in_folders = sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@runstatedir[@]|$(runstatedir)|g'
%D%/logrotate/logrotate.example: %D%/logrotate/peruserd.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D%/logrotate && $(in_folders) $(srcdir)/%D%/logrotate/peruserd.in >$@

%D%/systemd/peruserd.service: %D%/systemd/peruserd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D%/systemd && $(in_folders) $(srcdir)/%D%/systemd/peruserd.service.in >$@
CLEANFILES += %D%/systemd/peruserd.service

# Installed only where that is asked for; made for the tests in any case.
if SYSTEMD_UNIT
systemdsystemunit_DATA = %D%/systemd/peruserd.service %D%/systemd/peruserd.socket
else
noinst_DATA = %D%/systemd/peruserd.service
endif
AM_DISTCHECK_CONFIGURE_FLAGS = --with-systemdsystemunitdir='$${prefix}/lib/systemd/system'
