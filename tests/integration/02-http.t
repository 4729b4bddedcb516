# HTTP/1.0 and 1.1 as RFC 9110 and 9112 want it, on both kinds of listeners.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use IO::Socket::UNIX;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
my $six_port = port_free();
@{ $t->{settings} }{qw(header_timeout keep_alive_timeout body_timeout max_request_head
    max_request_line max_body_size answer_memory)} = (2, 2, 2, '16k', '4k', '1m', '64k');
$t->{listen} = [ { address => "*:$six_port", protocol => 'http', connections => 'shared' },
	{ address => "unix:$t->{dir}/run/http.sock", protocol => 'http', mode => '0666' } ];
my $bob = $t->site('bob', pool => { max_processors => 8 });
my $eve = $t->site('eve');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
put_file("$eve->{root}/hello.txt", "eve\n", 0644, $eve);
put_file("$eve->{root}/secret.txt", "smuggled\n", 0644, $eve);
$t->cgi($bob, 'echo.pl', <<'PERL');
use Digest::SHA qw(sha1_hex);
local $/;
my $body = <STDIN> // '';
print "Content-Type: text/plain\n\n", join(' ', $ENV{REQUEST_METHOD}, length $body,
	sha1_hex($body), $ENV{CONTENT_LENGTH} // 'none', $ENV{HTTP_TRANSFER_ENCODING} // 'none'), "\n";
PERL
$t->cgi($bob, 'where.pl', 'print "Content-Type: text/plain\n\n$ENV{REMOTE_ADDR} $ENV{SERVER_ADDR} $ENV{SERVER_PORT}\n";');
$t->cgi($bob, 'stream.pl', 'print "Content-Type: text/plain\n\n"; print "x" x 70000 for 1 .. 3;');
$t->cgi($bob, 'nothing.pl', 'print "Status: 204 No Content\nX-Say: hi\n\n";');
$t->start;

# Send bytes on a new connection, read one response.
sub raw
{
	my ($kind, $bytes, $method) = @_;
	my $client = $t->client($kind);
	$client->send($bytes);
	return ($client->response($method), $client);
}

my $host = "Host: bob.test\r\n";

# ---- versions, keep-alive, framing

each_kind(sub {
	my ($kind) = @_;
	my ($response, $client) = raw($kind, "GET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_is($response, "hello\n", "a HTTP/1.1 request is answered ($kind)");
	is($response->{minor}, 1, "as HTTP/1.1 ($kind)");
	like($response->field('date'), qr/\A\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\z/, "with a date ($kind)");
	is($response->{framing}, 'length', "with a length ($kind)");
	for my $round (1 .. 5) {
		$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
		body_is($client->response, "hello\n", "request $round on a kept connection ($kind)");
	}
	$client->send("GET /hello.txt HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
	$response = $client->response;
	field_is($response, 'connection', 'close', "Connection: close is confirmed ($kind)");
	ok($client->closed_within(5), "and done ($kind)");

	($response, $client) = raw($kind, "GET /hello.txt HTTP/1.0\r\n$host\r\n");
	body_is($response, "hello\n", "a HTTP/1.0 request is answered ($kind)");
	ok($client->closed_within(5), "and its connection closed ($kind)");
	($response, $client) = raw($kind, "GET /hello.txt HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n");
	like($response->field('connection') // '', qr/keep-alive/i, "HTTP/1.0 may ask for keep-alive ($kind)");
	$client->send("GET /hello.txt HTTP/1.0\r\n$host\r\n");
	body_is($client->response, "hello\n", "and get it ($kind)");

	($response, $client) = raw($kind, "GET /cgi-bin/stream.pl HTTP/1.1\r\n$host\r\n");
	is($response->{framing}, 'chunked', "an answer of unknown length is chunked for HTTP/1.1 ($kind)");
	is(length $response->{body}, 210000, "and whole ($kind)") or diag($response->{error});
	$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_is($client->response, "hello\n", "the connection goes on after chunks ($kind)");
	($response, $client) = raw($kind, "GET /cgi-bin/stream.pl HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n");
	isnt($response->{framing}, 'chunked', "HTTP/1.0 gets no chunks ($kind)");
	is(length $response->{body}, 210000, "but the whole answer ($kind)");

	($response, $client) = raw($kind, "HEAD /hello.txt HTTP/1.1\r\n$host\r\n", 'HEAD');
	status_is($response, 200, "HEAD is answered ($kind)");
	field_is($response, 'content-length', 6, "with the length of GET ($kind)");
	$client->send("HEAD /cgi-bin/stream.pl HTTP/1.1\r\n$host\r\n");
	status_is($client->response('HEAD'), 200, "HEAD of a script that writes a body ($kind)");
	$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_is($client->response, "hello\n", "no body byte follows HEAD ($kind)");
	$client->send("GET /cgi-bin/nothing.pl HTTP/1.1\r\n$host\r\n");
	$response = $client->response;
	status_is($response, 204, "204 passes ($kind)");
	is(join(' ', $response->fields('content-length'), $response->fields('transfer-encoding')), '',
	    "without length and coding ($kind)");
	$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_is($client->response, "hello\n", "and without a body ($kind)");

	body_is((raw($kind, "\r\nGET /hello.txt HTTP/1.1\r\n$host\r\n"))[0], "hello\n",
	    "an empty line before the request is skipped ($kind)");
	body_is((raw($kind, "GET http://bob.test/hello.txt HTTP/1.1\r\nHost: other.test\r\n\r\n"))[0],
	    "hello\n", "an absolute-form target names the host ($kind)");
	like((raw($kind, "OPTIONS * HTTP/1.1\r\n$host\r\n"))[0]->{status}, qr/\A20[04]\z/, "OPTIONS * is answered ($kind)");
	body_is((raw($kind, "GET /%68ello.txt HTTP/1.1\r\n$host\r\n"))[0], "hello\n", "paths are decoded ($kind)");
	body_is((raw($kind, "GET /x/../hello.txt HTTP/1.1\r\n$host\r\n"))[0], "hello\n", "and normalised ($kind)");
});

# ---- pipelining

each_kind(sub {
	my ($kind) = @_;
	my $client = $t->client($kind);
	$client->send(join '', map {
		$_ % 2 ? "GET /hello.txt HTTP/1.1\r\n$host\r\n"
		    : "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: $_\r\n\r\n" . 'x' x $_
	} 1 .. 20);
	my @wrong = grep {
		my $response = $client->response;
		$response->{body} !~ ($_ % 2 ? qr/\Ahello\n\z/ : qr/\APOST $_ /);
	} 1 .. 20;
	is("@wrong", '', "twenty pipelined requests are answered in their order ($kind)");

	my $bytes = "GET /hello.txt HTTP/1.1\r\n${host}X-Long: " . 'y' x 300 . "\r\n\r\n";
	$client = $t->client($kind);
	for my $byte (split //, "GET /hello.txt HTTP/1.1\r\n${host}\r\n") {
		$client->send($byte);
	}
	body_is($client->response, "hello\n", "a request may come byte by byte ($kind)");
	$client->send(substr $bytes, 0, 40);
	$client->send(substr $bytes, 40);
	body_is($client->response, "hello\n", "or in two pieces ($kind)");
});

# ---- another pool's request on the same connection

my $client = $t->client('shared');
for my $round (1 .. 3) {
	for my $row ([ 'bob.test', "hello\n" ], [ 'eve.test', "eve\n" ]) {
		$client->send("GET /hello.txt HTTP/1.1\r\nHost: $row->[0]\r\n\r\n");
		body_is($client->response, $row->[1], "round $round: $row->[0] on a shared connection");
	}
}
$client = $t->client('private');
$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
body_is($client->response, "hello\n", 'a private connection begins with bob');
$client->send("GET /hello.txt HTTP/1.1\r\nHost: eve.test\r\n\r\n");
my $response = $client->response;
ok($response->{status} == 421 || $response->{status} == 200 && $response->{body} eq "eve\n",
    "there, eve's page comes from eve or is refused with 421") or diag($response->shown);

# ---- bodies

each_kind(sub {
	my ($kind) = @_;
	my $client = $t->client($kind);
	for my $size (0, 1, 100, 32_767, 32_768, 32_769, 65_536, 200_000, 1_048_576) {
		my $body = join '', map { chr($_ * 7 % 256) } 1 .. 997;
		$body = substr $body x ($size / 997 + 1), 0, $size;
		my $sum = sha1_hex($body);
		$client->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: $size\r\n\r\n$body");
		body_is($client->response, "POST $size $sum $size none\n", "a body of $size bytes ($kind)");
		my ($chunks, $at, $step) = ('', 0, $size > 10_000 ? 9_999 : 7);
		while ($at < $size) {
			my $piece = substr $body, $at, $step;
			$chunks .= sprintf("%x\r\n", length $piece) . "$piece\r\n";
			$at += length $piece;
		}
		$client->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n");
		body_like($client->response, $size ? qr{\APOST $size $sum $size none\n\z} : qr{\APOST 0 $sum (?:0|none)},
		    "a chunked body of $size bytes ($kind)");
	}
	$client->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n"
	    . "3;name=\"va;lue\"\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\nGET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_like($client->response, qr/\APOST 3 /, "extensions and trailers are read and dropped ($kind)");
	body_is($client->response, "hello\n", "and the next request begins after them ($kind)");

	$client = $t->client($kind);
	$client->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	ok($client->until_match(qr{\AHTTP/1\.1 100 [^\r\n]*\r\n\r\n}, 5), "100-continue is sent ($kind)");
	$client->send('12345');
	my $response = $client->response;
	body_like($response, qr/\APOST 5 /, "and then the answer ($kind)");
	$client->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nabcde");
	body_like($client->response, qr/\APOST 5 /, "a client need not wait for it ($kind)");
	($response) = raw($kind, "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
	status_is($response, 413, "a body that is too long is refused ($kind)");
	is("@{ $response->{interim} }", '', "without 100 ($kind)");
});

# ---- what is refused, with which status

my $fields = join '', map { "X-Field-$_: $_\r\n" } 1 .. 200;
my @refused = (
	[ 400, 'no host in HTTP/1.1', "GET / HTTP/1.1\r\n\r\n" ],
	[ 400, 'two hosts', "GET / HTTP/1.1\r\n${host}Host: eve.test\r\n\r\n" ],
	[ 400, 'a malformed host', "GET / HTTP/1.1\r\nHost: bob test\r\n\r\n" ],
	[ 400, 'a bare LF after the request line', "GET / HTTP/1.1\n$host\r\n" ],
	[ 400, 'a bare LF after a field', "GET / HTTP/1.1\r\nHost: bob.test\n\r\n" ],
	[ 400, 'a bare CR in a field', "GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n" ],
	[ 400, 'a folded field', "GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n" ],
	[ 400, 'a blank before the colon', "GET / HTTP/1.1\r\n${host}X : a\r\n\r\n" ],
	[ 400, 'a field without a name', "GET / HTTP/1.1\r\n${host}: a\r\n\r\n" ],
	[ 400, 'a line without a colon', "GET / HTTP/1.1\r\n${host}nothing\r\n\r\n" ],
	[ 400, 'a NUL in a field', "GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n" ],
	[ 400, 'a control character in a field', "GET / HTTP/1.1\r\n${host}X: a\x01b\r\n\r\n" ],
	[ 400, 'a control character in the target', "GET /\x7f HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'two blanks in the request line', "GET  / HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'a target without a slash', "GET hello.txt HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'an encoded NUL', "GET /hello%00.txt HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'a broken escape', "GET /hello%zz.txt HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'a way above the root', "GET /../etc/passwd HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'an encoded way above the root', "GET /%2e%2e/etc/passwd HTTP/1.1\r\n$host\r\n" ],
	[ 400, 'garbage', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" ],
	[ 400, 'two lengths that differ', "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456" ],
	[ 400, 'a negative length', "POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n" ],
	[ 400, 'a length with a plus', "POST / HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\n12345" ],
	[ 400, 'a hexadecimal length', "POST / HTTP/1.1\r\n${host}Content-Length: 0x5\r\n\r\n12345" ],
	[ 400, 'an empty length', "POST / HTTP/1.1\r\n${host}Content-Length: \r\n\r\n" ],
	[ 400, 'a length above 2^64', "POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551621\r\n\r\n12345" ],
	[ 400, 'length and chunked together', "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
	[ 400, 'chunked in HTTP/1.0', "POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
	[ 501, 'chunked twice', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" ],
	[ 501, 'a coding we do not know', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" ],
	[ 501, 'gzip before chunked', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" ],
	[ 400, 'a chunk size that is none', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n" ],
	[ 400, 'a chunk size above 2^64', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n" ],
	[ 400, 'a chunk that ends in a bare LF', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" ],
	[ 400, 'a chunk longer than its size', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n" ],
	[ 400, 'a chunk size with 0x', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" ],
	[ 413, 'a length above max_body_size', "POST / HTTP/1.1\r\n${host}Content-Length: 1048577\r\n\r\n" ],
	[ 413, 'a chunked body above max_body_size', "POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n100001\r\n" . 'x' x 1_048_577 . "\r\n0\r\n\r\n" ],
	[ 414, 'a request line above max_request_line', 'GET /' . 'x' x 5000 . " HTTP/1.1\r\n$host\r\n" ],
	[ 417, 'an expectation we do not know', "GET / HTTP/1.1\r\n${host}Expect: miracles\r\n\r\n" ],
	[ 421, 'a host that is not served here', "GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n" ],
	[ 431, 'a field too long for the head', "GET / HTTP/1.1\r\n${host}X: " . 'x' x 20_000 . "\r\n\r\n" ],
	[ 431, 'too many fields', "GET / HTTP/1.1\r\n$host$fields\r\n" ],
	[ 501, 'CONNECT', "CONNECT bob.test:443 HTTP/1.1\r\n$host\r\n" ],
	[ 505, 'HTTP/2.0', "GET / HTTP/2.0\r\n$host\r\n" ],
	[ 505, 'HTTP/3.7', "GET / HTTP/3.7\r\n$host\r\n" ],
);
each_kind(sub {
	my ($kind) = @_;
	for my $row (@refused) {
		my ($status, $name, $bytes) = @$row;
		my ($response, $client) = raw($kind, $bytes . "GET /secret.txt HTTP/1.1\r\nHost: eve.test\r\n\r\n");
		status_is($response, $status, "$name: $status ($kind)");
		next if $status == 421;
		my $more = $client->response('GET', 5);
		ok($more->{status} == 0 && $more->{closed}, "$name: the connection ends there ($kind)")
		    or diag($more->shown);
	}
});

# The same on a connection that a processor keeps, and behind a good request.
each_kind(sub {
	my ($kind) = @_;
	for my $row (grep { $_->[0] != 421 } @refused) {
		my ($status, $name, $bytes) = @$row;
		my $client = $t->client($kind);
		$client->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
		$client->response;
		$client->send($bytes . "GET /secret.txt HTTP/1.1\r\nHost: eve.test\r\n\r\n");
		status_is($client->response, $status, "$name, on a kept connection: $status ($kind)");
		my $more = $client->response('GET', 5);
		ok($more->{status} == 0 && $more->{closed}, "$name: a kept connection ends there ($kind)")
		    or diag($more->shown);
	}
});

# ---- time

each_kind(sub {
	my ($kind) = @_;
	my $begin = time;
	my $silent = $t->client($kind);
	my $slow = $t->client($kind);
	my $body = $t->client($kind);
	my $kept = $t->client($kind);
	$slow->send("GET /hello.txt HTTP/1.1\r\nHost:");
	$body->send("POST /cgi-bin/echo.pl HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\n12");
	$kept->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
	$kept->response;
	status_is($slow->response('GET', 8), 408, "a head that does not end: 408 ($kind)");
	cmp_ok(time - $begin, '>', 1.5, "not before header_timeout ($kind)");
	ok($slow->closed_within(5), "and close ($kind)");
	status_is($body->response('GET', 8), 408, "a body that does not end: 408 ($kind)");
	ok($body->closed_within(5), "and close ($kind)");
	ok($kept->closed_within(8), "an idle connection is closed without a word ($kind)");
	$silent->until_match(qr/./, 8);
	like($silent->{buffer}, qr{\A(?:HTTP/1\.1 408 .*)?\z}s, "so is one that never said anything ($kind)");
});

# ---- addresses

for my $address ('127.0.0.1', '::1') {
	SKIP: {
		my $client = Peruserd::Client->new(address => $address, port => $six_port);
		skip "this machine has no $address", 1 if $client->{error} && $address eq '::1'
		    && !-e '/proc/net/if_inet6';
		$client->send("GET /cgi-bin/where.pl HTTP/1.1\r\n$host\r\n");
		body_is($client->response, "$address $address $six_port\n",
		    "a dual-stack listener sees $address as it is");
	}
}
SKIP: {
	my $socket = IO::Socket::UNIX->new(Peer => "$t->{dir}/run/http.sock");
	ok($socket, 'a Unix socket is a listener too') or skip 'no Unix socket', 1;
	my $unix = bless { socket => $socket, timeout => 10, buffer => '' }, 'Peruserd::Client';
	$unix->send("GET /hello.txt HTTP/1.1\r\n$host\r\n");
	body_is($unix->response, "hello\n", 'and speaks HTTP');
}
my $log = $t->log;
unlike($log, qr/\berror\b.*(?:assert|abort|signal)/i, 'nothing of this has hurt anybody');
$t->finish;
