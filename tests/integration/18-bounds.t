# Everything a user can do over and over again has a bound, and what dies takes
# along what was counted for it.
use strict;
use warnings;
use FindBin;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('300ms', '2s');
@{ $t->{settings} }{qw(body_memory body_memory_total spool_total)} = ('256k', '1m', '4m');
@{ $t->{settings} }{qw(answer_memory answer_memory_total)} = ('512k', '1m');
@{ $t->{settings} }{qw(log_rate message_rate flood_timeout)} = (20, 2000, 2);
$t->{settings}{multiplexers}[0]{count} = 1;
my $php = Peruserd::Test::php_built($t->{build});
my $plain = $t->site('plain', vhost => { max_body_size => '64m' });
my $alice = $t->site('alice', pool => { max_processors => 1, error_log => "$t->{dir}/log/alice.log",
	expire_timeout => 60, php_admin_value => [ 'ffi.enable=1' ] });
my $tight = $t->site('tight', pool => { max_processors => 1, queue_length => 3, queue_timeout => 30 });
my $dying = $t->site('dying', pool => { max_processors => 2, min_spare_processors => 2 });
for my $site ($tight, $dying, $plain) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
}
$t->cgi($tight, 'gate.pl', <<"PERL");
open my \$mark, '>', "$tight->{home}/runs" or die;
select undef, undef, undef, 0.01 until -e "$tight->{home}/open";
print "Content-Type: text/plain\\n\\nopened";
PERL
# Leaves a child behind that ends every process it can, as politely as it may, for some time.
$t->cgi($dying, 'plague.pl', <<"PERL" =~ s/HERE/$dying->{home}/r);
use POSIX ();
print "Content-Type: text/plain\\n\\nout\\n";
pipe my \$is_out, my \$out;
if (fork) { close \$out; <\$is_out>; exit 0 }
POSIX::setsid();
POSIX::close(\$_) for 0 .. 50;
\$SIG{TERM} = 'IGNORE';
select undef, undef, undef, 0.01 until -e 'HERE/go';
for (1 .. 1500) { kill 'TERM', -1; select undef, undef, undef, 0.002; }
PERL
$t->cgi($plain, 'length.pl', 'print "Content-Type: text/plain\n\n"; local $/; print length <STDIN>;');
put_file("$plain->{root}/long.txt", 'l' x 400_000, 0644, $plain);
put_file("$alice->{root}/hostile.php", slurp("$FindBin::Bin/../lib/hostile.php"), 0644, $alice);
$t->allow_php($alice);
$t->start;

# ---- a multiplexer's death takes its waiting requests out of the count

