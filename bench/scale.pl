#!/usr/bin/perl
# A machine with many users: what configured pools cost in time and memory, how
# soon a pool that nobody asked for yet gives its first answer, and a thousand
# pools that serve at once; php-fpm beside it.
#
#   scale.pl --build DIR [--many N] [--pools N] [--only REGEX] [--seconds N] [--markdown FILE]
#
# Runs for three minutes on two quiet cores, and gives up after --seconds (350).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench::Farm;
use Bench::Servers;
use File::Temp qw(tempdir);
use Getopt::Long;
use IO::Select;
use IO::Socket::INET;
use List::Util qw(min);
use Time::HiRes qw(time);

die "needs root: servers run as other accounts\n" if $> != 0;
Bench::Farm::enter(@ARGV);

my ($build, $many, $pools, $only, $seconds, $markdown) = ('.', 10_000, 1_000, '.', 350, undef);
GetOptions('build=s' => \$build, 'many=i' => \$many, 'pools=i' => \$pools, 'only=s' => \$only,
	'seconds=i' => \$seconds, 'markdown=s' => \$markdown) or die "usage: see the top of $0\n";

my $cold = min(200, int($pools / 2));   # first requests that are timed
my $clients = 32;                       # connections at once to pools that all run
my $rounds = 5;                         # requests to each of those

$Bench::Servers::work = tempdir('peruserd-scale-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $Bench::Servers::work;
$SIG{INT} = $SIG{TERM} = sub { exit 1 };
$SIG{ALRM} = sub { print STDERR "not done within $seconds s: given up\n"; exit 1 };
alarm $seconds;
my $main = $$;
END {
	my $status = $?;
	if (defined $main && $$ == $main) {
		alarm 0;
		local @SIG{qw(INT TERM)} = ('IGNORE', 'IGNORE');
		Bench::Servers::stop_all();
		Bench::Farm::unmake();
	}
	$? = $status;
}

sub note { print STDERR "  @_\n" }

sub quantile { my ($q, @s) = @_; @s = sort { $a <=> $b } @s; return $s[ min($#s, int($q * @s)) ] }

sub two { my ($format, @took) = @_; return sprintf "$format / $format", quantile(0.5, @took), quantile(0.99, @took) }

# ---- asking

# One request to each of these, so many at once; what each took.
sub ask_all {
	my ($server, $at_once, @users) = @_;
	my ($select, %running, @took) = (IO::Select->new);
	while (@users || %running) {
		while (@users && keys %running < $at_once) {
			my $request = Bench::Farm::request($server, shift @users);
			$running{ $request->{socket} } = $request;
			$select->add($request->{socket});
		}
		my @ready = $select->can_read(30) or die "$server->{name}: no answer for 30 s\n";
		for my $socket (@ready) {
			my $ms = Bench::Farm::took($server, $running{$socket}) // next;
			push @took, $ms;
			$select->remove($socket);
			delete $running{$socket};
		}
	}
	return @took;
}

# ---- what is measured

sub verdict {
	my ($format, $value, $goal) = @_;
	return sprintf($format, $value) . (defined $goal ? sprintf(' (%s %s)', $value <= $goal ? 'goal' : 'MISSES', $goal) : '');
}

my (@idle, @active);

# PSS of all the processes less that of a server with one pool, for each further pool.
sub idle_row {
	my ($server, $count, $alone, $goals) = @_;
	my $kib = (Bench::Servers::pss_kib($server) - $alone) / ($count - 1);
	my $reload = quantile(0.5, map { $server->{reload}->() } 1 .. 3);
	my @first = ask_all($server, 1, 1 .. $cold);
	push @idle, [ $server->{name}, $count,
		defined $server->{check_ms} ? verdict('%.0f', $server->{check_ms}, $goals->{check}) : '',
		verdict('%.0f', $server->{start_ms}, $goals->{start}), verdict('%.0f', $reload, $goals->{reload}),
		verdict('%.1f', $kib, $goals->{kib}), two('%.1f', @first)
			. (defined $goals->{first} ? sprintf(' (%s %s)', quantile(0.5, @first) <= $goals->{first} ? 'goal' : 'MISSES', $goals->{first}) : '') ];
	note(join ' | ', @{ $idle[-1] });
}

# Every pool serves, one processor each, and all are asked again, again and again.
sub active_row {
	my ($server, $count) = @_;
	my $begun = time;
	ask_all($server, 4, $cold + 1 .. $count);
	my $woke = ($count - $cold) / (time - $begun);
	my $kib = Bench::Servers::pss_kib($server);
	my @pids = Bench::Servers::pids($server);
	my $cpu = Bench::Servers::cpu_us($server);
	$begun = time;
	my @took = map { ask_all($server, $clients, 1 .. $count) } 1 .. $rounds;
	push @active, [ $server->{name}, $count, scalar @pids, sprintf('%.1f', $kib / 1024 / $count), sprintf('%.0f', $woke),
		sprintf('%.0f', @took / (time - $begun)), sprintf('%.0f', (Bench::Servers::cpu_us($server) - $cpu) / @took), two('%.1f', @took) ];
	note(join ' | ', @{ $active[-1] });
}

sub table {
	my ($head, $rows) = @_;
	my @columns = split / \| /, $head;
	my $align = join '|', map { $_ == 0 ? '---' : '---:' } 0 .. $#columns;
	return "| $head |\n|$align|\n" . join('', map { '| ' . join(' | ', @$_) . " |\n" } @$rows);
}

sub report {
	return table('server | pools | -t ms | start ms | reload ms | KiB per idle pool | first request of a cold pool, p50 / p99 ms', \@idle)
		. "\n" . table("all at once | pools | processes | MiB a pool (PSS) | woken a second | requests/s | CPU us/request | $clients connections, p50 / p99 ms", \@active);
}

sub alone_kib {
	my ($start) = @_;
	my $server = $start->(1);
	my $kib = Bench::Servers::pss_kib($server);
	Bench::Servers::stop_all();
	return $kib;
}

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
		idle_row($start->($many), $many, $alone, { check => 1000, start => 2000, reload => 2000, kib => 4 });
		Bench::Servers::stop_all();
	}
	my $server = $start->($pools);
	idle_row($server, $pools, $alone, $goals);
	active_row($server, $pools);
	Bench::Servers::stop_all();
}

print report();
Bench::Servers::spew($markdown, report()) if $markdown;
