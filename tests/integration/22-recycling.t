# Processors that go and come: after so many requests, so much memory, a crash;
# pools that fail in a loop.  No request is lost where none has to be, and the
# others notice nothing.
use strict;
use warnings;
use Peruserd::Test;
use POSIX ();
use Time::HiRes qw(time sleep);

my $t = Peruserd::Test->new(php => 1);
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('300ms', '2s');
my $often = $t->site('often', pool => { max_processors => 4, max_requests_per_child => 7 });
my $fat = $t->site('fat', pool => { max_processors => 1, max_memory => $t->{sanitized} ? '500m' : '120m', php_admin_value => [ 'memory_limit=1024M' ] });
my $kept = $t->site('kept', pool => { max_processors => 2, max_memory => $t->{sanitized} ? '500m' : '120m', php_admin_value => [ 'memory_limit=1024M' ] });
my $crash = $t->site('crash', pool => { max_processors => 2, min_spare_processors => 0 });
my $broken = $t->site('broken', chroot => 1);
my $calm = $t->site('calm');
my $hung = $t->site('hung', pool => { max_processors => 3, min_spare_processors => 2, expire_timeout => 1 });
put_file("$hung->{root}/hello.txt", "hello\n", 0644, $hung);
put_file("$hung->{root}/hang.php", '<?php while (true) usleep(100000);', 0644, $hung);
put_file("$_->{root}/hello.txt", "hello\n", 0644, $_) for $often, $fat, $crash, $broken, $calm;
put_file("$_->{root}/pid.php", '<?php echo getmypid();', 0644, $_) for $often, $fat, $kept, $crash;
put_file("$_->{root}/fat.php", '<?php $a = str_repeat("x", $_GET["mb"] << 20); echo getmypid();', 0644, $_) for $fat, $kept;
# A script ends its processor, its parent, with a signal.
$t->cgi($crash, "$_->[0].pl", "kill $_->[1], getppid; sleep 5;") for [ 'crash', 11 ], [ 'killed', 9 ];
$t->start;

# ---- max_requests_per_child, by four clients at once

