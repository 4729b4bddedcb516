# Access logs and error logs: what is in a line, that nothing can be forged
# into one, and that they can be rotated.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my %log = map { $_ => "$t->{dir}/log/$_.log" } qw(bob custom bob-errors);
my $bob = $t->site('bob', pool => { error_log => $log{'bob-errors'} }, vhost => { access_log => $log{bob} });
$t->vhost('custom.test', processor => 'bob', document_root => $bob->{root}, access_log => $log{custom},
	handlers => [ { prefix => '/cgi-bin/', handler => 'cgi' } ],
	access_log_format => '%v|%{pool}|%{pid}|%m|%U|%q|%H|%s|%B|%D|%a|%p|%{X-Test}i|%%|%r');
my $eve = $t->site('eve');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid, "\n";');
$t->cgi($bob, 'warn.pl', 'print STDERR "$ENV{QUERY_STRING}\n"; print "Content-Type: text/plain\n\nok\n";');
$t->cgi($bob, 'nap.pl', 'select undef, undef, undef, 0.3; print "Content-Type: text/plain\n\nok\n";');
$t->cgi($eve, 'warn.pl', 'print STDERR "from eve\n"; print "Content-Type: text/plain\n\nok\n";');
$t->start;

my $serial = 0;

# Ask with a query that is new each time, and give the line that has come of it.
# (Multiplexers write at their own pace, so the order of lines says nothing.)
sub logged
{
	my ($name, $code) = @_;
	my $mark = 'mark' . ++$serial . 'x';
	my @lines;

	$code->($mark);
	wait_for(5, sub { @lines = grep { /$mark/ } split /\n/, slurp($log{$name}) });
	is(scalar @lines, 1, "one request, one line ($mark)");
	return $lines[0] // '';
}

