# php-fpm as Debian has it, behind `connect`: by a Unix socket and by TCP, started
# anew in the middle, and two of them for one site, of which one goes away.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;
use POSIX ();
use Time::HiRes qw(time);

my ($fpm) = grep { -x } map { glob } '/usr/sbin/php-fpm*';
plan(skip_all => 'needs php-fpm') if !$fpm;
my $t = Peruserd::Test->new;
$t->{settings}{restart_delay} = '200ms';
$t->{settings}{restart_delay_max} = '1s';
my %ports = map { $_ => port_free() } qw(one two);
my $socket = "$t->{dir}/run/fpm.sock";
my @php = ({ suffix => '.php', handler => 'fastcgi' });
my $site = $t->site('local', handlers => [ { suffix => '.php', handler => 'fastcgi', processor => 'by-unix' } ], vhost => { index => [ 'index.php' ] });
for my $label (qw(tcp both)) {
	$t->vhost("$label.test", processor => 'local', document_root => $site->{root},
		handlers => [ { suffix => '.php', handler => 'fastcgi', processor => "by-$label" } ]);
}
$t->pool('by-unix', handoff => 'fastcgi', max_processors => 3, connect => [ "unix:$socket" ]);
$t->pool('by-tcp', handoff => 'fastcgi', max_processors => 3, connect => [ "tcp:127.0.0.1:$ports{one}" ]);
$t->pool('by-both', handoff => 'fastcgi', max_processors => 3, connect => [ map { "tcp:127.0.0.1:$ports{$_}" } qw(one two) ]);

# ---- two masters of php-fpm: one with the Unix socket and a port, one with another port

my %master;
sub start_fpm
{
	my ($name) = @_;
	my @listen = $name eq 'one' ? ($socket, "127.0.0.1:$ports{one}") : "127.0.0.1:$ports{two}";
	my $pools = join "\n", map { ("[pool$_]", "user = $site->{name}", "group = $site->{group}", "listen = $listen[$_]",
		"listen.owner = $site->{name}", 'listen.mode = 0600', 'pm = static', 'pm.max_children = 3', "env[MASTER] = $name",
		'php_admin_value[post_max_size] = 20M', 'php_admin_value[upload_max_filesize] = 20M') } 0 .. $#listen;

	put_file("$t->{dir}/fpm-$name.conf", "[global]\nerror_log = $t->{dir}/log/fpm-$name.log\npid = $t->{dir}/fpm-$name.pid\n"
	    . "daemonize = no\nprocess_control_timeout = 5\n$pools\n");
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		POSIX::setsid();
		open STDOUT, '>>', "$t->{dir}/log/fpm-$name.log";
		open STDERR, '>&', \*STDOUT;
		exec $fpm, '-F', '-y', "$t->{dir}/fpm-$name.conf" or POSIX::_exit(127);
	}
	$master{$name} = $pid;
	ok(wait_for(30, sub { $t->listening($ports{$name}) && ($name ne 'one' || -S $socket) }), "php-fpm $name is there")
	    or diag(slurp("$t->{dir}/log/fpm-$name.log"));
	return;
}
sub end_fpm
{
	my ($name, $signal) = @_;
	my $pid = delete $master{$name} or return;
	kill $signal // 'QUIT', $pid;
	return if wait_for(20, sub { waitpid($pid, POSIX::WNOHANG()) != 0 });
	kill 'KILL', $_ for $pid, process_children($pid);
	waitpid $pid, 0;
	return;
}
push @{ $t->{at_end} }, sub { end_fpm($_, 'TERM') for keys %master };

my %file = (
	'who.php' => 'header("Content-Type: text/plain"); echo posix_geteuid(), "|", getenv("MASTER"), "|", $_SERVER["SCRIPT_NAME"], "|", $_SERVER["PATH_INFO"] ?? "", "|", '
	    . '$_SERVER["SCRIPT_FILENAME"], "|", $_SERVER["REMOTE_ADDR"], "|", $_SERVER["QUERY_STRING"];',
	'body.php' => '$all = file_get_contents("php://input"); echo strlen($all), " ", sha1($all);',
	'up.php' => 'echo $_FILES["f"]["size"], " ", sha1_file($_FILES["f"]["tmp_name"]), " ", $_POST["a"];',
	'long.php' => 'header("Content-Type: application/octet-stream"); for ($i = 0; $i < 3000; $i++) echo str_repeat(chr(97 + $i % 23), 1024);',
	'status.php' => 'http_response_code((int)$_SERVER["QUERY_STRING"]); header("X-Of: fpm"); echo "said";',
	'error.php' => 'error_log("a line for the log"); nothing_of_that_name();',
	'finish.php' => 'echo "done"; fastcgi_finish_request(); usleep(300000); touch("' . $site->{home} . '/went");',
	'sleep.php' => 'usleep((int)$_SERVER["QUERY_STRING"] * 1000); echo "slept";',
	'index.php' => 'echo "index";',
);
put_file("$site->{root}/$_", "<?php $file{$_}", 0644, $site) for keys %file;
put_file("$site->{root}/style.css", 'body {}', 0644, $site);
start_fpm($_) for qw(one two);
$t->start;

