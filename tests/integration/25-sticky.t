# Private connections that a processor keeps: what it refuses is in the access
# log, and who is in the middle of a request is answered, whoever waits.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $log = "$t->{dir}/log/access.log";
$t->{settings}{multiplexers}[0]{count} = 1;
my $one = $t->site('one', pool => { max_processors => 2, min_spare_processors => 2 },
	vhost => { max_body_size => '100k', access_log => $log, access_log_format => '%m %U %s %{X-Own}i' });
my $free = $t->site('free', pool => { max_processors => 2, min_spare_processors => 2 }, vhost => { max_body_size => 0 });
for my $site ($one, $free) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	$t->cgi($site, 'length.pl', 'print "Content-Type: text/plain\n\n"; local $/; print length <STDIN>;');
}
$t->start;
ok(wait_for(10, sub { $t->get('shared', $_->{host}, '/hello.txt'); $t->processors($_) == 2 }), "$_->{host} has two processors") for $one, $free;

# A connection that its processor keeps.
sub kept
{
	my ($host, $busy) = @_;
	my $name = $host =~ s/\.test//r;
	# It is given away only while another processor is left.
	wait_for(10, sub { ($t->pool_status($name) // {})->{idle} >= 2 }) if !$busy;
	my $client = $t->client('private', timeout => 20);
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: $host\r\n\r\n");
	body_is($client->response, "hello\n", "a first request of $host");
	return $client;
}

# ---- what is refused is logged

my $client = kept('one.test');
$client->send("POST /cgi-bin/length.pl HTTP/1.1\r\nHost: one.test\r\nX-Own: large\r\nContent-Length: 200000\r\n\r\n");
status_is($client->response('POST'), 413, 'a body that is too long');
$t->log_says(qr{^POST \S* 413 large$}m, 'is in the access log', $log);
$client->close;
$client = kept('one.test');
$client->send("GET /hello.txt HTTP/1.1\r\nHost: other.test\r\nX-Own: foreign\r\n\r\n");
status_is($client->response, 421, 'a host of somebody else');
$t->log_says(qr{^GET \S* 421 foreign$}m, 'is in the access log', $log);
$client->close;
$client = kept('one.test');
$client->send("GET /%zz HTTP/1.1\r\nHost: one.test\r\nX-Own: bad\r\n\r\n");
status_is($client->response, 400, 'a path that is none');
$t->log_says(qr{^GET \S* 400 bad$}m, 'is in the access log', $log);
is(() = slurp($log) =~ / 413 /g, 1, 'once');

$client->close;

# ---- no bound is no bound here too

$client = kept('free.test');
$client->send("POST /cgi-bin/length.pl HTTP/1.1\r\nHost: free.test\r\nContent-Length: 200000\r\n\r\n" . 'x' x 200_000);
body_is($client->response('POST'), '200000', 'max_body_size = 0 bounds nothing on a kept connection');

# ---- half a request, and others wait for the processor

my @halves = (kept('one.test'), kept('one.test', 1));
$_->send("GET /hello.txt HTTP/1.1\r\nHost: one.t") for @halves;
my @others = map {
	my $other = $t->client('shared', timeout => 20);
	$other->send("GET /hello.txt HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n");
	$other;
} 1 .. 4;
ok(!$_->closed_within(0.3), 'who is in the middle of a request is not cut off') for @halves;
$_->send("est\r\n\r\n") for @halves;
for my $half (@halves) {
	body_is($half->response, "hello\n", 'but answered');
}
is(scalar(grep { $_->response->{body} eq "hello\n" } @others), 4, 'and so is who waited');
$t->finish;
