# mod_peruserd as an Apache handler: connections are kept one to a thread, output
# streams, a client that leaves is noticed, what ends badly is seen to, and only
# who may speaks to the socket.
use strict;
use warnings;
use Peruserd::FastCGI;
use Peruserd::Test;
use Peruserd::WebServer;
use Time::HiRes qw(sleep time);

my $t = Peruserd::Test->new(seconds => 600);
plan(skip_all => 'mod_peruserd is not built') if !-e "$t->{build}/.libs/mod_peruserd.so";
plan(skip_all => 'Apache is not installed') if !Peruserd::WebServer::installed('apache-mod_peruserd.conf');
my $alice = $t->site('alice');
my $slow = $t->site('slow', vhost => { expire_timeout => 2 });
my $group = getgrgid((getpwnam('www-data'))[3]);
chmod 0755, $t->{dir}, "$t->{dir}/run";
push @{ $t->{listen} },
    { address => "unix:$t->{dir}/run/apache.sock", protocol => 'handoff', group => $group, mode => '0660' },
    { address => "unix:$t->{dir}/run/open.sock", protocol => 'handoff', group => $group, mode => '0666' };
$t->{settings}{multiplexers}[0]{count} = 1;
put_file("$alice->{root}/who.txt", 'alice', 0644, $alice);
$t->cgi($alice, 'vars.pl', 'print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;');
$t->cgi($alice, 'drip.pl', 'print "Content-Type: text/plain\n\n"; for (1 .. 3) { print "drip$_\n"; select undef, undef, undef, 0.7 }');
$t->cgi($alice, 'wait.pl', 'sleep 60;');
$t->cgi($slow, 'wait.pl', 'sleep 60;');
$t->cgi($alice, 'cut.pl', 'print "Content-Type: text/plain\nContent-Length: 100\n\nnot a hundred";');
$t->cgi($alice, 'die.pl', 'print "Content-Type: text/plain\n\nsome"; kill 9, getppid; sleep 5');
$t->cgi($alice, 'unread.pl', 'print "Content-Type: text/plain\n\nunread"');
$t->start;

my $web = Peruserd::WebServer->start($t, 'apache-mod_peruserd.conf', change => sub {
	my $modules = '/usr/lib/apache2/modules';
	$_ .= join "\n", "LoadModule http2_module $modules/mod_http2.so", 'Protocols h2c http/1.1',
	    "LoadModule rewrite_module $modules/mod_rewrite.so", 'RewriteEngine on', 'RewriteRule ^/rewritten/(.*)$ /$1 [PT]',
	    "LoadModule env_module $modules/mod_env.so", 'SetEnv FROM_APACHE yes', 'ThreadsPerChild 8', 'ServerLimit 1', 'StartServers 1',
	    'MaxRequestWorkers 8', "<Location /closed>\nRequire all denied\n</Location>", "<Location /other>\nPeruserdVhost slow.test\n</Location>",
	    "<Location /bad>\nPeruserdHandoff unix:/nowhere\n</Location>", "<Location /who.txt>\nPeruserdTimeout 30\n</Location>", '';
});

