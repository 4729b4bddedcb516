# Every front times every handoff: one corpus of requests, by HTTP on both kinds
# of listener, by FastCGI and through Apache with mod_peruserd, to files, CGI
# scripts and PHP that are handed over by fd, by FastCGI to processors of ours, to
# a php-cgi that we start and to one that is there already.  All answers are the
# same, byte for byte, save for dates and framing.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use IO::Socket::UNIX;
use Peruserd::FastCGI;
use Peruserd::Test;
use Peruserd::WebServer;
use POSIX ();

my $t = Peruserd::Test->new(seconds => 900);
my ($cgi) = grep { -x } qw(/usr/bin/php-cgi /usr/bin/php-cgi8.2);
my $built = Peruserd::Test::php_built($t->{build});
my @php_cgi = $cgi ? ($cgi, '-d', 'cgi.fix_pathinfo=0', '-d', 'cgi.discard_path=1') : ();
my @same = ('expose_php=0', 'display_errors=0', 'output_buffering=0', 'date.timezone=UTC', 'post_max_size=20M', 'upload_max_filesize=20M');
my @same_options = map { ('-d', $_) } @same;
my @script = ({ prefix => '/cgi-bin/', handler => 'cgi' });
my $kept_mtime = 1_600_000_000;
my $connect = "$t->{dir}/run/php.sock";

# ---- handoffs: a site each, of the same name but for two letters

my @handoff;
sub handoff
{
	my ($label, $name, $php, %option) = @_;
	push @handoff, { name => $name, host => "m-$label.test", php => $php, site => $t->site("m-$label", %option,
		vhost => { index => [ 'index.html' ], document_root => "$t->{dir}/home/m-$label/public_html" }) };
	return $handoff[-1]{site};
}
my @own = (@script, $built ? { suffix => '.php', handler => 'php' } : ());
my %in_php = $built ? (php_admin_value => \@same) : ();
handoff('fd', 'fd', $built, handlers => \@own, pool => { %in_php });
handoff('ow', 'FastCGI, ours', $built, handlers => \@own, pool => { handoff => 'fastcgi', %in_php });
my $program = handoff('pr', 'FastCGI, a program', $cgi, handlers => [ @script, $cgi ? { suffix => '.php', handler => 'fastcgi', processor => 'program' } : () ]);
my $server = handoff('se', 'FastCGI, a server', $cgi, handlers => [ @script, $cgi ? { suffix => '.php', handler => 'fastcgi', processor => 'server' } : () ]);
if ($cgi) {
	$t->pool('program', user => $program->{name}, group => $program->{group}, handoff => 'fastcgi', max_processors => 2,
		command => [ @php_cgi, @same_options ]);
	$t->pool('server', handoff => 'fastcgi', connect => [ "unix:$connect" ], max_processors => 2);
}

# ---- what is there: the same in each, files being the same ones

my %file = ('file.txt' => join('', map { "line $_\n" } 1 .. 500), 'index.html' => "<p>index</p>\n", 'sub/index.html' => "below\n",
	'empty.css' => '', 'big.bin' => join('', map { pack 'N', $_ } 1 .. 300_000), 'with space.txt' => 'spaced', "f\xc3\xbcr.txt" => 'utf-8',
	'.hidden' => 'no', 'unreadable.txt' => 'no', 'page.html' => '<p>');
my $dump = join '|', qw(REQUEST_METHOD REQUEST_URI QUERY_STRING SCRIPT_NAME PATH_INFO CONTENT_LENGTH CONTENT_TYPE HTTP_COOKIE
	HTTP_X_ONE HTTP_X_MANY HTTP_USER_AGENT HTTP_PROXY HTTP_AUTHORIZATION SERVER_PROTOCOL GATEWAY_INTERFACE);
