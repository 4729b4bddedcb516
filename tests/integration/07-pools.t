# Pools: how many processors, who waits, who is refused, who is ended.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
$t->{settings}{idle_timeout} = 600;
my %pool = (
	one   => { max_processors => 1, min_spare_processors => 1, queue_length => 50, queue_timeout => 30 },
	three => { max_processors => 3, min_spare_processors => 2 },
	brief => { max_processors => 1, min_spare_processors => 0, queue_timeout => 1 },
	tight => { max_processors => 1, queue_length => 2, queue_timeout => 30 },
	hung  => { max_processors => 3, expire_timeout => 1, kill_timeout => 1 },
	count => { max_processors => 2, max_requests_per_child => 5 },
	never => {},
);
my %site = map { $_ => $t->site($_, pool => $pool{$_}) } sort keys %pool;
for my $site (values %site) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	# Leaves a mark named by the query, then waits until its gate is open.
	$t->cgi($site, 'gate.pl', <<"PERL");
open my \$mark, '>', "$site->{home}/ran/\$ENV{QUERY_STRING}" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$site->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
	$t->cgi($site, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid;');
	$t->cgi($site, 'sleep.pl', 'print "Content-Type: text/plain\n\n"; sleep 600;');
}
$t->start;

sub send_to
{
	my ($kind, $site, $path) = @_;
	my $client = $t->client($kind);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

sub ran
{
	my ($site) = @_;
	return map { m{([^/]+)\z} } glob "$site->{home}/ran/*";
}

sub gate_open { put_file("$_[0]{home}/open", '') }

sub gate_shut
{
	my ($site) = @_;
	unlink "$site->{home}/open", glob "$site->{home}/ran/*";
	return;
}

# ---- cold, warm, spare

is($t->zygote($site{never}) // 'none', 'none', 'a pool that nobody asked for has no process');
body_is($t->get('shared', 'three.test', '/hello.txt'), "hello\n", 'a cold pool answers its first request');
ok(wait_for(5, sub { $t->processors($site{three}) >= 2 }), 'and has its spare processors soon after');
my $zygote = $t->zygote($site{three});
my @early = $t->processors($site{three});
$t->get('shared', 'three.test', '/hello.txt') for 1 .. 30;
is(join(' ', $t->processors($site{three})), "@early", 'requests one after the other make no new processes');
is($t->zygote($site{three}), $zygote, 'nor a new zygote');
is($t->zygote($site{never}) // 'none', 'none', 'the pool that nobody asked for still has none');

each_kind(sub {
	my ($kind) = @_;

	# max_processors, and the queue in order
	my $three = $site{three};
	gate_shut($three);
	my @clients = map { send_to($kind, $three, "/cgi-bin/gate.pl?$_") } 1 .. 8;
	ok(wait_for(10, sub { ran($three) == 3 }), "as many requests run as there may be processors ($kind)");
	ok(!wait_for(0.5, sub { ran($three) > 3 }), "and no more ($kind)");
	is(scalar($t->processors($three)), 3, "by as many processors ($kind)");
	gate_open($three);
	is(join(' ', map { $_->response->{body} } @clients), '1 2 3 4 5 6 7 8', "those that waited are answered too ($kind)");
	ok($t->processors($three) <= 3, "there were never more processors ($kind)");

	# a full queue
	my $tight = $site{tight};
	gate_shut($tight);
	my $first = send_to($kind, $tight, '/cgi-bin/gate.pl?first');
	ok(wait_for(10, sub { ran($tight) == 1 }), "one request runs ($kind)");
	my @more = map { send_to($kind, $tight, "/cgi-bin/gate.pl?more$_") } 1 .. 8;
	my ($refused) = wait_for(5, sub {
		return (grep { $_->until_match(qr/\r\n/, 0.01) } @more)[0];
	});
	ok($refused, "a request that finds the queue full is answered at once ($kind)");
	my $response = $refused ? $refused->response : $first->response;
	status_is($response, 503, "with 503 ($kind)");
	like($response->field('retry-after') // '', qr/\A\d+\z/, "and Retry-After ($kind)");
	gate_open($tight);
	body_is($first->response, 'first', "the one that ran is answered ($kind)");
	my @status = map { $_->response->{status} } grep { $_ != ($refused // 0) } @more;
	my $served = grep { $_ == 200 } @status;
	ok($served >= 2 && $served <= 4, "so are those in the queue: $served ($kind)");
	is($served + grep({ $_ == 503 } @status), 7, "all others got 503 ($kind)");

	# waiting too long
	my $brief = $site{brief};
	gate_shut($brief);
	$first = send_to($kind, $brief, '/cgi-bin/gate.pl?first');
	ok(wait_for(10, sub { ran($brief) == 1 }), "one request runs ($kind)");
	my $begin = time;
	$response = send_to($kind, $brief, '/cgi-bin/gate.pl?late')->response;
	status_is($response, 503, "a request that waits longer than queue_timeout gets 503 ($kind)");
	like($response->field('retry-after') // '', qr/\A\d+\z/, "with Retry-After ($kind)");
	cmp_ok(time - $begin, '>', 0.8, "not before ($kind)");
	cmp_ok(time - $begin, '<', 4, "nor much later ($kind)");
	gate_open($brief);
	body_is($first->response, 'first', "the one that ran is answered ($kind)");
	is(join(' ', ran($brief)), 'first', "the late one never ran ($kind)");

	# leaving the queue
	my $one = $site{one};
	gate_shut($one);
	$first = send_to($kind, $one, '/cgi-bin/gate.pl?first');
	ok(wait_for(10, sub { ran($one) == 1 }), "one request runs ($kind)");
	my @leaving = map { send_to($kind, $one, "/cgi-bin/gate.pl?leaving$_") } 1 .. 3;
	my $staying = send_to($kind, $one, '/cgi-bin/gate.pl?staying');
	$leaving[0]->close;
	$leaving[1]->reset;
	$leaving[2]->close;
	wait_for(0.5, sub { 0 });
	gate_open($one);
	body_is($staying->response, 'staying', "who stays in the queue is served ($kind)");
	body_is($first->response, 'first', "so is who came first ($kind)");
	is(join(' ', sort +ran($one)), 'first staying', "who left it never ran ($kind)");

	# a hung request
	my $hung = $site{hung};
	gate_shut($hung);
	gate_open($hung);
	$t->get($kind, 'hung.test', '/hello.txt');
	my $sleeper = send_to($kind, $hung, '/cgi-bin/sleep.pl?x');
	ok(wait_for(5, sub { grep { process_title($_) =~ /sleep\.pl/ } processes_of($hung->{uid}) }), "a request hangs ($kind)");
	my ($script) = grep { process_title($_) =~ /sleep\.pl/ } processes_of($hung->{uid});
	my $its = process_field($script // 0, 'PPid') // 0;
	body_is($t->get($kind, 'hung.test', '/cgi-bin/gate.pl?other'), 'other', "others of its pool are served meanwhile ($kind)");
	my @others = grep { $_ != $its } $t->processors($hung);
	$response = $sleeper->response;
	ok($response->{status} == 504 || $response->{status} == 200 && $response->{error}, "the hung one ends after expire_timeout ($kind)") or diag($response->shown);
	ok(wait_for(5, sub { !grep { process_title($_) =~ /sleep\.pl/ } processes_of($hung->{uid}) }), "with its script ($kind)");
	is(join(' ', grep { !process_alive($_) } @others), '', "no other processor of its pool died ($kind)");
	body_is($t->get($kind, 'hung.test', '/hello.txt'), "hello\n", "and the pool serves on ($kind)");

	# The time is a request's, not an idle connection's, that stays longer.
	my $idler = $t->client($kind);
	for my $turn (1 .. 2) {
		$idler->send("GET /hello.txt HTTP/1.1\r\nHost: hung.test\r\n\r\n");
		body_is($idler->response, "hello\n", "request $turn of a connection that idles ($kind)");
	}
	ok($idler->silent_for(1.3), "it stays past expire_timeout ($kind)");
	$idler->send("GET /hello.txt HTTP/1.1\r\nHost: hung.test\r\n\r\n");
	body_is($idler->response, "hello\n", "and is served again ($kind)");

	# max_requests_per_child
	my %served;
	my $failed = 0;
	for (1 .. 30) {
		$response = $t->get($kind, 'count.test', '/cgi-bin/parent.pl');
		$failed++ if $response->{status} != 200;
		$served{ $response->{body} }++;
	}
	is($failed, 0, "no request is lost where processors are renewed ($kind)");
	is(scalar(grep { $_ > 5 } values %served), 0, "none served more than max_requests_per_child ($kind)") or diag(explain(\%served));
	cmp_ok(scalar(keys %served), '>=', 6, "so there were several ($kind)");
	my $client = $t->client($kind);
	my @answers = map {
		$client->send("GET /hello.txt HTTP/1.1\r\nHost: count.test\r\n\r\n");
		my $answer = $client->response;
		$client = $t->client($kind) if $answer->{status} && ($answer->field('connection') // '') =~ /close/i;
		$answer->{body};
	} 1 .. 23;
	is(scalar(grep { $_ eq "hello\n" } @answers), 23, "none on a kept connection either ($kind)");
});

# ---- a processor is taken only by a request that is ready, and held by no slow client

put_file("$site{one}{root}/page.bin", 'x' x 1_500_000, 0644, $site{one});
gate_shut($site{one});
gate_open($site{one});
each_kind(sub {
	my ($kind) = @_;
	my @slow = map {
		my $client = $t->client($kind);
		$client->send("POST /cgi-bin/gate.pl?slow$_ HTTP/1.1\r\nHost: one.test\r\nContent-Length: 100\r\n\r\nhalf of it");
		$client;
	} 1 .. 30;
	my $begin = time;
	is($t->get($kind, 'one.test', '/hello.txt')->{body}, "hello\n", "thirty slow uploads leave the only processor free ($kind)");
	cmp_ok(time - $begin, '<', 1, "at once ($kind)");
	$_->send('x' x 90) for @slow;
	is(scalar(grep { $_->response->{status} != 200 } @slow), 0, "and are served when they are whole ($kind)");
	$_->close for @slow;
});
my @readers = map { send_to('shared', $site{one}, '/page.bin') } 1 .. 10;
$_->until_match(qr/\r\n\r\n/, 5) for @readers;
is($t->get('shared', 'one.test', '/hello.txt')->{body}, "hello\n", 'clients that do not read leave it free too');
is(scalar(grep { length $_->response->{body} != 1_500_000 } @readers), 0, 'and get all when they do');

# ---- kept private connections share the processors that there are

my @kept = map { $t->client('private') } 1 .. 12;
my ($good, $ended) = (0, 0);
for my $round (1 .. 10) {
	for my $client (@kept) {
		for my $try (1 .. 3) {
			$client->send("GET /hello.txt HTTP/1.1\r\nHost: three.test\r\n\r\n");
			my $response = $client->response('GET', 10);
			my $closed = $response->{error} || ($response->field('connection') // '') =~ /close/i;
			$client = $t->client('private') if $closed;
			$ended++ if $response->{error};
			last if $response->{status};
		}
		$good++;
	}
}
is($good, 120, 'twelve kept connections are served by three processors, in turn');
diag("$ended of 120 found their kept connection ended");

# ---- one pool's trouble is not another's

gate_shut($site{one});
my @blocked = map { send_to('shared', $site{one}, "/cgi-bin/gate.pl?$_") } 1 .. 40;
wait_for(5, sub { ran($site{one}) == 1 });
my $begin = time;
is(scalar(grep { $t->get('shared', 'three.test', '/hello.txt')->{status} == 200 } 1 .. 50), 50, 'while one pool is full another is served');
cmp_ok(time - $begin, '<', 5, 'without waiting for it');
gate_open($site{one});
is(scalar(grep { $_->response->{status} == 200 } @blocked), 40, 'and all that waited are answered in the end');
$t->finish;
