# What the machine refuses: processes, descriptors, a process table's last place;
# and a zygote that stands still.  Service of the other pools goes on, status
# says what is wrong, and all is well again when the cause has gone.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time sleep);

my $t = Peruserd::Test->new(php => 1);
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('200ms', '1s');
my %pool = (
	calm    => { max_processors => 2, min_spare_processors => 1, oom_score_adj => 300, nice_level => 1 },
	few     => { max_processors => 6, min_spare_processors => 0, limits => { nproc => 4 } },
	cold    => {},
	later   => {},
	grow    => { max_processors => 4, min_spare_processors => 0 },
	stopped => { max_processors => 4, min_spare_processors => 0, start_timeout => $t->{sanitized} ? 10 : 3, kill_timeout => 1 },
);
my %site = map { $_ => $t->site($_, pool => $pool{$_}) } sort keys %pool;
for my $site (values %site) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	put_file("$site->{root}/gate.php", <<"PHP", 0644, $site);
<?php touch("$site->{home}/ran/\$_SERVER[QUERY_STRING]");
while (!file_exists("$site->{home}/open")) { clearstatcache(); usleep(10000); }
echo \$_SERVER['QUERY_STRING'];
PHP
}
$t->start;

sub send_to
{
	my ($site, $path) = @_;
	my $client = $t->client('shared', timeout => 60);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

sub ran { return map { m{([^/]+)\z} } glob "$_[0]{home}/ran/*" }
sub gate_open { put_file("$_[0]{home}/open", '') }
sub says { return ($t->pool_status($_[0]) // {})->{reason} // '' }

sub calm_is_served
{
	my ($when) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begin = time;
	my $good = grep { $t->get('shared', 'calm.test', '/hello.txt')->{status} == 200 } 1 .. 20;
	is($good, 20, "another pool is served $when");
	return cmp_ok(time - $begin, '<', 5, 'without waiting');
}
calm_is_served('before all');
for my $pid ($t->zygote($site{calm}), $t->processors($site{calm})) {
	is(slurp("/proc/$pid/oom_score_adj"), "300\n", 'oom_score_adj is as configured');
	is((split / /, slurp("/proc/$pid/stat") =~ s/.*\) //sr)[16], 1, 'so is nice_level');
}

# ---- fork fails: the user's processes are bounded

my @clients = map { send_to($site{few}, "/gate.php?$_") } 1 .. 6;
ok(wait_for(20, sub { ran($site{few}) == 3 }), 'as many processors run as the user may have processes');
ok(wait_for(10, sub { says('few') =~ /could not be forked: Resource temporarily unavailable/ }), 'status says why there are no more') or diag(says('few'));
calm_is_served('beside it');
gate_open($site{few});
is(join(' ', sort map { $_->response->{body} } @clients), '1 2 3 4 5 6', 'those that waited are served by those that run');

# ---- the manager has no descriptor left

sub descriptors
{
	my ($pid) = @_;
	return { map { $_ => 1 } map { m{([0-9]+)\z} } glob "/proc/$pid/fd/*" };
}

# By who it belongs to: root needs CAP_SYS_RESOURCE for another account's.
sub limit_descriptors
{
	my ($pid, $limit) = @_;
	my ($uid) = process_field($pid, 'Uid') =~ /\A(\d+)/;
	my ($gid) = process_field($pid, 'Gid') =~ /\A(\d+)/;
	my ($exit, $text) = run_quietly('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups',
	    'prlimit', '--pid', $pid, "--nofile=$limit:");
	diag($text) if $exit;
	return !$exit;
}

sub limit_of
{
	my ($pid) = @_;
	return (slurp("/proc/$pid/limits") =~ /^Max open files\s+(\d+)/m)[0];
}

my $limit = limit_of($t->{pid});
my $used = descriptors($t->{pid});
my ($free) = grep { !$used->{$_} } 0 .. 10000;
$t->get('shared', 'grow.test', '/hello.txt');
$used = descriptors($t->{pid});
($free) = grep { !$used->{$_} } 0 .. 10000;
SKIP: {
	skip('prlimit does not work here', 12) if !limit_descriptors($t->{pid}, $free);
	status_is($t->get('shared', 'cold.test', '/hello.txt'), 503, 'a cold pool cannot start without descriptors: 503');
	like(says('cold'), qr/Too many open files/, 'status says why, and could be asked');
	@clients = map { send_to($site{grow}, "/gate.php?$_") } 1 .. 3;
	ok(wait_for(20, sub { ran($site{grow}) == 1 }), 'a warm pool goes on with the processor that it has');
	ok(wait_for(10, sub { says('grow') =~ /Too many open files/ }), 'status says why it has no more') or diag(says('grow'));
	calm_is_served('by a manager without descriptors');
	my ($busy) = slurp("/proc/$t->{pid}/stat") =~ /\) (?:\S+ ){11}(\d+)/;
	sleep 0.5;
	my ($after) = slurp("/proc/$t->{pid}/stat") =~ /\) (?:\S+ ){11}(\d+)/;
	cmp_ok($after - $busy, '<', 30, 'which does not turn in circles');
	limit_descriptors($t->{pid}, $limit);
	ok(wait_for(20, sub { ran($site{grow}) == 3 }), 'with descriptors again, all run');
	gate_open($site{grow});
	is(join(' ', map { $_->response->{body} } @clients), '1 2 3', 'and are answered');
	ok(wait_for(10, sub { $t->get('shared', 'cold.test', '/hello.txt')->{status} == 200 }), 'the cold pool serves');
}

# ---- no multiplexer has one left: who is there is served, who comes waits

my @kept = map { $t->client('shared', timeout => 30) } 1 .. 4;
for (@kept) {
	$_->send("GET /hello.txt HTTP/1.1\r\nHost: calm.test\r\n\r\n");
	$_->response;
}
my %limits = map { $_ => limit_of($_) } $t->multiplexers;
for my $pid (keys %limits) {
	my $its = descriptors($pid);
	limit_descriptors($pid, (grep { !$its->{$_} } 0 .. 10000)[0]);
}
my $newcomer = send_to($site{calm}, '/hello.txt');
for my $number (1 .. @kept) {
	my $client = $kept[$number - 1];
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: calm.test\r\n\r\n");
	body_is($client->response, "hello\n", "connection $number is served by a multiplexer without descriptors");
}
limit_descriptors($_, $limits{$_}) for keys %limits;
body_is($newcomer->response, "hello\n", 'who came meanwhile is served as soon as there are some');
is(join(' ', sort +$t->multiplexers), join(' ', sort keys %limits), 'by the same multiplexers');

# ---- the process table is full

my $group = -w '/sys/fs/cgroup/pids/cgroup.procs' ? "/sys/fs/cgroup/pids/pt$$"
    : slurp('/sys/fs/cgroup/cgroup.subtree_control') =~ /pids/ ? "/sys/fs/cgroup/pt$$" : undef;
SKIP: {
	skip('there is no cgroup of processes here', 12) if !$group || !mkdir $group;
	push @{ $t->{at_end} }, sub { wait_for(10, sub { rmdir $group }) };
	my $all = sub { $t->{pid}, descendants($t->{pid}) };
	for my $pid ($all->()) {
		open my $procs, '>', "$group/cgroup.procs" or next;
		print $procs "$pid\n";
		close $procs;
	}
	my ($now) = slurp("$group/pids.current") =~ /(\d+)/;
	put_file("$group/pids.max", "$now\n");
	status_is($t->get('shared', 'later.test', '/hello.txt'), 503, 'no zygote starts where the process table is full: 503');
	like(says('later'), qr/Resource temporarily unavailable/, 'status says why');
	unlink "$site{grow}{home}/open", glob "$site{grow}{home}/ran/*";
	my $have = () = $t->processors($site{grow});
	@clients = map { send_to($site{grow}, "/gate.php?full$_") } 1 .. 4;
	ok(wait_for(20, sub { ran($site{grow}) == $have }), "a warm pool goes on with the $have processors that it has");
	calm_is_served('where the process table is full');
	put_file("$group/pids.max", "max\n");
	gate_open($site{grow});
	is(join(' ', map { $_->response->{body} } @clients), 'full1 full2 full3 full4', 'all are answered in the end');
	ok(wait_for(20, sub { $t->get('shared', 'later.test', '/hello.txt')->{status} == 200 }), 'and the other pool starts');
}

# ---- a zygote that stands still

my $stopped = $site{stopped};
$t->get('shared', 'stopped.test', '/hello.txt');
my $zygote = $t->zygote($stopped);
kill 'STOP', $zygote;
@clients = map { send_to($stopped, "/gate.php?$_") } 1 .. 3;
ok(wait_for(10, sub { ran($stopped) == 1 }), 'the processor of a stopped zygote serves on');
calm_is_served('beside it');
gate_open($stopped);
my @got = map { $_->response } @clients;
is(scalar(grep { $_->{status} == 200 } @got), 3, 'those that wait are served, by another zygote if need be') or diag(map { $_->shown } @got);
ok(wait_for(30, sub { !process_alive($zygote) }) || $t->processors($stopped), 'one that forks nothing is killed in the end');
# Again, with nothing idle: what waits can only be served by its successor.
unlink "$stopped->{home}/open", glob "$stopped->{home}/ran/*";
$t->get('shared', 'stopped.test', '/hello.txt');
$zygote = $t->zygote($stopped);
my @busy = map { send_to($stopped, "/gate.php?busy$_") } 1;
ok(wait_for(20, sub { ran($stopped) == 1 }), 'its only processor is busy');
kill 'STOP', $zygote;
my $waits = send_to($stopped, '/hello.txt');
ok(wait_for(30, sub { !process_alive($zygote) }), 'a zygote that does not fork is killed');
$t->log_says(qr/pool stopped (?:has ended|has failed|:)/, 'the log says so');
status_is($waits->response, 200, 'who waited is served by the next one');
ok($busy[0]->response->{status} == 502, 'what ran in it is lost, with 502');
calm_is_served('all the time');
$t->finish;
