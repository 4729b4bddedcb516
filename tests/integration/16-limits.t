# Every queue, buffer, message and time has a bound, and a name in the
# configuration: those that no other test looks at.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
$t->{settings}{multiplexers}[0]{count} = 1;
$t->{settings}{max_clients} = 30;
$t->{settings}{server_limit} = 4;
$t->{settings}{send_timeout} = 2;
$t->{settings}{answer_memory} = '64k';
$t->{settings}{body_memory} = '64k';
my $bob = $t->site('bob', pool => { max_processors => 3, min_spare_processors => 0, limits => { cpu => 1, fsize => '1m', core => 0 } },
	vhost => { stream_body => \1 });
my $eve = $t->site('eve', pool => { max_processors => 3, min_spare_processors => 0 });
my $small = $t->site('small', pool => { max_body_size => '1k', min_spare_processors => 0 }, vhost => { keep_alive => \0 });
put_file("$_->{root}/hello.txt", "hello\n", 0644, $_) for $bob, $eve, $small;
put_file("$eve->{root}/big.bin", 'E' x 30_000_000, 0644, $eve);
$t->cgi($bob, 'burn.pl', 'sub used { my @t = times; $t[0] + $t[1] } while (used() < $ENV{QUERY_STRING}) { my $x = 0; $x += $_ for 1 .. 10000 } print "Content-Type: text/plain\n\nburnt";');
$t->cgi($bob, 'write.pl', "\$SIG{XFSZ} = 'IGNORE'; open my \$f, '>', '$bob->{home}/written'; print \$f 'x' x 3000000; close \$f; print qq{Content-Type: text/plain\\n\\n}, -s '$bob->{home}/written';");
$t->cgi($bob, 'read.pl', "print qq{Content-Type: text/plain\\n\\n}; sysread STDIN, my \$first, 5; open my \$f, '>', '$bob->{home}/first'; print \$f \$first; close \$f; local \$/; my \$rest = <STDIN>; print \$first . \$rest;");
$t->cgi($eve, 'sum.pl', 'use Digest::SHA qw(sha1_hex); local $/; my $b = <STDIN> // ""; print "Content-Type: text/plain\n\n", length $b, " ", sha1_hex($b), " ";');
$t->cgi($_, 'gate.pl', "open my \$m, '>', qq{$_->{home}/ran.\$ENV{QUERY_STRING}}; close \$m; select undef, undef, undef, 0.01 until -e '$_->{home}/open'; print qq{Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}};") for $bob, $eve;
$t->start;

