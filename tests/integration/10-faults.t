# kill -9 under load: of a processor, a zygote, a multiplexer.  What is lost is
# what ran there, and no more; each with 502 or a closed connection.
use strict;
use warnings;
use File::Path qw(remove_tree);
use Peruserd::Test;
use POSIX ();
use Time::HiRes qw(time sleep);

my $t = Peruserd::Test->new;
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('200ms', '2s');
my $bob = $t->site('bob', pool => { max_processors => 4, min_spare_processors => 2 });
my $eve = $t->site('eve', pool => { max_processors => 4, min_spare_processors => 2 });
my $ghost = $t->site('ghost', chroot => 1);
my $dying = $t->site('dying');
for my $site ($bob, $eve, $ghost, $dying) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	put_file("$site->{root}/page.txt", 'x' x 30_000, 0644, $site);
}
$t->cgi($bob, 'nap.pl', 'select undef, undef, undef, 0.01; print "Content-Type: text/plain\n\nnapped\n";');
$t->start;
$t->get('shared', $_->{host}, '/hello.txt') for $bob, $eve;

# Clients that ask all the time, each in a process of its own; each says for
# every request how it went: ok, 502, 503, closed, or something else.
sub load
{
	my ($kind, $clients, @requests) = @_;
	my @running;

	for my $number (1 .. $clients) {
		my ($host, $path) = @{ $requests[ $number % @requests ] };
		my $file = "$t->{dir}/load.$number";
		my $pid = fork // die "fork: $!\n";
		if (!$pid) {
			one_client($kind, $host, $path, $file);
			POSIX::_exit(0);
		}
		push @running, { pid => $pid, file => $file, host => $host };
	}
	return @running;
}

