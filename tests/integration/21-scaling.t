# How many processors there are, over time: the numbers of Peruser, on a machine
# with room and on one that is full.
use strict;
use warnings;
use Peruserd::Test;
use POSIX ();
use Time::HiRes qw(time sleep);

my $limit = 26;
my $t = Peruserd::Test->new;
my $slow = $t->{sanitized} ? 10 : 1;
$t->{settings}{server_limit} = $limit;
$t->{settings}{idle_timeout} = 600;
my %pool = (
	fixed  => { min_processors => 3, max_processors => 3, min_spare_processors => 0 },
	burst  => { max_processors => 20, min_spare_processors => 0, start_timeout => 60 },
	filler => { max_processors => 20, min_spare_processors => 0 },
	spare  => { max_processors => 6, min_spare_processors => 2, idle_timeout => 2, zygote_timeout => '1500ms' },
	few    => { max_processors => 8, min_spare_processors => 1, max_spare_processors => 2 },
	start  => { max_processors => 6, min_spare_processors => 0, start_processors => 4 },
	over   => { max_processors => 1, min_spare_processors => 0, queue_length => 60, queue_timeout => 60 },
	calm   => { max_processors => 2, min_spare_processors => 1 },
);
my %site = map { $_ => $t->site($_, pool => $pool{$_}) } sort keys %pool;
my $php = Peruserd::Test::php_built($t->{build});
for my $site (values %site) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	# Both leave a mark named by the query, then wait until their gate is open.
	put_file("$site->{root}/gate.php", <<"PHP", 0644, $site);
<?php \$began = hrtime(true); touch("$site->{home}/ran/\$_SERVER[QUERY_STRING]");
while (!file_exists("$site->{home}/open")) { clearstatcache(); usleep(10000); }
echo getmypid(), ' ', \$began;
PHP
	$t->cgi($site, 'gate.pl', <<"PERL");
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
my \$began = int(clock_gettime(CLOCK_MONOTONIC) * 1e9);
open my \$mark, '>', "$site->{home}/ran/\$ENV{QUERY_STRING}" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$site->{home}/open";
print "Content-Type: text/plain\\n\\n", getppid, " \$began";
PERL
}
my $gate = $php ? '/gate.php' : '/cgi-bin/gate.pl';
$t->start;

sub send_to
{
	my ($site, $path) = @_;
	my $client = $t->client('shared', timeout => 60);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

sub ran { return map { m{([^/]+)\z} } glob "$_[0]{home}/ran/*" }
sub gate_open { put_file("$_[0]{home}/open", '') }

sub gate_shut
{
	my ($site) = @_;
	unlink "$site->{home}/open", glob "$site->{home}/ran/*";
	return;
}

sub count_of { my @processors = $t->processors($_[0]); return scalar @processors }
sub all_processors { return map { $t->processors($_) } values %site }

sub ctl { return ($t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_))[0] }

sub make_cold
{
	my ($site, $name) = @_;
	ctl('drain', $name);
	wait_for(20, sub { !$t->zygote($site) });
	return ctl('resume', $name);
}

