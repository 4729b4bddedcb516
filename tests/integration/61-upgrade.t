# Binary upgrade: twenty under load without a lost request; the process, its
# pools and listeners stay; a binary that can't take over changes nothing.
use strict;
use warnings;
use Peruserd::Test;
use Socket qw(PF_UNIX SOCK_DGRAM MSG_DONTWAIT pack_sockaddr_un);
use Time::HiRes qw(sleep);

no warnings 'portable';         # capability sets have 64 bits

my $t = Peruserd::Test->new(seconds => 600);
my $times = $t->{sanitized} ? 5 : 20;
# Private connections keep their processors: enough for all, so that none is asked to let go.
my $alice = $t->site('alice', pool => { max_processors => 24, min_spare_processors => 18 });
my $bob = $t->site('bob', pool => { max_processors => 24, min_spare_processors => 18 });
my $calm = $t->site('calm');
for my $site ($alice, $bob, $calm) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	$t->cgi($site, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid;');
}
$t->cgi($alice, 'echo.pl', 'local $/; my $body = <STDIN>; print "Content-Type: text/plain\n\n", length $body;');
$t->cgi($alice, 'gate.pl', <<"PERL");
open my \$mark, '>', "$alice->{home}/ran" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$alice->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
$t->{vhosts}[0]{access_log} = "$t->{dir}/log/alice.log";
$t->own_binary;
my $original = $t->binary_bytes;
my ($version) = ($t->program('peruserd', '-V'))[1] =~ /^peruserd (\S+)/;

# A service manager listens.
socket my $notify, PF_UNIX, SOCK_DGRAM, 0;
bind $notify, pack_sockaddr_un("$t->{dir}/run/notify");
$ENV{NOTIFY_SOCKET} = "$t->{dir}/run/notify";
$t->start;
delete $ENV{NOTIFY_SOCKET};

my $told = '';
sub told { while (defined recv $notify, my $more, 4096, MSG_DONTWAIT) { $told .= "$more\n" } return $told }

sub ctl
{
	return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_);
}

sub upgrade
{
	my ($name) = @_;
	my ($status, $text) = ctl('upgrade');
	return $status == 0 ? pass($name) : (fail($name), diag($text));
}

# The same program under another version: of the same length, so that nothing moves.
sub version_of
{
	my ($turn) = @_;
	return substr("9.$turn.0000000", 0, length $version);
}

sub with_version
{
	my ($other) = @_;
	(my $bytes = $original) =~ s/(\0|peruserd )\Q$version\E(?=[\0\n])/$1$other/g;
	return $bytes;
}