my %cgi = (
	'dump.pl' => "print qq{Content-Type: text/plain\\n\\n}, map { qq{\$_=} . (\$ENV{\$_} // '-') . qq{\\n} } split /\\|/, '$dump';",
	'body.pl' => 'local $/; my $all = <STDIN> // ""; print "Content-Type: text/plain\n\n", length $all, " ", unpack("%32C*", $all);',
	'status.pl' => 'print "Status: $ENV{QUERY_STRING} Something\nContent-Type: text/plain\n\n", $ENV{QUERY_STRING} =~ /204|304/ ? "" : "said";',
	'away.pl' => 'print "Location: http://elsewhere.test/there?a=b\n\n";',
	'local.pl' => 'print "Location: /file.txt\n\n";',
	'cookies.pl' => 'print "Set-Cookie: a=1; path=/\nSet-Cookie: b=2\nX-Multi: one\nX-Multi: two\nContent-Type: text/plain\n\nset";',
	'big.pl' => 'print "Content-Type: application/octet-stream\n\n"; print pack("N", $_) x 1024 for 1 .. 400;',
	'length.pl' => 'print "Content-Length: 5\nContent-Type: text/plain\n\n12345";',
	'nothing.pl' => '1;', 'noise.pl' => 'print "this is no head\n\nat all";', 'type.pl' => 'print "Content-Type: text/html; charset=iso-8859-1\n\n<p>";',
	'late.pl' => 'print "Content-Type: text/plain\n\nfirst "; select undef, undef, undef, 0.05; print "second";',
);
my %php = (
	'dump.php' => "header('Content-Type: text/plain'); foreach (explode('|', '$dump') as \$k) echo \$k, '=', \$_SERVER[\$k] ?? '-', \"\\n\"; "
	    . "echo json_encode([\$_GET, \$_POST, \$_COOKIE, basename(\$_SERVER['SCRIPT_FILENAME'])]);",
	'body.php' => 'header("Content-Type: text/plain"); $all = file_get_contents("php://input"); echo strlen($all), " ", sha1($all);',
	'upload.php' => 'foreach ($_FILES as $k => $f) echo $k, " ", $f["name"], " ", $f["error"], " ", $f["size"], " ", sha1_file($f["tmp_name"]), "\n"; echo json_encode($_POST);',
	'status.php' => 'http_response_code((int)$_SERVER["QUERY_STRING"]); if (!in_array($_SERVER["QUERY_STRING"], [204, 304])) echo "said";',
	'away.php' => 'header("Location: https://elsewhere.test/"); exit;',
	'cookies.php' => 'setcookie("a", "1 2"); setcookie("b", "2", 2000000000, "/", "", true, true); header("X-Multi: one"); header("X-Multi: two", false); echo "set";',
	'big.php' => 'header("Content-Type: application/octet-stream"); for ($i = 0; $i < 400; $i++) echo str_repeat(pack("N", $i), 1024);',
	'flush.php' => 'echo "first "; flush(); usleep(50000); echo "second";',
	'fatal.php' => 'nothing_of_that_name();', 'nothing.php' => 'exit;',
	'auth.php' => 'if (!isset($_SERVER["PHP_AUTH_USER"])) { header("WWW-Authenticate: Basic realm=\"x\""); http_response_code(401); exit("who?"); } '
	    . 'echo $_SERVER["PHP_AUTH_USER"], " ", $_SERVER["PHP_AUTH_PW"];',
	'length.php' => 'header("Content-Length: 5"); echo "12345";',
);
for my $handoff (@handoff) {
	my $site = $handoff->{site};
	my $first = $handoff[0]{site};
	for my $name (keys %file) {
		if ($site != $first) {
			own_folder("$site->{root}/sub", $site);
			link "$first->{root}/$name", "$site->{root}/$name" or die "link: $!\n";
			next;
		}
		put_file("$site->{root}/$name", $file{$name}, $name eq 'unreadable.txt' ? 0600 : 0644);
		utime $kept_mtime, $kept_mtime, "$site->{root}/$name";
	}
	own_folder("$site->{root}/empty", $site);
	$t->cgi($site, $_, $cgi{$_}) for keys %cgi;
	put_file("$site->{root}/$_", "<?php $php{$_}", 0644, $site) for keys %php;
}

# The server of `connect`: php-cgi on a socket that was bound for it, as its user.
my $running;
sub start_server
{
	my $listen = IO::Socket::UNIX->new(Local => $connect, Listen => 100) or die "$connect: $!\n";
	chown $server->{uid}, $server->{gid}, $connect;
	chmod 0600, $connect;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		POSIX::setsid();
		POSIX::dup2(fileno $listen, 0);
		$( = $) = "$server->{gid} $server->{gid}";
		POSIX::setuid($server->{uid});
		%ENV = (PHP_FCGI_CHILDREN => 2, PATH => '/usr/bin:/bin');
		open STDOUT, '>', '/dev/null';
		exec @php_cgi, @same_options or POSIX::_exit(127);
	}
	$running = $pid;
	push @{ $t->{at_end} }, \&stop_server;
	return;
}
sub stop_server
{
	my $pid = $running or return;
	undef $running;
	# The master first: it would replace its children.
	kill 'KILL', $_ for $pid, process_children($pid);
	waitpid $pid, 0;
	return;
}