# ---- connections
my $client = $web->client;
for (1 .. 20) {
	$client->send("GET /who.txt HTTP/1.1\r\nHost: alice.test\r\n\r\n");
	is($client->response->{body}, 'alice', "request $_ on a kept connection");
}
cmp_ok(($t->status->{multiplexers}[0]{connections} // 99), '<=', 9, 'a thread of Apache keeps one connection');

# ---- an Apache handler in every other way
body_is($web->get('alice.test', '/who.txt'), 'alice', 'a file');
status_is($web->get('alice.test', '/closed/x'), 403, 'what Apache forbids never gets to peruserd');
body_is($web->get('alice.test', '/rewritten/who.txt'), 'alice', 'Apache\'s rewrites count');
status_is($web->get('alice.test', '/other/x'), 404, 'PeruserdVhost names the site');
status_is($web->get('alice.test', '/bad/x'), 503, 'no peruserd there: 503');
like($web->log, qr/peruserd at \/nowhere can't be reached/, 'and Apache\'s log says why');
my $answer = $web->get('alice.test', '/rewritten/cgi-bin/vars.pl?a=b', headers => [ 'Proxy: evil', 'X-Y: z' ]);
my %vars = map { /\A([^=]+)=(.*)/ } split /\n/, $answer->{body};
is_deeply({ map { $_ => $vars{$_} } qw(FROM_APACHE REQUEST_URI SCRIPT_NAME QUERY_STRING HTTP_PROXY HTTP_X_Y SERVER_PROTOCOL
	PERUSERD_PATH REMOTE_ADDR) }, { FROM_APACHE => 'yes', REQUEST_URI => '/rewritten/cgi-bin/vars.pl?a=b',
	SCRIPT_NAME => '/cgi-bin/vars.pl', QUERY_STRING => 'a=b', HTTP_PROXY => undef, HTTP_X_Y => 'z', SERVER_PROTOCOL => 'HTTP/1.1',
	PERUSERD_PATH => undef, REMOTE_ADDR => '127.0.0.1' }, 'variables are Apache\'s, paths peruserd\'s') or diag($answer->shown);
if (-x '/usr/bin/curl') {
	my $text = `curl -s --http2-prior-knowledge -H 'Host: alice.test' -w ' %{http_version}' http://127.0.0.1:$web->{port}/who.txt`;
	is($text, 'alice 2', 'over HTTP/2');
	put_file("$t->{dir}/body", 'x' x 300_000);
	$text = `curl -s --http2-prior-knowledge -H 'Host: alice.test' --data-binary \@$t->{dir}/body -w ' %{http_version}' http://127.0.0.1:$web->{port}/cgi-bin/unread.pl`;
	is($text, 'unread 2', 'and with a body that nobody reads');
}

# ---- as it comes
$client = $web->client;
$client->send("GET /cgi-bin/drip.pl HTTP/1.1\r\nHost: alice.test\r\n\r\n");
my $from = time;
ok(wait_for(1.9, sub { $client->fill(time + 0.1); $client->{buffer} =~ /drip1/ }), 'the first line comes before the last is made');
unlike($client->{buffer}, qr/drip3/, 'the last has not come yet');
like($client->response->{body}, qr/drip1\ndrip2\ndrip3\n/, 'and comes in the end');

# ---- a client that leaves
$client = $web->client;
$client->send("GET /cgi-bin/wait.pl HTTP/1.1\r\nHost: alice.test\r\n\r\n");
ok(wait_for(10, sub { ($t->pool_status('alice') // {})->{busy} }), 'a request runs');
close $client->{socket};
ok(wait_for(15, sub { !($t->pool_status('alice') // { busy => 1 })->{busy} }), 'its client leaves: its processor is free long before its end');

# ---- bad ends
$answer = $web->get('slow.test', '/cgi-bin/wait.pl');
status_is($answer, 504, 'a request that runs too long');
$answer = $web->get('alice.test', '/cgi-bin/cut.pl');
ok($answer->{error}, 'an answer that was cut is seen to be') or diag($answer->shown);
$answer = $web->get('alice.test', '/cgi-bin/die.pl');
ok($answer->{error} || $answer->{status} == 502, 'so is one whose processor died') or diag($answer->shown);
body_is($web->get('alice.test', '/who.txt'), 'alice', 'and the next request is answered');

# ---- peruserd restarts: the kept connections are gone
my ($multiplexer) = $t->multiplexers;
kill 'KILL', $multiplexer;
ok(wait_for(20, sub { my ($now) = $t->multiplexers; return $now && $now != $multiplexer
	&& $web->get('alice.test', '/who.txt')->{status} == 200 }), 'after a multiplexer was killed Apache connects anew');

for (1 .. 9) {
	status_is($web->get('alice.test', '/who.txt'), 200, "and no thread's old connection costs a request ($_)");
}

# ---- threads of Apache's children let the multiplexer go on that woke them
sub policies
{
	my ($server) = @_;
	my @stats = map { slurp($_) } map { glob "/proc/$_/task/*/stat" } process_children($server->{pid});
	my %seen = map { ((split ' ', s/.*\) //sr)[38] => 1) } @stats;
	return join ' ', sort keys %seen;
}
is(policies($web), '3', 'all of them have SCHED_BATCH');
my $plain = Peruserd::WebServer->start($t, 'apache-mod_peruserd.conf', name => 'plain', change => sub { $_ .= "PeruserdBatch Off\n" });
body_is($plain->get('alice.test', '/who.txt'), 'alice', 'another Apache, told not to,');
is(policies($plain), '0', 'leaves them as they were');
$plain->stop;

# ---- who may
my $stranger = $t->account('stranger');
my $program = <<'PERL';
use IO::Socket::UNIX;
$SIG{PIPE} = 'IGNORE';
my ($path, $uid, $gid) = @ARGV;
$) = "$gid $gid"; $( = $gid; ($<, $>) = ($uid, $uid);
my $socket = IO::Socket::UNIX->new(Peer => $path) or print("refused\n"), exit;
syswrite $socket, pack('CCnnCC', 1, 9, 0, 0, 0, 0);
print sysread($socket, my $bytes, 100) ? "served\n" : "closed\n";
PERL
put_file("$t->{dir}/connect.pl", $program, 0644);
my $www = (getpwnam 'www-data')[2];
my $gid = getgrnam $group;
my $try = sub { my ($status, $text) = run_quietly('/usr/bin/perl', "$t->{dir}/connect.pl", @_); return $text };
like($try->("$t->{dir}/run/apache.sock", $stranger->{uid}, $stranger->{gid}), qr/refused/, 'a stranger may not use the socket');
like($try->("$t->{dir}/run/open.sock", $stranger->{uid}, $stranger->{gid}), qr/closed/, 'where its mode lets him, the peer\'s credentials do not');
like($try->("$t->{dir}/run/open.sock", $www, $gid), qr/served/, 'who is in the group is served');
$t->log_says(qr/somebody who may not connects to unix:/, 'and the other one is logged');

$web->stop;
$t->finish;
