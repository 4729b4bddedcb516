# Examples, installed under names that peruserd doesn't read: an admin's own
# files are never touched.
exampledir = $(sysconfdir)/peruserd
exampleconfddir = $(sysconfdir)/peruserd/conf.d
example_DATA = %D%/peruserd.cfg.example
exampleconfd_DATA = %D%/conf.d/site.cfg.example
EXTRA_DIST += %D%/recipes %D%/peruserd.cfg %D%/conf.d/site.cfg
CLEANFILES += $(example_DATA) $(exampleconfd_DATA)

%D%/peruserd.cfg.example: %D%/peruserd.cfg
	$(AM_V_GEN)$(MKDIR_P) %D% && $(INSTALL_DATA) $(srcdir)/%D%/peruserd.cfg $@
%D%/conf.d/site.cfg.example: %D%/conf.d/site.cfg
	$(AM_V_GEN)$(MKDIR_P) %D%/conf.d && $(INSTALL_DATA) $(srcdir)/%D%/conf.d/site.cfg $@
