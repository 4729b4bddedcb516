# Integration tests: the built programs as root, with real accounts, one
# behaviour a file.  They skip themselves, saying why, where something lacks.
EXTRA_DIST += \
	tests/lib/Peruserd/Client.pm \
	tests/lib/Peruserd/Config.pm \
	tests/lib/Peruserd/FastCGI.pm \
	tests/lib/Peruserd/Load.pm \
	tests/lib/Peruserd/Machine.pm \
	tests/lib/Peruserd/OpenMetrics.pm \
	tests/lib/Peruserd/Systemd.pm \
	tests/lib/Peruserd/Terminal.pm \
	tests/lib/Peruserd/Test.pm \
	tests/lib/Peruserd/WebServer.pm \
	tests/lib/hostile.php \
	tests/lib/program.c

INTEGRATION_TESTS = \
	%D%/01-start-stop.t \
	%D%/02-http.t \
	%D%/03-vhosts.t \
	%D%/04-static.t \
	%D%/05-cgi.t \
	%D%/06-php.t \
	%D%/07-pools.t \
	%D%/08-isolation.t \
	%D%/09-hostile-processor.t \
	%D%/10-faults.t \
	%D%/11-logs.t \
	%D%/12-status.t \
	%D%/41-slow-log.t \
	%D%/42-top.t \
	%D%/43-full-disk.t \
	%D%/13-idle-connections.t \
	%D%/14-application.t \
	%D%/15-links.t \
	%D%/16-limits.t \
	%D%/17-late-answers.t \
	%D%/18-bounds.t \
	%D%/19-lingering.t \
	%D%/20-rolling.t \
	%D%/21-scaling.t \
	%D%/22-recycling.t \
	%D%/23-pool-faults.t \
	%D%/24-capabilities.t \
	%D%/24-full-server.t \
	%D%/25-control.t \
	%D%/25-sticky.t \
	%D%/26-multiplexers.t \
	%D%/27-lying-zygote.t \
	%D%/28-clock.t \
	%D%/29-service-manager.t \
	%D%/30-fastcgi-front.t \
	%D%/31-fastcgi-faults.t \
	%D%/32-proxies.t \
	%D%/33-recipes.t \
	%D%/34-apache.t \
	%D%/35-fastcgi-program.t \
	%D%/36-fastcgi-server.t \
	%D%/37-fastcgi-files.t \
	%D%/38-fastcgi-bad-applications.t \
	%D%/39-x-sendfile.t \
	%D%/39-matrix.t \
	%D%/40-status-http.t \
	%D%/44-fastcgi-processors.t \
	%D%/44-more-multiplexers.t \
	%D%/45-fast-start.t \
	%D%/46-first-process.t \
	%D%/47-systemd.t \
	%D%/48-logrotate.t \
	%D%/46-fastcgi-libfcgi.t \
	%D%/47-php-fpm.t \
	%D%/50-psgi.t \
	%D%/51-perl-cgi.t \
	%D%/52-plack.t \
	%D%/53-perl-applications.t \
	%D%/54-perl-memory.t \
	%D%/55-perl-isolation.t \
	%D%/56-fcgi-pm.t \
	%D%/60-reload.t \
	%D%/61-upgrade.t \
	%D%/62-upgrade-php.t \
	%D%/65-operator.t
EXTRA_DIST += $(INTEGRATION_TESTS)
TESTS += $(INTEGRATION_TESTS)
