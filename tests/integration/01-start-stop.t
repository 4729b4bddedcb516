# The daemon's own life: it starts, says so, checks its configuration, stops.
use strict;
use warnings;
use Peruserd::Test;
use Socket;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob');
put_file("$bob->{root}/index.html", "bob's page\n", 0644, $bob);
my $pid_file = $t->{settings}{pid_file};
$t->write_config;

# ---- -V, -h, -t, -T

my ($status, $text) = $t->program('peruserd', '-V');
is($status, 0, '-V exits 0');
like($text, qr/peruserd \d+\.\d+/, '-V tells the version');
($status, $text) = $t->program('peruserd', '-h');
is($status, 0, '-h exits 0');
like($text, qr/-c\b.*-f\b.*-t\b/s, '-h tells the options');
($status, $text) = $t->program('peruserd', '-t', '-c', $t->{config});
is($status, 0, '-t accepts a good configuration') or diag($text);
($status, my $effective) = $t->program('peruserd', '-T', '-c', $t->{config});
is($status, 0, '-T accepts a good configuration');
my $again = put_file("$t->{dir}/effective.cfg", $effective);
($status, $text) = $t->program('peruserd', '-T', '-c', $again);
is($status, 0, 'what -T prints is a configuration') or diag($text);
is($text, $effective, 'which prints itself again with -T');

sub check
{
	my ($config) = @_;
	return $t->program('peruserd', '-t', '-c', put_file("$t->{dir}/bad.cfg", $config));
}

my $good = slurp($t->{config});
for my $row (
	[ 'a syntax error', "$good;\nvhosts = = 1;\n" ],
	[ 'an unknown key', "${good}no_such_key = 1;\n" ],
	[ 'a wrong type', "${good}header_timeout = [ 1 ];\n" ],
	[ 'a number out of range', $good =~ s/max_processors = 4/max_processors = 0/r ],
	[ 'a missing user', $good =~ s/user = "$bob->{name}"/user = "no-such-user-here"/r ],
	[ 'an unknown handler', $good =~ s/handler = "cgi"/handler = "cobol"/r ],
	[ 'a document root outside of its chroot',
		$good =~ s/(name = "bob";)/$1\n chroot = "\/usr\/share";/r ],
	[ 'a duplicate pool name', $good =~ s/(processors = \()(.*?\})( \))/$1$2, $2$3/sr ],
	[ 'two vhosts of one name', $good =~ s/(vhosts = \( )(.*)( \);\n)\z/$1$2, $2$3/sr ],
) {
	my ($name, $config) = @$row;
	isnt($config, $good, "the configuration for $name is another one");
	($status, $text) = check($config);
	is($status, 1, "$name makes -t exit 1");
	like($text, qr/bad\.cfg:\d+/, "$name is told with file and line") or diag($config);
}
($status, $text) = check($good =~ s/handler = "cgi"/handler = "cobol"/r
    . "no_such_key = 1;\nother_wrong_key = 2;\n");
like($text, qr/cobol.*no_such_key.*other_wrong_key|no_such_key.*other_wrong_key.*cobol/s,
    '-t tells all mistakes, not just the first');

# ---- start, stop

$t->start;
$t->log_says(qr/ready/i, 'the log says that it is ready');
($status, $text) = run_quietly('/usr/bin/timeout', '10', "$t->{build}/peruserd", '-f', '-c', $t->{config});
is($status, 1, 'a second daemon with the same addresses does not start') or diag($text);
like($text, qr/(?:in use|running|another)/i, 'and says why');
ok(-S $t->{settings}{control}{socket}, 'and takes nothing of the first away');
ok(wait_for(5, sub { slurp($pid_file) =~ /\A$t->{pid}\n?\z/ }), 'the pid file holds its pid');
each_kind(sub { body_is($t->get($_[0], 'bob.test', '/'), "bob's page\n", "it answers on a $_[0] listener") });
ok(process_field($_, 'Uid') =~ /\A$t->{multiplexer}{uid}\s/, "multiplexer $_ runs as its account")
    for grep { process_title($_) =~ /multiplexer/ } process_children($t->{pid});
is(scalar(grep { process_title($_) =~ /multiplexer/ } process_children($t->{pid})), 2,
    'as many multiplexers run as are configured');

