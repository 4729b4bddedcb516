#!/usr/bin/perl
# A machine with many users: what configured pools cost in time and memory,
# and how soon a pool that nobody asked for yet gives its first answer.
#
#   scale.pl --build DIR [--many N] [--pools N] [--only REGEX] [--markdown FILE]
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench::Farm;
use Bench::Servers;
use File::Temp qw(tempdir);
use Getopt::Long;
use IO::Socket::INET;
use List::Util qw(min shuffle);
use Time::HiRes qw(time);

die "needs root: servers run as other accounts\n" if $> != 0;
Bench::Farm::enter(@ARGV);

my ($build, $many, $pools, $only, $markdown) = ('.', 10_000, 1_000, '.', undef);
GetOptions('build=s' => \$build, 'many=i' => \$many, 'pools=i' => \$pools,
	'only=s' => \$only, 'markdown=s' => \$markdown) or die "usage: see the top of $0\n";

$Bench::Servers::work = tempdir('peruserd-scale-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $Bench::Servers::work;
$SIG{INT} = $SIG{TERM} = sub { exit 1 };
my $main = $$;
END {
	my $status = $?;
	if (defined $main && $$ == $main) {
		Bench::Servers::stop_all();
	}
	$? = $status;
}

sub quantile { my ($q, @s) = @_; @s = sort { $a <=> $b } @s; return $s[ min($#s, int($q * @s)) ] }

# One request to that user's site: milliseconds, or undef where the answer is not the right one.
sub ask {
	my ($server, $n) = @_;
	my $user = Bench::Farm::user($n);
	my $begun = time;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port}) or return;
	print $socket "GET / HTTP/1.1\r\nHost: $user.localhost\r\nConnection: close\r\n\r\n";
	my $answer = join '', <$socket>;
	return $answer =~ /Hello from $user/ ? 1000 * (time - $begun) : undef;
}

# The first requests of that many pools, one after another: p50 and p99.
sub first_requests {
	my ($server, $from, $count) = @_;
	my @took = map { ask($server, $_) // die "$server->{name}: no good answer for user $_\n" } $from .. $from + $count - 1;
	return sprintf '%.1f / %.1f', quantile(0.5, @took), quantile(0.99, @took);
}

sub verdict { my ($format, $value, $goal) = @_;
	return sprintf("$format", $value) . (defined $goal ? sprintf(" (%s $goal)", $value <= $goal ? 'goal' : 'MISSES') : '') }

my @table;

# PSS of all the processes less that of a server with one pool, for each further pool.
sub pool_kib {
	my ($server, $alone, $count) = @_;
	return (Bench::Servers::pss_kib($server) - $alone) / ($count - 1);
}

sub row {
	my ($server, $count, $alone, $goals) = @_;
	my $kib = pool_kib($server, $alone, $count);
	my $reload = quantile(0.5, map { $server->{reload}->() } 1 .. 3);
	my $first = first_requests($server, 1, min(200, int($count / 5)));
	my ($p50) = $first =~ /^([\d.]+)/;
	push @table, [ $server->{name}, $count,
		defined $server->{check_ms} ? verdict('%.0f', $server->{check_ms}, $goals->{check}) : '',
		verdict('%.0f', $server->{start_ms}, $goals->{start}), verdict('%.0f', $reload, $goals->{reload}),
		verdict('%.1f', $kib, $goals->{kib}),
		$first . (defined $goals->{first} ? sprintf(' (%s %s)', $p50 <= $goals->{first} ? 'goal' : 'MISSES', $goals->{first}) : '') ];
	print STDERR "  ", join(' | ', @{ $table[-1] }), "\n";
}

# Every pool serves at once, one processor each: all must answer.
sub all_active {
	my ($server, $count) = @_;
	my $begun = time;
	ask($server, $_) // die "$server->{name}: no good answer for user $_\n" for 1 .. $count;
	my $took = time - $begun;
	my @pids = Bench::Servers::pids($server);
	return sprintf '%s: %d pools active at once, one processor each: all answered, the last after %.1f s; %d processes, %.1f MiB a pool (PSS)',
		$server->{name}, $count, $took, scalar @pids, Bench::Servers::pss_kib($server) / 1024 / $count;
}

sub table_text {
	return "| server | pools | -t ms | start ms | reload ms | KiB per idle pool | first request of a cold pool, p50 / p99 ms |\n"
		. "|---|---:|---:|---:|---:|---:|---|\n" . join '', map { '| ' . join(' | ', @$_) . " |\n" } @table;
}

sub alone_kib {
	my ($start) = @_;
	my $server = $start->(1);
	my $kib = Bench::Servers::pss_kib($server);
	Bench::Servers::stop_all();
	return $kib;
}

my @active;
my @kinds = (
	[ 'peruserd', sub { Bench::Farm::peruserd($build, 'peruserd', $_[0]) }, { first => 30 } ],
	[ 'peruserd, fast_start', sub { Bench::Farm::peruserd($build, 'peruserd, fast_start', $_[0], 'fast_start = true;') }, { first => 12 } ],
	[ 'php-fpm ondemand', sub { Bench::Farm::fpm('php-fpm ondemand', $_[0], "pm = ondemand\npm.max_children = 4\npm.process_idle_timeout = 3600") }, {} ],
	[ 'php-fpm static', sub { Bench::Farm::fpm('php-fpm static', $_[0], "pm = static\npm.max_children = 1") }, {} ],
);

Bench::Farm::make($many);
for my $kind (@kinds) {
	my ($name, $start, $goals) = @$kind;
	next unless $name =~ /$only/;
	my $alone = alone_kib($start);
	if ($name eq 'peruserd' && $many > $pools) {
		row($start->($many), $many, $alone, { check => 1000, start => 2000, reload => 2000, kib => 4 });
		Bench::Servers::stop_all();
	}
	my $server = $start->($pools);
	row($server, $pools, $alone, $goals);
	push @active, all_active($server, $pools) if $name !~ /fast/;
	Bench::Servers::stop_all();
}

my $report = table_text() . "\n" . join '', map { "$_\n" } @active;
print $report;
Bench::Servers::spew($markdown, $report) if $markdown;