for my $host (qw(local.test tcp.test both.test)) {
	each_kind(sub {
		my ($kind) = @_;
		my $get = sub { $t->get($kind, $host, @_) };
		my $of = $host eq 'both.test' ? qr/one|two/ : qr/one/;
		body_like($get->('/who.php/more/x?a=b'), qr{\A$site->{uid}\|(?:$of)\|/who\.php\|/more/x\|\Q$site->{root}\E/who\.php\|127\.0\.0\.1\|a=b\z}, "a script is php-fpm's ($host, $kind)");
		body_is($get->('/style.css'), 'body {}', "a file is its user's processor's ($host, $kind)");
		for my $size (0, 1, 65_535, 65_536, 3_000_000) {
			my $body = join('', map { chr($_ % 251) } 1 .. 1000) x ($size / 1000) . 'z' x ($size % 1000);
			body_is($t->post($kind, $host, '/body.php', $body), length($body) . ' ' . sha1_hex($body), "a body of $size bytes ($host, $kind)");
		}
		my $form = join "\r\n", '--b0undary', 'Content-Disposition: form-data; name="a"', '', 'text', '--b0undary',
		    'Content-Disposition: form-data; name="f"; filename="f"', '', 'y' x 500_000, '--b0undary--', '';
		body_is($t->post($kind, $host, '/up.php', $form, headers => [ 'Content-Type: multipart/form-data; boundary=b0undary' ]),
		    '500000 ' . sha1_hex('y' x 500_000) . ' text', "an upload ($host, $kind)");
		is(sha1_hex($get->('/long.php')->{body}), sha1_hex(join '', map { chr(97 + $_ % 23) x 1024 } 0 .. 2999), "a long answer ($host, $kind)");
		status_is($get->('/status.php?418'), 418, "a status ($host, $kind)");
		status_is($get->('/error.php'), 500, "an error ($host, $kind)");
		status_is($get->('/absent.php'), 404, "a script that is not there ($host, $kind)");
	});
}
body_is($t->get('shared', 'local.test', '/'), 'index', 'an index that is a script');
$t->log_says(qr/by-unix, local\.test.*a line for the log/, 'what a script says is in the log of its pool');
body_is($t->get('shared', 'local.test', '/finish.php'), 'done', 'fastcgi_finish_request: the answer is there');
ok(wait_for(10, sub { -e "$site->{home}/went" }), 'and the script went on');

# ---- started anew, in the middle of requests

my $client = $t->client('shared');
$client->send("GET /sleep.php?1000 HTTP/1.1\r\nHost: local.test\r\nConnection: close\r\n\r\n");
ok(wait_for(10, sub { $t->pool_status('by-unix')->{busy} }), 'a request runs');
end_fpm('one');
body_is($client->response, 'slept', 'while php-fpm is told to end: it is answered');
my $response = $t->get('shared', 'local.test', '/who.php');
status_is($response, 502, 'then nobody is there: 502');
$t->log_says(qr{pool by-unix: unix:\S+ takes no connection}, 'and the log says who takes no connection');
body_is($t->get('shared', 'local.test', '/style.css'), 'body {}', 'files are served on');
like($t->get('shared', 'both.test', '/who.php')->{body}, qr/\|two\|/, 'where there are two, the other one answers') for 1 .. 5;
start_fpm('one');
ok(wait_for(20, sub { $t->get('shared', 'local.test', '/who.php')->{body} =~ /\|one\|/ }), 'started again, it is found');
ok(wait_for(20, sub { $t->get('shared', 'both.test', '/who.php')->{body} =~ /\|one\|/ }), 'by those too who had another');
$t->log_says(qr{pool by-unix: unix:\S+ takes connections again}, 'which the log says');

# One of two goes while requests come, one after another: what was sent to it may be lost, nothing else.
my %said;
for (1 .. 300) {
	end_fpm('two') if $_ == 100;
	my $got = $t->get('shared', 'both.test', '/who.php');
	$said{ $got->{status} == 200 && $got->{body} =~ /\|(one|two)\|/ ? $1 : $got->{status} }++;
}
diag('of 300 requests, the second server gone after the 99th: ', join ', ', map { "$said{$_} by $_" } sort keys %said);
cmp_ok($said{one} + ($said{two} // 0), '>=', 298, 'a server that goes costs no more than what it was given');
cmp_ok($said{one}, '>=', 200, 'the other one takes over');
is($t->pool_status('by-both')->{busy}, 0, 'no connection is left busy');
end_fpm('one');
$t->finish;