my $stop = "$t->{dir}/stop";
my @load;
for my $number (1 .. 4) {
	my $file = "$t->{dir}/load.$number";
	my $pid = fork // die;
	if (!$pid) {
		my ($good, @bad) = (0);
		my $client = $t->client('shared');
		until (-e $stop) {
			$client->send("GET /pid.php HTTP/1.1\r\nHost: often.test\r\n\r\n");
			my $response = $client->response;
			$response->{status} == 200 && $response->{body} =~ /\A\d+\z/ ? $good++ : push @bad, $response->shown;
			$client = $t->client('shared') if $response->{error};
		}
		put_file($file, "$good " . @bad . "\n@bad");
		POSIX::_exit(0);
	}
	push @load, { pid => $pid, file => $file };
}
wait_for(20, sub { (($t->pool_status('often') // {})->{recycled} // 0) >= 20 });
put_file($stop, '');
my ($good, $bad) = (0, 0);
for (@load) {
	waitpid $_->{pid}, 0;
	my $text = slurp($_->{file});
	my ($fine, $lost) = $text =~ /\A(\d+) (\d+)/;
	$good += $fine // 0;
	$bad += $lost // 1;
	diag($text) if $lost;
}
my $recycled = $t->pool_status('often')->{recycled};
diag("$good requests by four clients, $recycled processors renewed, $bad lost");
cmp_ok($recycled, '>=', 20, 'processors are renewed all the time');
cmp_ok($good, '>=', 7 * 20, 'as requests are served');
is($bad, 0, 'and none is lost on a shared listener');

# ---- max_memory

each_kind(sub {
	my ($kind) = @_;
	my $first = $t->get($kind, 'fat.test', '/pid.php')->{body};
	is($t->get($kind, 'fat.test', '/fat.php?mb=1')->{body}, $first, "a small request changes nothing ($kind)");
	is($t->get($kind, 'fat.test', '/pid.php')->{body}, $first, "nor the next one ($kind)");
	my $mb = $t->{sanitized} ? 700 : 150;
	is($t->get($kind, 'fat.test', "/fat.php?mb=$mb")->{body}, $first, "one that passes max_memory is answered ($kind)");
	my $next = $t->get($kind, 'fat.test', '/pid.php');
	status_is($next, 200, "so is the next one ($kind)");
	isnt($next->{body}, $first, "by another processor ($kind)");
});
cmp_ok($t->pool_status('fat')->{recycled}, '>=', 2, 'status counts them');

# A kept private connection ends with an answer that says so.
$t->get('private', 'kept.test', '/hello.txt');
ok(wait_for(10, sub { $t->pool_status('kept')->{idle} == 2 }), 'another pool has two idle processors');
my $client = $t->client('private');
$client->send("GET /pid.php HTTP/1.1\r\nHost: kept.test\r\n\r\n");
status_is($client->response, 200, 'a kept private connection');
for my $path ('/fat.php?mb=' . ($t->{sanitized} ? 700 : 150), '/pid.php') {
	$client->send("GET $path HTTP/1.1\r\nHost: kept.test\r\n\r\n");
	my $response = $client->response;
	status_is($response, 200, "$path on a kept private connection");
	last if ($response->field('connection') // '') =~ /close/i;
}
ok(wait_for(10, sub { $t->pool_status('kept')->{recycled} == 1 }), 'ends the processor too');

# ---- expire_timeout: the hung one alone, 504, and the log says what it ran

$t->get('shared', 'hung.test', '/hello.txt');
my $sleeper = $t->client('shared');
$sleeper->send("GET /hang.php?what=this HTTP/1.1\r\nHost: hung.test\r\nConnection: close\r\n\r\n");
ok(wait_for(10, sub { ($t->pool_status('hung') // {})->{busy} }), 'a request hangs');
my @before = $t->processors($hung);
status_is($sleeper->response, 504, 'it gets 504 after expire_timeout');
ok(wait_for(10, sub { grep { !process_alive($_) } @before }), 'its processor is killed');
is(scalar(grep { !process_alive($_) } @before), 1, 'and no other');
$t->log_says(qr{pool hung, hung\.test: GET /hang\.php\?what=this has run for [1-9]\.\d seconds in pid \d+, longer than expire_timeout},
	'the log says which request of which site ran for how long in which processor');
is($t->pool_status('hung')->{expired}, 1, 'status counts it');

# ---- crashes: the request is lost, and two may mean a spoilt opcode cache

$t->get('shared', 'crash.test', '/hello.txt');
my $zygote = $t->zygote($crash);
status_is($t->get('shared', 'crash.test', '/cgi-bin/killed.pl'), 502, 'a processor that is killed at work: 502');
ok(wait_for(10, sub { ($t->pool_status('crash') // {})->{crashes} }), 'status counts it');
status_is($t->get('shared', 'crash.test', '/cgi-bin/crash.pl'), 502, 'one that crashes: 502');
ok(wait_for(10, sub { $t->pool_status('crash')->{crashes} == 2 }), 'it is counted too');
is($t->zygote($crash), $zygote, 'once is no reason for a new zygote');
status_is($t->get('shared', 'crash.test', '/cgi-bin/crash.pl'), 502, 'a second crash');
$t->log_says(qr/pool crash begins anew: two of its processors crashed/, 'is one');
ok(wait_for(20, sub { my $now = $t->zygote($crash); $now && $now != $zygote && !process_alive($zygote) }), 'another zygote takes over');
body_is($t->get('shared', 'crash.test', '/hello.txt'), "hello\n", 'the pool serves on');
my ($rolls, $asked) = (0, 0);
my $end = time + 3;
while (time < $end) {
	$asked++;
	$t->get('shared', 'crash.test', '/cgi-bin/crash.pl');
}
$rolls = () = $t->log =~ /pool crash begins anew/g;
diag("$asked crashes in 3 s began the pool anew " . ($rolls - 1) . ' times');
cmp_ok($rolls, '<=', 6, 'crashes in a loop begin it anew ever more rarely');
cmp_ok($t->pool_status('crash')->{restarts}, '>=', 1, 'status counts that');
ok(wait_for(20, sub { ($t->pool_status('crash')->{reason} // '') =~ /crash/ || !$t->get('shared', 'crash.test', '/cgi-bin/crash.pl') }), 'and says what is wrong');
body_is($t->get('shared', 'calm.test', '/hello.txt'), "hello\n", 'another pool is served');

# ---- a pool that can't start backs off, and says so

chown 0, 0, $broken->{home};
chmod 0700, $broken->{home};
my @pauses;
$end = time + 30;
while (@pauses < 3 && time < $end) {
	status_is($t->get('shared', 'broken.test', '/hello.txt'), 503, 'a pool that cannot start answers 503');
	my $status = $t->pool_status('broken');
	push @pauses, $status->{retry_ms} if $status->{state} eq 'failed' && $status->{retry_ms};
	wait_for(10, sub { $t->pool_status('broken')->{state} ne 'failed' });
}
my $status = wait_for(10, sub {
	$t->get('shared', 'broken.test', '/hello.txt');
	my $now = $t->pool_status('broken');
	return $now->{state} eq 'failed' ? $now : undef;
}) || {};
like($status->{reason} // '', qr/chroot/, 'status says why') or diag(explain($status));
diag("its pauses: @pauses ms");
cmp_ok($pauses[-1] // 0, '>', 350, 'its pauses grow');
my $begin = time;
$t->get('shared', 'calm.test', '/hello.txt') for 1 .. 20;
cmp_ok(time - $begin, '<', 5, 'another pool is served meanwhile');
chmod 0755, $broken->{home};
chown $broken->{uid}, $broken->{gid}, $broken->{home};
ok(wait_for(20, sub { $t->get('shared', 'broken.test', '/hello.txt')->{status} == 200 }), 'and it serves once that is mended');
$t->finish;
