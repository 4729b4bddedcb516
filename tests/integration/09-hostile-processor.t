# A processor is trusted with nothing.  Alice's code gets at the descriptors of
# its own processor by FFI: it forges completions, answers twice, lies about
# lengths, sends garbage and descriptors, shuts the channel down, and leaves
# children behind that hold the lent memory, the stream and the client's socket.
# After each of them bob's next answer, on the very same shared connection, is
# untouched, the daemon is up, and other pools are served.
use strict;
use warnings;
use FindBin;
use Peruserd::Test;

my $t = Peruserd::Test->new(php => 1);
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('100ms', '500ms');
$t->{settings}{send_timeout} = 3;
my $alice = $t->site('alice', pool => { max_processors => 3, expire_timeout => 3, kill_timeout => 1, error_log => "$t->{dir}/log/alice.log",
	php_admin_value => [ 'ffi.enable=1', 'memory_limit=512M' ] });
my $bob = $t->site('bob');
$t->allow_php($alice);
put_file("$alice->{root}/hostile.php", slurp("$FindBin::Bin/../lib/hostile.php"), 0644, $alice);
put_file("$alice->{root}/fine.txt", "fine\n", 0644, $alice);
put_file("$alice->{root}/big.php", "<?php echo str_repeat('a', 500000);", 0644, $alice);
put_file("$bob->{root}/page.txt", "bob's page " . 'b' x 2000, 0644, $bob);
put_file("$bob->{root}/big.txt", 'B' x 400_000, 0644, $bob);
my $page = slurp("$bob->{root}/page.txt");
my $big = slurp("$bob->{root}/big.txt");
$t->start;

my $has_ffi = $t->php('shared', $alice, 'echo extension_loaded("ffi") ? "yes" : "no";')->{body};
if ($has_ffi ne 'yes') {
	diag('PHP has no FFI here (Debian: php-common has it)');
	pass('nothing to be done without FFI');
	$t->finish;
	exit 0;
}
body_is($t->php('shared', $alice, 'require "hostile.php"; echo channel() >= 0 ? "channel" : "none";'), 'channel', 'alice finds her channel');
body_is($t->php('shared', $alice, 'require "hostile.php"; echo envelope() ? "envelope" : "none";'), 'envelope', 'and the nonce of her own request');

# These prove that what follows is aimed well: she may answer her own request so.
my $own = "require 'hostile.php'; [\$nonce, \$connection] = envelope(); ";
body_is($t->php('shared', $alice, $own . 'say(channel(), completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Type: text/plain\r\n\r\nby herself"));'),
    'by herself', 'with them she can answer her own request by herself');
ok(wait_for(10, sub { $t->get('shared', 'alice.test', '/fine.txt')->{body} eq "fine\n" }), 'and her pool goes on');
$t->php('shared', $alice, $own . 'say(channel(), completion(KIND_LOG, 0, $nonce, $connection, "said by herself", ["status" => 4]));');
$t->log_says(qr/alice.*said by herself/, 'she can write a line to her own log', "$t->{dir}/log/alice.log");
is($t->php('shared', $alice, 'require "hostile.php"; echo count(memories()) > 0 && count(sockets(1)) > 0 ? "both" : "not";')->{body}, 'both', 'and she finds the memory and the stream that were lent');

my $evil = q{"Content-Type: text/html\r\n\r\nEVIL"};
my $second = q{"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"};
my $stay = 'for ($i = 0; $i < 300; $i++) { ATTACK $c->usleep(10000); }';