my $running = $t->client('shared');
$running->send("GET /cgi-bin/gate.pl HTTP/1.1\r\nHost: tight.test\r\nConnection: close\r\n\r\n");
ok(wait_for(10, sub { -e "$tight->{home}/runs" }), 'one request runs');
my @waiting = map {
	my $client = $t->client('shared');
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: tight.test\r\nConnection: close\r\n\r\n");
	$client;
} 1 .. 3;
ok(wait_for(10, sub { ($t->pool_status('tight')->{queued} // 0) == 3 }), 'three wait: the queue is full');
my @before = $t->multiplexers;
kill 'KILL', @before;
ok(wait_for(10, sub { my @now = $t->multiplexers; @now == @before && !grep { my $is = $_; grep { $_ == $is } @before } @now }), 'all multiplexers are replaced');
is($t->pool_status('tight')->{queued}, 0, 'nothing is counted as waiting any more');
put_file("$tight->{home}/open", '');
ok(wait_for(10, sub { $t->get('shared', 'tight.test', '/hello.txt', timeout => 5)->{status} == 200 }), 'and the queue takes requests again');

# ---- processors that end before they served anything are not forked without end

body_is($t->get('shared', 'dying.test', '/cgi-bin/plague.pl'), "out\n", 'a child is left behind');
put_file("$dying->{home}/go", '');
$t->log_says(qr/pool dying: a processor ended before it served a request; none is forked for \d+ ms/, 'a pool whose processors end at once, with status 0, is backed off');
ok(wait_for(20, sub { $t->get('shared', 'dying.test', '/hello.txt', timeout => 10)->{status} == 200 }), 'and serves when that is over');

# ---- bodies that have not arrived whole: in memory, then on the disk, then 503

sub upload
{
	my ($length, $sent) = @_;
	my $client = $t->client('shared', timeout => 20);
	$client->send("POST /cgi-bin/length.pl HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n"
	    . "Content-Length: $length\r\n\r\n" . 'u' x $sent);
	return $client;
}

my @held = map { upload(250_000, 240_000) } 1 .. 8;
$_->send('u' x 10_000) for @held;
is(join(' ', map { $_->response->{body} } @held), join(' ', (250_000) x 8), 'bodies that memory has no room for wait on the disk');
@held = map { upload(2_000_000, 1_900_000) } 1 .. 4;
my $refused = sub { $_[0]->until_match(qr/\r\n/, 0.01) };
wait_for(20, sub { scalar grep { $refused->($_) } @held });
$refused->($_) || $_->send('u' x 100_000) for @held;
my @answers = map { $_->response } @held;
is(scalar(grep { $_->{status} == 503 && ($_->field('retry-after') // '') =~ /\A\d+\z/ || $_->{status} == 200 && $_->{body} eq '2000000' } @answers), 4,
    'bodies beyond spool_total are refused with Retry-After, the others are served') or diag(map { $_->shown } @answers);
ok((grep { $_->{status} == 503 } @answers) && (grep { $_->{status} == 200 } @answers), 'there are such and such');
$t->log_says(qr/a request body can't be kept: spool_total \(4194304 bytes\) is used up/, 'and the log says what is used up');
body_is(upload(3_000_000, 3_000_000)->response, '3000000', 'and room is free again');

# ---- answers that wait for their clients: beyond answer_memory_total they are streamed

my @readers = map {
	my $client = $t->client('shared', timeout => 20);
	$client->send("GET /long.txt HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n");
	$client;
} 1 .. 12;
is(scalar(grep { length $_->response->{body} == 400_000 } @readers), 12, 'twelve answers are whole where memory takes two');

# ---- what a processor says beside its answers

if ($php && $t->php('shared', $alice, 'echo extension_loaded("ffi") ? "yes" : "no";')->{body} eq 'yes') {
	my $log = "$t->{dir}/log/alice.log";
	$t->php('shared', $alice, 'for ($i = 0; $i < 200; $i++) error_log("line $i"); echo "ok";');
	$t->log_says(qr/\d+ lines dropped, they came too fast/, 'lines beyond log_rate are dropped and counted', $log);
	my $flood = 'require "hostile.php"; [$nonce, $connection] = envelope(); $channel = channel(); '
	    . '$line = completion(KIND_LOG, 0, $nonce, $connection, "flood"); $end = microtime(true) + SECONDS; '
	    . 'while (microtime(true) < $end) if (say($channel, $line) < 0) $c->usleep(1000); echo "ok";';
	body_is($t->php('shared', $alice, $flood =~ s/SECONDS/0.1/r, timeout => 20), 'ok', 'a short flood of messages delays an answer at most');
	my ($slowest, $begin) = (0, time);
	my $client = $t->client('shared', timeout => 30);
	$flood =~ s/SECONDS/20/;
	$client->send("POST /run.php HTTP/1.1\r\nHost: alice.test\r\nContent-Type: text/plain\r\nContent-Length: " . length($flood) . "\r\n\r\n$flood");
	while (time < $begin + 1.5) {
		my $at = time;
		$t->get('shared', 'plain.test', '/hello.txt');
		$slowest = time - $at if time - $at > $slowest;
	}
	cmp_ok($slowest, '<', 1, 'a flood holds up nobody else');
	status_is($client->response('POST'), 502, 'who goes on so for flood_timeout is killed');
	$t->log_says(qr/sent more than message_rate for flood_timeout; it will be killed/, 'and the log says why');
	cmp_ok(scalar(() = slurp($log) =~ /\n/g), '<', 2000, 'few of its lines were written');
}
$t->finish;
