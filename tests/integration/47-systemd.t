# The unit of conf/systemd, by a real systemd: checked by systemd-analyze, then started,
# reloaded, restarted, found stuck and stopped, with sockets that systemd opens; and
# what its hardening leaves sites and the manager to do.
use strict;
use warnings;
use IO::Socket::IP;
use Peruserd::Systemd;
use Peruserd::Test;

my $t = Peruserd::Test->new;
plan(skip_all => "there is no systemd-analyze (Debian: systemd)") if !-x '/usr/bin/systemd-analyze';
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
put_file("$bob->{root}/page.php", '<?php echo preg_replace("/a+/", "b", "caaac"), getmypid() > 0 ? 1 : 0;', 0644, $bob);
$t->allow_perl($bob);

# The units as they are made, with the programs of this build.
my $ctl = "$t->{build}/peruserctl -s $t->{settings}{control}{socket}";
my $unit = slurp("$t->{build}/conf/systemd/peruserd.service");
is(scalar($unit =~ s{^ExecStart=\S+/sbin/peruserd -f$}{ExecStart=$t->{build}/peruserd -f -c $t->{config}}m), 1, 'the unit starts the manager');
is(scalar($unit =~ s{^ExecReload=\S+/bin/peruserctl reload$}{ExecReload=$ctl reload}m), 1, 'and reloads it by peruserctl');
unlike($unit, qr/\@\w+\@/, 'every folder is filled in');
(my $top = $INC{'Peruserd/Test.pm'}) =~ s{/tests/lib/Peruserd/Test\.pm\z}{};
my $socket = slurp("$top/conf/systemd/peruserd.socket");
is(scalar($socket =~ s{^ListenStream=80$}{ListenStream=127.0.0.1:$t->{ports}{shared}}m), 1, 'the socket unit is an example');

# ---- what systemd says of them

own_folder("$t->{dir}/analyze");
my $service_file = put_file("$t->{dir}/analyze/peruserd.service", $unit);
my $socket_file = put_file("$t->{dir}/analyze/peruserd.socket", $socket);
my ($status, $said) = run_quietly('/usr/bin/systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', $service_file, $socket_file);
is($status, 0, 'systemd-analyze verify accepts both units');
is($said, '', 'and has nothing to say');
($status, $said) = run_quietly('/usr/bin/systemd-analyze', 'security', '--offline=yes', '--no-pager', $service_file);
my ($exposure) = $said =~ /exposure level for peruserd\.service: ([0-9.]+)/;
diag("systemd-analyze security: exposure $exposure of 10");
cmp_ok($exposure, '<=', 5, 'its exposure is what the unit says and no more') or diag($said);

# ---- systemd itself

my ($systemd, $why) = Peruserd::Systemd->new("$t->{dir}/units");
if (!$systemd) {
	diag("no more is tried: $why");
	$t->finish;
	exit 0;
}
push @{ $t->{at_end} }, sub { $systemd->end };
my $environment = join '', map { "Environment=$_\n" } $t->environment;
$unit =~ s/^\[Service\]\n/[Service]\n${environment}StandardError=append:$t->{stderr}\n/m;
# What this nested systemd has no units of.
$unit =~ s/^(?:Wants|After)=.*\n//mg;
$systemd->unit('peruserd.service', $unit);
$t->write_config;

