# An HTTP proxy before us: whose word of the client is believed, and of what.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $alice = $t->site('alice', vhost => { access_log => "$t->{dir}/log/alice.log", access_log_format => '%h %r' });
my %trust = (
	plain => {}, trusting => { trusted_proxies => [ '127.0.0.1', '10.0.0.0/8' ] }, others => { trusted_proxies => [ '10.0.0.0/8' ] },
	proxied => { trusted_proxies => [ '127.0.0.1' ], proxy_protocol => \1 },
	chained => { trusted_proxies => [ '127.0.0.1', '10.0.0.0/8' ], proxy_protocol => \1 },
	strange => { trusted_proxies => [ '10.0.0.0/8' ], proxy_protocol => \1 },
);
for my $name (sort keys %trust) {
	my $port = $t->{ports}{$name} = port_free();
	push @{ $t->{listen} }, { address => "127.0.0.1:$port", protocol => 'http', %{ $trust{$name} } };
}
$t->cgi($alice, 'who.pl', 'my $len = read STDIN, my $body, 1000000; print "Content-Type: text/plain\n\n",
	join " ", map({ $ENV{$_} // "-" } qw(REMOTE_ADDR HTTPS REQUEST_SCHEME HTTP_X_FORWARDED_FOR)), $len // 0;');
$t->start;

sub who
{
	my ($listener, %option) = @_;
	my $client = $t->client($listener);
	$client->send(($option{proxy} // '') . join("\r\n", 'GET /cgi-bin/who.pl HTTP/1.1', 'Host: alice.test', 'Connection: close',
		@{ $option{fields} // [] }, '', ''));
	return $client->response;
}

# ---- fields
for my $row (
	[ 'plain', [ 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https' ], '127.0.0.1 - http 192.0.2.1 0', 'nobody is trusted' ],
	[ 'others', [ 'X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.1;proto=https' ], '127.0.0.1 - http 192.0.2.1 0', 'others are trusted' ],
	[ 'trusting', [], '127.0.0.1 - http - 0', 'a trusted one says nothing' ],
	[ 'trusting', [ 'X-Forwarded-For: 203.0.113.9, 192.0.2.1', 'X-Forwarded-Proto: https' ], '192.0.2.1 on https 203.0.113.9, 192.0.2.1 0',
		'the last address counts, not what the client wrote' ],
	[ 'trusting', [ 'X-Forwarded-For: 192.0.2.1, 10.0.0.7' ], '192.0.2.1 - http 192.0.2.1, 10.0.0.7 0', 'through two trusted ones' ],
	[ 'trusting', [ 'Forwarded: for="[2001:db8::1]:80";proto=https' ], '2001:db8::1 on https - 0', 'Forwarded' ],
	[ 'trusting', [ 'X-Forwarded-For: nonsense' ], '127.0.0.1 - http nonsense 0', 'no address' ],
) {
	my ($listener, $fields, $says, $name) = @$row;
	body_is(who($listener, fields => $fields), $says, "fields: $name");
}

# ---- a PROXY header
my $v2 = "\r\n\r\n\0\r\nQUIT\n";
my $v1 = "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
for my $row (
	[ 'proxied', $v1, [], '192.0.2.1 - http - 0', 'version 1' ],
	[ 'proxied', "PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", [], '2001:db8::1 - http - 0', 'version 1, IPv6' ],
	[ 'proxied', "PROXY UNKNOWN\r\n", [], '127.0.0.1 - http - 0', 'version 1, unknown' ],
	[ 'proxied', $v2 . pack('CCnC4C4nn', 0x21, 0x11, 12, 192, 0, 2, 2, 127, 0, 0, 1, 4711, 80), [], '192.0.2.2 - http - 0', 'version 2' ],
	[ 'proxied', $v2 . pack('CCnC4C4nnCna3', 0x21, 0x11, 18, 192, 0, 2, 3, 127, 0, 0, 1, 4711, 80, 4, 3, 'abc'), [], '192.0.2.3 - http - 0',
		'version 2 with a TLV' ],
	[ 'proxied', $v2 . pack('CCn', 0x20, 0, 0), [], '127.0.0.1 - http - 0', 'version 2, local' ],
	[ 'proxied', $v1, [ 'X-Forwarded-For: 203.0.113.9' ], '192.0.2.1 - http 203.0.113.9 0', 'its client\'s own fields are not believed' ],
	[ 'chained', "PROXY TCP4 10.0.0.7 127.0.0.1 4711 80\r\n", [ 'X-Forwarded-For: 203.0.113.9' ], '203.0.113.9 - http 203.0.113.9 0',
		'those of a trusted proxy behind it are' ],
) {
	my ($listener, $header, $fields, $says, $name) = @$row;
	body_is(who($listener, proxy => $header, fields => $fields), $says, "PROXY: $name");
}
my $client = $t->client('proxied');
for my $byte (split //, $v1 . "GET /cgi-bin/who.pl HTTP/1.1\r\nHost: alice.test\r\n\r\n") {
	$client->send($byte);
}
body_is($client->response, '192.0.2.1 - http - 0', 'PROXY: byte by byte');
$client->send("POST /cgi-bin/who.pl HTTP/1.1\r\nHost: alice.test\r\nContent-Length: 200000\r\n\r\n" . 'x' x 200_000);
body_is($client->response, '192.0.2.1 - http - 200000', 'PROXY: the next request on the connection is the same client\'s');
for my $row ([ 'proxied', '', 'HTTP without a header' ], [ 'proxied', "PROXY TCP4 nonsense\r\n", 'a malformed header' ],
	[ 'proxied', 'PROXY ' . 'x' x 200, 'a header without an end' ], [ 'proxied', "\r\n", 'an empty line' ],
	[ 'strange', $v1, 'a header from nobody who is trusted' ], [ 'proxied', $v1 . $v1, 'two headers' ]) {
	my ($listener, $header, $name) = @$row;
	my $response = who($listener, proxy => $header);
	ok($response->{status} == 0 || $response->{status} == 400, "PROXY: $name is not served") or diag($response->shown);
}
status_is(who('plain', proxy => $v1), 400, 'PROXY: where none is expected it is no request');
$t->log_says(qr/begins with no PROXY header: closed/, 'what is not believed is logged');
$t->log_says(qr/^192\.0\.2\.2 GET/m, 'the access log has the client', "$t->{dir}/log/alice.log");
$t->finish;