each_kind(sub {
	my ($kind) = @_;
	my $port = $t->{ports}{$kind};

	# combined
	my $line = logged('bob', sub { $t->get($kind, 'bob.test', "/hello.txt?$_[0]", headers => [ 'Referer: http://from.test/', 'User-Agent: tester/1' ]) });
	like($line, qr{\A127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /hello\.txt\?mark\d+x HTTP/1\.1" 200 6 "http://from\.test/" "tester/1"\z},
	    "the combined format ($kind)");
	like(logged('bob', sub { $t->get($kind, 'bob.test', "/none?$_[0]") }), qr{"GET /none\?\w+ HTTP/1\.1" 404 \d+ "-" "-"\z}, "an error, and no agent ($kind)");
	like(logged('bob', sub { $t->request($kind, 'HEAD', 'bob.test', "/hello.txt?$_[0]") }), qr{"HEAD /hello\.txt\?\w+ HTTP/1\.1" 200 (?:-|0) }, "HEAD sends no body ($kind)");
	like(logged('bob', sub { $t->get($kind, 'bob.test', "/hello.txt?$_[0]", version => '1.0') }), qr{"GET /hello\.txt\?\w+ HTTP/1\.0" 200 6 }, "HTTP/1.0 ($kind)");

	# hostile bytes
	$line = logged('bob', sub { $t->get($kind, 'bob.test', "/hello.txt?$_[0]", headers => [ "User-Agent: a\"b\\c\x{ff}", 'Referer: " 200 1 "forged' ]) });
	like($line, qr/\\x22 200 1 \\x22forged"/, "quotes of a client are escaped ($kind)");
	like($line, qr/a\\x22b\\x5cc\\xff"/, "so is what is not ASCII ($kind)");
	$t->get($kind, 'bob.test', '/hello.txt?%0d%0a127.0.0.1%20forged');
	$t->get($kind, 'bob.test', '/%0d%0a127.0.0.1%20forged');
	$line = logged('bob', sub { $t->get($kind, 'bob.test', "/hello.txt?$_[0]", headers => [ 'User-Agent: ' . 'u' x 6000 ]) });
	like($line, qr/u{500}/, "a long field is one line ($kind)");

	# a custom format
	my $parent;
	$line = logged('custom', sub { $parent = $t->get($kind, 'custom.test', "/cgi-bin/parent.pl?$_[0]", headers => [ 'X-Test: seen' ]) });
	my @field = split /\|/, $line;
	is(join('|', @field[0, 1, 3 .. 8]), "custom.test|bob|GET|/cgi-bin/parent.pl|?mark${serial}x|HTTP/1.1|200|" . length $parent->{body}, "a format string ($kind)");
	ok((grep { $_ eq ($field[2] // '') } $t->processors($bob)), "the processor's pid is the machine's ($kind)") or diag("$field[2] of " . join ' ', $t->processors($bob));
	cmp_ok($field[9] // 0, '>', 100, "the time is in microseconds ($kind)");
	is(join('|', @field[10 .. 14]), "127.0.0.1|$port|seen|%|GET /cgi-bin/parent.pl?mark${serial}x HTTP/1.1", "the rest of it ($kind)");
	@field = split /\|/, logged('custom', sub { $t->get($kind, 'custom.test', "/cgi-bin/nap.pl?$_[0]") });
	ok($field[9] >= 300_000 && $field[9] < 3_000_000, "the request time is what it took ($kind)") or diag($field[9]);

	# a kept connection: each request has its line
	my $client = $t->client($kind);
	for my $round (1 .. 3) {
		$line = logged('bob', sub { $client->send("GET /hello.txt?round$round$_[0] HTTP/1.1\r\nHost: bob.test\r\n\r\n"); $client->response; });
		like($line, qr/round$round\w+ HTTP\/1\.1" 200 6 /, "request $round of a kept connection ($kind)");
	}
	$client->close;

	# the pool's error log
	$t->get($kind, 'bob.test', "/cgi-bin/warn.pl?said-$kind");
	$t->log_says(qr/^\d{4}-\d\d-\d\dT\S+Z \w+ .*bob.*bob\.test.*said-$kind$/m, "a pool's log has time, level, pool and vhost ($kind)", $log{'bob-errors'});
	$t->get($kind, 'eve.test', '/cgi-bin/warn.pl');
	$t->log_says(qr/eve.*from eve/, "without a log of its own a pool writes to the daemon's ($kind)");
	unlike(slurp($log{'bob-errors'}), qr/from eve/, "and not to another's ($kind)");
});

is(scalar(grep { !/\A127\.0\.0\.1 - - \[[^]]+\] "/ || /[^\x20-\x7e]/ } split /\n/, slurp($log{bob})), 0, 'no line was forged, and none holds a raw byte of a client');

# ---- no user holds a log

for my $pid (map { $t->zygote($_), $t->processors($_) } $bob, $eve) {
	is(join(' ', grep { m{/log/} } map { readlink($_) // () } glob "/proc/$pid/fd/*"), '', 'a process of a user holds no log file');
}
is((stat $_)[4], 0, "$_ is root's") for values %log;
is((stat $_)[2] & 0022, 0, "$_ is not writable by others") for values %log;

# ---- rotation

for my $how (qw(USR1 reopen-logs)) {
	my $old = "$log{bob}.$how";
	rename $log{bob}, $old;
	rename $log{'bob-errors'}, "$log{'bob-errors'}.$how";
	$how eq 'USR1' ? kill('USR1', $t->{pid}) : $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, $how);
	my $number = 0;
	ok(wait_for(10, sub { $t->get('shared', 'bob.test', "/cgi-bin/warn.pl?after$how" . $number++); -s $log{bob} && -s $log{'bob-errors'} }), "$how: new files are begun");
	my $size = -s $old;
	$t->get('shared', 'bob.test', '/hello.txt?new') for 1 .. 10;
	ok(wait_for(5, sub { (() = slurp($log{bob}) =~ /\?new/g) == 10 }), "$how: what follows is there");
	is(-s $old, $size, "$how: the old one is not written any more");
	is((() = join('', slurp($old), slurp($log{bob})) =~ /warn\.pl\?after$how/g), $number, "$how: no line was lost");
}
is($t->stop, 0, 'it stops');

# ---- levels

for my $row ([ 'error', 0 ], [ 'notice', 1 ], [ 'debug', 1 ]) {
	my ($level, $ready) = @$row;
	$t->{settings}{log_level} = $level;
	unlink $t->{stderr}, "$t->{dir}/log/error.log";
	$t->write_config;
	$t->start;
	$t->get('shared', 'bob.test', '/hello.txt');
	is($t->stop, 0, "a run with log_level = $level");
	is($t->log =~ /is ready/ ? 1 : 0, $ready, 'has ' . ($ready ? '' : 'no ') . 'notices');
	unlike($t->log, qr/^\S+Z (?:debug|info) /m, 'and nothing less than its level') if $level ne 'debug';
}
$t->finish;
