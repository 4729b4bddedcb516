# peruserctl status: what runs, in text and as JSON.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob', pool => { max_processors => 3, min_spare_processors => 1 });
my $eve = $t->site('eve');
$t->pool('ghost', user => 'no-such-user-here');
$t->vhost('ghost.test', processor => 'ghost', document_root => '/var/empty');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'gate.pl', <<"PERL");
open my \$mark, '>', "$bob->{home}/runs"; close \$mark;
select undef, undef, undef, 0.01 until -e "$bob->{home}/open";
print "Content-Type: text/plain\\n\\nopen";
PERL
$t->start;
my @socket = ('-s', $t->{settings}{control}{socket});

$t->get('shared', 'bob.test', '/hello.txt') for 1 .. 5;
my $status = $t->status;
ok($status, 'status --json is JSON');
is($status->{pid}, $t->{pid}, "it tells the manager's pid");
like($status->{version}, qr/\A\d+\.\d+/, 'the version');
is($status->{phase}, 'running', 'that it runs');
cmp_ok($status->{uptime_ms}, '>', 0, 'since when');
is(join(' ', sort map { $_->{pid} } @{ $status->{multiplexers} }), join(' ', sort $t->multiplexers), 'its multiplexers');
ok(!grep({ !$_->{ready} } @{ $status->{multiplexers} }), 'that they are ready');
my $sum = 0;
$sum += $_->{requests} for @{ $status->{multiplexers} };
is($sum, 5, 'how many requests they served');
my %pool = map { $_->{name} => $_ } @{ $status->{pools} };
is(join(' ', sort keys %pool), 'bob eve ghost', 'its pools');
is($pool{bob}{state}, 'ready', 'a pool that runs is ready');
is($pool{bob}{user}, $bob->{name}, 'with its user');
is($pool{bob}{zygote}, $t->zygote($bob), "and its zygote's pid");
is($pool{bob}{requests}, 5, 'and its requests');
is($pool{bob}{max}, 3, 'and its bound');
is($pool{eve}{state}, 'cold', 'a pool that nobody asked for is cold');
is($pool{eve}{zygote}, undef, 'without a process');
is($pool{ghost}{state}, 'failed', 'a pool that can not run is failed');
like($pool{ghost}{reason} // '', qr/no-such-user-here/, 'and says why');

my %seen = map { $_->{pid} => $_ } grep { $_->{pool} eq 'bob' } @{ $status->{processors} };
is(join(' ', sort keys %seen), join(' ', sort $t->processors($bob)), 'the processors are those that run');
is(join(' ', sort { $a cmp $b } map { $_->{state} } values %seen), join(' ', ('idle') x keys %seen), 'idle ones are idle');

my $client = $t->client('shared');
$client->send("GET /cgi-bin/gate.pl?a%1b[2J\"<b>\\ HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n");
if ($client->response('GET', 0.5)->{status} == 400) {
	$client = $t->client('shared');
	$client->send("GET /cgi-bin/gate.pl?a%1b[2J<b> HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n");
}
ok(wait_for(10, sub { -e "$bob->{home}/runs" }), 'a request runs');
my ($busy) = grep { $_->{state} eq 'busy' } @{ $t->status->{processors} };
ok($busy, 'its processor is busy');
is(join(' ', @$busy{qw(method vhost)}), 'GET bob.test', 'with what it runs');
like($busy->{url} // '', qr{\A/cgi-bin/gate\.pl\?a%1b}, 'its URL too');
is($busy->{user}, $bob->{name}, 'as whom');
like($busy->{age_ms} // '', qr/\A\d+\z/, 'and for how long');
my @queue = map { my $c = $t->client('shared'); $c->send("GET /cgi-bin/gate.pl?$_ HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n"); $c } 1 .. 4;
ok(wait_for(10, sub { ($t->pool_status('bob') // {})->{queued} == 2 }), 'requests that wait are counted');
is($t->pool_status('bob')->{busy}, 3, 'so are busy processors');

my ($exit, $text) = $t->program('peruserctl', @socket, 'status');
is($exit, 0, 'status as text works');
like($text, qr/\bbob\b.*\b$bob->{name}|\bbob\b/, 'and names the pool');
like($text, qr/failed/, 'and what failed');
like($text, qr{GET bob\.test/cgi-bin/gate}, 'and what runs');
is(scalar(grep { length > 80 } split /\n/, $text), 0, 'in 80 columns');
unlike($text, qr/[\x00-\x09\x0b-\x1f\x7f-\xff]/, 'without control characters of a stranger');
put_file("$bob->{home}/open", '');
$_->response for $client, @queue;
ok(wait_for(5, sub { ($t->pool_status('bob') // {})->{busy} == 0 }), 'when all is done nobody is busy');
is($t->pool_status('bob')->{queued}, 0, 'and nobody waits');

# ---- what it refuses

($exit, $text) = $t->program('peruserctl', '-s', "$t->{dir}/none.sock", 'status');
isnt($exit, 0, 'without a daemon it fails');
like($text, qr/none\.sock/, 'and says where it looked');
($exit, $text) = $t->program('peruserctl', @socket, 'no-such-command');
is($exit, 2, 'an unknown command is a usage error');
is((stat $t->{settings}{control}{socket})[2] & 0777, 0600, 'the control socket is for root');
my ($as_bob) = run_quietly('/bin/su', '-s', '/bin/sh', $bob->{name}, '-c', "$t->{build}/peruserctl @socket status");
isnt($as_bob, 0, 'another user is refused');

($exit, $text) = $t->program('peruserctl', @socket, 'stop');
is($exit, 0, 'peruserctl stop is obeyed') or diag($text);
ok(wait_for(15, sub { !$t->running }), 'and stops it');
is($t->{exit}, 0, 'well');
is(join("\n", $t->left_behind), '', 'with nothing left behind');
$t->{ended_on_purpose} = 1;
$t->finish;