# Each runs inside a request of alice's, after require "hostile.php" and
# [$nonce, $connection] = envelope(); $channel = channel();
my @attacks = (
	[ 'forged nonces', 'for ($i = 0; $i < 200; $i++) say($channel, completion(KIND_DONE, ANSWER_INLINE, random_int(0, PHP_INT_MAX), $connection, ' . $evil . ')); echo "ok";' ],
	[ 'nonces beside her own', 'for ($i = -50; $i < 50; $i++) if ($i) say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce + $i, $connection, ' . $evil . ')); echo "ok";' ],
	[ "her nonce for others' connections", 'for ($i = 0; $i < 200; $i++) if ($i != $connection) say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $i, ' . $evil . ')); echo "ok";' ],
	[ 'two answers', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Type: text/plain\r\n\r\nok")); say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, ' . $evil . ')); echo "more";' ],
	[ 'an answer and twenty more', 'for ($i = 0; $i < 20; $i++) say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Type: text/plain\r\n\r\nok"));' ],
	[ 'an early answer, then done, again and again', 'for ($i = 0; $i < 20; $i++) { say($channel, completion(KIND_ANSWER, ANSWER_INLINE, $nonce, $connection, ' . $evil . ')); say($channel, completion(KIND_DONE, ANSWER_NONE, $nonce, $connection)); }' ],
	[ 'a second response inside the first', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, ' . $second . '));' ],
	[ 'a head with a coding of its own', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"));' ],
	[ 'a head that splits', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Type: text/plain\r\nX: a\rHTTP/1.1 200 OK\r\n\r\nEVIL"));' ],
	[ 'an interim answer', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Status: 101 Switching\r\n\r\nEVIL"));' ],
	[ 'a length that is too long', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Content-Length: 100000\r\nContent-Type: text/plain\r\n\r\nshort"));' ],
	[ 'a body for 304', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "Status: 304 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"));' ],
	[ 'no answer at all', 'say($channel, completion(KIND_DONE, ANSWER_NONE, $nonce, $connection));' ],
	[ 'a data length beyond the message', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, "xx", ["data_len" => 60000])); echo "ok";' ],
	[ 'a data length before its end', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, str_repeat("x", 1000), ["data_len" => 10])); echo "ok";' ],
	[ 'memory beyond its end', 'say($channel, completion(KIND_DONE, ANSWER_MEMORY, $nonce, $connection, "", ["answer_len" => 1 << 40])); echo "ok";' ],
	[ 'memory that is not written', 'say($channel, completion(KIND_DONE, ANSWER_MEMORY, $nonce, $connection, "", ["answer_len" => 100000])); echo "ok";' ],
	[ 'memory with a head that never ends', 'foreach (memories() as $m) $c->pwrite($m, str_repeat("X: y\n", 20000), 100000, 0); say($channel, completion(KIND_DONE, ANSWER_MEMORY, $nonce, $connection, "", ["answer_len" => 100000]));' ],
	[ 'a stream that brings nothing', 'say($channel, completion(KIND_DONE, ANSWER_STREAM, $nonce, $connection, "", ["answer_len" => 5000]));' ],
	[ 'a stream that brings too much', 'foreach (sockets(1) as $s) say($s, "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok" . str_repeat("EVIL", 5000)); say($channel, completion(KIND_DONE, ANSWER_STREAM, $nonce, $connection, "", ["answer_len" => 50]));' ],
	[ 'an answer without end, by its own count', 'say($channel, completion(KIND_DONE, ANSWER_STREAM, $nonce, $connection, "", ["answer_len" => -1]));' ],
	[ 'unknown kinds', 'foreach ([0, 3, 5, 77, 255] as $k) say($channel, completion($k, ANSWER_INLINE, $nonce, $connection, ' . $evil . ')); echo "ok";' ],
	[ 'unknown answers', 'foreach ([5, 77, 255] as $k) say($channel, completion(KIND_DONE, $k, $nonce, $connection, ' . $evil . ')); echo "ok";' ],
	[ 'unknown flags', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, ' . $evil . ', ["flags" => 0xfffc])); echo "ok";' ],
	[ 'a wrong magic', 'say($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, ' . $evil . ', ["magic" => 1])); echo "ok";' ],
	[ 'messages of every length', 'for ($i = 1; $i < 120; $i++) say($channel, str_repeat("\x31", $i)); echo "ok";' ],
	[ 'an empty message', 'say($channel, ""); echo "ok";' ],
	[ 'a message that is too long', 'say($channel, str_repeat("x", 120000)); echo "ok";' ],
	[ 'a flood of garbage', 'for ($i = 0; $i < 20000; $i++) if (say($channel, random_bytes(56)) < 0) $c->usleep(100); echo "ok";' ],
	[ 'a flood of log lines', 'for ($i = 0; $i < 20000; $i++) if (say($channel, completion(KIND_LOG, 0, $nonce, $connection, "line \x1b[2J\nforged " . str_repeat("l", 1000))) < 0) $c->usleep(100); echo "ok";' ],
	[ 'a log line that is too long', 'say($channel, completion(KIND_LOG, 0, $nonce, $connection, str_repeat("l", 60000))); echo "ok";' ],
	[ 'a descriptor', 'say_with($channel, completion(KIND_DONE, ANSWER_INLINE, $nonce, $connection, ' . $evil . '), 0); echo "ok";' ],
	[ 'a socket that lingers', '$p = FFI::new("int[2]"); $c->socketpair(1, 1, 0, $p); say_with($p[0], "x", $p[1]); say_with($channel, "x", $p[0]); $c->close($p[0]); $c->close($p[1]); echo "ok";' ],
	[ 'a TCP socket that lingers', '$s = stream_socket_server("tcp://127.0.0.1:0"); $q = stream_socket_client("tcp://" . stream_socket_get_name($s, false)); stream_set_blocking($q, false); foreach (sockets(1, 2) as $f) { $l = pack("VV", 1, 60); $c->setsockopt($f, 1, 13, $l, 8); } for ($i = 0; $i < 400; $i++) @fwrite($q, str_repeat("z", 65536)); foreach (sockets(1, 2) as $f) say_with($channel, "x", $f); echo "ok";' ],
	[ 'a channel that is shut down', '$c->shutdown($channel, 2); echo "ok";' ],
	[ 'a channel that is half shut', '$c->shutdown($channel, 0); echo "ok";' ],
	[ 'a channel that is closed', '$c->close($channel); echo "ok";' ],
	[ 'a channel that is made small', '$n = pack("V", 1); $c->setsockopt($channel, 1, 7, $n, 4); $c->setsockopt($channel, 1, 8, $n, 4); echo str_repeat("x", 40000);' ],
	[ 'a channel that is non-blocking', '$c->fcntl($channel, 4, 04000); echo str_repeat("x", 40000);' ],
	[ 'every socket shut down', 'echo "x"; flush(); foreach ([1, 5] as $k) foreach (sockets($k) as $s) $c->shutdown($s, 2); echo "ok";' ],
	[ 'memory cut to nothing', 'foreach (memories() as $m) { $c->ftruncate($m, 0); } echo str_repeat("x", 200000);' ],
	[ 'a death in the middle of a stream', 'echo "part"; flush(); echo "more"; flush(); $c->usleep(50000); $c->kill($c->getpid(), 9); trigger_death();' ],
	[ 'a child with the channel that forges on', 'leave_behind(function () use ($c, $channel, $nonce, $connection) { ' . $stay =~ s/ATTACK/say(\$channel, completion(KIND_DONE, ANSWER_INLINE, \$nonce, \$connection, $evil));/r . ' }); echo "ok";' ],
	[ 'a child that steals requests', 'leave_behind(function () use ($c, $channel) { $b = FFI::new("char[200000]"); ' . $stay =~ s/ATTACK/if (\$c->recv(\$channel, \$b, 200000, 0x40) > 0) { \$e = unpack("Vm\/Ck\/Cl\/vf\/Pnonce\/Vconnection", FFI::string(\$b, 64)); say(\$channel, completion(KIND_DONE, ANSWER_INLINE, \$e["nonce"], \$e["connection"], $evil)); }/r . ' }); echo "ok";' ],
	[ 'a child that writes into the memory', 'echo str_repeat("x", 100000); leave_behind(function () use ($c) { $m = memories(); ' . $stay =~ s/ATTACK/foreach (\$m as \$f) for (\$a = 0; \$a < 300000; \$a += 4) \$c->pwrite(\$f, "EVIL", 4, \$a);/r . ' });' ],
	[ 'a child that writes into the streams', 'echo "x"; flush(); leave_behind(function () use ($c) { $s = sockets(1); ' . $stay =~ s/ATTACK/foreach (\$s as \$f) say(\$f, "EVIL");/r . ' });' ],
	[ 'a child that shuts down all it holds', 'echo "x"; flush(); leave_behind(function () use ($c) { $c->usleep(20000); foreach ([1, 5] as $k) foreach (sockets($k) as $s) { $c->fcntl($s, 4, 04000); $l = pack("VV", 1, 0); $c->setsockopt($s, 1, 13, $l, 8); $c->shutdown($s, 2); $c->close($s); } });' ],
	[ 'a child that reads all it holds', 'leave_behind(function () use ($c) { $b = FFI::new("char[70000]"); ' . $stay =~ s/ATTACK/foreach ([1, 5] as \$k) foreach (sockets(\$k) as \$s) \$c->recv(\$s, \$b, 70000, 0x40);/r . ' }); echo "ok";' ],
	[ "a child with the client's own socket", 'echo "x"; flush(); leave_behind(function () use ($c) { $s = sockets(1, 2); for ($i = 0; $i < 100; $i++) { foreach ($s as $f) { say($f, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"); $c->fcntl($f, 4, 04000); } $c->usleep(10000); } foreach ($s as $f) { $l = pack("VV", 1, 60); $c->setsockopt($f, 1, 13, $l, 8); $c->close($f); } });' ],
	[ 'an answer, then no end', 'fastcgi_finish_request(); sleep(600);' ],
);

