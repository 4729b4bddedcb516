# A machine that is full with processors which only hold kept private connections
# makes room too; and a full machine where all are at work refuses in time.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
$t->{settings}{server_limit} = 4;
$t->{settings}{keep_alive_timeout} = 60;
my $alice = $t->site('alice', pool => { max_processors => 4, min_spare_processors => 3 });
my $bob = $t->site('bob', pool => { max_processors => 4, min_spare_processors => 0, queue_timeout => 2 });
for my $site ($alice, $bob) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	$t->cgi($site, 'gate.pl', <<"PERL");
open my \$mark, '>', "$site->{home}/ran/\$ENV{QUERY_STRING}" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$site->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
}
$t->start;

sub ran { return map { m{([^/]+)\z} } glob "$_[0]{home}/ran/*" }

sub send_to
{
	my ($site, $path) = @_;
	my $client = $t->client('shared', timeout => 30);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

# ---- kept connections hold the processors

$t->get('shared', 'alice.test', '/hello.txt');
ok(wait_for(10, sub { $t->pool_status('alice')->{idle} == 4 }), 'one pool has all processors that the server may have');
my @kept = map {
	my $client = $t->client('private');
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: alice.test\r\n\r\n");
	body_is($client->response, "hello\n", "private connection $_");
	$client;
} 1 .. 3;
my $status = $t->pool_status('alice');
cmp_ok($status->{sticky}, '>=', 2, 'some are kept by their processors') or diag(explain($status));
my $begin = time;
my @running = map { send_to($bob, "/cgi-bin/gate.pl?$_") } 1 .. 3;
ok(wait_for(20, sub { ran($bob) == 3 }), 'another pool gets three of them');
diag(sprintf 'room was made in %.0f ms', (time - $begin) * 1000);
cmp_ok(time - $begin, '<', 10, 'long before keep_alive_timeout');

# ---- all at work: who comes waits, then 503

my $one = send_to($alice, '/cgi-bin/gate.pl?a');
ok(wait_for(20, sub { ran($alice) == 1 }), 'all processors of the server are at work');
$begin = time;
my $response = $t->get('shared', 'bob.test', '/hello.txt');
status_is($response, 503, 'one more waits in vain: 503');
like($response->field('retry-after') // '', qr/\A\d+\z/, 'with Retry-After');
cmp_ok(time - $begin, '>', 1.5, 'not before queue_timeout');
is($t->pool_status('bob')->{queue_timeouts}, 1, 'status counts it');
cmp_ok($t->status->{live} // $t->status->{server}{live}, '<=', 4, 'server_limit holds');
put_file("$_->{home}/open", '') for $alice, $bob;
is(join(' ', map { $_->response->{body} } @running, $one), '1 2 3 a', 'those at work are answered');
$t->finish;
