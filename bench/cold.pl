#!/usr/bin/perl
# What the first request of a cold pool costs, among many configured: the time
# that the client waits, and the CPU time of all of the server's processes.
# PHP has the extensions that Bench::Farm lists.
#
#   cold.pl --build DIR [--pools N] [--requests N] [--only REGEX]
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench::Farm;
use Bench::Servers;
use File::Temp qw(tempdir);
use Getopt::Long;
use List::Util qw(min);

die "needs root: servers run as other accounts\n" if $> != 0;
Bench::Farm::enter(@ARGV);

my ($build, $pools, $requests, $only) = ('.', 1_000, 100, '.');
GetOptions('build=s' => \$build, 'pools=i' => \$pools, 'requests=i' => \$requests, 'only=s' => \$only)
	or die "usage: see the top of $0\n";
$requests = min($requests, $pools);

$Bench::Servers::work = tempdir('peruserd-cold-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $Bench::Servers::work;
$SIG{INT} = $SIG{TERM} = sub { exit 1 };
my $main = $$;
END {
	my $status = $?;
	Bench::Servers::stop_all() if defined $main && $$ == $main;
	$? = $status;
}

my @kinds = (
	[ 'peruserd', sub { Bench::Farm::peruserd($build, $_[0], $pools) } ],
	[ 'peruserd, fast_start', sub { Bench::Farm::peruserd($build, $_[0], $pools, 'fast_start = true;') } ],
	[ 'php-fpm ondemand', sub { Bench::Farm::fpm($_[0], $pools, "pm = ondemand\npm.max_children = 4\npm.process_idle_timeout = 3600") } ],
);

Bench::Farm::make($pools);
printf "%d extensions of PHP, %d pools; the first request of %d of them\n", scalar @Bench::Farm::extensions, $pools, $requests;
printf "%-22s %10s %10s %10s %12s\n", 'server', 'p50 ms', 'p99 ms', 'least ms', 'CPU ms each';
for my $kind (@kinds) {
	my ($name, $start) = @$kind;
	next unless $name =~ /$only/;
	my $server = $start->($name);
	Bench::Farm::wait_for_loader($server) if $name =~ /fast/;
	my $cpu = Bench::Servers::cpu_us($server);
	my @took = sort { $a <=> $b } map { Bench::Farm::ask($server, $_) } 1 .. $requests;
	$cpu = Bench::Servers::cpu_us($server) - $cpu;
	printf "%-22s %10.1f %10.1f %10.1f %12.1f\n", $name, $took[$requests / 2], $took[min($#took, int(0.99 * $requests))], $took[0], $cpu / 1000 / $requests;
	Bench::Servers::stop_all();
}
