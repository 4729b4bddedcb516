# A user's socket that lingers holds nobody up: neither one that is attached to
# a message (where the kernel can't refuse that, Linux before 6.16), nor the
# client's own, once it was given away.  Bob is served while alice tries.
use strict;
use warnings;
use FindBin;
use Peruserd::Test;
use Time::HiRes qw(time);

my $PATIENCE = 3;       # seconds; her sockets linger for 60

# A TCP socket that lingers, with bytes that nobody will read, and a sender.
my $LINGERER = <<'PHP';
<?php
function lingerer(): int {
	global $c, $kept;
	$kept = stream_socket_server("tcp://127.0.0.1:0");
	$before = sockets(1, 2);
	$kept = [$kept, $sender = stream_socket_client("tcp://" . stream_socket_get_name($kept, false))];
	[$fd] = array_values(array_diff(sockets(1, 2), $before));
	stream_set_blocking($sender, false);
	for ($i = 0; $i < 400; $i++)
		if (!@fwrite($sender, str_repeat("z", 65536)))
			break;
	$l = pack("VV", 1, 60);
	$c->setsockopt($fd, 1, 13, $l, 8);
	return $fd;
}
/* In a child, for its other end must live on.  The receiver's close is to be the last one. */
function linger_on(int $to, bool $is_read): void {
	global $c;
	$sent = dirname(__DIR__) . "/sent";
	$fd = lingerer();
	$taken = say_with($to, "x", $fd) >= 0;
	/* Where it is refused, or read at once, ours may be the last close, and wait. */
	if ($is_read || !$taken)
		touch($sent);
	if ($taken)
		$c->close($fd);
	touch($sent);
	$c->usleep(6000000);
}
PHP

my %ways = (
	'on the channel of an idle processor' => 'leave_behind(function () use ($c, $channel, $nonce, $connection) {
		$c->usleep(300000);
		say($channel, completion(KIND_LOG, 0, $nonce, $connection, "a line that nobody waits for"));
		$c->usleep(100000);
		linger_on($channel, false);
	}); echo "ok";',
	'on the channel, behind what makes no sense' => 'leave_behind(function () use ($c, $channel) {
		$c->usleep(300000);
		say($channel, "x");
		$c->usleep(100000);
		linger_on($channel, false);
	}); echo "ok";',
	'on the stream, unread when it is closed' => 'leave_behind(function () use ($c) {
		$c->usleep(300000);
		linger_on(sockets(1)[1] ?? 2, true);
	}); echo "ok";',
	'on standard error' => 'leave_behind(function () { linger_on(2, true); }); echo "ok";',
	'as soon as it is sent' => 'leave_behind(function () use ($channel) { linger_on($channel, true); }); echo "ok";',
);

for my $kernel ('this kernel', 'a kernel before 6.16') {
	local $ENV{PERUSERD_OLD_KERNEL} = 1 if $kernel ne 'this kernel';
	my $t = Peruserd::Test->new(php => 1);
	@{ $t->{settings} }{qw(restart_delay restart_delay_max heartbeat_timeout)} = ('100ms', '500ms', 20);
	$t->{settings}{multiplexers}[0]{count} = 1;
	my $alice = $t->site('alice', pool => { max_processors => 1, kill_timeout => 1, expire_timeout => 10,
		php_admin_value => [ 'ffi.enable=1', 'memory_limit=512M' ] });
	my $bob = $t->site('bob');
	$t->allow_php($alice);
	put_file("$alice->{root}/hostile.php", slurp("$FindBin::Bin/../lib/hostile.php"), 0644, $alice);
	put_file("$alice->{root}/lingerer.php", $LINGERER, 0644, $alice);
	put_file("$_->{root}/hello.txt", "hello\n", 0644, $_) for $alice, $bob;
	$t->start;
	if ($t->php('shared', $alice, 'echo extension_loaded("ffi") ? "yes" : "no";')->{body} ne 'yes') {
		diag('PHP has no FFI here (Debian: php-common has it)');
		pass('nothing to be done without FFI');
		$t->finish_one;
		last;
	}
	my @multiplexers = $t->multiplexers;
	my $bobs = sub {
		my $begin = time;
		my $response = $t->get('shared', 'bob.test', '/hello.txt', timeout => 30);
		return $response->{status} ? time - $begin : 30;
	};
	$bobs->();
	for my $way (sort keys %ways) {
		unlink "$alice->{home}/sent";
		my $response = $t->php('shared', $alice, "require 'hostile.php'; require 'lingerer.php'; \$channel = channel(); [\$nonce, \$connection] = envelope(); $ways{$way}", timeout => 30);
		ok($response->{status}, "alice sends a socket that lingers $way ($kernel)");
		ok(wait_for(10, sub { -e "$alice->{home}/sent" }), "it is on its way ($way, $kernel)");
		# Hers first: that makes her channel be read.
		my $hers = $t->client('shared');
		$hers->send("GET /hello.txt HTTP/1.1\r\nHost: alice.test\r\nConnection: close\r\n\r\n");
		my ($worst, $until) = (0, time + 1.5);
		while (time < $until) {
			my $took = $bobs->();
			$worst = $took if $took > $worst;
		}
		cmp_ok($worst, '<', $PATIENCE, "bob is not held up by it ($way, $kernel)");
		my $asked = time;
		ok($t->status, "the manager answers ($way, $kernel)");
		cmp_ok(time - $asked, '<', $PATIENCE, "and is not held up ($way, $kernel)");
		is(join(' ', grep { !process_alive($_) } $t->{pid}, @multiplexers), '', "manager and multiplexer live ($way, $kernel)")
		    or @multiplexers = $t->multiplexers;
		ok(wait_for(15, sub { $t->get('shared', 'alice.test', '/hello.txt', timeout => 5)->{status} == 200 }), "her pool serves again ($way, $kernel)");
	}
	$t->log_says(qr/pool alice: a processor broke the protocol of its channel; none is forked for/, "and pauses after what made no sense ($kernel)");
	# Where the kernel refuses her descriptors she gets the error; else her pool is to blame.
	$t->log_says(qr/pool alice has failed: one of its processors sent a descriptor/, 'her pool was killed and marked failed')
	    if $kernel ne 'this kernel';
	$t->finish_one;
}
done_testing();
