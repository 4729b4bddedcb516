# Answers that name a file, by X-Accel-Redirect or X-Sendfile: sent by a processor of the
# site's own pool, for php-cgi behind the FastCGI handoff, for CGI, and for PHP by fd.
use strict;
use warnings;
use Peruserd::Test;

my ($php_cgi) = grep { -x } qw(/usr/bin/php-cgi /usr/bin/php-cgi8.2);
my $t = Peruserd::Test->new;
my $other = $t->account('other');
put_file("$other->{home}/secret.txt", "other's\n", 0600, $other);

my $big = join '', map { sprintf "%07d\n", $_ } 1 .. 60_000;
my $size = length $big;

# A page that says what it is told to: h: the field, v: its value, f: further fields, n: bytes of a body.
my $php = <<'PHP';
<?php
$_GET += ['t' => 'application/x-test', 'h' => 'X-Accel-Redirect'];
header_remove('X-Powered-By');
header('Content-Type: ' . $_GET['t']);
foreach (explode("\n", $_GET['f'] ?? '') as $field) if ($field) header($field, false);
header("$_GET[h]: " . str_replace('ROOT', $_SERVER['DOCUMENT_ROOT'], $_GET['v'] ?? ''));
if (isset($_GET['flush'])) { echo 'x'; flush(); usleep(50000); }
echo str_repeat('y', $_GET['n'] ?? 3);
PHP
my $cgi = <<'CGI';
#!/usr/bin/perl
my %get = map { my ($k, $v) = split /=/, $_, 2; $v =~ s/%(..)/chr hex $1/ge; ($k => $v) } split /&/, $ENV{QUERY_STRING};
$get{v} =~ s/ROOT/$ENV{DOCUMENT_ROOT}/;
$| = 1;
print 'Content-Type: ', $get{t} // 'application/x-test', "\n";
print "$_\n" for grep { length } split /\n/, $get{f} // '';
print $get{h} // 'X-Accel-Redirect', ": $get{v}\n\n";
if ($get{flush}) { print 'x'; select undef, undef, undef, 0.05 }
print 'y' x ($get{n} // 3);
CGI

sub furnish
{
	my ($site) = @_;
	own_folder("$site->{root}/$_", $site) for 'sub', 'a b', '.private';
	put_file("$site->{root}/send.php", $php, 0644, $site);
	put_file("$site->{root}/cgi-bin/send.pl", $cgi, 0755, $site);
	put_file("$site->{root}/sub/small.txt", "small\n", 0644, $site);
	put_file("$site->{root}/a b/%31.txt", "odd\n", 0644, $site);
	put_file("$site->{root}/.private/kept.txt", "kept\n", 0600, $site);
	put_file("$site->{root}/big.bin", $big, 0644, $site);
	put_file("$site->{home}/outside.txt", "outside\n", 0644, $site);
	symlink '../outside.txt', "$site->{root}/link" or die;
	symlink "$other->{home}/secret.txt", "$site->{root}/theft" or die;
	return;
}

my (%site, @ways);
for my $label (qw(fcgi fd plain)) {
	next if $label eq 'fcgi' && !$php_cgi;
	my @handlers = $label ne 'fcgi' ? () : (handlers => [
		{ suffix => '.php', handler => 'fastcgi', processor => 'fcgi-php' },
		{ prefix => '/cgi-bin/', handler => 'cgi' } ]);
	my $site = $site{$label} = $t->site($label, @handlers,
		vhost => { x_sendfile => $label eq 'plain' ? \0 : \1, fallback => '/nowhere.php',
			access_log => "$t->{dir}/log/$label.log" });
	furnish($site);
}
$t->pool('fcgi-php', user => $site{fcgi}{name}, group => $site{fcgi}{group}, handoff => 'fastcgi',
	command => [ $php_cgi, '-d', 'cgi.fix_pathinfo=0', '-d', 'cgi.discard_path=1' ], max_processors => 2) if $php_cgi;
# In a chroot a path is one inside; below an application at "/" there is nothing but what it names.
my %small;
if (Peruserd::Test::php_built($t->{build})) {
	my $site = $t->site('rooted', chroot => 1, vhost => { x_sendfile => \1 });
	furnish($site);
	$small{rooted} = [ $site, '/send.php?' . query(h => 'X-Sendfile', v => '/public_html/sub/small.txt'),
		'/send.php?' . query(h => 'X-Sendfile', v => "$site->{root}/sub/small.txt") ];
}
if (Peruserd::Test::perl_built($t->{build})) {
	my $site = $t->psgi_site('psgi', <<'PSGI', vhost => { x_sendfile => \1 });
sub { my ($env) = @_; [ 200, [ 'Content-Type' => 'text/x-psgi', 'X-Sendfile' => $env->{QUERY_STRING} ], [] ] };
PSGI
	furnish($site);
	$small{psgi} = [ $site, "/?$site->{root}/sub/small.txt", "/?$site->{home}/app.psgi" ];
}
push @ways, [ 'fcgi', 'php-cgi', '/send.php' ] if $php_cgi;
push @ways, [ 'fd', 'PHP', '/send.php' ] if Peruserd::Test::php_built($t->{build});
push @ways, [ 'fd', 'CGI', '/cgi-bin/send.pl' ];
$t->start;

sub query
{
	my (%pairs) = @_;
	return join '&', map { my $v = $pairs{$_}; $v =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge; "$_=$v" } sort keys %pairs;
}

sub look
{
	my ($kind, $label, $name, $path) = @_;
	my $host = $site{$label}{host};
	my $ask = sub {
		my ($pairs, @more) = @_;
		return $t->get($kind, $host, "$path?" . query(%$pairs), @more);
	};
	my $said = "$name, $kind";
	my $one = $ask->({ v => '/sub/small.txt', f => "Content-Disposition: attachment\nSet-Cookie: a=1\nSet-Cookie: b=2\nCache-Control: private\nETag: \"no\"" });
	status_is($one, 200, "a file is sent ($said)");
	body_is($one, "small\n", "in place of the answer's body ($said)");
	field_is($one, 'Content-Type', 'application/x-test', "with the program's type ($said)");
	field_is($one, 'Content-Disposition', 'attachment', "and its other fields ($said)");
	field_is($one, 'Cache-Control', 'private', "all of them ($said)");
	is(join(',', $one->fields('Set-Cookie')), 'a=1,b=2', "both cookies ($said)");
	field_is($one, 'X-Accel-Redirect', '', "but the name ($said)");
	field_is($one, 'Content-Length', 6, "its length is the file's ($said)");
	like($one->field('ETag'), qr/\A"\w+-/, "and so is its ETag ($said)");

	for my $case ([ 'X-Accel-Redirect', '/sub/small.txt?download=1', "small\n", 'a query is left out' ],
		[ 'X-Accel-Redirect', '/a%20b/%2531.txt', "odd\n", 'names are decoded' ],
		[ 'X-Accel-Redirect', '/sub/../sub/./small.txt', "small\n", 'and normalised' ],
		[ 'X-Accel-Redirect', '/.private/kept.txt', "kept\n", 'a folder that no visitor may name' ],
		[ 'X-Accel-Redirect', '/link', "outside\n", "a link that the user may follow" ],
		[ 'x-sendfile', 'ROOT/sub/small.txt', "small\n", 'by its path' ],
		[ 'X-Sendfile', 'ROOT/a%20b/%2531.txt', "odd\n", 'decoded too' ],
		[ 'X-Sendfile', 'ROOT//big.bin', $big, 'a large one' ],
		[ 'X-Sendfile', 'ROOT/send.php', $php, 'a script as it is' ]) {
		my ($field, $value, $body, $what) = @$case;
		body_is($ask->({ h => $field, v => $value }), $body, "$field: $what ($said)");
	}
	for my $case ([ 'X-Accel-Redirect', '/../outside.txt', 403, 'above the root' ],
		[ 'X-Accel-Redirect', '/sub/%2e%2e/%2e%2e/outside.txt', 403, 'above it, encoded' ],
		[ 'X-Accel-Redirect', '@named', 403, 'no path' ],
		[ 'X-Accel-Redirect', '', 403, 'nothing' ],
		[ 'X-Accel-Redirect', '/sub/a%00b', 403, 'with a NUL' ],
		[ 'X-Accel-Redirect', '/theft', 403, "a link to another user's file" ],
		[ 'X-Accel-Redirect', '/absent', 404, 'not there, whatever the fallback' ],
		[ 'X-Accel-Redirect', '/sub/', 404, 'a folder' ],
		[ 'X-Sendfile', 'ROOT/../outside.txt', 403, 'beside the root' ],
		[ 'X-Sendfile', 'ROOT/%2e%2e/outside.txt', 403, 'beside it, encoded' ],
		[ 'X-Sendfile', 'ROOTed/small.txt', 403, 'a longer name' ],
		[ 'X-Sendfile', 'ROOT', 403, 'the root itself' ],
		[ 'X-Sendfile', '/etc/passwd', 403, 'anywhere else' ],
		[ 'X-Sendfile', 'sub/small.txt', 403, 'a relative name' ]) {
		my ($field, $value, $status, $what) = @$case;
		my $response = $ask->({ h => $field, v => $value, f => 'Content-Disposition: attachment' });
		status_is($response, $status, "$field: $what is $status ($said)");
		field_is($response, 'Content-Disposition', '', "without the program's fields ($said)");
		field_is($response, $field, '', "and without the name ($said)");
	}
	my %big = (v => '/big.bin');
	my $range = $ask->(\%big, headers => [ 'Range: bytes=8-23' ]);
	status_is($range, 206, "a range ($said)");
	body_is($range, substr($big, 8, 16), "is that of the file ($said)");
	field_is($range, 'Content-Type', 'application/x-test', "of the program's type ($said)");
	field_is($range, 'Content-Range', "bytes 8-23/$size", "says which ($said)");
	my $parts = $ask->(\%big, headers => [ 'Range: bytes=0-6,16-22' ]);
	like($parts->field('Content-Type'), qr{\Amultipart/byteranges}, "several ranges keep their own type ($said)");
	like($parts->{body}, qr/0000001.*0000003/s, "and are there ($said)");
	status_is($ask->(\%big, headers => [ "Range: bytes=$size-" ]), 416, "a range beyond it ($said)");
	my $etag = $ask->(\%big)->field('ETag');
	my $unmodified = $ask->(\%big, headers => [ "If-None-Match: $etag" ]);
	status_is($unmodified, 304, "a condition ($said)");
	body_is($unmodified, '', "without a body ($said)");
	my $head = $t->request($kind, 'HEAD', $host, "$path?" . query(%big));
	status_is($head, 200, "HEAD ($said)");
	field_is($head, 'Content-Length', $size, "says the file's length ($said)");
	body_is($t->post($kind, $host, "$path?" . query(%big), 'b' x 100_000), $big, "POST with a body ($said)");
	for my $more ({ n => 0 }, { n => 200_000 }, { flush => 1, n => 10 }, { flush => 1, n => 400_000 }) {
		body_is($ask->({ v => '/sub/small.txt', %$more }), "small\n",
		    "what the program says itself is dropped: " . query(%$more) . " ($said)");
	}
	my $client = $t->client($kind);
	for (1 .. 3) {
		$client->send("GET $path?" . query(%big) . " HTTP/1.1\r\nHost: $host\r\n\r\n");
		body_is($client->response, $big, "request $_ of a kept connection ($said)");
	}
	return;
}

for my $way (@ways) {
	each_kind(sub { look($_[0], @$way) });
}
each_kind(sub {
	my ($kind) = @_;
	for my $label (sort keys %small) {
		my ($site, $good, $bad) = @{ $small{$label} };
		body_is($t->get($kind, $site->{host}, $good), "small\n", "a file is sent ($label, $kind)");
		status_is($t->get($kind, $site->{host}, $bad), 403, "one that is not in the root is not ($label, $kind)");
	}
	my $response = $t->get($kind, $site{plain}{host}, '/cgi-bin/send.pl?' . query(v => '/sub/small.txt'));
	field_is($response, 'X-Accel-Redirect', '/sub/small.txt', "where it is off the field is passed on ($kind)");
	body_is($response, 'yyy', "with the answer's own body ($kind)");
});
$t->log_says(qr{fd.*names the file "/etc/passwd", which is not in the document root}, 'a wrong name is in the log');
$t->log_says(qr{fd.*names the file "/\.\./outside\.txt", which is no path}, 'so is one that leaves the root');
$t->log_says(qr{fd.*/absent: an answer named it .* there is no such file}, 'and one of nothing');
ok(wait_for(5, sub { slurp("$t->{dir}/log/fd.log") =~ m{"POST /cgi-bin/send\.pl\?v=%2Fbig%2Ebin HTTP/1\.1" 200 $size } }),
	'one line of the access log tells of the request and of what was sent');
$t->finish;