sub started { my ($status, $said) = $systemd->ctl(@_); is($status, 0, "systemctl @_") or diag($said, $t->log); return }
sub shows { my ($name, $value, $what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($systemd->property('peruserd.service', $name), $value, $what) }
sub page { return $t->get('shared', 'bob.test', '/hello.txt') }
# The manager as we see it: a child of that systemd.
sub manager { return (grep { process_title($_) =~ m{\A\Q$t->{build}\E/peruserd } } process_children($systemd->{init}))[0] }

started('start', 'peruserd.service');
shows('ActiveState', 'active', 'it is active when systemctl returns');
body_is(page(), "hello\n", 'and serves');
like($systemd->property('peruserd.service', 'StatusText'), qr/\A1 pools, 1 vhosts, configuration 1\z/, 'systemd shows what it says');
body_is($t->get('shared', 'bob.test', '/page.php'), 'cbc1', 'PHP runs, its machine code too') if Peruserd::Test::php_built($t->{build});

# ---- what sites can do and can't

sub as_bob { my ($code) = @_; return $t->perl('shared', $bob, $code)->{body} }

is(as_bob('print $<'), $bob->{uid}, 'a site runs as its user');
ok($t->pool_status('bob')->{namespaces}, 'in namespaces of its own');
like(as_bob('print qx(unshare --user true 2>&1), $?'), qr/not permitted.*256\z/s, 'it can make no user namespace');
like(as_bob('socket(my $s, 38, 5, 0) ? print "made" : print $!'), qr/not supported/, 'no socket of a family that nobody needs (AF_ALG)');
like(as_bob('open(my $f, ">", "/usr/peruserd-test") ? print "made" : print $!'), qr/Read-only/, 'nor write to /usr');
is(as_bob('print qx(ls /dev/null /dev/urandom /dev/sda /dev/kmsg /dev/vda 2>/dev/null)'), "/dev/null\n/dev/urandom\n", 'it sees no device of the machine');
is(as_bob('my $made = "$ENV{DOCUMENT_ROOT}/made"; mkdir $made; chmod 02775, $made; print -g $made ? "setgid" : "plain"'), 'setgid', 'it can make folders with the setgid bit');
is(as_bob('open my $f, ">", "/tmp/peruserd-test-$$" or print $!; print -e "/tmp/peruserd-test-$$" ? "there" : "not"; unlink "/tmp/peruserd-test-$$"'), 'there', 'and write to /tmp');
ok(wait_for(10, sub { ($t->pool_status('bob') // {})->{memory_bytes} }), 'the manager sees what its processors use');

# ---- reload

started('reload', 'peruserd.service');
like($systemd->property('peruserd.service', 'StatusText'), qr/configuration 2\z/, 'the next configuration is in force when systemctl returns');
my $good = slurp($t->{config});
put_file($t->{config}, "no_such_key = 1;\n$good");
($status, $said) = $systemd->ctl('reload', 'peruserd.service');
isnt($status, 0, 'systemctl reload fails where the configuration is refused');
$t->log_says(qr/unknown setting no_such_key/, 'the log says why');
ok(wait_for(10, sub { $systemd->property('peruserd.service', 'StatusText') =~ /refused/ }), 'so does systemctl status');
shows('ActiveState', 'active', 'it goes on');
body_is(page(), "hello\n", 'with the former one');
put_file($t->{config}, $good);

# ---- a manager that is stuck

started('stop', 'peruserd.service');
shows('Result', 'success', 'it stops well');
is(join("\n", $t->left_behind), '', 'and leaves nothing behind');
$systemd->unit('peruserd.service.d/watchdog.conf', "[Service]\nWatchdogSec=2\n");
started('daemon-reload');
started('start', 'peruserd.service');
my $stuck = manager();
kill 'STOP', $stuck;
ok(wait_for(30, sub { my $now = manager(); $now && $now != $stuck && page()->{status} }), 'a manager that is stuck is replaced');
body_is(page(), "hello\n", 'by one that serves');
shows('NRestarts', '1', 'which systemd counts');

# ---- sockets that systemd opens

started('stop', 'peruserd.service');
$systemd->unit('peruserd.socket', $socket);
started('daemon-reload');
started('start', 'peruserd.socket');
shows('ActiveState', 'inactive', 'it does not run');
body_is(page(), "hello\n", 'the first visitor starts it, and is answered');
shows('ActiveState', 'active', 'now it runs');
$t->log_says(qr/127\.0\.0\.1:$t->{ports}{shared} was passed by the service manager as peruserd\.socket/, 'with the socket that it was passed');
body_is($t->get('private', 'bob.test', '/hello.txt'), "hello\n", 'beside one that it bound itself');

my $answered = 0;
for my $round (1 .. 3) {
	my ($status) = $systemd->ctl('restart', '--no-block', 'peruserd.service');
	$answered += page()->{body} eq "hello\n" for 1 .. 20;
	wait_for(30, sub { $systemd->property('peruserd.service', 'ActiveState') eq 'active' });
}
is($answered, 60, 'nobody is refused while it restarts, three times: 60 of 60 are answered');
started('stop', 'peruserd.socket', 'peruserd.service');
shows('Result', 'success', 'it stops well');
is(join("\n", $t->left_behind), '', 'and leaves nothing behind');
$systemd->end;
ok(!-e $systemd->{cgroup}, 'nor does systemd');
$t->finish;