each_kind(sub {
	my ($kind) = @_;

	# processor time of a request
	my $begin = time;
	my $response = $t->get($kind, 'bob.test', '/cgi-bin/burn.pl?30', timeout => 25);
	ok($response->{status} >= 500 || $response->{error}, "a script that burns too much processor time is ended ($kind)") or diag($response->shown);
	cmp_ok(time - $begin, '<', 10, "soon ($kind)");
	is(join(' ', map { $t->get($kind, 'bob.test', '/cgi-bin/burn.pl?0.4')->{body} } 1 .. 5), 'burnt burnt burnt burnt burnt', "the bound is one request's, not the processor's life's ($kind)");
	body_is($t->get($kind, 'bob.test', '/cgi-bin/write.pl'), 1_048_576, "files are bounded by limits.fsize ($kind)");

	# per vhost
	status_is($t->post($kind, 'small.test', '/hello.txt', 'x' x 1025), 413, "max_body_size of a pool goes before the global one ($kind)");
	$response = $t->client($kind);
	$response->send("GET /hello.txt HTTP/1.1\r\nHost: small.test\r\n\r\n");
	field_is($response->response, 'connection', 'close', "keep_alive of a vhost too ($kind)");

	# bodies: in the envelope, in memory, in the spool folder
	for my $size (1000, 40_000, 60_000, 70_000, 500_000, 5_000_000) {
		my $body = substr(join('', map { chr($_ % 253) } 1 .. 997) x ($size / 997 + 1), 0, $size);
		body_like($t->post($kind, 'eve.test', '/cgi-bin/sum.pl', $body), qr/\A$size @{[ sha1_hex($body) ]} /, "a body of $size bytes reaches the script ($kind)");
	}
	is(join(' ', glob "$t->{dir}/spool/*"), '', "and the spool folder holds no name ($kind)");

	# a body that is handed over as it arrives
	unlink "$bob->{home}/first";
	my $client = $t->client($kind);
	$client->send("POST /cgi-bin/read.pl HTTP/1.1\r\nHost: bob.test\r\nContent-Length: 10\r\n\r\nfirst");
	ok(wait_for(5, sub { slurp("$bob->{home}/first") eq 'first' }), "with stream_body a script reads what has come ($kind)");
	$client->send('later');
	body_is($client->response, 'firstlater', "and what comes later ($kind)");
	unlink "$bob->{home}/first";
	$client = $t->client($kind);
	$client->send("POST /cgi-bin/read.pl HTTP/1.1\r\nHost: bob.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nfirst\r\n");
	ok(wait_for(5, sub { slurp("$bob->{home}/first") eq 'first' }), "in chunks too ($kind)");
	$client->send("5\r\nlater\r\n0\r\n\r\n");
	body_is($client->response, 'firstlater', "to their end ($kind)");

	# a client that reads nothing
	my $slow = $t->client($kind);
	$slow->send("GET /big.bin HTTP/1.1\r\nHost: eve.test\r\n\r\n");
	$slow->until_match(qr/\r\n\r\n/, 5);
	wait_for(3.5, sub { 0 });
	my $got = 0;
	while (my $more = $slow->fill(time + 5)) {
		$got += length $slow->{buffer};
		$slow->{buffer} = '';
	}
	cmp_ok($got, '<', 30_000_000, "a client that reads nothing for send_timeout is left ($kind)");
	is($t->get($kind, 'eve.test', '/hello.txt')->{body}, "hello\n", "and nobody waits for it ($kind)");

	# all processors of the machine
	unlink glob "$_->{home}/ran.* $_->{home}/open" for $bob, $eve;
	$t->get($kind, $_->{host}, '/hello.txt') for $bob, $eve;
	my @clients = map { my ($host, $number) = @$_; my $c = $t->client($kind); $c->send("GET /cgi-bin/gate.pl?$number HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n"); $c }
	    map { ([ 'bob.test', $_ ], [ 'eve.test', $_ ]) } 1 .. 4;
	ok(wait_for(10, sub { (() = glob "$bob->{home}/ran.* $eve->{home}/ran.*") == 4 }), "as many processors run as server_limit allows ($kind)")
	    or diag(join ' ', glob "$bob->{home}/ran.* $eve->{home}/ran.*");
	ok(!wait_for(0.5, sub { $t->processors($bob) + $t->processors($eve) + $t->processors($small) > 4 }), "and no more ($kind)");
	ok((glob "$_->{home}/ran.*")[0], "$_->{host} has its share ($kind)") for $bob, $eve;
	put_file("$_->{home}/open", '') for $bob, $eve;
	is(join(' ', map { $_->response->{body} } @clients), '1 1 2 2 3 3 4 4', "all are served in the end ($kind)");
	is($t->get($kind, 'small.test', '/hello.txt')->{body}, "hello\n", "a third pool finds room when the limit is reached by idle ones ($kind)");
});

# ---- as many connections as max_clients

my @clients = map { $t->client('shared') } 1 .. 40;
$_->send("GET /hello.txt HTTP/1.1\r\nHost: eve.test\r\n\r\n") for @clients;
my @served = grep { $_->until_match(qr/hello\n/, $_ == $clients[0] ? 5 : 0.05) } @clients;
cmp_ok(scalar(@served), '>=', 25, 'connections up to max_clients are served');
cmp_ok(scalar(@served), '<=', 30, 'and no more');
$_->close for @served;
is(scalar(grep { $_->until_match(qr/hello\n/, 5) } grep { $_->{socket} } @clients), 40 - @served, 'those that wait are served when others leave');
$t->finish;
