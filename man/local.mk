dist_man_MANS += %D%/peruserd.8 %D%/peruserctl.8 %D%/mod_peruserd.8

# The list of settings is settings_manual's, committed as settings.5.in and
# compared by tests/unit/settings_manual, which prints a new one when asked to.
man_MANS = %D%/peruserd.cfg.5
EXTRA_DIST += %D%/peruserd.cfg.5.in %D%/settings.5.in
CLEANFILES += %D%/peruserd.cfg.5

%D%/peruserd.cfg.5: %D%/peruserd.cfg.5.in %D%/settings.5.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	sed -e '/^@SETTINGS[@]$$/r $(srcdir)/%D%/settings.5.in' -e '/^@SETTINGS[@]$$/d' \
	    $(srcdir)/%D%/peruserd.cfg.5.in | \
	sed -e 's|@sysconfdir[@]|$(sysconfdir)|g' -e 's|@runstatedir[@]|$(runstatedir)|g' \
	    -e 's|@localstatedir[@]|$(localstatedir)|g' >$@.new && mv $@.new $@
