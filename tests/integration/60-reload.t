# Reload: a hundred under load without a lost request; what changes, and what stays.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new(seconds => 900);
my $times = $t->{sanitized} ? 20 : 100;
# Private connections keep their processors: enough for all, so that none is asked to let go.
my $alice = $t->site('alice', pool => { max_processors => 24, min_spare_processors => 18 });
my $bob = $t->site('bob', pool => { max_processors => 24, min_spare_processors => 18 });
my $calm = $t->site('calm');
for my $site ($alice, $bob, $calm) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	$t->cgi($site, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid;');
}
# Multiplexers of two accounts spool there.
chmod 01777, "$t->{dir}/spool";
$t->start;

sub ctl
{
	return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_);
}

sub reload
{
	my ($name, @pool) = @_;
	my ($status, $text) = ctl('reload', @pool);
	$t->{reloaded} = $text;
	return $status == 0 ? pass($name) : (fail($name), diag($text));
}

sub pool_entry { my ($name) = @_; return (grep { $_->{name} eq $name } @{ $t->{pools} })[0] }
sub vhost_entry { my ($name) = @_; return (grep { $_->{server_name} eq $name } @{ $t->{vhosts} })[0] }

sub changed
{
	my ($code) = @_;
	$code->();
	$t->write_config;
	return;
}