for my $signal (qw(TERM INT QUIT)) {
	$t->start if !$t->running;
	$t->get('shared', 'bob.test', '/');
	is($t->stop($signal) // 'nothing', 0, "SIG$signal ends it with exit status 0") or diag($t->log);
	is(join("\n", $t->left_behind), '', "SIG$signal leaves nothing behind");
}

# ---- files that are included

$t->{own_config} = 1;
put_file("$t->{dir}/conf.d/20-eve.cfg", qq{vhosts = ( { server_name = "eve.test"; processor = "bob"; document_root = "$bob->{root}"; } );\n});
put_file($t->{config}, qq{include = [ "conf.d/*.cfg" ];\n$good});
($status, $text) = $t->program('peruserd', '-T', '-c', $t->{config});
is($status, 0, 'files may be included') or diag($text);
like($text, qr/bob\.test.*eve\.test/s, 'and their lists are added') or diag($text);
put_file("$t->{dir}/conf.d/10-again.cfg", "max_processors = 7;\n");
($status, $text) = $t->program('peruserd', '-t', '-c', $t->{config});
is($status, 1, 'a scalar that stands in two files is an error');
like($text, qr/10-again\.cfg:1\b/, 'told with one place');
like($text, qr/peruserd\.cfg:\d+/, 'and the other');
unlink "$t->{dir}/conf.d/10-again.cfg";

# ---- a service manager is told; a reload of a bad file changes nothing

socket my $notify, PF_UNIX, SOCK_DGRAM, 0;
bind $notify, pack_sockaddr_un("$t->{dir}/run/notify");
$ENV{NOTIFY_SOCKET} = "$t->{dir}/run/notify";
$t->start;
delete $ENV{NOTIFY_SOCKET};
my $told = '';
ok(wait_for(10, sub { recv $notify, my $more, 4096, MSG_DONTWAIT; $told .= $more // ''; $told =~ /^READY=1$/m }), 'the service manager is told when it is ready') or diag($told);
status_is($t->get('shared', 'eve.test', '/'), 200, 'a vhost of an included file is served');
put_file($t->{config}, "no_such_key = 1;\n$good");
kill 'HUP', $t->{pid};
$t->log_says(qr/no_such_key|mistakes/, 'a reload of a bad configuration is refused, in words');
status_is($t->get('shared', 'eve.test', '/'), 200, 'and the old one stays');
is($t->stop, 0, 'and it still stops well');
$t->{own_config} = 0;
$t->write_config;

# ---- a request that runs when it is told to stop

$t->cgi($bob, 'slow.pl', <<'PERL');
print "Content-Type: text/plain\n\n";
open my $mark, '>', "$ENV{DOCUMENT_ROOT}/../started"; close $mark;
select undef, undef, undef, 0.02 until -e "$ENV{DOCUMENT_ROOT}/../go";
print "done\n";
PERL
for my $kind (qw(shared private)) {
	unlink "$bob->{home}/started", "$bob->{home}/go";
	$t->start;
	my $client = $t->client($kind);
	$client->send("GET /cgi-bin/slow.pl HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	ok(wait_for(10, sub { -e "$bob->{home}/started" }), "a request runs ($kind)");
	kill 'TERM', $t->{pid};
	wait_for(3, sub { !$t->listening($t->{ports}{$kind}) });
	put_file("$bob->{home}/go", '');
	body_is($client->response, "done\n", "a request that runs is finished before the end ($kind)");
	is(wait_for(20, sub { !$t->running }) && $t->{exit}, 0, "and then it ends ($kind)");
	is(join("\n", $t->left_behind), '', "with nothing left behind ($kind)");
}
# One that was accepted and has not asked yet.
$t->start;
my $fresh = $t->client('shared');
ok(wait_for(10, sub { 1 == grep { $_->{connections} } @{ ($t->status // {})->{multiplexers} // [] } }), 'a connection is accepted');
kill 'TERM', $t->{pid};
wait_for(3, sub { !$t->listening($t->{ports}{shared}) });
$fresh->send("GET / HTTP/1.1\r\nHost: bob.test\r\n\r\n");
body_is($fresh->response, "bob's page\n", 'it is answered though we stop');
is(wait_for(20, sub { !$t->running }) && $t->{exit}, 0, 'and then it ends');
unlink "$bob->{home}/started", "$bob->{home}/go";
$t->start;
my $client = $t->client('shared');
$client->send("GET /cgi-bin/slow.pl HTTP/1.1\r\nHost: bob.test\r\n\r\n");
wait_for(10, sub { -e "$bob->{home}/started" });
is($t->stop // 'nothing', 0, 'a request that does not end is cut after stop_timeout');
is(join("\n", $t->left_behind), '', 'and leaves nothing behind');

# ---- a manager that is killed

put_file("$bob->{home}/go", '');
$t->start;
$t->get('shared', 'bob.test', '/');
cmp_ok(scalar(processes_of($bob->{uid})), '>=', 1, "bob's processes run");
kill 'KILL', $t->{pid};
wait_for(5, sub { !$t->running });
is(join("\n", grep { /^process/ } $t->left_behind(10)), '', 'a killed manager leaves no process behind');
$t->start;
status_is($t->get('shared', 'bob.test', '/'), 200, 'and does not keep the next one from starting');
is($t->stop, 0, 'which stops well');

# ---- a start with mistakes

$t->{own_config} = 1;
put_file($t->{config}, "${good}no_such_key = 1;\n");
$t->spawn;
is(wait_for(10, sub { !$t->running }) && $t->{exit}, 1, 'a start with a bad configuration exits 1');
$t->log_says(qr/peruserd\.cfg:\d+/, 'and tells file and line');

my $two = $good =~ s/(processors = \( )/$1\{ name = "ghost"; user = "no-such-user-here"; },\n/r;
$two =~ s/(vhosts = \( )/$1\{ server_name = "ghost.test"; processor = "ghost"; document_root = "\/var\/empty"; },\n/;
put_file($t->{config}, $two);
$t->start;
status_is($t->get('shared', 'bob.test', '/'), 200, 'a pool without its user disables nothing else');
status_is($t->get('shared', 'ghost.test', '/'), 503, 'its own vhost gives 503');
$t->log_says(qr/no-such-user-here/, 'and the log says why');

$t->finish;
