# A program in C with libfcgi, in a chroot too; answers that a slow client leaves
# on the disk; requests that are run once and never again; programs that crash.
use strict;
use warnings;
use File::Basename qw(dirname);
use Peruserd::Test;
use POSIX ();
use Socket;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new(seconds => 600);
my $program = "$t->{dir}/home/program";
my ($failed, $said) = run_quietly('/usr/bin/cc', '-O1', '-o', $program, dirname($INC{'Peruserd/Test.pm'}) . '/../program.c', '-lfcgi');
BAIL_OUT("program.c can't be compiled: $said") if $failed;

$t->{settings}{restart_delay} = '200ms';
$t->{settings}{restart_delay_max} = '2s';
$t->{settings}{queue_timeout} = '1s';
$t->{settings}{answer_buffer} = '64k';
$t->{settings}{answer_spool} = '24m';
my %site;
for my $label (qw(free jail bare spoilt early)) {
	my $account = $t->account($label);
	$site{$label} = $t->site($label, handlers => []);
	my ($pool) = grep { $_->{name} eq $label } @{ $t->{pools} };
	my $rooted = $label eq 'jail' || $label eq 'bare';
	%$pool = (%$pool, handoff => 'fastcgi', max_processors => 2, send_timeout => 300,
		command => [ $label eq 'spoilt' ? '/bin/false' : $rooted ? '/program' : $program ],
		$rooted ? (chroot => $account->{home}) : (), $label eq 'early' ? (min_processors => 1) : ());
	run_quietly('/bin/cp', $program, "$account->{home}/program") if $rooted;
}
# What the program needs in there: its libraries, and what loads them.
my (undef, $needs) = run_quietly('/usr/bin/ldd', $program);
for my $library ($needs =~ m{(/\S+)}g) {
	own_folder($site{jail}{home} . dirname($library));
	run_quietly('/bin/cp', '-L', $library, "$site{jail}{home}$library");
}
delete $_->{handlers} for @{ $t->{vhosts} };

