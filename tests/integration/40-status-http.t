# The status over HTTP: JSON, OpenMetrics and a page, answered when every
# processor is busy, to nobody who should not ask, and safe to look at.
use strict;
use warnings;
use JSON::PP ();
use MIME::Base64 ();
use Peruserd::Test;
use Peruserd::OpenMetrics qw(read_metrics);

my $t = Peruserd::Test->new;
my $port = $t->{ports}{status} = port_free();
$t->{listen} = [ { address => "127.0.0.1:$port", protocol => 'status', hosts => ['ops.example'] } ];
my $bob = $t->site('bob', pool => { max_processors => 2, queue_length => 3 });
my $eve = $t->site('eve');
$t->pool('ghost', user => 'no-such-user-here');
$t->vhost('ghost.test', processor => 'ghost', document_root => '/var/empty');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'gate.pl', <<"PERL");
open my \$mark, '>', "$bob->{home}/runs.\$\$"; close \$mark;
select undef, undef, undef, 0.01 until -e "$bob->{home}/open";
print "Content-Type: text/plain\\n\\nopen";
PERL
$t->start;

sub ask
{
	my ($path, %option) = @_;
	return $t->request('status', $option{method} // 'GET', $option{host} // "127.0.0.1:$port", $path, %option);
}

sub status_now
{
	my $response = ask('/status.json' . ($_[0] // ''));
	return eval { JSON::PP::decode_json($response->{body}) } // {};
}

$t->get('shared', 'bob.test', '/hello.txt') for 1 .. 5;
my $response = ask('/status.json');
status_is($response, 200, 'JSON');
field_is($response, 'content-type', 'application/json', 'as such');
field_is($response, 'cache-control', 'no-store', 'not to be kept');
my $status = eval { JSON::PP::decode_json($response->{body}) };
ok($status, 'that parses') or diag($response->{body});
my $by_socket = $t->status;
for my $list (qw(multiplexers pools processors)) {
	is(join(' ', sort keys %{ $status->{$list}[0] }), join(' ', sort keys %{ $by_socket->{$list}[0] }), "$list have the keys that peruserctl gives");
}
is(join(' ', sort keys %$status), join(' ', sort keys %$by_socket), 'so has the whole');
my %pool = map { $_->{name} => $_ } @{ $status->{pools} };
is($pool{bob}{requests}, 5, 'it counts');
cmp_ok($pool{bob}{bytes}, '>=', 5 * length "hello\n", 'bytes too');
is($pool{ghost}{state}, 'failed', 'a pool that can not run is there');
like($pool{ghost}{reason} // '', qr/no-such-user-here/, 'with its reason');
is($pool{eve}{state}, 'cold', 'so is one that nobody asked for');
ok(!grep({ $_->{name} eq 'eve' } @{ status_now('?active')->{pools} }), 'unless active ones are asked for');

# ---- metrics

$response = ask('/metrics');
status_is($response, 200, 'metrics');
like($response->field('content-type') // '', qr{\Aapplication/openmetrics-text; version=1\.0\.0}, 'as OpenMetrics');
my $metrics = read_metrics($response->{body});
is(join("\n", @{ $metrics->{errors} }), '', 'valid to the letter');
my $labels = qq({pool="bob",user="$bob->{name}");
is($metrics->{samples}{"peruserd_pool_requests_total$labels}"}, 5, 'a counter');
is($metrics->{samples}{"peruserd_pool_processors$labels,state=\"busy\"}"}, 0, 'processors by state');
is($metrics->{samples}{'peruserd_pool_failed{pool="ghost",user="no-such-user-here"}'}, 1, 'a failed pool');
is($metrics->{families}{peruserd_pool_cpu_seconds}{unit}, 'seconds', 'a unit');
my (undef, $text) = $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'status', '--openmetrics');
my $by_ctl = read_metrics($text);
is(join("\n", @{ $by_ctl->{errors} }), '', "peruserctl's are valid too");
is(join(' ', sort keys %{ $by_ctl->{families} }), join(' ', sort keys %{ $metrics->{families} }), 'and the same');

# ---- every processor is busy, the queue is full, and URLs are hostile

my $evil = q[/cgi-bin/gate.pl?<script>alert(1)</script>"'><img+src=x+onerror=alert(2)>];
my @clients = map { my $c = $t->client('shared'); $c->send("GET $evil HTTP/1.1\r\nHost: bob.test\r\n\r\n"); $c } 1 .. 2;
ok(wait_for(20, sub { (() = glob "$bob->{home}/runs.*") == 2 }), 'all processors of a pool are busy');
push @clients, map { my $c = $t->client('shared'); $c->send("GET /cgi-bin/gate.pl HTTP/1.1\r\nHost: bob.test\r\n\r\n"); $c } 1 .. 2;
sub bob_now
{
	$status = status_now();
	return (grep { $_->{name} eq 'bob' } @{ $status->{pools} || [] })[0] || {};
}
ok(wait_for(10, sub { my $it = bob_now(); $it->{busy} == 2 && $it->{queued} == 2 }), 'and others wait: the status is answered all the same');
my ($running) = grep { $_->{state} eq 'busy' } @{ $status->{processors} };
is("$running->{method} $running->{vhost}", 'GET bob.test', 'it says what runs');
is($running->{url}, $evil, 'the URL as it came');
is($running->{user}, $bob->{name}, 'as whom');
ok(wait_for(10, sub { ($running) = grep { $_->{state} eq 'busy' } @{ status_now()->{processors} }; $running && $running->{age_ms} > 300 }), 'and its age grows');
cmp_ok(bob_now()->{longest_ms}, '>', 300, 'the longest request is told');
cmp_ok(bob_now()->{queue_oldest_ms}, '>', 200, 'and how long the first of those that wait has waited');
ok(wait_for(10, sub { ($running) = grep { $_->{state} eq 'busy' } @{ status_now()->{processors} }; $running->{memory_bytes} && $running->{rss_bytes} >= $running->{memory_bytes} }), 'and its memory');
cmp_ok($running->{uptime_ms}, '>', 0, 'and since when it is there');
is(join("\n", @{ read_metrics(ask('/metrics')->{body})->{errors} }), '', 'metrics are valid then too');

# ---- the page

$response = ask('/status');
status_is($response, 200, 'the page');
like($response->field('content-type') // '', qr{\Atext/html; charset=utf-8\z}, 'is HTML');
my $policy = $response->field('content-security-policy') // '';
my ($nonce) = $policy =~ /script-src 'nonce-([0-9a-f]{32})'/;
ok($nonce, 'its policy lets its own script run by a nonce');
like($policy, qr/\Adefault-src 'none';/, 'and nothing else');
$nonce //= 'none';
is(scalar(() = $response->{body} =~ /nonce="$nonce"/g), 2, 'script and style have it');
isnt(($response->field('content-security-policy') // ''), (ask('/status')->field('content-security-policy') // ''), 'which is new each time');
unlike($response->{body}, qr{(?:src|href)="(?:https?:)?//|url\(|\@import|innerHTML|document\.write|insertAdjacentHTML}, 'it loads nothing from elsewhere and makes no markup of data');

SKIP: {
	my ($chromium) = grep { -x } '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome';
	skip 'needs chromium (Debian: chromium) for what a browser makes of the page', 8 if !$chromium;
	my $profile = "$t->{dir}/chromium";
	own_folder($profile);
	my @browser = ('/usr/bin/timeout', 120, $chromium, qw(--headless --no-sandbox --disable-gpu --hide-scrollbars
		--disable-dev-shm-usage --no-first-run --disable-background-networking), '--window-size=1280,1000',
		"--user-data-dir=$profile", '--virtual-time-budget=4000');
	local $ENV{HOME} = $profile;
	my ($exit, $dom) = run_quietly(@browser, '--dump-dom', "http://127.0.0.1:$port/status");
	is($exit, 0, 'a browser shows the page') or diag($dom);
	like($dom, qr{<tr data-pool="bob">}, 'with its pools');
	like($dom, qr{<i class="busy" style="width: 100%;">}, 'a bar that is full');
	like($dom, qr{no-such-user-here}, 'why one failed');
	like($dom, qr{&lt;script&gt;alert\(1\)&lt;/script&gt;}, 'a URL as text');
	unlike($dom, qr{<script>alert|<img src=x}, 'and never as markup');
	my $picture = $ENV{PERUSERD_SCREENSHOT} // "$t->{dir}/status.png";
	($exit) = run_quietly(@browser, "--screenshot=$picture", "http://127.0.0.1:$port/status");
	is($exit, 0, 'it makes a picture of it');
	ok(-s $picture && slurp($picture) =~ /\A\x89PNG/, 'which is one');
}
put_file("$bob->{home}/open", '');
$_->response for @clients;
ok(wait_for(10, sub { my $it = bob_now(); defined $it->{busy} && !$it->{busy} && !$it->{queued} }), 'when all is done nobody is busy');

# ---- crashes, and what was used

$t->cgi($bob, 'work.pl', 'my $x = 0; my $end = (times)[0] + 0.3; $x++ while (times)[0] < $end; print "Content-Type: text/plain\n\n$x\n";');
my $used = bob_now()->{cpu_ms};
$t->get('shared', 'bob.test', '/cgi-bin/work.pl');
ok(wait_for(10, sub { bob_now()->{cpu_ms} >= $used + 200 }), 'processor time is that of all it started');
my ($one) = $t->processors($bob);
kill 'SEGV', $one;
ok(wait_for(10, sub { (bob_now()->{crashes} // 0) == 1 }), 'a crash is counted');
$used = bob_now()->{cpu_ms};
kill 'KILL', $t->zygote($bob);
ok(wait_for(20, sub { $t->get('shared', 'bob.test', '/hello.txt')->{status} == 200 && bob_now()->{restarts} == 1 }), 'so is a restart');
cmp_ok(bob_now()->{cpu_ms}, '>=', $used, 'and what its former processes used is not forgotten');

# ---- who may ask, and for what

for my $row (
	[ 'GET', '/', "127.0.0.1:$port", 200, 'an address' ], [ 'GET', '/health', 'localhost', 200, 'localhost' ],
	[ 'GET', '/health', "[::1]:$port", 200, 'an IPv6 address' ], [ 'GET', '/health', 'OPS.example:80', 200, 'a name that is configured' ],
	[ 'GET', '/status.json', 'evil.example', 421, 'a name that a stranger points here' ], [ 'GET', '/metrics', '127.0.0.1.evil.example', 421, 'one that looks like an address' ],
	[ 'HEAD', '/metrics', 'localhost', 200, 'HEAD' ], [ 'POST', '/status.json', 'localhost', 405, 'another method' ],
	[ 'GET', '/nothing', 'localhost', 404, 'another path' ], [ 'GET', '/../etc/passwd', 'localhost', 404, 'a file' ],
	[ 'GET', '/hello.txt', 'bob.test', 421, 'a page of a site' ], [ 'GET', '/metrics?name=x', 'localhost', 200, 'a query' ],
) {
	my ($method, $path, $host, $wanted, $name) = @$row;
	status_is(ask($path, method => $method, host => $host), $wanted, "$name: $method $path from $host");
}
my $client = $t->client('status');
$client->send("POST /status.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
status_is($client->response, 413, 'a body is refused');
$client = $t->client('status');
$client->send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
status_is($client->response, 200, "request $_ of a kept connection") for 1 .. 3;
like(ask('/health')->{body}, qr/\Aok\npools failed: 1 of 3\n\z/, 'health in short');
status_is($t->get('shared', "127.0.0.1:$port", '/status.json'), 421, 'the other listeners have none of it');

# ---- a manager that is silent

kill 'STOP', $t->{pid};
select undef, undef, undef, 0.3;
my $late = ask('/status.json', timeout => 15);
kill 'CONT', $t->{pid};
status_is($late, 200, 'while the manager is stopped its last word is told');
cmp_ok(eval { JSON::PP::decode_json($late->{body})->{said_ms} } // 0, '>=', 1000, 'with its age');

# ---- what -t says

for my $row (
	[ { address => '0.0.0.0:9180', protocol => 'status' }, qr/allow_remote/, 'an address that all reach' ],
	[ { address => '127.0.0.1:9180', allow_remote => \1 }, qr/allow_remote is for protocol = "status"/, 'a key of another protocol' ],
	[ { address => '0.0.0.0:9180', protocol => 'status', allow_remote => \1 }, undef, 'the same, allowed' ],
	[ { address => "unix:$t->{dir}/run/status.sock", protocol => 'status' }, undef, 'a unix socket' ],
) {
	my ($listen, $pattern, $name) = @$row;
	my $config = slurp($t->{config});
	$t->{listen} = [$listen];
	$t->{config} = "$t->{dir}/try.cfg";
	$t->write_config;
	my ($exit, $said) = $t->program('peruserd', '-c', "$t->{dir}/try.cfg", '-t');
	$pattern ? like($said, $pattern, "-t: $name") : unlike($said, qr/status|allow_remote/, "-t: $name");
	$t->{config} = "$t->{dir}/peruserd.cfg";
}
$t->finish;