sub one_client
{
	my ($kind, $host, $path, $file) = @_;
	my ($client, %count);
	my $stop = "$t->{dir}/stop";

	until (-e $stop) {
		$client //= $t->client($kind, timeout => 15);
		if (!$client->{socket}) {
			$count{refused}++;
			undef $client;
			sleep 0.02;
			next;
		}
		$client->send("GET $path HTTP/1.1\r\nHost: $host\r\n\r\n");
		my $response = $client->response;
		my $how = $response->{error} ? ($response->{closed} || $response->{head} ? 'closed' : 'lost')
		    : $response->{status} == 200 ? 'ok' : $response->{status};
		# A kept connection may end between two requests: that is no loss.
		$how = 'ended' if $how eq 'closed' && $client->{used} && $response->{error} =~ /closed\z/ && $kind eq 'private';
		$count{$how}++;
		$client->{used} = 1;
		undef $client if $response->{error} || ($response->field('connection') // '') =~ /close/i;
	}
	put_file($file, join '', map { "$_ $count{$_}\n" } sort keys %count);
	return;
}

# End the load; per host, how many went how.
sub unload
{
	my (@running) = @_;
	my %sum;

	put_file("$t->{dir}/stop", '');
	for my $client (@running) {
		waitpid $client->{pid}, 0;
		my %count = split /\s+/, slurp($client->{file});
		$sum{ $client->{host} }{$_} += $count{$_} for keys %count;
	}
	unlink "$t->{dir}/stop";
	return \%sum;
}

sub told
{
	my ($what, $sum) = @_;
	for my $host (sort keys %$sum) {
		diag("$what, $host: " . join ', ', map { "$sum->{$host}{$_} $_" } sort keys %{ $sum->{$host} });
	}
	return;
}

# A processor that is needed elsewhere may end a kept connection between two
# requests ("ended"); who was not shot at has lost nothing by that.
sub lost
{
	my ($sum, $host, @harmless) = @_;
	my $lost = 0;
	for my $how (keys %{ $sum->{$host} }) {
		$lost += $sum->{$host}{$how} if !grep { $how eq $_ } 'ok', @harmless;
	}
	return $lost;
}

# Descriptors of the manager and the multiplexers.
sub descriptors
{
	return map { scalar(() = glob "/proc/$_/fd/*") } $t->{pid}, $t->multiplexers;
}

$t->get('shared', $_->{host}, '/page.txt') for map { ($bob, $eve) } 1 .. 20;
my @before = descriptors();

each_kind(sub {
	my ($kind) = @_;
	my @mix = ([ 'bob.test', '/cgi-bin/nap.pl' ], [ 'eve.test', '/page.txt' ]);

	# processors, one after the other
	my @clients = load($kind, 8, @mix);
	my $kills = 0;
	my $end = time + 4;
	while (time < $end) {
		my ($victim) = (grep { process_children($_) } $t->processors($bob))[0];
		$kills += kill 'KILL', $victim if $victim;
		sleep 0.25;
	}
	my $sum = unload(@clients);
	told("$kills processors of bob killed ($kind)", $sum);
	cmp_ok($kills, '>=', 8, "processors were killed under load ($kind)");
	cmp_ok(lost($sum, 'bob.test'), '<=', $kills, "each cost one request at most ($kind)");
	is(lost($sum, 'eve.test', 'ended'), 0, "and nobody else's ($kind)");
	is(join(' ', grep { !/\A(?:ok|502|closed|ended)\z/ } keys %{ $sum->{'bob.test'} }), '', "with 502 or a closed connection, never silence ($kind)");
	cmp_ok($sum->{'bob.test'}{ok} // 0, '>', 50, "while service went on ($kind)");
	is($t->get($kind, 'bob.test', '/hello.txt')->{body}, "hello\n", "and goes on ($kind)");

	# the zygote
	@clients = load($kind, 8, @mix);
	$kills = 0;
	for (1 .. 3) {
		my $zygote = wait_for(10, sub { $t->zygote($bob) });
		wait_for(10, sub { $t->processors($bob) });
		sleep 0.3;
		$kills += kill 'KILL', $zygote if $zygote;
		wait_for(10, sub { ($t->zygote($bob) // $zygote) != $zygote });
	}
	$sum = unload(@clients);
	told("$kills zygotes of bob killed ($kind)", $sum);
	is($kills, 3, "a zygote was killed three times ($kind)");
	cmp_ok(lost($sum, 'bob.test'), '<=', $kills * 4, "each cost what its pool was running ($kind)");
	is(lost($sum, 'eve.test', 'ended'), 0, "and nothing of others ($kind)");
	is(join(' ', grep { !/\A(?:ok|502|closed|ended)\z/ } keys %{ $sum->{'bob.test'} }), '', "with 502 or a closed connection ($kind)");
	ok(wait_for(10, sub { $t->get($kind, 'bob.test', '/hello.txt')->{status} == 200 }), "and the pool is back ($kind)");

	# a multiplexer
	@clients = load($kind, 8, @mix);
	$kills = 0;
	for (1 .. 3) {
		sleep 0.5;
		my ($victim) = $t->multiplexers;
		$kills += kill 'KILL', $victim;
		wait_for(10, sub { !process_alive($victim) && $t->multiplexers == 2 });
	}
	sleep 0.5;
	$sum = unload(@clients);
	told("$kills multiplexers killed ($kind)", $sum);
	my $all = lost($sum, 'bob.test') + lost($sum, 'eve.test');
	cmp_ok($all, '<=', $kills * 8, "a multiplexer takes only the connections it held ($kind)");
	is(join(' ', grep { !/\A(?:ok|closed|ended)\z/ } map { keys %$_ } values %$sum), '', "which are closed, and nothing else goes wrong ($kind)");
	is(scalar($t->multiplexers), 2, "there are as many again ($kind)");
	is($t->get($kind, $_, '/hello.txt')->{body}, "hello\n", "$_ is served ($kind)") for qw(bob.test eve.test);
	my $free = wait_for(15, sub {
		my @hold = map { my $c = $t->client($kind); $c->send("GET /cgi-bin/nap.pl HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n"); $c } 1 .. 8;
		return !grep { $_->response->{status} != 200 } @hold;
	});
	ok($free, "and no slot is lost with it ($kind)");
});

# ---- a zygote that keeps dying

status_is($t->get('shared', 'dying.test', '/hello.txt'), 200, 'a pool that will keep dying works at first');
my ($deaths, $failed, @pause) = (0);
my $last = time;
my $until = time + 12;
while (time < $until && $deaths < 8) {
	my $client = $t->client('shared', timeout => 0.2);
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: dying.test\r\nConnection: close\r\n\r\n");
	$failed //= ($t->pool_status('dying') // {})->{state} if (($t->pool_status('dying') // {})->{state} // '') eq 'failed';
	if (my $zygote = $t->zygote($dying)) {
		push @pause, time - $last if kill 'KILL', $zygote;
		wait_for(2, sub { !process_alive($zygote) });
		$deaths++;
		$last = time;
	}
}
diag('pauses between deaths: ' . join ' ', map { sprintf '%.1f', $_ } @pause);
is($failed, 'failed', 'a zygote that keeps dying makes its pool fail, visibly');
cmp_ok(scalar(@pause), '>=', 3, 'it is tried again');
cmp_ok($pause[-1], '>', 0.3, 'after longer and longer pauses');
$t->log_says(qr/pool dying/, 'and the log tells');
is($t->get('shared', 'bob.test', '/hello.txt')->{body}, "hello\n", 'others are served meanwhile');
ok(wait_for(15, sub { $t->get('shared', 'dying.test', '/hello.txt')->{status} == 200 }), 'left alone, it comes back');

# ---- a chroot that is missing when it is needed

rename $ghost->{home}, "$ghost->{home}.away" or die "rename: $!\n";
status_is($t->get('shared', 'ghost.test', '/hello.txt'), 503, 'a pool whose chroot is missing gives 503');
my $ghostly = $t->pool_status('ghost') // {};
is($ghostly->{state}, 'failed', 'and is shown as failed');
like($ghostly->{reason} // '', qr/\Q$ghost->{home}\E|chroot/, 'with the reason');
$t->log_says(qr/pool ghost.*(?:\Q$ghost->{home}\E|chroot)/, 'which the log tells too');
is($t->get('shared', 'bob.test', '/hello.txt')->{body}, "hello\n", 'others are served');
symlink '/', $ghost->{home};
wait_for(1, sub { 0 });
isnt($t->get('shared', 'ghost.test', '/etc/passwd')->{status}, 200, 'a symbolic link in place of a chroot is not followed');
unlink $ghost->{home};
rename "$ghost->{home}.away", $ghost->{home};
ok(wait_for(15, sub { $t->get('shared', 'ghost.test', '/hello.txt')->{status} == 200 }), 'when it is back, so is the pool');

# ---- a multiplexer that is stopped in its tracks

my ($stuck) = $t->multiplexers;
kill 'STOP', $stuck;
ok(wait_for(20, sub { !process_alive($stuck) }), 'a multiplexer whose heartbeat stops is killed');
ok(wait_for(10, sub { $t->multiplexers == 2 }), 'and replaced');
is($t->get('shared', 'bob.test', '/hello.txt')->{body}, "hello\n", 'service goes on');

# ---- nothing has leaked on the way

my @after;
ok(wait_for(15, sub { @after = descriptors(); !grep { $after[$_] > $before[$_] + 25 } 0 .. $#before }), 'descriptors do not pile up')
    or diag("before: @before, after: @after");

# ---- a stop under load

my @clients = load('shared', 6, [ 'bob.test', '/cgi-bin/nap.pl' ], [ 'eve.test', '/page.txt' ]);
sleep 1;
kill 'TERM', $t->{pid};
sleep 0.2;
my $sum = unload(@clients);
told('told to stop', $sum);
is(join(' ', grep { !/\A(?:ok|closed|refused)\z/ } map { keys %$_ } values %$sum), '', 'a stop under load cuts no answer and makes no error');
is($t->stop // 'nothing', 0, 'and the daemon ends well');
$t->{ended_on_purpose} = 1;
is(join("\n", $t->left_behind), '', 'with nothing left behind');
$t->finish;