# Two servers, each of which takes a request's bytes, notes that, and hangs up.
my @servers = map { { path => "$t->{dir}/run/deaf$_.sock", mark => "$t->{dir}/log/deaf$_" } } 1, 2;
for my $server (@servers) {
	socket my $listen, AF_UNIX, SOCK_STREAM, 0 or die;
	bind $listen, sockaddr_un($server->{path}) or die;
	listen $listen, 10;
	$server->{pid} = fork // die;
	next if $server->{pid};
	while (accept my $connection, $listen) {
		sysread $connection, my $some, 100;
		open my $mark, '>>', $server->{mark};
		print $mark "run\n";
		close $mark;
		close $connection;
	}
	POSIX::_exit(0);
}
sub end_servers { kill 'KILL', map { $_->{pid} // () } @servers; waitpid delete $_->{pid}, 0 for grep { $_->{pid} } @servers }
push @{ $t->{at_end} }, \&end_servers;
own_folder("$t->{dir}/root/site");
$t->pool('deaf', handoff => 'fastcgi', connect => [ map { "unix:$_->{path}" } @servers ], max_processors => 2);
$t->vhost('deaf.test', processor => 'deaf', document_root => "$t->{dir}/root/site");
$t->start;

each_kind(sub {
	my ($kind) = @_;
	for my $label (qw(free jail)) {
		my $get = sub { $t->get($kind, "$label.test", @_) };
		my ($uid, $pid) = split / /, $get->('/')->{body};
		is($uid, $site{$label}{uid}, "a program with libfcgi runs as its user ($kind, $label)");
		for my $size (0, 1, 65_535, 65_536, 1_000_000) {
			body_is($t->post($kind, "$label.test", '/body', 'a' x $size), "$size " . 97 * $size % 65_535, "a body of $size bytes ($kind, $label)");
		}
		is(length $get->("/long/2000?" . ($label eq 'jail' ? '' : $site{free}{home}) . '/nothing')->{body}, 2000 * 1024, "a long answer ($kind, $label)");
	}
});
my $go = "$site{free}{home}/go";
body_is($t->get('shared', 'free.test', "/finish?$go"), 'finished', 'an answer is given once STDOUT is at its end');
is($t->pool_status('free')->{busy}, 1, 'while the program works on');
put_file($go, '');
ok(wait_for(10, sub { !$t->pool_status('free')->{busy} }), 'until it has ended the request');

# libfcgi lets go of a connection on which nothing was said for two seconds.
sub has_connection { return grep { m{/(\d+)\z} && $1 > 2 } map { glob "/proc/$_/fd/*" } $t->processors($site{early}) }
ok(wait_for(30, sub { $t->processors($site{early}) && !has_connection() }), 'a program that nobody asked hangs up');
body_like($t->get('shared', 'early.test', '/'), qr/\A\d+ \d+ \d+\z/, 'its connection is made anew');

# ---- what is missing in a chroot

like($t->get('shared', 'bare.test', '/')->{status}, qr/\A50[23]\z/, 'a program without its libraries is no answer');
$t->log_says(qr{pool bare.*command: /program.*(?:not there|library).*inside the chroot}, 'the log says that they are missing inside the chroot');
ok(wait_for(20, sub { $t->get('shared', 'bare.test', '/'); ($t->pool_status('bare')->{reason} // '') =~ m{/program.*inside the chroot} }), 'and so does the status');

# ---- a slow client: the answer is on the disk, and its program is free

sub slow_client
{
	my ($path) = @_;
	socket my $socket, AF_INET, SOCK_STREAM, 0 or die;
	setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096;
	connect $socket, sockaddr_in($t->{ports}{shared}, inet_aton('127.0.0.1')) or die;
	syswrite $socket, "GET $path HTTP/1.1\r\nHost: free.test\r\nConnection: close\r\n\r\n";
	return bless { socket => $socket, timeout => 120, buffer => '' }, 'Peruserd::Client';
}
# Bytes of spooled answers, by the descriptors that the multiplexers hold.
sub on_disk
{
	my $sum = 0;
	for my $fd (map { glob "/proc/$_/fd/*" } $t->multiplexers) {
		$sum += -s $fd // 0 if (readlink($fd) // '') =~ m{\A\Q$t->{settings}{spool_dir}\E/};
	}
	return $sum;
}
sub expected { my ($kib) = @_; return join '', map { chr(97 + $_ % 23) x 1024 } 0 .. $kib - 1 }

my $mark = "$site{free}{home}/written";
my $slow = slow_client("/long/20000?$mark");
ok(wait_for(60, sub { -s $mark && !$t->pool_status('free')->{busy} }), 'the program has written its answer, and is free');
cmp_ok(on_disk(), '>', 8 << 20, 'most of which is on the disk');
body_like($t->get('shared', 'free.test', '/'), qr/\A\d+ \d+ \d+\z/, 'it serves others');
my $response = $slow->response;
ok($response->{body} eq expected(20_000), 'and the slow client gets all of it') or diag($response->{error} // length $response->{body});
ok(wait_for(10, sub { on_disk() == 0 }), 'the disk is free again');

unlink $mark;
$slow = slow_client("/long/60000?$mark");
ok(wait_for(60, sub { on_disk() >= (24 << 20) - 65_536 * 3 }), 'an answer that is longer than answer_spool fills it');
cmp_ok(on_disk(), '<=', (24 << 20) + (1 << 20), 'and no more than that');
ok(!-s $mark && $t->pool_status('free')->{busy}, 'its program waits');
$response = $slow->response;
ok($response->{body} eq expected(60_000), 'until the client has taken enough: it gets all of it') or diag($response->{error} // length $response->{body});
ok(wait_for(10, sub { -s $mark && !$t->pool_status('free')->{busy} }), 'the program has ended');

$slow = slow_client("/long/60000?$mark.left");
ok(wait_for(60, sub { on_disk() > 8 << 20 }), 'a client that leaves in the middle');
$slow->{socket}->close;
ok(wait_for(30, sub { on_disk() == 0 && !$t->pool_status('free')->{busy} }), 'leaves nothing on the disk, and frees the program');

# ---- at most once

for my $row ([ '/dies', 502 ], [ '/ends', 502 ], [ '/dies-later', 200 ]) {
	my ($path, $status) = @$row;
	for my $body (undef, 'x' x 300_000) {
		my $count = "$site{free}{home}/count" . ($path =~ tr{/}{}dr) . length($body // '');
		my $response = $t->request('shared', defined $body ? 'POST' : 'GET', 'free.test', "$path?$count", body => $body);
		is($response->{status}, $status, "a program that ends while it serves ($path): $status") or diag($response->shown);
		ok($response->{error}, 'the answer is seen to be cut') if $status == 200;
		is(slurp($count), "run\n", 'the request was run once');
	}
}
my $response_of = sub { $t->request('shared', @_, timeout => 60) };
for my $body (undef, 'x' x 2_000_000) {
	unlink map { $_->{mark} } @servers;
	status_is($response_of->(defined $body ? 'POST' : 'GET', 'deaf.test', '/', body => $body), 502, 'a server that hangs up: 502');
	is(join('', map { slurp($_->{mark}) } grep { -e $_->{mark} } @servers), "run\n", 'one of the two was asked, once');
}

# ---- a program that ends at once

my @pauses;
my $end = time + 40;
while (@pauses < 3 && time < $end) {
	my $response = $t->get('shared', 'spoilt.test', '/');
	like($response->{status}, qr/\A50[23]\z/, 'a program that ends at once is no answer') if !@pauses;
	my $status = $t->pool_status('spoilt');
	push @pauses, $status->{retry_ms} if $status->{retry_ms} && (!@pauses || $status->{retry_ms} > $pauses[-1]);
}
diag("its pauses: @pauses ms");
cmp_ok(scalar(@pauses), '>=', 2, 'it is started ever more rarely');
like($t->pool_status('spoilt')->{reason} // '', qr/before it served a request/, 'status says why');
$t->log_says(qr/pool spoilt.*before it served a request/, 'and so does the log');
body_like($t->get('shared', 'free.test', '/'), qr/\A\d+ \d+ \d+\z/, 'another pool serves');
end_servers();
$t->finish;