sub percentile
{
	my ($part, @values) = @_;
	@values = sort { $a <=> $b } @values;
	return $values[ int($part * $#values) ];
}

# Nothing may ever pass server_limit: somebody looks all the time.  One look takes its time, and meanwhile
# one processor may make room for another; so each has a life, from when the kernel says that it began
# (in hundredths of a second, cut) to when it was last seen, and what counts is how many lives overlap.
sub most_at_once
{
	my (%life) = @_;
	my ($now, $most) = (0, 0);
	# who begins where another was last seen may have come after it
	for my $change (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } map { ([ $_->[0] + 0.01, 1 ], [ $_->[1], -1 ]) }
	    grep { $_->[1] > $_->[0] + 0.01 } values %life) {
		$now += $change->[1];
		$most = $now if $now > $most;
	}
	return $most;
}

pipe my $tell, my $said;
my $counter = fork // die;
if (!$counter) {
	close $tell;
	my (%life, $stop);
	local $SIG{TERM} = sub { $stop = 1 };
	until ($stop) {
		for my $pid (all_processors()) {
			my ($seen) = split / /, slurp('/proc/uptime');
			my $began = (split / /, slurp("/proc/$pid/stat") =~ s/.*\) //sr)[19] // next;
			$life{"$pid $began"} = [ $began / 100, $seen ];
		}
		sleep 0.02;
	}
	print $said most_at_once(%life), "\n";
	close $said;
	POSIX::_exit(0);
}
close $said;

# ---- static

ok(wait_for(20, sub { count_of($site{fixed}) == 3 }), 'min_processors run before anybody asks');
my @fixed = $t->processors($site{fixed});

# ---- start_processors

body_is($t->get('shared', 'start.test', '/hello.txt'), "hello\n", 'a pool wakes');
ok(wait_for(10, sub { count_of($site{start}) == 4 }), 'with start_processors');
ok(!wait_for(0.3, sub { count_of($site{start}) > 4 }), 'and no more');
make_cold($site{start}, 'start');

# ---- a burst on a cold pool

my $burst = $site{burst};
my ($spread, $whole);
for my $try (1 .. 3) {
	make_cold($burst, 'burst') if $try > 1;
	gate_shut($burst);
	my $begin = time;
	my @clients = map { send_to($burst, "$gate?$_") } 1 .. 20;
	my $all = wait_for(60, sub { ran($burst) == 20 });
	$whole = time - $begin;
	ok($all, "twenty requests on a cold pool run at once (try $try)");
	gate_open($burst);
	my @said = map { [ split / /, $_->response->{body} ] } @clients;
	my %pids = map { $_->[0] => 1 } @said;
	is(scalar(keys %pids), 20, 'in twenty processors');
	my @began = sort { $a <=> $b } map { $_->[1] // 0 } @said;
	$spread = ($began[-1] - $began[0]) / 1e6;
	last if $spread < 200;
}
diag(sprintf 'a burst of 20 on a cold pool%s: the last began %.0f ms after the first, %.0f ms after it was sent',
	$php ? ' of PHP' : '', $spread, $whole * 1000);
cmp_ok($spread, '<', 200 * $slow, 'within 200 ms of the first');

# ---- a full machine makes room

my $filler = $site{filler};
make_cold($burst, 'burst');
gate_shut($filler);
my @fill = map { send_to($filler, "/cgi-bin/gate.pl?$_") } 1 .. 20;
ok(wait_for(30, sub { ran($filler) == 20 }), 'another pool has twenty at work');
gate_open($filler);
$_->response for @fill;
ok(wait_for(10, sub { (($t->pool_status('filler') // {})->{idle} // 0) == 20 }), 'they are idle now');
my $before = all_processors();
gate_shut($burst);
my $begin = time;
my @clients = map { send_to($burst, "$gate?$_") } 1 .. 20;
ok(wait_for(30, sub { ran($burst) == 20 }), "twenty requests find a machine of $limit with $before and run");
diag(sprintf 'room for 20 among %d of %d was made in %.0f ms', $before, $limit, (time - $begin) * 1000);
gate_open($burst);
is(scalar(grep { $_->response->{status} != 200 } @clients), 0, 'none is refused');
is($t->pool_status('burst')->{queue_full} + $t->pool_status('burst')->{queue_timeouts}, 0, 'and none is counted as refused');
is(join(' ', $t->processors($site{fixed})), "@fixed", 'min_processors of another pool were not taken for it');
make_cold($site{$_}, $_) for qw(burst filler);

# ---- spare ones while in use, none at rest, then no zygote

my $spare = $site{spare};
$t->get('shared', 'spare.test', '/hello.txt');
ok(wait_for(10, sub { count_of($spare) >= 3 }), 'a pool that is used has its spare processors');
my $zygote = $t->zygote($spare);
my $few = 0;
$begin = time;
while (time - $begin < 4) {
	$t->get('shared', 'spare.test', '/hello.txt');
	$few++ if count_of($spare) < 3;
	sleep 0.1;
}
is($few, 0, 'and keeps them while it is used, however idle they are');
ok(wait_for(15, sub { !count_of($spare) }), 'they go when nobody asks for idle_timeout');
is($t->zygote($spare), $zygote, 'its zygote stays: it is warm');
is($t->pool_status('spare')->{state}, 'ready', 'as status says');
ok(wait_for(10, sub { !$t->zygote($spare) }), 'until zygote_timeout: it is cold');
is($t->pool_status('spare')->{state}, 'cold', 'as status says too');
body_is($t->get('shared', 'spare.test', '/hello.txt'), "hello\n", 'and wakes again');

# ---- too many spare ones

my $some = $site{few};
gate_shut($some);
my @wave = map { send_to($some, "/cgi-bin/gate.pl?$_") } 1 .. 8;
ok(wait_for(20, sub { ran($some) == 8 }), 'eight at work');
gate_open($some);
$_->response for @wave;
ok(wait_for(20, sub { count_of($some) == 2 }), 'max_spare_processors are left of them, long before idle_timeout');

# ---- one pool at its limit with a full queue does not slow another

my $over = $site{over};
gate_shut($over);
$t->get('shared', 'calm.test', '/hello.txt') for 1 .. 20;

sub measure
{
	return map {
		my $from = time;
		my $status = $t->get('shared', 'calm.test', '/hello.txt')->{status};
		$status == 200 ? (time - $from) * 1000 : 1e6;
	} 1 .. 300;
}
my @alone = measure();
my @stuck = send_to($over, '/cgi-bin/gate.pl?first');
ok(wait_for(20, sub { ran($over) == 1 }), 'a pool is at its limit');
push @stuck, map { send_to($over, "/cgi-bin/gate.pl?$_") } 1 .. 89;
ok(wait_for(20, sub { (($t->pool_status('over') // {})->{queue_full} // 0) == 29 }), 'and its queue is full');
my @beside = measure();
my $status = $t->pool_status('over');
diag(sprintf 'another pool beside %d that wait and %d refused: median %.2f ms (alone %.2f), 99 %% %.2f ms (alone %.2f)',
	$status->{queued}, $status->{queue_full}, percentile(0.5, @beside), percentile(0.5, @alone),
	percentile(0.99, @beside), percentile(0.99, @alone));
is($status->{queued}, 60, 'exactly queue_length wait');
is(scalar(grep { $_ >= 1e6 } @beside), 0, 'the other is served');
cmp_ok(percentile(0.5, @beside), '<', 5 * percentile(0.5, @alone) + 2, 'as fast as before');
gate_open($over);
my %got;
$got{ $_->response->{status} }++ for @stuck;
is_deeply(\%got, { 200 => 61, 503 => 29 }, 'who found room in the queue is served, who did not got 503') or diag(explain(\%got));

kill 'TERM', $counter;
my $most = <$tell> // 0;
waitpid $counter, 0;
chomp $most;
diag("$most processors at most, of $limit");
cmp_ok($most, '<=', $limit, 'server_limit was never exceeded');
$t->finish;
