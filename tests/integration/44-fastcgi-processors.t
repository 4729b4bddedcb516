# handoff = "fastcgi" without command or connect: processors of ours in a loop
# of libfcgi, with the same handlers.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my @fastcgi = (handoff => 'fastcgi');
my $site = $t->site('plain', pool => { @fastcgi, max_requests_per_child => 1000 });
my $rooted = $t->site('rooted', chroot => 1, pool => { @fastcgi }, handlers => []);
my $few = $t->site('few', pool => { @fastcgi, max_requests_per_child => 5, max_processors => 1, min_spare_processors => 0 });
my $brief = $t->site('brief', pool => { @fastcgi, max_processors => 1, expire_timeout => 2, limits => { cpu => 1 } });
my $calm = $t->site('calm', pool => { @fastcgi, max_processors => 1, idle_timeout => 1, min_spare_processors => 0 });
$t->vhost('second.test', processor => 'plain', document_root => $site->{root}, handlers => [ { suffix => '.pl', handler => 'cgi' } ]);

for my $of ($site, $few, $brief, $calm) {
	$t->allow_perl($of);
	$t->cgi($of, 'who.pl', 'print "Content-Type: text/plain\n\n", "$< ", getppid;');
	$t->cgi($of, 'env.pl', 'print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;');
	$t->cgi($of, 'body.pl', 'local $/; my $all = <STDIN>; print "Content-Type: text/plain\n\n", length $all, " ", unpack "%32C*", $all;');
	$t->cgi($of, 'deaf.pl', 'close STDIN; print "Status: 403 Forbidden\nContent-Type: text/plain\n\nno";');
	$t->cgi($of, 'short.pl', 'print "Content-Type: text/plain\nContent-Length: 100\n\nshort";');
	$t->cgi($of, 'kill.pl', 'kill KILL => getppid; sleep 1;');
	$t->cgi($of, 'busy.pl', '1 while 1;');
	$t->cgi($of, 'sleep.pl', 'sleep $ENV{QUERY_STRING}; print "Content-Type: text/plain\n\nslept";');
	$t->cgi($of, 'drip.pl', 'print "Content-Type: text/plain\n\n"; for (1 .. 600) { print "drip" x 4096; select undef, undef, undef, 0.1; '
	    . 'open my $m, ">", $ENV{QUERY_STRING}; print $m $_; close $m }');
	$t->cgi($of, 'warn.pl', 'print STDERR "first line\nsecond line\n"; print "Content-Type: text/plain\n\nsaid";');
	put_file("$of->{root}/big.bin", 'abcdefgh' x 400_000, 0644, $of);
}
put_file("$rooted->{root}/file.txt", 'inside', 0644, $rooted);
my $php = Peruserd::Test::php_built($t->{build}) && $t->site('page', chroot => 1, pool => { @fastcgi, max_processors => 2 });
if ($php) {
	put_file("$php->{root}/session.php", '<?php session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo $_SESSION["n"];', 0644, $php);
	put_file("$php->{root}/finish.php", '<?php header("Content-Type: text/plain"); echo "done"; fastcgi_finish_request(); '
	    . 'for ($i = 0; $i < 600 && !file_exists("/tmp/go"); $i++) { usleep(50000); clearstatcache(); } touch("/tmp/went");', 0644, $php);
	put_file("$php->{root}/leave.php", '<?php ignore_user_abort(true); for ($i = 0; $i < 600 && !connection_aborted(); $i++) { echo str_repeat("x", 4096); flush(); usleep(20000); } '
	    . 'file_put_contents("/tmp/left", $i);', 0644, $php);
}
$t->start;

