#!/usr/bin/perl
# peruserd behind web servers, against the same web servers with php-fpm: CPU time
# per request of hello-world PHP, all processes counted, runs interleaved, medians;
# and what 200 slow uploaders with 200 slow readers cost everybody else at each front.
#
#   fronts.pl --build DIR [--rounds N] [--seconds N] [--only cpu|slow] [--markdown FILE]
use strict;
use warnings;
use Cwd qw(abs_path);
use FindBin;
use lib $FindBin::Bin;
use Bench::Fronts;
use Bench::Servers;
use File::Temp qw(tempdir);
use Getopt::Long;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);

my ($build, $rounds, $seconds, $only, $markdown) = ('.', 5, 2, '', undef);
GetOptions('build=s' => \$build, 'rounds=i' => \$rounds, 'seconds=i' => \$seconds,
	'only=s' => \$only, 'markdown=s' => \$markdown) or die "usage: see the top of $0\n";
die "needs root: servers run as another account\n" if $> != 0;
$build = abs_path($build);

my ($uploaders, $readers) = (200, 200);
my ($cpu_goal_nginx, $cpu_goal_apache, $slow_goal) = (0.85, 0.6, 0.9);
my $user = 'www-data';
my $work = $Bench::Servers::work = tempdir('peruserd-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $site = "$work/site";
chmod 0755, $work;
mkdir $site;
Bench::Servers::spew("$site/hello.php", "<?php echo 'Hello, world';\n");
Bench::Servers::spew("$site/page.php", "<?php for (\$i = 0; \$i < 1024; \$i++) echo str_repeat('x', 1024);\n");
Bench::Servers::spew("$site/upload.php", "<?php echo strlen(file_get_contents('php://input'));\n");
$SIG{INT} = $SIG{TERM} = sub { exit 1 };
my $slow_pid;
END { my $status = $?; slow_end(); Bench::Servers::stop_all(); $? = $status }

sub median { my @s = sort { $a <=> $b } @_; return @s ? $s[ $#s / 2 ] : 0 }

sub run_wrk {
	my ($server, $connections, $for) = @_;
	my $before = Bench::Servers::cpu_us($server);
	open my $out, '-|', 'wrk', '-t1', "-c$connections", "-d${for}s", '-H', 'Host: bench.localhost',
		"http://127.0.0.1:$server->{port}/hello.php" or die "wrk: $!\n";
	my $text = join '', <$out>;
	close $out;
	my $cpu = Bench::Servers::cpu_us($server) - $before;
	my ($requests) = $text =~ /(\d+) requests in/ or die "$server->{name}: wrk failed:\n$text";
	my ($bad) = $text =~ /Non-2xx or 3xx responses: (\d+)/;
	my ($rate) = $text =~ m{Requests/sec:\s+([\d.]+)};
	die "$server->{name}: $bad bad answers\n" if $bad;
	return { cpu => $cpu / $requests, rate => $rate };
}

sub check_hello {
	my ($server) = @_;
	my $body = `curl -s -H 'Host: bench.localhost' http://127.0.0.1:$server->{port}/hello.php`;
	die "$server->{name} answers: $body\n" if $body ne 'Hello, world';
}

# ---- CPU time

my @lines;

sub compare {
	my ($goals, @servers) = @_;
	my %runs;
	for my $server (@servers) { check_hello($server); run_wrk($server, 32, 1) }
	for my $round (1 .. $rounds) {
		for my $server (@servers) {
			my $run = run_wrk($server, 32, $seconds);
			push @{ $runs{ $server->{name} } }, $run;
			printf STDERR "  round %d: %s %.1f us\n", $round, $server->{name}, $run->{cpu};
		}
	}
	my %cpu = map { $_ => median(map { $_->{cpu} } @{ $runs{$_} }) } keys %runs;
	for my $server (@servers) {
		my $name = $server->{name};
		my ($peer, $goal) = @{ $goals->{$name} // [] };
		my $ratio = $peer ? $cpu{$name} / $cpu{$peer} : 0;
		push @lines, sprintf "| hello.php, 32 connections | %s | %.1f | %.0f | %s |", $name, $cpu{$name},
			median(map { $_->{rate} } @{ $runs{$name} }),
			$peer ? sprintf('%.2f of %s (%s %.2f)', $ratio, $peer, $ratio <= $goal ? 'goal' : 'MISSES', $goal) : '';
	}
}

# ---- slow clients: they send and take a little ten times a second

sub slow_socket {
	my ($port, $head) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "slow client: $!\n";
	setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 4096);
	$socket->blocking(0);
	syswrite $socket, $head;
	return $socket;
}

sub slow_run {
	my ($port, $ready) = @_;
	my @up = map { slow_socket($port, "POST /upload.php HTTP/1.1\r\nHost: bench.localhost\r\nContent-Length: 10000000\r\n\r\n") } 1 .. $uploaders;
	my @down = map { slow_socket($port, "GET /page.php HTTP/1.1\r\nHost: bench.localhost\r\n\r\n") } 1 .. $readers;
	print $ready "ready\n";
	close $ready;
	while (1) {
		for my $socket (@up) { syswrite $socket, 'u' x 512 }
		for my $socket (@down) { sysread $socket, my $bytes, 512 }
		sleep 0.1;
	}
}

sub slow_begin {
	my ($server) = @_;
	pipe my $read, my $write or die "pipe: $!\n";
	$slow_pid = fork() // die "fork: $!\n";
	if (!$slow_pid) {
		close $read;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM);
		$SIG{PIPE} = 'IGNORE';
		eval { slow_run($server->{port}, $write) };
		print STDERR $@;
		POSIX::_exit(1);
	}
	close $write;
	die "slow clients could not connect\n" if (<$read> // '') ne "ready\n";
	sleep 2;
}

sub slow_end {
	return if !$slow_pid;
	kill TERM => $slow_pid;
	waitpid $slow_pid, 0;
	$slow_pid = undef;
	sleep 0.5;
}

# Alone, beside, beside, alone: what the machine does meanwhile counts for both alike, and a
# round's own ratio is what is kept of it.
sub slow_round {
	my ($server) = @_;
	my @alone = run_wrk($server, 32, $seconds);
	slow_begin($server);
	my @beside = map { run_wrk($server, 32, $seconds) } 1 .. 2;
	slow_end();
	push @alone, run_wrk($server, 32, $seconds);
	my %sum = map { my $k = $_; ("alone_$k" => $alone[0]{$k} + $alone[1]{$k}, "beside_$k" => $beside[0]{$k} + $beside[1]{$k}) } qw(rate cpu);
	return { alone => $sum{alone_rate} / 2, beside => $sum{beside_rate} / 2, cpu => $sum{beside_cpu} / 2,
		share => $sum{beside_rate} / $sum{alone_rate}, cost => $sum{beside_cpu} / $sum{alone_cpu} };
}

sub slow_compare {
	my ($server) = @_;
	my @rounds;
	check_hello($server);
	run_wrk($server, 32, 1);
	for my $round (1 .. $rounds) {
		push @rounds, slow_round($server);
		printf STDERR "  round %d: %s %.0f alone, %.0f beside slow clients: %.2f\n", $round, $server->{name},
			@{ $rounds[-1] }{qw(alone beside share)};
	}
	my %m = map { my $k = $_; $k => median(map { $_->{$k} } @rounds) } qw(alone beside cpu share cost);
	push @lines, sprintf '| hello.php beside %d slow uploaders and %d slow readers | %s | %.1f | %.0f | %.0f %% of %.0f/s alone (%s %.0f); CPU %.2f of alone |',
		$uploaders, $readers, $server->{name}, $m{cpu}, $m{beside}, 100 * $m{share}, $m{alone},
		$m{share} >= $slow_goal ? 'goal' : 'MISSES', 100 * $slow_goal, $m{cost};
}

# Of our own: peruserd itself, then web servers before it.
sub ours {
	my $peruserd = Bench::Fronts::peruserd($build, $site, $user);
	return $peruserd, Bench::Fronts::nginx_peruserd($peruserd, $site),
		-e "$build/.libs/mod_peruserd.so" ? Bench::Fronts::apache_peruserd($peruserd, $build) : ();
}

if ($only ne 'slow') {
	my (undef, @before) = ours();
	my $fpm = Bench::Servers::fpm($user);
	my @theirs = (Bench::Fronts::nginx_fpm($fpm, $site), Bench::Fronts::apache_fpm($fpm, $site));
	compare({ 'nginx + peruserd' => [ 'nginx + php-fpm', $cpu_goal_nginx ],
		'Apache event + mod_peruserd' => [ 'Apache event + mod_proxy_fcgi + php-fpm', $cpu_goal_apache ] }, @before, @theirs);
	Bench::Servers::stop_all();
}
if ($only ne 'cpu') {
	# each slow client holds a thread of Apache's
	$Bench::Fronts::threads = 512;
	slow_compare($_) for ours();
}
my $text = join "\n", '| scenario | server | CPU us/request | requests/s | of its peer |', '|---|---|---:|---:|---|', @lines, '';
print $text;
Bench::Servers::spew($markdown, $text) if $markdown;
