# A site whose files are its user's and whose scripts are another pool's: php-cgi
# behind handlers, as with nginx and php-fpm.
use strict;
use warnings;
use Peruserd::Test;

my ($php) = grep { -x } qw(/usr/bin/php-cgi /usr/bin/php-cgi8.2);
plan(skip_all => 'needs php-cgi') if !$php;
my $t = Peruserd::Test->new;
my $site = $t->site('mixed', handlers => [
	{ suffix => '.php', handler => 'fastcgi', processor => 'mixed-php' },
	{ prefix => '/cgi-bin/', handler => 'cgi' } ],
	vhost => { index => [ 'index.html', 'index.php' ], fallback => '/front.php' });
$t->pool('mixed-php', user => $site->{name}, group => $site->{group}, handoff => 'fastcgi',
	command => [ $php, '-d', 'cgi.fix_pathinfo=0', '-d', 'cgi.discard_path=1' ], max_requests_per_child => 10, max_processors => 2);
my %file = (
	'style.css'       => "body {}\n",
	'index.php'       => '<?php echo "index ", $_SERVER["SCRIPT_NAME"], " ", getmypid(), " ", posix_geteuid();',
	'who.php'         => '<?php echo posix_geteuid(), "|", $_SERVER["SCRIPT_NAME"], "|", $_SERVER["PATH_INFO"] ?? "", "|", $_SERVER["REQUEST_URI"];',
	'front.php'       => '<?php echo "front ", $_SERVER["REQUEST_URI"], " ", $_SERVER["REQUEST_METHOD"], " ", strlen(file_get_contents("php://input"));',
	'up.php'          => '<?php echo filesize($_FILES["f"]["tmp_name"]), " ", $_POST["a"];',
	'await.php'       => '<?php file_put_contents("$_GET[gate].pid", getmypid()); while (!file_exists($_GET["gate"])) { usleep(20000); clearstatcache(); } echo "at last";',
	'html/index.html' => "html\n",
	'pic.jpg'         => '<?php echo "run"; ?>',
);
own_folder("$site->{root}/html", $site);
put_file("$site->{root}/$_", $file{$_}, 0644, $site) for keys %file;
put_file("$site->{root}/.hidden.php", '<?php echo "hidden";', 0644, $site);
$t->start;

each_kind(sub {
	my ($kind) = @_;
	my $get = sub { $t->get($kind, 'mixed.test', @_) };

	body_is($get->('/style.css'), "body {}\n", "a file is its user's processor's ($kind)");
	body_is($get->('/who.php'), "$site->{uid}|/who.php||/who.php", "a script is php-cgi's ($kind)");
	body_is($get->('/who.php/more/x?q=1'), "$site->{uid}|/who.php|/more/x|/who.php/more/x?q=1", "with its path info ($kind)");
	body_like($get->('/'), qr{\Aindex /index.php \d+ $site->{uid}\z}, "an index that is a script is passed on ($kind)");
	body_is($get->('/html/'), "html\n", "one that is a file is not ($kind)");
	body_is($get->('/no/such/page'), 'front /no/such/page GET 0', "the fallback is passed on ($kind)");
	for my $size (5, 20_000, 300_000, 3_000_000) {
		body_is($t->post($kind, 'mixed.test', '/api', 'x' x $size), "front /api POST $size",
		    "with a body of $size bytes ($kind)");
	}
	my $boundary = 'b0undary';
	my $form = join "\r\n", "--$boundary", 'Content-Disposition: form-data; name="a"', '', 'text',
	    "--$boundary", 'Content-Disposition: form-data; name="f"; filename="f"', '', 'y' x 200_000, "--$boundary--", '';
	body_is($t->post($kind, 'mixed.test', '/up.php', $form,
	    headers => [ "Content-Type: multipart/form-data; boundary=$boundary" ]), '200000 text', "an upload ($kind)");
	status_is($get->('/.hidden.php'), 403, "a hidden script is not run ($kind)");
	status_is($get->('/pic.jpg/x.php'), 404, "nor is a picture as one ($kind)");
	status_is($get->('/absent.php'), 404, "a script that is not there is 404 ($kind)");
	my %pids = map { ($get->('/')->{body} =~ /(\d+) \d+\z/ ? $1 : '?') => 1 } 1 .. 25;
	cmp_ok(scalar(keys %pids), '>=', 2, "php-cgi is replaced after max_requests_per_child ($kind)");
	ok(!$pids{'?'}, "and no request is lost by that ($kind)");
});

# A client leaves, and its program has answered before that is seen: then it waits for more and hangs up
# on nobody, and its slot is free all the same.
my $gate = "$site->{home}/gate";
my $leaver = $t->client('shared');
$leaver->send("GET /await.php?gate=$gate HTTP/1.1\r\nHost: mixed.test\r\n\r\n");
ok(wait_for(20, sub { -s "$gate.pid" }), 'a script waits');
my $pid;
ok(wait_for(20, sub { ($pid) = grep { (slurp("/proc/$_/wchan") // '') =~ /nanosleep/ } processes_of($site->{uid}); return $pid }),
	'in its sleep');
my @multiplexers = $t->multiplexers;
kill STOP => @multiplexers;
$leaver->{socket}->close;
put_file($gate, '', 0644, $site);
ok(wait_for(20, sub { (slurp("/proc/$pid/wchan") // '') =~ /unix_stream/ }), 'its client leaves, and it answers');
kill CONT => @multiplexers;
ok(wait_for(20, sub { !$t->pool_status('mixed-php')->{busy} }), 'its slot is free');
ok(process_alive($pid), 'and it lives');

# Clients that leave at all moments of their requests: no slot stays with one of those.
for my $round (1 .. 150) {
	my @leavers = map { $t->client('shared') } 1 .. 4;
	$_->send("GET /who.php HTTP/1.1\r\nHost: mixed.test\r\n\r\n") for @leavers;
	select undef, undef, undef, $round % 15 * 0.0002;
	$_->{socket}->close for @leavers;
}
ok(wait_for(20, sub { !$t->pool_status('mixed-php')->{busy} }), 'after 600 clients that left every slot is free');
$t->finish;