each_kind(sub {
	my ($kind) = @_;
	my $get = sub { $t->get($kind, 'plain.test', @_) };
	my ($uid) = split / /, $get->('/cgi-bin/who.pl')->{body};
	is($uid, $site->{uid}, "a script runs as its user ($kind)");
	my %env = map { split /=/, $_, 2 } split /\n/, $get->('/cgi-bin/env.pl/a%20b?x=y')->{body};
	is(join('|', map { $env{$_} // '-' } qw(SCRIPT_NAME PATH_INFO QUERY_STRING REQUEST_URI DOCUMENT_ROOT FCGI_ROLE PERUSERD_VHOST)),
	    "/cgi-bin/env.pl|/a b|x=y|/cgi-bin/env.pl/a%20b?x=y|$site->{root}|-|-", "its variables are those of any handoff ($kind)");
	for my $size (0, 1, 8184, 8192, 40_000, 300_000, 3_000_000) {
		my $body = 'abc' x ($size / 3) . 'z' x ($size % 3);
		body_is($t->post($kind, 'plain.test', '/cgi-bin/body.pl', $body), "$size " . unpack('%32C*', $body), "a body of $size bytes ($kind)");
	}
	my $client = $t->client($kind);
	for my $round (1 .. 3) {
		my $body = 'x' x 500_000;
		$client->send("POST /cgi-bin/deaf.pl HTTP/1.1\r\nHost: plain.test\r\nContent-Length: 500000\r\n\r\n$body");
		my $response = $client->response;
		status_is($response, 403, "a body that nobody read ($kind)");
		$client->send("GET /big.bin HTTP/1.1\r\nHost: plain.test\r\nRange: bytes=8-15\r\n\r\n");
		body_is($client->response, 'abcdefgh', "is not taken for the next request ($kind)");
	}
	is(length $get->('/big.bin')->{body}, 3_200_000, "a large file ($kind)");
	status_is($t->request($kind, 'HEAD', 'plain.test', '/big.bin'), 200, "HEAD ($kind)");
	status_is($get->('/nothing'), 404, "what is not there ($kind)");
	my $response = $get->('/cgi-bin/short.pl');
	ok($response->{error}, "an answer that ends early is seen to ($kind)");
	body_is($t->get($kind, 'rooted.test', '/file.txt'), 'inside', "a file in a chroot ($kind)");
	body_is($t->get($kind, 'second.test', '/cgi-bin/deaf.pl'), 'no', "a second site of the pool has its own handlers ($kind)");
	status_is($get->('/cgi-bin/kill.pl'), 502, "a processor that dies is 502 ($kind)");
	body_is($get->('/cgi-bin/warn.pl'), 'said', "and the next one serves ($kind)");
});
$t->log_says(qr/plain, plain\.test.*second line/, 'what a script says on STDERR is logged with its site');

SKIP: {
	skip 'PHP is not built', 1 if !$php;
	my $response = $t->get('shared', 'page.test', '/session.php');
	my ($cookie) = ($response->field('set-cookie') // '') =~ /\A(PHPSESSID=[^;]+)/;
	body_is($t->get('shared', 'page.test', '/session.php', headers => [ "Cookie: $cookie" ]), $_, "a session in a chroot: $_") for 2 .. 5;
	body_is($t->get('shared', 'page.test', '/finish.php'), 'done', 'fastcgi_finish_request: the client has its answer');
	ok(!-e "$php->{home}/tmp/went", 'while the script runs on');
	is($t->pool_status('page')->{busy}, 1, 'and its processor is busy');
	put_file("$php->{home}/tmp/go", '');
	ok(wait_for(20, sub { -e "$php->{home}/tmp/went" && !$t->pool_status('page')->{busy} }), 'until it has ended');
	my $leaver = $t->client('shared');
	$leaver->send("GET /leave.php HTTP/1.1\r\nHost: page.test\r\n\r\n");
	$leaver->until_match(qr/xxx/, 10);
	$leaver->{socket}->close;
	ok(wait_for(20, sub { -s "$php->{home}/tmp/left" }), 'a script is told that its client has left');
	cmp_ok(slurp("$php->{home}/tmp/left"), '<', 600, 'in time');
}

# ---- a processor's life

my @parents = map { (split / /, $t->get('shared', 'few.test', '/cgi-bin/who.pl')->{body})[1] } 1 .. 25;
my %served;
$served{$_}++ for @parents;
ok(!grep({ $_ > 5 } values %served), 'none serves more than max_requests_per_child');
is(scalar(@parents), 25, 'and no request is lost when one leaves');
is(scalar(grep { $_ == 5 } values %served), 5, 'each as many as it may');

ok(wait_for(30, sub { !$t->processors($calm) || 1 }) && do {
	$t->get('shared', 'calm.test', '/big.bin');
	wait_for(30, sub { !$t->processors($calm) });
}, 'an idle one is retired');
unlike($t->log, qr/pool calm: processor \d+ did not leave in time/, 'by its signal alone');
is(length $t->get('shared', 'calm.test', '/big.bin')->{body}, 3_200_000, 'and another one is there when it is wanted');

status_is($t->get('shared', 'brief.test', '/cgi-bin/sleep.pl?600'), 504, 'a request that runs too long is 504');
body_like($t->get('shared', 'brief.test', '/cgi-bin/who.pl'), qr/\A\d+ \d+\z/, 'and the next one is answered');

# A client that leaves: the next write fails, the script is ended, the processor free.
my $mark = "$calm->{home}/mark";
my $leaver = $t->client('shared');
$leaver->send("GET /cgi-bin/drip.pl?$mark HTTP/1.1\r\nHost: calm.test\r\n\r\n");
ok(wait_for(10, sub { -s $mark }), 'a script drips');
my ($pid) = $t->processors($calm);
$leaver->{socket}->close;
ok(wait_for(10, sub { !($t->pool_status('calm') // { busy => 1 })->{busy} }), 'its client left, and it is stopped');
is(($t->processors($calm))[0], $pid, 'its processor lives');

# A stop lets what runs finish.
my $last = $t->client('shared');
$last->send("GET /cgi-bin/sleep.pl?1 HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n");
wait_for(10, sub { $t->pool_status('plain')->{busy} });
kill 'TERM', $t->{pid};
body_is($last->response, 'slept', 'a request that runs is answered before the end');
$t->finish;