sub zygotes
{
	my ($site) = @_;
	return grep { (process_field($_, 'Uid') // '') =~ /\A$site->{uid}\s/ } process_children($t->{pid});
}

# ---- nothing has changed, nothing changes

body_is($t->get('shared', "$_.test", '/hello.txt'), "hello\n", "$_ is warm") for qw(alice calm);
my ($zygote) = zygotes($calm);
my @multiplexers = sort +$t->multiplexers;
reload('a reload of what is in force already');
like($t->{reloaded}, qr/0 pools changed, 0 new, 0 removed, 3 as they were/, 'finds nothing changed');
is(join(' ', zygotes($calm)), $zygote, 'the pool has the zygote that it had');
is(join(' ', sort +$t->multiplexers), "@multiplexers", 'the multiplexers are those that they were');

# ---- mistakes

put_file("$t->{dir}/good.cfg", slurp($t->{config}));
put_file($t->{config}, slurp($t->{config}) . "\nno_such_setting = 1;\n");
my ($status, $text) = ctl('reload');
is($status, 1, 'a configuration with a mistake is refused');
like($text, qr/^\Q$t->{config}\E:\d+: error: .*no_such_setting/m, 'with file, line and mistake');
like($text, qr/the former one goes on/, 'and says what goes on');
kill 'HUP', $t->{pid};
$t->log_says(qr/no_such_setting.*was not taken.*no_such_setting.*was not taken/s, 'HUP logs the same');
body_is($t->get('shared', 'alice.test', '/hello.txt'), "hello\n", 'all goes on');
put_file($t->{config}, '{{{');
is((ctl('reload'))[0], 1, 'what is no configuration at all is refused');
unlink $t->{config};
is((ctl('reload'))[0], 1, 'so is none');
put_file($t->{config}, slurp("$t->{dir}/good.cfg"));
is((ctl('reload', 'nobody'))[0], 1, 'no pool of that name');
my $pid_file = $t->{settings}{pid_file};
changed(sub { $t->{settings}{pid_file} = "$t->{dir}/run/other.pid" });
($status, $text) = ctl('reload');
is($status, 1, 'what can not change at run time is refused');
like($text, qr/pid_file.*restart/, 'and says so');
changed(sub { $t->{settings}{pid_file} = $pid_file });

# ---- one changed, one new, one removed

changed(sub {
	push @{ vhost_entry('alice.test')->{aliases} //= [] }, 'www.alice.test';
	pool_entry('bob')->{max_processors} = 20;
	vhost_entry('calm.test')->{keep_alive_timeout} = 3;
});
my $dave = $t->site('dave');
put_file("$dave->{root}/hello.txt", "dave\n", 0644, $dave);
$t->cgi($dave, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid;');
$t->write_config;
my ($old_alice) = zygotes($alice);
body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", 'bob is warm');
my ($old_bob) = zygotes($bob);
status_is($t->get('shared', 'www.alice.test', '/hello.txt'), 421, 'a name that is not configured yet');
reload('one changed, one new');
like($t->{reloaded}, qr/pool alice has changed/, 'it names the one that has changed');
like($t->{reloaded}, qr/pool dave is new/, 'and the new one');
body_is($t->get('shared', 'www.alice.test', '/hello.txt'), "hello\n", 'the new name is served');
body_is($t->get('shared', 'dave.test', '/hello.txt'), "dave\n", 'so is the new site');
isnt(join(' ', grep { $_ == $old_alice } zygotes($alice)), undef, 'the changed pool has begun anew');
ok(wait_for(20, sub { !process_alive($old_alice) }), 'its former zygote goes');
is(join(' ', zygotes($bob)), $old_bob, 'numbers that its processors need not know keep them');

changed(sub {
	@{ $t->{pools} } = grep { $_->{name} ne 'dave' } @{ $t->{pools} };
	@{ $t->{vhosts} } = grep { $_->{server_name} ne 'dave.test' } @{ $t->{vhosts} };
});
my ($daves) = zygotes($dave);
reload('it is removed again');
like($t->{reloaded}, qr/pool dave is removed/, 'and named');
status_is($t->get('shared', 'dave.test', '/hello.txt'), 421, 'its site is gone');
ok(wait_for(20, sub { !process_alive($daves) }), 'and its zygote');

changed(sub { pool_entry('calm')->{name} = 'quiet'; vhost_entry('calm.test')->{processor} = 'quiet' });
reload('a pool is renamed');
body_is($t->get('shared', 'calm.test', '/hello.txt'), "hello\n", 'its site is served');
ok(wait_for(20, sub { ($t->pool_status('quiet') // {})->{state} && !$t->pool_status('calm') }), 'under the new name alone');

changed(sub {
	pool_entry('alice')->{umask} = '0027';
	pool_entry('bob')->{umask} = '0027';
});
my ($alices) = zygotes($alice);
my ($bobs) = zygotes($bob);
reload('one pool alone', 'alice');
ok(wait_for(20, sub { my @now = zygotes($alice); @now == 1 && $now[0] != $alices }), 'it begins anew');
is(join(' ', zygotes($bob)), $bobs, 'the other one does not');
reload('then all');
ok(wait_for(20, sub { my @now = zygotes($bob); @now == 1 && $now[0] != $bobs }), 'and now it does');

# ---- a request that runs, one that waits, one whose body has not come whole

$t->cgi($alice, 'gate.pl', <<"PERL");
open my \$mark, '>', "$alice->{home}/ran" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$alice->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
each_kind(sub {
	my ($kind) = @_;
	unlink "$alice->{home}/ran", "$alice->{home}/open";
	my $runs = $t->client($kind);
	$runs->send("GET /cgi-bin/gate.pl?runs HTTP/1.1\r\nHost: alice.test\r\nConnection: close\r\n\r\n");
	ok(wait_for(10, sub { -e "$alice->{home}/ran" }), "a request runs ($kind)");
	my $sends = $t->client($kind);
	$sends->send("POST /cgi-bin/parent.pl HTTP/1.1\r\nHost: alice.test\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc");
	my $idle = $t->client($kind);
	$idle->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	body_is($idle->response, "hello\n", "a connection is kept ($kind)");
	my ($before) = zygotes($alice);
	changed(sub { pool_entry('alice')->{umask} = $kind eq 'shared' ? '0007' : '0022' });
	reload("a reload that changes its pool ($kind)");
	$sends->send('def');
	status_is($sends->response, 200, "a request whose body comes later is served by the new one ($kind)");
	$idle->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	body_is($idle->response, "hello\n", "the kept connection goes on ($kind)");
	ok(process_alive($before), "the former zygote waits for the one that runs ($kind)");
	put_file("$alice->{home}/open", '');
	body_is($runs->response, 'runs', "which finishes ($kind)");
	ok(wait_for(20, sub { !process_alive($before) }), "then it goes ($kind)");
});

# ---- listeners

my $other = port_free();
my $first = port_free();
changed(sub { push @{ $t->{listen} }, { address => "127.0.0.1:$other", protocol => 'http' } });
reload('an address is added');
my $client = Peruserd::Client->new(port => $other);
$client->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
body_is($client->response, "hello\n", 'and is served');
changed(sub { $t->{listen} = [ { address => "unix:$t->{dir}/run/front.sock" } ] });
reload('it is taken away, another one comes');
ok(-S "$t->{dir}/run/front.sock", 'a Unix socket this time');
ok(wait_for(10, sub { !$t->listening($other) }), 'nobody listens there any more');
$client->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
body_is($client->response, "hello\n", 'a connection that came by it goes on');
changed(sub { $t->{listen} = [ { address => "127.0.0.1:$t->{ports}{shared}0" } ] });
is((ctl('reload'))[0], 1, 'an impossible address is refused');
my $taken = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $first, Listen => 1) or die "listen: $@";
changed(sub { $t->{listen} = [ { address => "127.0.0.1:$first" } ] });
($status, $text) = ctl('reload');
is($status, 1, 'so is one that somebody else has');
like($text, qr/\Q$first\E/, 'by its name');
body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", 'all goes on');
changed(sub { $t->{listen} = [] });
reload('back to two addresses');
ok(!-e "$t->{dir}/run/front.sock", 'the Unix socket is gone');

# ---- under load

my $load = $t->load;
my $failed = 0;
for my $turn (1 .. $times) {
	# Each time one of the two changes, the other does not.
	changed(sub { pool_entry('alice')->{env} = [ "TURN=$turn" ] }) if $turn % 2;
	$failed++ if (ctl('reload'))[0] != 0;
}
is($failed, 0, "$times reloads are taken");
none_lost($load, "$times reloads at 32 connections");

# ---- other multiplexers

$load = $t->load;
@multiplexers = $t->multiplexers;
my $count = $t->{settings}{multiplexers}[0]{count} // 1;
changed(sub { $t->{settings}{multiplexers}[0]{count} = $count + 1 });
reload('one multiplexer more');
ok(wait_for(60, sub { my @now = $t->multiplexers; @now == $count + 1 && !grep { my $m = $_; grep { $_ == $m } @multiplexers } @now }),
    'they are new, and the former ones have gone');
my $account = $t->account('mux2');
changed(sub { $t->{settings}{multiplexers} = [ { user => $account->{name}, group => $account->{group}, count => $count } ] });
reload('another user for them');
ok(wait_for(60, sub { my @now = $t->multiplexers; @now == $count && !grep { (process_field($_, 'Uid') // '') !~ /\A$account->{uid}\s/ } @now }),
    'they run as that user');
none_lost($load, 'two generations of multiplexers');

# ---- log files opened anew

changed(sub { vhost_entry('alice.test')->{access_log} = "$t->{dir}/log/alice.log"; vhost_entry('bob.test')->{access_log} = "$t->{dir}/log/bob.log" });
reload('access logs are configured');
$load = $t->load;
my $rotations = $t->{sanitized} ? 5 : 20;
for my $turn (1 .. $rotations) {
	rename "$t->{dir}/log/$_.log", "$t->{dir}/log/$_.log.$turn" for qw(alice bob);
	kill 'USR1', $t->{pid} if $turn % 2;
	ctl('reopen-logs') if !($turn % 2);
	ok(wait_for(30, sub { -s "$t->{dir}/log/alice.log" }), "rotation $turn: the new file has lines");
}
my $counted = $load->stop;
is($counted->{lost}, 0, "$rotations rotations lose no request") or diag(explain($counted->{how}));
sub lines { my $lines = 0; for my $file (glob "$t->{dir}/log/{alice,bob}.log*") { $lines += () = slurp($file) =~ /\n/g } return $lines }
ok(wait_for(20, sub { lines() >= $counted->{answered} }), 'and no line') or diag(lines(), " lines of $counted->{answered}\n", grep { !/opened anew|configuration|pool (alice|bob)/ } map { "$_\n" } split /\n/, $t->log);
is(lines(), $counted->{answered}, 'each request has one');

$t->finish;
