#!/usr/bin/perl
# peruserd beside its peers: the same site, the same number of workers, runs
# interleaved, medians.  CPU time per request, summed over all of a server's
# processes, is the figure that counts.
#
#   bench.pl --build DIR [--rounds N] [--seconds N] [--only REGEX] [--markdown FILE]
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench::FastCGI;
use Bench::Servers;
use File::Temp qw(tempdir);
use Getopt::Long;
use IO::Socket::INET;
use POSIX ();

my ($build, $rounds, $seconds, $only, $markdown) = ('.', 5, 2, '.', undef);
GetOptions('build=s' => \$build, 'rounds=i' => \$rounds, 'seconds=i' => \$seconds,
	'only=s' => \$only, 'markdown=s' => \$markdown) or die "usage: see the top of $0\n";
die "needs root: servers run as another account\n" if $> != 0;

$Bench::Servers::work = tempdir('peruserd-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $work = $Bench::Servers::work;
chmod 0755, $work;
my $user = 'www-data';
my $site = "$work/site";

my ($P, $PRIVATE, $FPM, $MOD, $NGINX, $WRAP) = ('peruserd', 'peruserd, private', 'nginx + php-fpm',
	'Apache prefork + mod_php', 'nginx', 'nginx + fcgiwrap');
# the vhost of peruserd's whose pool runs Perl
my ($PERL, $PERL_PRIVATE, $STARMAN, $UWSGI, $NGINX_UWSGI) = ('peruserd, Perl', 'peruserd, Perl, private', 'Starman', 'uWSGI psgi',
	'nginx + uWSGI psgi');

my ($FASTCGI, @PHP_CGI) = ('peruserd, FastCGI', 'nginx + php-cgi', 'lighttpd + php-cgi');
my @FCGI_PM = ('nginx + FCGI.pm', 'lighttpd + FCGI.pm');

# name, path, connections, wrk's further arguments, servers, and what the first is to reach of others
my @scenarios = (
	['hello.php, 32 connections', '/hello.php', 32, [], [$P, $PRIVATE, $FPM, $MOD], { $FPM => 0.42, $MOD => 0.7 }],
	['hello.php, 2 connections', '/hello.php', 2, [], [$P, $PRIVATE, $FPM, $MOD], { $FPM => 0.5 }, { $FPM => 0.35 }],
	['hello.php, new connection each', '/hello.php', 32, ['-H', 'Connection: close'], [$P, $PRIVATE, $FPM, $MOD], { $FPM => 0.6 }],
	['1 MiB PHP page', '/page.php', 8, [], [$P, $PRIVATE, $FPM, $MOD], { $FPM => 0.5 }],
	['1 MiB upload, sha1', '/upload.php', 4, ['-s', "$work/upload.lua"], [$P, $PRIVATE, $FPM, $MOD], { $FPM => 0.85 }],
	['1 KiB file', '/small.txt', 32, [], [$P, $PRIVATE, $NGINX, $MOD], { $NGINX => 2 }],
	['100 KiB file', '/large.bin', 32, [], [$P, $PRIVATE, $NGINX, $MOD], {}],
	['hello CGI in Perl', '/cgi-bin/hello.pl', 4, [], [$P, $WRAP], { $WRAP => 1 }],
	['hello CGI in Perl, 32 connections', '/cgi-bin/hello.pl', 32, [], [$PERL, $PERL_PRIVATE, $P], { $P => 0.025 }],
	['hello PSGI, 32 connections', '/hello.psgi', 32, [], [$PERL, $PERL_PRIVATE, $STARMAN, $NGINX_UWSGI], { $STARMAN => 0.4, $NGINX_UWSGI => 0.4 }],
	['hello PSGI, new connection each', '/hello.psgi', 32, ['-H', 'Connection: close'], [$PERL, $PERL_PRIVATE, $STARMAN, $UWSGI], {}],
	['hello.php by php-cgi, 32 connections', '/hello.php', 32, [], [$FASTCGI, @PHP_CGI], { map { $_ => 1 } @PHP_CGI }],
	['hello by FCGI.pm, 32 connections', '/hello.fcgi', 32, [], [$FASTCGI, @FCGI_PM], { map { $_ => 1 } @FCGI_PM }],
);

sub make_site {
	mkdir $site;
	mkdir "$site/cgi-bin";
	Bench::Servers::spew("$site/hello.php", "<?php echo 'Hello, world';\n");
	Bench::Servers::spew("$site/page.php", "<?php \$line = str_repeat('x', 1023) . \"\\n\"; for (\$i = 0; \$i < 1024; \$i++) echo \$line;\n");
	Bench::Servers::spew("$site/upload.php", "<?php echo sha1(file_get_contents('php://input'));\n");
	Bench::Servers::spew("$site/small.txt", 'x' x 1024);
	Bench::Servers::spew("$site/large.bin", 'x' x 102400);
	Bench::Servers::spew("$site/cgi-bin/hello.pl", "#!/usr/bin/perl\nprint \"Content-Type: text/plain\\r\\n\\r\\nHello, world\\n\";\n");
	chmod 0755, "$site/cgi-bin/hello.pl";
	Bench::Servers::spew("$site/app.psgi", "sub { [ 200, [ 'Content-Type' => 'text/plain' ], [ \"Hello, world\\n\" ] ] };\n");
	Bench::FastCGI::write_script($site);
	chown((getpwnam $user)[2, 3], $site, glob("$site/* $site/cgi-bin/*"));
	Bench::Servers::spew("$work/upload.lua", "wrk.method = 'POST'\nwrk.body = string.rep('u', 1048576)\nwrk.headers['Content-Type'] = 'application/octet-stream'\n");
}

sub median { my @s = sort { $a <=> $b } @_; return @s ? $s[ $#s / 2 ] : 0 }

sub ms { my ($text) = @_; my ($n, $unit) = $text =~ /([\d.]+)(us|ms|s|m)/ or return 0;
	return $n * { us => 0.001, ms => 1, s => 1000, m => 60000 }->{$unit} }

sub run_wrk {
	my ($server, $scenario, $for) = @_;
	my (undef, $path, $connections, $arguments) = @$scenario;
	my $before = Bench::Servers::cpu_us($server);
	my @command = ('wrk', '-t1', "-c$connections", "-d${for}s", '--latency', '-H', "Host: $server->{host}",
		@$arguments, "http://127.0.0.1:$server->{port}$path");
	open my $out, '-|', @command or die "wrk: $!\n";
	my $text = join '', <$out>;
	close $out;
	my $cpu = Bench::Servers::cpu_us($server) - $before;
	my ($requests) = $text =~ /(\d+) requests in/;
	die "$server->{name}, $scenario->[0]: wrk failed:\n$text" unless $requests;
	my ($bad) = $text =~ /Non-2xx or 3xx responses: (\d+)/;
	my ($errors) = $text =~ /(Socket errors: .*)/;
	my ($rate) = $text =~ m{Requests/sec:\s+([\d.]+)};
	my ($p50) = $text =~ /50%\s+(\S+)/;
	my ($p99) = $text =~ /99%\s+(\S+)/;
	return { cpu => $cpu / $requests, rate => $rate, p50 => ms($p50), p99 => ms($p99),
		pss => Bench::Servers::pss_kib($server), bad => ($bad // 0), errors => $errors };
}

sub check_same {
	my ($scenario, @servers) = @_;
	return if $scenario->[1] eq '/upload.php';
	my %seen;
	for my $server (@servers) {
		my $body = `curl -s -H 'Host: $server->{host}' 'http://127.0.0.1:$server->{port}$scenario->[1]'`;
		push @{ $seen{$body} }, $server->{name};
	}
	die "$scenario->[0]: servers answer differently: " . join(' | ', map { join ', ', @$_ } values %seen) . "\n"
		if keys %seen > 1;
}

my @table;

sub ratio { my ($of) = @_; return $of < 0.1 ? sprintf('1/%.1f', 1 / $of) : sprintf('%.2f', $of) }

sub run_scenario {
	my ($scenario, $by_name) = @_;
	my @servers = map { $by_name->{$_} } @{ $scenario->[4] };
	my %runs;
	check_same($scenario, @servers);
	run_wrk($_, $scenario, 1) for @servers;         # warm
	for my $round (1 .. $rounds) {
		for my $server (@servers) {
			my $run = run_wrk($server, $scenario, $seconds);
			push @{ $runs{ $server->{name} } }, $run;
			print STDERR "  $scenario->[0], round $round: $server->{name} ",
				sprintf('%.1f', $run->{cpu}), " us\n";
			warn "  $server->{name}: $run->{bad} bad answers\n" if $run->{bad};
			warn "  $server->{name}: $run->{errors}\n" if $run->{errors};
		}
	}
	my %cpu = map { $_ => median(map { $_->{cpu} } @{ $runs{$_} }) } keys %runs;
	for my $name (@{ $scenario->[4] }) {
		my %m = map { my $k = $_; $k => median(map { $_->{$k} } @{ $runs{$name} }) } qw(rate p50 p99 pss);
		push @table, [$scenario->[0], $name, $cpu{$name}, @m{qw(rate p50 p99 pss)}, ''];
		my $goals = $name eq $scenario->[4][0] ? $scenario->[5] : $name =~ /private/ ? ($scenario->[6] // $scenario->[5]) : {};
		$table[-1][-1] = join '; ', map {
			sprintf '%s of %s (%s %s)', ratio($cpu{$name} / $cpu{$_}), $_,
				$cpu{$name} / $cpu{$_} <= $goals->{$_} ? 'goal' : 'MISSES', ratio($goals->{$_}) } sort keys %$goals;
	}
}

# What 10,000 idle keep-alive connections cost in user memory.
sub idle_connections {
	my ($server, $count) = @_;
	my $before = Bench::Servers::pss_kib($server);
	my @held;
	for (1 .. $count) {
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port}) or last;
		print $socket "GET /small.txt HTTP/1.1\r\nHost: bench.localhost\r\n\r\n";
		my $got = 0;
		while ($got < 1024) { my $n = sysread($socket, my $bytes, 4096) or last; $got += $n }
		push @held, $socket;
	}
	my $kib = (Bench::Servers::pss_kib($server) - $before) / (@held || 1);
	push @table, [scalar(@held) . ' idle connections', $server->{name}, undef, undef, undef, undef, undef,
		sprintf('%.2f KiB each', $kib) . ($server->{name} eq $P ? sprintf(' (%s 2)', $kib < 2 ? 'goal' : 'MISSES') : '')];
}

sub raise_nofile {
	# prlimit(1) on ourselves: Perl has no setrlimit of its own.
	my ($hard) = `prlimit --pid=$$ --nofile --raw --noheadings --output=HARD` =~ /(\d+)/;
	system('prlimit', "--pid=$$", "--nofile=$hard:$hard") == 0 or warn "can't raise the limit of descriptors\n";
}

sub table_text {
	my $text = "| scenario | server | CPU us/request | requests/s | p50 ms | p99 ms | PSS MiB | of its peer |\n"
		. "|---|---|---:|---:|---:|---:|---:|---|\n";
	for my $row (@table) {
		my ($scenario, $name, $cpu, $rate, $p50, $p99, $pss, $note) = @$row;
		$text .= defined $cpu
			? sprintf("| %s | %s | %.1f | %.0f | %.2f | %.2f | %.1f | %s |\n", $scenario, $name, $cpu, $rate, $p50, $p99, $pss / 1024, $note)
			: sprintf("| %s | %s | | | | | | %s |\n", $scenario, $name, $note);
	}
	return $text;
}

sub machine {
	my ($cpu) = map { /model name\s*:\s*(.*)/ ? $1 : () } do { open my $in, '<', '/proc/cpuinfo' or die; <$in> };
	my ($system, undef, $release) = POSIX::uname();
	my %v = map { my ($p, $c) = @$_; $p => (`$c 2>&1` =~ m{([\d]+\.[\d.]+)})[0] } ['PHP', 'php-config --version'],
		['Perl', 'perl -v'], ['Starman', 'starman --version'], ['uWSGI', 'uwsgi-core --version'],
		['nginx', 'nginx -v'], ['lighttpd', 'lighttpd -v'], ['Apache', 'apache2 -v'], ['wrk', 'wrk -v'];
	return scalar(() = glob('/sys/devices/system/cpu/cpu[0-9]*')) . " cores ($cpu), $system $release, "
		. join(', ', map { "$_ $v{$_}" } grep { $v{$_} } sort keys %v)
		. "; $Bench::Servers::workers workers ($Bench::Servers::many processes for Apache), medians of $rounds interleaved runs of $seconds s\n";
}

raise_nofile();
make_site();
$SIG{INT} = $SIG{TERM} = sub { exit 1 };
END { my $status = $?; Bench::Servers::stop_all(); $? = $status }
my %servers = map { $_->{name} => $_ } Bench::Servers::peruserd($build, $site, $user),
	Bench::Servers::nginx_fpm($site, $user), Bench::Servers::apache_mod_php($site, $user),
	Bench::Servers::starman($site, $user), Bench::FastCGI::servers($build, $site, $user);
$servers{ $_->{name} } = $_ for Bench::Servers::uwsgi_psgi($site, $user, $servers{$NGINX});
$_->{host} //= 'bench.localhost' for values %servers;

run_scenario($_, \%servers) for grep { $_->[0] =~ /$only/ } @scenarios;
if ('idle connections' =~ /$only/) { idle_connections($servers{$_}, 10000) for $P, $NGINX }

my $report = machine() . "\n" . table_text();
print $report;
Bench::Servers::spew($markdown, $report) if $markdown;