# ---- fronts: each answers request(method, host, path, { headers, body, chunked })

$t->{ports}{fastcgi} = port_free();
push @{ $t->{listen} }, { address => "127.0.0.1:$t->{ports}{fastcgi}", protocol => 'fastcgi' };
my $apache = -e "$t->{build}/.libs/mod_peruserd.so" && Peruserd::WebServer::installed('apache-mod_peruserd.conf');
if ($apache) {
	chmod 0755, $t->{dir}, "$t->{dir}/run";
	push @{ $t->{listen} }, { address => "unix:$t->{dir}/run/apache.sock", protocol => 'handoff',
		group => scalar getgrgid((getpwnam('www-data'))[3]), mode => '0660' };
}
start_server() if $cgi;
$t->start;
my $web = $apache && Peruserd::WebServer->start($t, 'apache-mod_peruserd.conf',
	# Apache keeps the Authorization field from scripts unless it is told otherwise.
	change => sub { $_ .= "<Location />\nCGIPassAuth On\n</Location>\n" });

sub by_http
{
	my ($port) = @_;
	return sub {
		my ($method, $host, $path, $with) = @_;
		my $client = Peruserd::Client->new(port => $port, timeout => 60);
		my @lines = ("$method $path HTTP/1.1", "Host: $host", 'Connection: close', @{ $with->{headers} // [] });
		my $body = $with->{body};
		if ($with->{chunked}) {
			push @lines, 'Transfer-Encoding: chunked';
			$body = join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } unpack '(a5000)*', $body), "0\r\n\r\n";
		} elsif (defined $body) {
			push @lines, 'Content-Length: ' . length $body;
		}
		$client->send(join("\r\n", @lines, '', '') . ($body // ''));
		return $client->response($method);
	};
}

# As a web server before us would say it.
sub by_fastcgi
{
	my ($method, $host, $path, $with) = @_;
	my $connection = Peruserd::FastCGI->new(port => $t->{ports}{fastcgi}, timeout => 60);
	my %said = (REQUEST_METHOD => $method, REQUEST_URI => $path, HTTP_HOST => $host);

	for my $line (@{ $with->{headers} // [] }) {
		my ($name, $value) = $line =~ /\A([^:]+): (.*)/;
		$name = uc $name =~ tr/-/_/r;
		$name = "HTTP_$name" if $name ne 'CONTENT_TYPE';
		$said{$name} = defined $said{$name} ? $said{$name} . ($name eq 'HTTP_COOKIE' ? '; ' : ', ') . $value : $value;
	}
	return $connection->request(\%said, keep => 0, body => $with->{body});
}

my @front = ([ 'HTTP', by_http($t->{ports}{shared}) ], [ 'HTTP, private', by_http($t->{ports}{private}) ],
	[ 'FastCGI', \&by_fastcgi ], $web ? [ 'Apache', by_http($web->{port}) ] : ());
diag('without Apache: ', $apache ? 'it did not start' : 'mod_peruserd or apache2 is not there') if !$web;

# ---- the corpus: what, method, path, with

my @body = map { [ $_, join '', map { chr($_ * 7 % 251) } 1 .. $_ ] } 0, 1, 8191, 8192, 16_384, 32_767, 32_768, 32_769, 65_519,
	65_520, 65_535, 65_536, 65_537, 131_072, 1_048_576;
my $form = join "\r\n", '--b0undary', 'Content-Disposition: form-data; name="a"', '', 'text', '--b0undary',
	'Content-Disposition: form-data; name="f"; filename="f.bin"', 'Content-Type: application/octet-stream', '', 'y' x 200_000, '--b0undary--', '';
sub since { return (headers => [ 'If-Modified-Since: ' . POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $kept_mtime) ]) }
sub range { return (headers => [ "Range: bytes=$_[0]" ]) }
my @corpus = (
	[ 'a file', GET => '/file.txt' ], [ 'its head', HEAD => '/file.txt' ], [ 'an index', GET => '/' ], [ 'an empty file', GET => '/empty.css' ],
	[ 'a long file', GET => '/big.bin' ], [ 'a file with a query', GET => '/file.txt?a=b&c' ], [ 'an encoded space', GET => '/with%20space.txt' ],
	[ 'encoded UTF-8', GET => '/f%C3%BCr.txt' ], [ 'dots', GET => '/sub/../file.txt' ], [ 'a folder without its slash', GET => '/sub' ],
	[ 'with it', GET => '/sub/' ], [ 'a folder without index', GET => '/empty/' ], [ 'nothing there', GET => '/nothing' ],
	[ 'a hidden file', GET => '/.hidden' ], [ 'one that may not be read', GET => '/unreadable.txt' ], [ 'a file, posted to', POST => '/file.txt', body => 'x' ],
	[ 'not modified since', GET => '/file.txt', since() ], [ 'its ETag', GET => '/file.txt', headers => [ 'If-None-Match: "a", ETAG' ] ],
	[ 'a range, if it is still that', GET => '/file.txt', headers => [ 'Range: bytes=0-3', 'If-Range: ETAG' ] ],
	[ 'no ETag of ours', GET => '/file.txt', headers => [ 'If-None-Match: "other"' ] ],
	[ 'any ETag', GET => '/file.txt', headers => [ 'If-None-Match: *' ] ], [ 'another ETag must match', GET => '/file.txt', headers => [ 'If-Match: "other"' ] ],
	[ 'a range', GET => '/file.txt', range('10-19') ], [ 'a range to the end', GET => '/file.txt', range('100-') ], [ 'the last bytes', GET => '/big.bin', range('-70000') ],
	[ 'two ranges', GET => '/file.txt', range('0-4,10-14') ], [ 'no such range', GET => '/file.txt', range('999999-') ], [ 'nonsense for a range', GET => '/file.txt', range('x') ],
	[ 'a range of a head', HEAD => '/file.txt', range('10-19') ], [ 'a range, if it is that', GET => '/file.txt', headers => [ 'Range: bytes=0-3', 'If-Range: "other"' ] ],
);
for my $kind ([ '/cgi-bin/', 'pl', 'CGI' ], [ '/', 'php', 'PHP' ]) {
	my ($folder, $suffix, $what) = @$kind;
	my $at = sub { return "$folder$_[0].$suffix" . ($_[1] // '') };
	push @corpus, map { [ "$what: $_->[0]", @$_[1 .. $#$_] ] }
	    [ 'variables', GET => $at->('dump') ], [ 'HEAD', HEAD => $at->('dump') ], [ 'a query', GET => $at->('dump', '?a=b&c[]=d%20e&c[]=%C3%BC') ],
	    [ 'a path info', GET => $at->('dump', '/more/of%20it/x.html?q') ], [ 'an encoded name', GET => $at->('dump') =~ s/dump/d%75mp/r ],
	    [ 'header fields', GET => $at->('dump'), headers => [ 'X-One: 1', 'X-Many: a', 'X-Many: b, c', 'User-Agent: matrix/1 (x; y)', 'Proxy: evil' ] ],
	    [ 'cookies', GET => $at->('dump'), headers => [ 'Cookie: a=1; b=%20; c="d"' ] ], [ 'authorization', GET => $at->('dump'), headers => [ 'Authorization: Basic Ym9iOnNlOmNyZXQ=' ] ],
	    [ 'a form', POST => $at->('dump'), headers => [ 'Content-Type: application/x-www-form-urlencoded' ], body => 'a=b&c[]=d+e&c[]=%C3%BC' ],
	    (map { [ "a body of $_->[0] bytes", POST => $at->('body'), headers => [ 'Content-Type: application/octet-stream' ], body => $_->[1] ] } @body),
	    (map { [ "a chunked body of $_->[0] bytes", POST => $at->('body'), chunked => 1, headers => [ 'Content-Type: application/octet-stream' ], body => $_->[1] ] } @body[0, 1, 6, 12, 14]),
	    [ 'PUT', PUT => $at->('body'), body => 'put' ], [ 'DELETE', DELETE => $at->('body') ], [ 'a body nobody reads', POST => $at->('length'), body => 'z' x 300_000 ],
	    (map { [ "status $_", GET => $at->('status', "?$_") ] } 200, 201, 204, 206, 301, 304, 307, 400, 401, 403, 404, 410, 418, 429, 500, 503, 599),
	    [ 'a redirect', GET => $at->('away') ], [ 'cookies and repeated fields', GET => $at->('cookies') ], [ 'a long answer', GET => $at->('big') ],
	    [ 'its head', HEAD => $at->('big') ], [ 'a length of its own', GET => $at->('length') ], [ 'an answer without a word', GET => $at->('nothing') ],
	    [ 'not there', GET => $at->('absent') ];
}
push @corpus, [ 'CGI: a local redirect', GET => '/cgi-bin/local.pl' ], [ 'CGI: what is no answer', GET => '/cgi-bin/noise.pl' ], [ 'CGI: a type', GET => '/cgi-bin/type.pl' ],
	[ 'CGI: in two pieces', GET => '/cgi-bin/late.pl' ], [ 'PHP: in two pieces', GET => '/flush.php' ], [ 'PHP: an error', GET => '/fatal.php' ],
	[ 'PHP: who are you', GET => '/auth.php' ], [ 'PHP: I am', GET => '/auth.php', headers => [ 'Authorization: Basic Ym9iOnNlOmNyZXQ=' ] ],
	[ 'PHP: an upload', POST => '/upload.php', headers => [ 'Content-Type: multipart/form-data; boundary=b0undary' ], body => $form ];

# ---- comparing

# An answer as text, without what may differ: dates, the connection's framing, the
# site's letters, whether a field is said twice or once with a comma (RFC 9110,
# 5.3), the type of what has no content, which Apache takes off.
sub shown
{
	my ($response) = @_;
	my %left_out = map { $_ => 1 } qw(date server connection keep-alive transfer-encoding content-length status);
	my $status = $response->{status} || 200;
	my ($body, @lines) = $response->{body};
	my %fields;

	return "failed: $response->{error}" if $response->{error};
	$left_out{'content-type'} = 1 if $status == 204 || $status == 304;
	push @{ $fields{ lc $_->[0] } }, $_->[1] for grep { !$left_out{ lc $_->[0] } } @{ $response->{fields} };
	for my $name (sort keys %fields) {
		push @lines, map { "$name: $_" } $name eq 'set-cookie' ? @{ $fields{$name} } : join ', ', @{ $fields{$name} };
	}
	s/\bm-(?:fd|ow|pr|se)\b/m-xx/g, s/Max-Age=\d+/Max-Age=N/ for $body, @lines;
	if (($response->field('content-type') // '') =~ m{\Amultipart/byteranges; boundary=(\S+)}) {
		my $boundary = $1;
		s/\Q$boundary\E/BOUNDARY/g for $body, @lines;
	}
	$body = length($body) . ' bytes, ' . sha1_hex($body) if length $body > 2000;
	return join "\n", $status, @lines, '', $body;
}

my (%answer, $cells, $etag);
for my $front (@front) {
	for my $handoff (@handoff) {
		for my $row (@corpus) {
			my ($what, $method, $path, %with) = @$row;
			next if $path =~ /\.php/ && !$handoff->{php};
			# A web server that speaks FastCGI says the length; and that of no body says none.
			next if $with{chunked} && $front->[0] eq 'FastCGI';
			# What it says of a script that is not there is the program's own.
			next if $path =~ /absent\.php/ && $handoff->{name} =~ /program|server/;
			s/ETAG/$etag/ for @{ $with{headers} = [ @{ $with{headers} // [] } ] };
			my $response = $front->[1]->($method, $handoff->{host}, $path, \%with);
			$etag //= $response->field('etag');
			my $got = shown($response);
			if (!defined $answer{$what}) {
				unlike($got, qr/\A(?:failed|502)/, "$what: $front->[0], $handoff->{name}");
				$answer{$what} = $got;
				diag("$what: $got") if $ENV{PERUSERD_SHOW};
			} else {
				is($got, $answer{$what}, "$what: $front->[0], $handoff->{name}");
			}
			$cells++;
		}
	}
}
diag(scalar(@front), ' fronts, ', scalar(@handoff), ' handoffs, ', scalar(@corpus), " requests: $cells answers compared");
$web->stop if $web;
stop_server();
$t->finish;
