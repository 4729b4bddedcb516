# Ten thousand clients that keep their connection and say nothing.
use strict;
use warnings;

# As many open files as may be had; only a shell can ask for them.
BEGIN {
	my ($soft, $hard) = do { local (@ARGV, $/) = '/proc/self/limits'; <> } =~ /^Max open files\s+(\d+)\s+(\d+)/m;
	if ($soft < $hard && !$ENV{PERUSERD_RAISED} && !$> && !$^C) {
		$ENV{PERUSERD_RAISED} = 1;
		exec '/bin/sh', '-c', "ulimit -n $hard; exec \"\$@\"", 'sh', $^X, (map { "-I$_" } @INC), $0, @ARGV;
	}
}
use Peruserd::Test;
use Time::HiRes qw(time);

my $count = 10_000;
my $files = $count + 500;
my $t = Peruserd::Test->new;
my ($limit) = slurp('/proc/self/limits') =~ /^Max open files\s+(\d+)/m;
plan(skip_all => "needs $files open files; this machine gives $limit") if $limit < $files;

$t->{settings}{keep_alive_timeout} = 300;
$t->{settings}{max_clients} = 12_000;
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->start;

# Memory of all multiplexers that is theirs alone or their share: bytes.
sub memory
{
	my $sum = 0;
	for my $pid ($t->multiplexers) {
		my ($pss) = slurp("/proc/$pid/smaps_rollup") =~ /^Pss_Anon:\s+(\d+) kB/m;
		$sum += ($pss // 0) * 1024;
	}
	return $sum;
}

my $request = "GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n";
$t->get('shared', 'bob.test', '/hello.txt') for 1 .. 200;
my $before = memory();
my $begin = time;
my (@clients, $failed);
for (1 .. $count) {
	my $client = $t->client('shared', timeout => 30);
	$client->send($request);
	push @clients, $client;
	if (@clients % 100 == 0) {
		$failed += grep { $_->response->{body} ne "hello\n" } @clients[-100 .. -1];
	}
}
is($failed, 0, "$count clients are answered and stay");
diag(sprintf '%d connections in %.1f s', $count, time - $begin);
my $each = (memory() - $before) / $count;
diag(sprintf 'user memory of an idle connection: %.0f bytes', $each);
SKIP: {
	skip 'sanitizers need memory of their own', 1 if $t->{sanitized};
	cmp_ok($each, '<', 2048, 'an idle connection costs less than 2 KiB of user memory');
}
is(scalar(grep { $_->{buffer} ne '' || !defined fileno $_->{socket} } @clients), 0, 'nobody was told anything');
cmp_ok(scalar($t->processors($bob)), '<=', 4, 'and no processor is held by them');
$begin = time;
is($t->get('shared', 'bob.test', '/hello.txt')->{body}, "hello\n", 'a new client is served');
cmp_ok(time - $begin, '<', 1, 'at once');
my @some = map { $clients[ $_ * 37 % $count ] } 1 .. 500;
is(scalar(grep { $_->send($request); $_->response->{body} ne "hello\n" } @some), 0, 'any of them may speak again');
$_->close for splice @clients, 0, $count / 2;
is($clients[0]->send($request) && $clients[0]->response->{body}, "hello\n", 'half of them leave, the others stay');
$t->finish;
