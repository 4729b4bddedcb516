# The recipes of conf/recipes, each with a real web server before the daemon: PHP
# with a path info, an upload, a redirect, a 304, a large download, and the
# visitor's own address.
use strict;
use warnings;
use Digest::SHA 'sha1_hex';
use Peruserd::Test;
use Peruserd::WebServer;

my $t = Peruserd::Test->new(php => 1, seconds => 900);
my $alice = $t->site('alice', chroot => 1, vhost => { index => [ 'index.php' ] });
my $group = getgrgid((getpwnam('www-data'))[3]);
plan(skip_all => 'there is no account www-data') if !defined $group;
# Web servers run as www-data: they must get as far as the sockets.
chmod 0755, $t->{dir}, "$t->{dir}/run";
$t->{ports}{proxied} = port_free();
push @{ $t->{listen} },
    { address => "unix:$t->{dir}/run/fastcgi.sock", protocol => 'fastcgi', group => $group, mode => '0660' },
    { address => "unix:$t->{dir}/run/apache.sock", protocol => 'handoff', group => $group, mode => '0660' },
    { address => "127.0.0.1:$t->{ports}{proxied}", protocol => 'http', trusted_proxies => [ '127.0.0.1' ] };
put_file("$alice->{root}/index.php", <<'PHP', 0644, $alice);
<?php
$upload = isset($_FILES['f']) ? $_FILES['f']['size'] . ' ' . sha1_file($_FILES['f']['tmp_name']) : '';
foreach (['REMOTE_ADDR', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'PATH_INFO', 'REQUEST_URI', 'QUERY_STRING',
    'REQUEST_METHOD', 'HTTP_HOST', 'HTTP_X_SENT', 'SERVER_PROTOCOL', 'PHP_SELF'] as $name)
	echo $name, '=', $_SERVER[$name] ?? '', "\n";
$mine = tempnam('/tmp', 'user');     // built with sanitizers PHP has no posix
echo "upload=$upload\nuser=", fileowner($mine), "\n";
unlink($mine);
PHP
put_file("$alice->{root}/away.php", "<?php header('Location: http://elsewhere.test/x', true, 301); echo 'gone';", 0644, $alice);
put_file("$alice->{root}/missing.php", "<?php http_response_code(404); header('X-A: b'); setcookie('c', 'd'); setcookie('e', 'f'); echo 'own';",
	0644, $alice);
put_file("$alice->{root}/large.php", "<?php for (\$i = 0; \$i < 300; \$i++) echo str_repeat(chr(65 + \$i % 26), 65536);", 0644, $alice);
put_file("$alice->{root}/file.txt", 'static', 0644, $alice);
put_file("$alice->{root}/large.bin", 'large' x 1_000_000, 0644, $alice);
$t->start;

my $large = join '', map { chr(65 + $_ % 26) x 65536 } 0 .. 299;
my $upload = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" . 'u' x 1_500_000 . "\r\n--x--\r\n";
my $uploaded = 1_500_000 . ' ' . sha1_hex('u' x 1_500_000);

sub check
{
	my ($name, $web) = @_;
	my $answer = $web->get('alice.test', '/index.php/pa%20th?q=1&r', headers => [ 'X-Sent: yes' ]);
	my %said = map { /\A(\w+)=(.*)/ } split /\n/, $answer->{body};

	status_is($answer, 200, "$name: PHP");
	is_deeply({ map { $_ => $said{$_} } qw(SCRIPT_NAME SCRIPT_FILENAME DOCUMENT_ROOT PATH_INFO REQUEST_URI QUERY_STRING
		HTTP_HOST HTTP_X_SENT user REMOTE_ADDR PHP_SELF) },
		{ SCRIPT_NAME => '/index.php', SCRIPT_FILENAME => '/public_html/index.php', DOCUMENT_ROOT => '/public_html',
		PATH_INFO => '/pa th', REQUEST_URI => '/index.php/pa%20th?q=1&r', QUERY_STRING => 'q=1&r', HTTP_HOST => 'alice.test',
		HTTP_X_SENT => 'yes', user => $alice->{uid}, REMOTE_ADDR => '127.0.0.1', PHP_SELF => '/index.php/pa th' },
		"$name: PHP gets what it needs, a path info among it") or diag($answer->shown, $web->log);
	like($web->get('alice.test', '/')->{body}, qr{^SCRIPT_NAME=/index.php$}m, "$name: an index");
	like($web->post('alice.test', '/index.php', $upload, headers => [ 'Content-Type: multipart/form-data; boundary=x' ])->{body},
		qr/^upload=\Q$uploaded\E$/m, "$name: an upload");
	my $client = $web->client;
	$client->send("POST /index.php HTTP/1.1\r\nHost: alice.test\r\nContent-Type: multipart/form-data; boundary=x\r\n"
	    . "Transfer-Encoding: chunked\r\n\r\n" . join('', map { sprintf("%x\r\n%s\r\n", length, $_) } unpack '(a50000)*', $upload) . "0\r\n\r\n");
	like($client->response->{body}, qr/^upload=\Q$uploaded\E$/m, "$name: an upload in chunks");
	my $away = $web->get('alice.test', '/away.php');
	status_is($away, 301, "$name: a redirect");
	field_is($away, 'location', 'http://elsewhere.test/x', "$name: to where it says");
	my $missing = $web->get('alice.test', '/missing.php');
	status_is($missing, 404, "$name: an error of the script's own");
	body_is($missing, 'own', "$name: with its own page");
	is(scalar(my @cookies = $missing->fields('set-cookie')), 2, "$name: and two cookies");
	my $file = $web->get('alice.test', '/file.txt');
	body_is($file, 'static', "$name: a file");
	my $again = $web->get('alice.test', '/file.txt', headers => [ 'If-None-Match: ' . ($file->field('etag') // '') ]);
	status_is($again, 304, "$name: not modified");
	my $got = $web->get('alice.test', '/large.php', timeout => 60);
	is(sha1_hex($got->{body}), sha1_hex($large), "$name: a large page") or diag(length $got->{body}, ' ', $got->{error} // '');
	$got = $web->get('alice.test', '/large.bin', timeout => 60);
	is(sha1_hex($got->{body}), sha1_hex('large' x 1_000_000), "$name: a large file") or diag(length $got->{body}, ' ', $got->{error} // '');
	status_is($web->request('HEAD', 'alice.test', '/file.txt'), 200, "$name: HEAD");
	status_is($web->get('nobody.test', '/'), 421, "$name: a site that is not there");
	status_is($web->get('alice.test', '/nothing'), 404, "$name: a file that is not there");
	return;
}

my @rows = (
	[ 'Apache, mod_proxy_fcgi', 'apache-mod_proxy_fcgi.conf' ],
	[ 'nginx, fastcgi_pass', 'nginx.conf' ],
	[ 'lighttpd', 'lighttpd.conf' ],
	[ 'nginx, HTTP', 'nginx-http.conf' ],
	(-e "$t->{build}/.libs/mod_peruserd.so" ? map { my $mpm = $_; [ "Apache $mpm, mod_peruserd", 'apache-mod_peruserd.conf',
		name => "apache-$mpm", change => sub { s/mpm_event/mpm_$mpm/g } ] } qw(event worker prefork) : ()),
);
for my $row (@rows) {
	my ($name, $recipe, %option) = @$row;
	SKIP: {
		skip("$name is not installed", 1) if !Peruserd::WebServer::installed($recipe);
		my $web = Peruserd::WebServer->start($t, $recipe, %option);
		check($name, $web);
		$web->stop;
	}
}
$t->finish;