# Bob's page, on this connection or another.
sub bobs
{
	my ($client, $path) = @_;
	$client->send("GET $path HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	return $client->response('GET', 8)->{body};
}

my @multiplexers = $t->multiplexers;
my $manager = $t->{pid};

sub attack
{
	my ($kind, $name, $code) = @_;
	my $client = $t->client($kind, timeout => 10);
	my $bystander = $t->client('shared', timeout => 10);

	is(bobs($bystander, '/page.txt'), $page, "before: bob is served ($name, $kind)");
	if ($kind eq 'shared') {
		is(bobs($client, '/page.txt'), $page, "and on the connection that alice will use ($name)");
	}
	$code = "require 'hostile.php'; [\$nonce, \$connection] = envelope(); \$channel = channel(); $code";
	$client->send("POST /run.php HTTP/1.1\r\nHost: alice.test\r\nContent-Type: text/plain\r\nContent-Length: " . length($code) . "\r\n\r\n$code");
	my $response = $client->response('POST', 10);
	ok($response->{status} || $response->{error}, "alice gets what she gets ($name, $kind)");
	isnt($response->{error} // '', 'no response head in time', "and not silence ($name, $kind)");
	if ($kind eq 'shared') {
		# The connection was closed honestly, or its next answers are bob's own.
		my @wrong;
		for my $path ('/page.txt', '/big.txt', '/page.txt') {
			last if $response->{error} || ($response->field('connection') // '') =~ /close/;
			$client->send("GET $path HTTP/1.1\r\nHost: bob.test\r\n\r\n");
			$response = $client->response('GET', 8);
			push @wrong, $path . ': ' . substr $response->shown, 0, 300 if !$response->{closed} && $response->{body} ne ($path =~ /big/ ? $big : $page);
		}
		is("@wrong", '', "bob's next answers on that connection are untouched ($name)");
	}
	is(bobs($bystander, '/big.txt'), $big, "a bystander's connection is untouched ($name, $kind)");
	is(scalar(grep { $t->get($_ % 2 ? 'shared' : 'private', 'bob.test', '/page.txt')->{body} ne $page } 1 .. 6), 0, "others are served ($name, $kind)");
	ok(wait_for(15, sub { $t->get('shared', 'alice.test', '/fine.txt', timeout => 5)->{body} eq "fine\n" }), "alice's pool serves again ($name, $kind)");
	is(join(' ', grep { !process_alive($_) } $manager, @multiplexers), '', "manager and multiplexers live ($name, $kind)")
	    or @multiplexers = $t->multiplexers;
	return;
}

each_kind(sub {
	my ($kind) = @_;
	attack($kind, @$_) for @attacks;
});
my @log = split /\n/, slurp("$t->{dir}/log/alice.log");
is(join("\n", grep { /PHP (?:Fatal|Parse|Warning)/ && !/trigger_death|envelope/ } @log), '', "alice's attacks ran as they were written");
is(scalar(grep { !/\A\d{4}-\d\d-\d\dT/ } @log), 0, 'no log line was forged');
unlike(join('', @log), qr/\x1b/, 'nor a control character written');
cmp_ok(scalar(@log), '<', 20_000, 'and a flood of them was bounded');
$t->finish;