sub zygotes
{
	my ($site) = @_;
	return join ' ', sort grep { (process_field($_, 'Uid') // '') =~ /\A$site->{uid}\s/ } process_children($t->{pid});
}

sub capabilities { return join ' ', map { process_field($t->{pid}, $_) } qw(CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs) }

sub descriptors { my %all = map { $_ => readlink } glob "/proc/$t->{pid}/fd/*"; return \%all }

# ---- one

body_is($t->get('shared', "$_.test", '/hello.txt'), "hello\n", "$_ is warm") for qw(alice bob calm);
my $before = $t->status;
my $zygote = zygotes($calm);
# There may be more of them a moment later.
my @processors = map { $_->{pid} } grep { $_->{pool} eq 'calm' && $_->{pid} } @{ $before->{processors} };
cmp_ok(scalar @processors, '>', 0, 'a pool has processors');
my @multiplexers = $t->multiplexers;
my $capabilities = capabilities();
my $pid_file = slurp($t->{settings}{pid_file});
is($before->{upgrades}, 0, 'status says that it was never upgraded');
is($before->{version}, $version, 'and its version');
told();
$told = '';
$t->replace_binary(with_version(version_of(1)));
upgrade('another binary takes over');
my $after = $t->status;
is($after->{version}, version_of(1), 'status tells the new version');
is($after->{upgrades}, 1, 'that it was upgraded');
cmp_ok($after->{upgraded_ms}, '<', 30000, 'and when');
like((ctl('status'))[1], qr/^upgraded \S+ ago, 1 time since the start$/m, 'so does its text');
is($after->{pid}, $before->{pid}, 'it is the same process');
is(slurp($t->{settings}{pid_file}), $pid_file, 'the pid file tells it');
cmp_ok($after->{uptime_ms}, '>', $before->{uptime_ms}, 'its time goes on');
is(readlink "/proc/$t->{pid}/exe", $t->{binary}, 'it runs the file that lies there now');
is(slurp("/proc/$t->{pid}/comm"), "peruserd\n", 'under its name');
is(zygotes($calm), $zygote, 'the pool has the zygote that it had');
my %kept_pids = map { $_->{pid} => 1 } grep { $_->{pool} eq 'calm' } @{ $after->{processors} };
is(join(' ', grep { !$kept_pids{$_} } @processors), '', 'and its processors');
is(capabilities(), $capabilities, 'its capabilities are those that it had');
ok(wait_for(30, sub { my @now = $t->multiplexers; @now == @multiplexers && !grep { my $m = $_; grep { $_ == $m } @multiplexers } @now }),
    'the multiplexers are new, and the former ones have gone');
ok(wait_for(10, sub { told() =~ /RELOADING=1.*^READY=1$/ms }), 'the service manager is told of a reload that ends') or diag($told);
unlike($told, qr/MAINPID=(?!$t->{pid}$)/m, 'and of no other process');
body_is($t->get('shared', 'calm.test', '/hello.txt'), "hello\n", 'requests are answered');
ok(!grep({ /deleted/ && /state|said/ } values %{ descriptors() }), 'nothing of the change is left open');

# ---- those that can't

sub refused
{
	my ($what, $pattern) = @_;
	my $at = length $t->log;
	my ($status, $text) = ctl('upgrade');
	is($status, 1, "$what is refused");
	like($text, $pattern, 'and why');
	like(substr($t->log, $at), $pattern, 'in the log too');
	is($t->status->{version}, version_of(1), 'the running one goes on');
	body_is($t->get('shared', 'alice.test', '/hello.txt'), "hello\n", 'and serves');
	return;
}

my $upgrades = sub { return $t->status->{upgrades} };
my @now = $t->multiplexers;
$t->replace_binary(slurp('/bin/false'));
refused('/bin/false', qr/exited with status 1/);
$t->replace_binary(slurp('/bin/true'));
refused('/bin/true', qr/did not say that it can take over/);
$t->replace_binary("#!/bin/sh\necho 'not today'\nexit 3\n");
refused('a script that will not', qr/not today.*exited with status 3/s);
$t->replace_binary("no program at all\n");
refused('what is no program', qr/can't be executed/);
unlink $t->{binary};
refused('nothing', qr/open \Q$t->{binary}\E/);
(my $bytes = $original) =~ s/PERUSERD-STATE-\d/PERUSERD-STATE-x/;
$t->replace_binary($bytes);
refused('another version of the state', qr/the state is of version "PERUSERD-STATE-\d".*restart/);
$t->replace_binary("#!/bin/sh\nexec sleep 1000\n");
put_file("$t->{dir}/good.cfg", slurp($t->{config}));
{
	local $t->{settings}{start_timeout} = 2;
	$t->write_config;
	is((ctl('reload'))[0], 0, 'a shorter patience');
	refused('one that hangs', qr/did not say within start_timeout/);
}
$t->replace_binary(with_version(version_of(2)));
put_file($t->{config}, slurp("$t->{dir}/good.cfg") . "\nno_such_setting = 1;\n");
refused('a configuration with a mistake', qr/\Q$t->{config}\E:\d+: error: .*no_such_setting/);
put_file($t->{config}, slurp("$t->{dir}/good.cfg"));
is((ctl('reload'))[0], 0, 'back to the former patience');
is($upgrades->(), 1, 'none of these took over');
is(join(' ', sort +$t->multiplexers), join(' ', sort @now), 'the multiplexers are those that they were');
is(zygotes($calm), $zygote, 'so is the zygote');

# ---- one whose multiplexers do not start: the former ones go on

unlink "$t->{dir}/sbin/$_" for qw(.libs peruser-multiplexer);
symlink '/bin/false', "$t->{dir}/sbin/peruser-multiplexer" or die "symlink: $!\n";
my ($failed_status, $failed_text) = ctl('upgrade');
is($failed_status, 1, 'multiplexers that do not start are an error');
like($failed_text, qr/this binary manages, but the former one's multiplexers go on/, 'which says what serves');
is(join(' ', sort +$t->multiplexers), join(' ', sort @now), 'the former multiplexers');
body_is($t->get('shared', 'alice.test', '/hello.txt'), "hello\n", 'that do');
unlink "$t->{dir}/sbin/peruser-multiplexer";
symlink "$t->{build}/$_", "$t->{dir}/sbin/$_" for qw(.libs peruser-multiplexer);
$t->replace_binary(with_version(version_of(3)));
upgrade('the next one');
$t->replace_binary(with_version(version_of(2)));
ok(wait_for(30, sub { !grep { process_alive($_) } @now }), 'has multiplexers of its own');

# ---- by signal, and a reload that comes meanwhile

my $tried = () = $t->log =~ /is tried, to take over/g;
kill 'USR2', $t->{pid};
ok(wait_for(10, sub { (() = $t->log =~ /is tried, to take over/g) > $tried }), 'USR2 begins');
kill 'HUP', $t->{pid};
ok(wait_for(30, sub { $t->status && $t->status->{version} eq version_of(2) }), 'and upgrades');
$t->log_says(qr/\Qperuserd ${\version_of(2)} has taken over\E.*reading the configuration/s, 'and the reload follows');
ok(wait_for(30, sub { told() =~ /READY=1\n.*configuration \d+\n\z/s }), 'which ends');

# ---- a request that runs, an upload, a kept connection

each_kind(sub {
	my ($kind) = @_;
	unlink "$alice->{home}/ran", "$alice->{home}/open";
	my $runs = $t->client($kind);
	$runs->send("GET /cgi-bin/gate.pl?runs HTTP/1.1\r\nHost: alice.test\r\nConnection: close\r\n\r\n");
	ok(wait_for(10, sub { -e "$alice->{home}/ran" }), "a request runs ($kind)");
	my $sends = $t->client($kind);
	my $half = 'x' x 300_000;
	$sends->send("POST /cgi-bin/echo.pl HTTP/1.1\r\nHost: alice.test\r\nContent-Length: 600000\r\nConnection: close\r\n\r\n$half");
	my $idle = $t->client($kind);
	$idle->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	body_is($idle->response, "hello\n", "a connection is kept ($kind)");
	upgrade("an upgrade meanwhile ($kind)");
	body_is($t->get($kind, 'alice.test', '/hello.txt'), "hello\n", "the new multiplexers serve ($kind)");
	$sends->send($half);
	body_is($sends->response, '600000', "the upload is served whole ($kind)");
	upgrade("another upgrade, while the request still runs ($kind)");
	put_file("$alice->{home}/open", '');
	body_is($runs->response, 'runs', "which then is answered ($kind)");
	ok(wait_for(30, sub { $t->multiplexers == @multiplexers }), "and the former multiplexers go ($kind)");
});
is(zygotes($calm), $zygote, 'the zygote is still the first one');

# ---- an end that comes later is still seen

kill 'KILL', $zygote;
ok(wait_for(20, sub { !process_alive($zygote) }), 'a zygote that is killed is buried');
body_is($t->get('shared', 'calm.test', '/hello.txt'), "hello\n", 'and another one takes its place');
my $expires = $t->pool_status('calm')->{restarts};
cmp_ok($expires, '>=', 1, 'which is counted');

# ---- what the former binary's processors say is not understood

($bytes = with_version(version_of(3))) =~ s/PERUSERD-PROCESSORS-\d/PERUSERD-PROCESSORS-y/;
$t->replace_binary($bytes);
my %former = map { $_->{name} => zygotes($_) } $alice, $bob, $calm;
my $load = $t->load;
upgrade('a binary whose processors speak otherwise');
none_lost($load, 'pools that begin anew', 1);
ok(wait_for(60, sub { !grep { process_alive($_) } map { split ' ' } values %former }), 'the former zygotes have gone');
isnt(zygotes($alice), '', 'there are others');
body_is($t->get('shared', 'alice.test', '/hello.txt'), "hello\n", 'that serve');

# ---- under load

my %kept = map { $_->{name} => zygotes($_) } $alice, $bob;
my $count = $upgrades->();
my $others = '-y';
$load = $t->load;
my $failed = 0;
for my $turn (1 .. $times) {
	(my $next = with_version(version_of($turn % 10))) =~ s/PERUSERD-PROCESSORS-\d/PERUSERD-PROCESSORS$others/;
	$t->replace_binary($next);
	my ($status, $text) = ctl('upgrade');
	# Numbers are free again when former multiplexers have gone.
	while ($status && $text =~ /no numbers left/) {
		sleep 0.05;
		($status, $text) = ctl('upgrade');
	}
	$failed++, diag($text) if $status;
}
is($failed, 0, "$times binaries take over");
none_lost($load, "$times upgrades at 32 connections");
is($upgrades->(), $count + $times, 'status counted them');
is($t->status->{pid}, $before->{pid}, 'in the same process');
is(zygotes($_), $kept{ $_->{name} }, "$_->{name} has the zygote that it had") for $alice, $bob;

# ---- what can be done after it

my $descriptors = keys %{ descriptors() };
$t->{vhosts}[0]{aliases} = [ 'www.alice.test' ];
$t->write_config;
is((ctl('reload'))[0], 0, 'a reload after that');
body_is($t->get('shared', 'www.alice.test', '/hello.txt'), "hello\n", 'is in force');
is((ctl('drain', 'calm'))[0], 0, 'a pool is drained');
status_is($t->get('shared', 'calm.test', '/hello.txt'), 503, 'and refuses');
upgrade('an upgrade with a drained pool');
status_is($t->get('shared', 'calm.test', '/hello.txt'), 503, 'which stays drained');
is((ctl('resume', 'calm'))[0], 0, 'and is resumed');
body_is($t->get('shared', 'calm.test', '/hello.txt'), "hello\n", 'to serve again');
is((ctl('restart', 'bob'))[0], 0, 'a pool is restarted');
ok(wait_for(20, sub { my $now = zygotes($bob); $now ne $kept{$bob->{name}} && $now !~ / / }), 'and has a new zygote');
rename "$t->{dir}/log/alice.log", "$t->{dir}/log/alice.log.1";
is((ctl('reopen-logs'))[0], 0, 'log files are opened anew');
$t->get('shared', 'alice.test', '/hello.txt');
ok(wait_for(10, sub { -s "$t->{dir}/log/alice.log" }), 'and written');
ok(wait_for(30, sub { keys %{ descriptors() } <= $descriptors + 8 }), 'no descriptor was left behind')
    or diag(explain(descriptors()));

$t->finish;
