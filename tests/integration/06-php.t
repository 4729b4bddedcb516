# PHP inside the processor: a real SAPI, with and without a chroot.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;
use JSON::PP qw(decode_json);
use Time::HiRes qw(time);

my $t = Peruserd::Test->new(php => 1);
# PHP opens shared extensions (opcache and posix are some) in a way that
# sanitizers don't survive: built with them, php.so loads none.
my $extensions = !$t->{sanitized};
my @off = ('display_errors=0', 'log_errors=1', 'output_buffering=0');
my $alice = $t->site('alice', chroot => 1, pool => {
	env => [ 'COLOUR=blue' ],
	php_value => [ 'memory_limit=77M', 'date.timezone=Europe/Berlin', 'user_agent=of the pool' ],
	php_admin_value => [ @off, 'opcache.preload=/preload.php', 'upload_max_filesize=20M', 'post_max_size=20M' ],
	php_flag => [ 'html_errors=off' ],
	php_admin_flag => [ 'allow_url_fopen=off' ],
}, vhost => { index => [ 'index.php' ] });
my $bob = $t->site('bob', pool => { php_admin_value => [ @off, 'upload_max_filesize=20M', 'post_max_size=20M' ],
	php_value => [ 'date.timezone=Europe/Berlin', 'user_agent=of the pool' ], max_requests_per_child => 1000 },
    vhost => { index => [ 'index.php' ] });
$t->vhost('second.test', processor => 'alice', document_root => $alice->{root},
	handlers => [ { suffix => '.php', handler => 'php' } ], fallback => '/front.php',
	php_value => [ 'user_agent=of the vhost' ], php_admin_value => [ 'highlight.string=#123456' ],
	php_flag => [ 'html_errors=on' ]);
my $alice_log = $t->{pools}[0]{error_log} = "$t->{dir}/log/alice.log";
my $bob_log = $t->{pools}[1]{error_log} = "$t->{dir}/log/bob.log";

put_file("$alice->{home}/preload.php", "<?php class Preloaded { const BY = 'preload'; }\n"
	. "file_put_contents('/tmp/preload-ran', posix_getuid() . ' ' . posix_geteuid() . ' ' . (is_dir('/public_html') ? 'inside' : 'outside') . ' ' . getmypid());\n", 0644, $alice);
for my $site ($alice, $bob) {
	$t->allow_php($site);
	my $file = sub { put_file("$site->{root}/$_[0]", "<?php $_[1]", 0644, $site) };
	$file->('dump.php', 'header("Content-Type: application/json"); echo json_encode(["server" => $_SERVER, "get" => $_GET, '
	    . '"post" => $_POST, "cookie" => $_COOKIE, "request" => $_REQUEST, "env" => getenv(), "cwd" => getcwd(), "dir" => __DIR__, "files" => $_FILES], JSON_PARTIAL_OUTPUT_ON_ERROR);');
	$file->('session.php', 'session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo $_SESSION["n"];');
	$file->('upload.php', 'foreach ($_FILES as $k => $f) { foreach ((array)$f["tmp_name"] as $i => $p) echo $k, " ", ((array)$f["name"])[$i], " ", ((array)$f["error"])[$i], " ", '
	    . 'is_uploaded_file($p) ? filesize($p) : "no", " ", $p ? sha1_file($p) : "-", "\n"; } echo json_encode($_POST);');
	$file->('sub/deep.php', 'echo getcwd() === __DIR__ ? "cwd " : "not ", include "part.inc";');
	put_file("$site->{root}/sub/part.inc", "<?php return 'included';", 0644, $site);
	$file->('other.php', 'echo "other";');
	$file->('parse.php', 'this is not php (');
	$file->('index.php', 'echo "index of ", posix_getuid();');
	$file->('front.php', 'echo "front ", $_SERVER["REQUEST_URI"], " ", $_SERVER["SCRIPT_NAME"];');
}
$t->start;

my @sites = ([ $alice, 'in a chroot', '' ], [ $bob, 'without chroot', $bob->{home} ]);

# Every test of the corpus: both kinds of answers, with and without a chroot.
sub each_case
{
	my ($code) = @_;
	for my $row (@sites) {
		my ($site, $what, $prefix) = @$row;
		each_kind(sub { $code->($_[0], $site, "($_[0], $what)", $prefix) });
	}
	return;
}

# Run code there; the body, or what went wrong.
sub run
{
	my ($kind, $site, $code, %option) = @_;
	my $response = $t->php($kind, $site, $code, %option);
	return $response->{error} || $response->{status} != 200
	    ? "$response->{status} " . ($response->{error} // $response->{body}) : $response->{body};
}

each_case(sub {
	my ($kind, $site, $case, $prefix) = @_;
	my $root = "$prefix/public_html";

	# superglobals
	my $response = $t->post($kind, $site->{host}, '/dump.php/more/path?a=1&b[]=2&b[]=3&c=%C3%A4', 'p=1&q[x]=y&a=post',
	    headers => [ 'Content-Type: application/x-www-form-urlencoded', 'Cookie: k=v; k2=v%202', 'X-My: own', 'Proxy: evil' ]);
	my $dump = eval { decode_json($response->{body}) } || {};
	status_is($response, 200, "a script runs $case");
	is_deeply($dump->{get}, { a => 1, b => [ 2, 3 ], c => "\x{e4}" }, "\$_GET is right $case");
	is_deeply($dump->{post}, { p => 1, q => { x => 'y' }, a => 'post' }, "\$_POST is right $case");
	is_deeply($dump->{cookie}, { k => 'v', k2 => 'v 2' }, "\$_COOKIE is right $case");
	is($dump->{request}{a}, 'post', "\$_REQUEST is right $case");
	for my $row (
		[ REQUEST_METHOD => 'POST' ], [ SCRIPT_NAME => '/dump.php' ], [ PHP_SELF => '/dump.php/more/path' ],
		[ PATH_INFO => '/more/path' ], [ SCRIPT_FILENAME => "$root/dump.php" ], [ DOCUMENT_ROOT => $root ],
		[ QUERY_STRING => 'a=1&b[]=2&b[]=3&c=%C3%A4' ], [ REQUEST_URI => '/dump.php/more/path?a=1&b[]=2&b[]=3&c=%C3%A4' ],
		[ SERVER_NAME => $site->{host} ], [ SERVER_PORT => $t->{ports}{$kind} ], [ REMOTE_ADDR => '127.0.0.1' ],
		[ HTTP_X_MY => 'own' ], [ HTTP_HOST => $site->{host} ], [ SERVER_PROTOCOL => 'HTTP/1.1' ],
		[ CONTENT_LENGTH => 17 ], [ CONTENT_TYPE => 'application/x-www-form-urlencoded' ], [ GATEWAY_INTERFACE => 'CGI/1.1' ],
	) {
		is($dump->{server}{ $row->[0] }, $row->[1], "\$_SERVER[$row->[0]] is right $case");
	}
	ok(abs(($dump->{server}{REQUEST_TIME} // 0) - time) < 10, "REQUEST_TIME is now $case");
	ok(abs(($dump->{server}{REQUEST_TIME_FLOAT} // 0) - time) < 10, "REQUEST_TIME_FLOAT too $case");
	ok(!exists $dump->{server}{$_}, "there is no \$_SERVER[$_] $case") for qw(HTTP_PROXY HTTPS PHP_AUTH_USER);
	is($dump->{cwd}, $root, "the working folder is the script's $case");
	is($dump->{dir}, $root, "__DIR__ is inside $case");
	is($dump->{env}{COLOUR}, 'blue', "env of the pool is in the environment $case") if $site == $alice;
	body_is($t->get($kind, $site->{host}, '/sub/deep.php'), 'cwd included', "includes are relative to the script $case");
	body_is($t->get($kind, $site->{host}, '/'), "index of $site->{uid}", "index.php runs as its user $case") if $extensions;

	# input
	for my $size (0, 1, 16_383, 16_385, 40_000, 1_000_000, 5_000_000) {
		my $body = substr(join('', map { chr($_ % 253) } 1 .. 997) x ($size / 997 + 1), 0, $size);
		put_file("$site->{root}/sum.php", '<?php $b = file_get_contents("php://input"); echo strlen($b), " ", sha1($b), " ", strlen(file_get_contents("php://input"));', 0644, $site);
		body_is($t->post($kind, $site->{host}, '/sum.php', $body, headers => [ 'Content-Type: application/octet-stream' ]),
		    "$size " . sha1_hex($body) . " $size", "php://input of $size bytes, twice $case");
	}
	put_file("$site->{root}/noread.php", '<?php echo "not read";', 0644, $site);
	my $client = $t->client($kind);
	for (1, 2) {
		$client->send("POST /noread.php HTTP/1.1\r\nHost: $site->{host}\r\nContent-Type: x/y\r\nContent-Length: 300000\r\n\r\n" . 'x' x 300_000);
		body_is($client->response, 'not read', "a body that is not read $case");
	}

	# uploads
	my $file = substr(join('', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 1_250_001), 0, 5_000_003);
	my $form = "--B0UNDARY\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n"
	    . "--B0UNDARY\r\nContent-Disposition: form-data; name=\"small\"; filename=\"s.txt\"\r\nContent-Type: text/plain\r\n\r\nsmall\r\n"
	    . "--B0UNDARY\r\nContent-Disposition: form-data; name=\"big\"; filename=\"b.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n$file\r\n--B0UNDARY--\r\n";
	body_is($t->post($kind, $site->{host}, '/upload.php', $form, headers => [ 'Content-Type: multipart/form-data; boundary=B0UNDARY' ]),
	    "small s.txt 0 5 " . sha1_hex('small') . "\nbig b.bin 0 5000003 " . sha1_hex($file) . "\n{\"field\":\"value\"}",
	    "uploads arrive whole $case");
	is(run($kind, $site, 'echo count(glob(sys_get_temp_dir() . "/php*"));') =~ /\A\d/ ? 1 : 0, 1, "and their temporary files are looked at $case");

	# sessions
	$response = $t->get($kind, $site->{host}, '/session.php');
	body_is($response, 1, "a session begins $case");
	my ($cookie) = ($response->field('set-cookie') // '') =~ /\A(PHPSESSID=[^;]+)/;
	ok($cookie, "with a cookie $case");
	body_is($t->get($kind, $site->{host}, '/session.php', headers => [ "Cookie: " . ($cookie // '') ]), $_, "and goes on: $_ $case") for 2, 3;

	# header()
	for my $row (
		[ 'header("X-A: 1"); header("X-A: 2"); header("X-A: 3", false);', 200, 'x-a', '2 | 3' ],
		[ 'header("HTTP/1.1 404 Not Here");', 404, undef, undef, 'Not Here' ],
		[ 'header("HTTP/1.0 403 No");', 403 ],
		[ 'header("Status: 410 Gone");', 410 ],
		[ 'http_response_code(402);', 402 ],
		[ 'header("X-B: 1", true, 418);', 418, 'x-b', '1' ],
		[ 'header("Location: /there");', 302, 'location', '/there' ],
		[ 'header("Location: http://x.test/", true, 301);', 301, 'location', 'http://x.test/' ],
		[ 'http_response_code(201); header("Location: /made");', 201, 'location', '/made' ],
		[ 'header("WWW-Authenticate: Basic realm=x");', 401 ],
		[ 'header("X-C: 1"); header_remove("X-C");', 200, 'x-c', '' ],
		[ 'setcookie("a", "b c", 0, "/"); setcookie("d", "e");', 200, 'set-cookie', 'a=b%20c; path=/ | d=e' ],
		[ 'header("Content-Type: image/png");', 200, 'content-type', 'image/png' ],
		[ 'echo "";', 200, 'content-type', 'text/html; charset=UTF-8' ],
		[ 'header("Content-Type: text/plain");', 200, 'content-type', 'text/plain;charset=UTF-8' ],
		[ 'header_register_callback(function () { header("X-D: late"); });', 200, 'x-d', 'late' ],
		[ 'header("Transfer-Encoding: chunked"); header("Connection: upgrade"); header("X-E: 1");', 200, 'x-e', '1' ],
		[ 'header("HTTP/1.1 204 No Content");', 204 ],
		[ 'header("HTTP/1.1 304 Not Modified");', 304 ],
	) {
		my ($code, $status, $field, $value, $reason) = @$row;
		$response = $t->php($kind, $site, $code);
		status_is($response, $status, "$code gives $status $case");
		field_is($response, $field, $value, "and $field $case") if defined $field;
		is($response->{reason}, $reason, "and its reason $case") if defined $reason;
	}
	is(run($kind, $site, 'echo "x"; flush(); echo headers_sent() ? "sent" : "not"; @header("X: 1");'), 'xsent', "headers_sent() knows $case");
	like($t->get($kind, $site->{host}, '/dump.php')->field('x-powered-by') // '', qr/PHP|\A\z/, "X-Powered-By as php.ini says $case");

	# ends
	is(run($kind, $site, 'echo "a"; exit; echo "b";'), 'a', "exit ends $case");
	is(run($kind, $site, 'echo "a"; exit("b");'), 'ab', "exit with words $case");
	is(run($kind, $site, 'echo "a"; exit(3);'), 'a', "exit with a number $case");
	is(run($kind, $site, 'register_shutdown_function(function () { echo "end"; }); echo "a"; exit;'), 'aend', "shutdown functions run $case");
	is(run($kind, $site, 'ob_start(fn($x) => strtoupper($x)); echo "abc";'), 'ABC', "output buffers are flushed at the end $case");
	status_is($t->php($kind, $site, 'no_such_function();'), 500, "a fatal error with nothing sent is 500 $case");
	status_is($t->php($kind, $site, 'throw new Exception("x");'), 500, "so is an exception $case");
	status_is($t->get($kind, $site->{host}, '/parse.php'), 500, "so is a script that does not parse $case");
	status_is($t->php($kind, $site, 'ini_set("memory_limit", "8M"); $x = str_repeat("x", 1 << 26);'), 500, "so is too much memory $case");
	$response = $t->php($kind, $site, 'echo "part"; flush(); no_such_function();');
	is($response->{status}, 200, "a fatal error after output is not $case");
	is(substr($response->{body}, 0, 4), 'part', "and what was sent stays $case");
	status_is($t->php($kind, $site, 'http_response_code(503); no_such_function();'), 503, "a status that was set stays $case");
	status_is($t->get($kind, $site->{host}, '/none.php'), 404, "a script that is not there is 404 $case");
	status_is($t->get($kind, $site->{host}, '/none.php/more'), 404, "with PATH_INFO too $case");

	# no state goes from one request to the next
	run($kind, $site, 'putenv("LEFT=1"); ini_set("precision", "3"); setlocale(LC_ALL, "C"); $GLOBALS["left"] = 1; define("LEFT", 1); chdir("/"); header("X-Left: 1"); umask(0); ob_start();') for 1 .. 6;
	is(run($kind, $site, 'echo getenv("LEFT") === false ? "" : "env ", ini_get("precision") == 3 ? "ini " : "", isset($left) ? "global " : "", defined("LEFT") ? "constant " : "", getcwd() === __DIR__ || getcwd() === $_SERVER["DOCUMENT_ROOT"] ? "" : "cwd ", count(preg_grep("/X-Left/", headers_list())) ? "header " : "";'), '',
	    "nothing of a request is left for the next $case");

	# output
	is(sha1_hex(run($kind, $site, 'for ($i = 0; $i < 3000; $i++) echo str_pad($i, 1024, "."), "";')),
	    sha1_hex(join '', map { $_ . '.' x (1024 - length) } 0 .. 2999), "a page of 3 MB $case");
	is(sha1_hex(run($kind, $site, 'echo str_repeat("0123456789", 314573);')), sha1_hex('0123456789' x 314_573), "in one piece too $case");
	is(length run($kind, $site, "echo str_repeat('x', $_);"), $_, "a page of $_ bytes $case") for 65_000, 65_400, 65_536, 70_000, 262_144, 1_048_576, 1_048_577;
	$response = $t->request($kind, 'HEAD', $site->{host}, '/dump.php');
	status_is($response, 200, "HEAD of a script $case");

	# headers of the request
	is(run($kind, $site, 'echo getallheaders()["X-Some-Thing"] ?? "none", apache_request_headers()["X-Some-Thing"] ?? "none";', headers => [ 'x-some-thing: here' ]), 'herehere',
	    "getallheaders() has them $case");
	is(run($kind, $site, 'echo $_SERVER["PHP_AUTH_USER"] ?? "-", " ", $_SERVER["PHP_AUTH_PW"] ?? "-";', headers => [ 'Authorization: Basic Ym9iOnNlOmNyZXQ=' ]),
	    'bob se:cret', "basic authentication is understood $case");
	is(run($kind, $site, 'echo $_SERVER["PHP_AUTH_DIGEST"] ?? "-";', headers => [ 'Authorization: Digest username="bob"' ]), 'username="bob"', "digest is handed on $case");
	is(run($kind, $site, 'echo isset($_SERVER["PHP_AUTH_USER"]) ? "left" : "gone";'), 'gone', "and not kept for the next $case");

	# settings
	is(run($kind, $site, 'echo date_default_timezone_get(), date(" T", 0), " ", (new DateTime("2024-07-01", new DateTimeZone("America/New_York")))->format("T");'),
	    'Europe/Berlin CET EDT', "time zones work $case");
	is(run($kind, $site, 'echo ini_get("user_agent"), ini_set("user_agent", "x") === false ? " no" : " yes";'), 'of the pool yes', "php_value is set and may be changed $case");
	is(run($kind, $site, 'echo ini_get("upload_max_filesize"), ini_set("display_errors", "1") === false ? " no" : " yes";'), '20M no', "php_admin_value is set and may not $case");
	is(run($kind, $site, 'echo ini_get("user_agent");'), 'of the pool', "what a script changed is back $case");
	status_is($t->php($kind, $site, 'set_time_limit(1); while (true) ;', timeout => 15), 500, "max_execution_time ends a script $case");
	if ($extensions) {
		is(run($kind, $site, 'echo PHP_SAPI === "cli" ? "cli" : "web", " ", ini_get("opcache.enable"), " ", opcache_get_status(false)["opcache_enabled"] ? "on" : "off";'), 'web 1 on', "opcache is on $case");
		ok(run($kind, $site, 'echo count(array_filter(get_loaded_extensions(), fn($e) => in_array($e, ["posix", "ctype", "tokenizer"])));') == 3, "extensions of conf.d are loaded $case");
	}

	# errors in the log
	my $log = $site == $alice ? $alice_log : $bob_log;
	run($kind, $site, "error_log(\"said by $kind \\x1b[0m\"); trigger_error('warned by $kind', E_USER_WARNING);");
	$t->log_says(qr/\Q$site->{host}\E.*said by $kind \\x1b/, "error_log() is in the pool's log with the vhost $case", $log);
	$t->log_says(qr/\Q$site->{host}\E.*warned by $kind/, "warnings too $case", $log);
	$t->php($kind, $site, "no_such_function_$kind();");
	$t->log_says(qr/no_such_function_$kind/, "fatal errors too $case", $log);
});

# ---- flush, leaving clients, finishing early

each_case(sub {
	my ($kind, $site, $case, $prefix) = @_;
	my $gate = sub { unlink map { "$site->{home}/$_" } qw(go left finished) };
	my $request = sub {
		my ($code, $more) = @_;
		my $client = $t->client($kind);
		$client->send("POST /run.php HTTP/1.1\r\nHost: $site->{host}\r\nContent-Type: text/plain\r\n" . ($more // '')
		    . 'Content-Length: ' . length($code) . "\r\n\r\n$code");
		return $client;
	};
	my $wait = "while (!file_exists('$prefix/go')) { usleep(10000); clearstatcache(); }";

	$gate->();
	my $client = $request->("echo 'first'; flush(); $wait echo 'last';");
	ok($client->until_match(qr/first/, 10), "flush() reaches the client while the script runs $case");
	put_file("$site->{home}/go", '');
	body_is($client->response, 'firstlast', "and the rest follows $case");
	$gate->();
	$client = $request->("ob_implicit_flush(); while (ob_get_level()) ob_end_flush(); echo 'first'; $wait echo 'last';");
	ok($client->until_match(qr/first/, 10), "implicit_flush too $case");
	put_file("$site->{home}/go", '');
	body_is($client->response, 'firstlast', "and ends well $case");

	$gate->();
	$client = $request->("register_shutdown_function(function () { file_put_contents('$prefix/left', connection_status() . ' ' . connection_aborted()); }); "
	    . "while (true) { echo str_repeat('x', 4096); flush(); usleep(1000); }");
	$client->until_match(qr/xxxx/, 10);
	$client->close;
	ok(wait_for(10, sub { slurp("$site->{home}/left") eq '1 1' }), "a script ends when its client leaves, and knows why $case") or diag(slurp("$site->{home}/left"));

	$gate->();
	$client = $request->("ignore_user_abort(true); while (connection_status() == 0) { echo str_repeat('x', 4096); flush(); usleep(1000); } file_put_contents('$prefix/left', 'went on ' . connection_status());");
	$client->until_match(qr/xxxx/, 10);
	$client->close;
	ok(wait_for(10, sub { slurp("$site->{home}/left") eq 'went on 1' }), "unless it ignores that $case") or diag(slurp("$site->{home}/left"));

	for my $more ('', "Connection: close\r\n") {
		$gate->();
		$client = $request->("header('X-F: 1'); echo 'answer'; echo fastcgi_finish_request() ? '' : 'no'; echo 'dropped'; $wait file_put_contents('$prefix/finished', connection_status());", $more);
		my $response = $client->response('GET', 10);
		body_is($response, 'answer', "fastcgi_finish_request() ends the answer while the script runs on $case");
		ok(!-e "$site->{home}/finished", "which it does $case");
		put_file("$site->{home}/go", '');
		ok(wait_for(10, sub { -e "$site->{home}/finished" }), "to its own end $case");
	}
	is(run($kind, $site, 'echo "next";'), 'next', "and the next request is served $case");
});

# ---- pool and vhost

each_kind(sub {
	my ($kind) = @_;
	my %second = (%$alice, host => 'second.test');
	is(run($kind, \%second, 'echo ini_get("user_agent"), " ", ini_get("highlight.string"), " ", ini_get("html_errors"), " ", ini_get("memory_limit");'), 'of the vhost #123456 1 77M',
	    "a vhost's settings go before its pool's ($kind)");
	is(run($kind, $alice, 'echo ini_get("user_agent"), " ", ini_get("highlight.string"), " ", ini_get("html_errors");'), 'of the pool #DD0000 0',
	    "and are gone for the other vhost of that pool ($kind)");
	is(run($kind, $alice, 'echo ini_get("allow_url_fopen") ? "on" : "off", ini_set("allow_url_fopen", "1") === false ? " no" : " yes";'), 'off no', "php_admin_flag ($kind)");
	body_is($t->get($kind, 'second.test', '/pretty/url?x=1'), 'front /pretty/url?x=1 /front.php', "the front controller gets pretty URLs ($kind)");
	is(run($kind, $alice, 'echo Preloaded::BY;'), 'preload', "what was preloaded is there ($kind)") if $extensions;
	is(run($kind, $bob, 'echo class_exists("Preloaded") ? "yes" : "no";'), 'no', "for that pool alone ($kind)");
});
like(slurp("$alice->{home}/tmp/preload-ran"), qr/\A$alice->{uid} $alice->{uid} inside \d+\z/, 'preload runs as the user, inside the chroot')
    if $extensions;

# ---- opcache: one for the processors of a pool, none for others

each_kind(sub {
	my ($kind) = @_;
	return if !$extensions;
	unlink "$alice->{home}/go";
	my $client = $t->client($kind);
	my $code = "opcache_invalidate('/public_html/other.php', true); require '/public_html/other.php'; echo ' ', getmypid(), ' '; flush(); while (!file_exists('/go')) { usleep(10000); clearstatcache(); }";
	$client->send("POST /run.php HTTP/1.1\r\nHost: alice.test\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " . length($code) . "\r\n\r\n$code");
	ok($client->until_match(qr/other \d+ /, 10), "one processor compiles a script ($kind)");
	my ($first) = $client->{buffer} =~ /other (\d+) /;
	my ($pid, $cached) = split / /, run($kind, $alice, 'echo getmypid(), " ", opcache_is_script_cached("/public_html/other.php") ? "cached" : "not";');
	isnt($pid, $first, "another one ($kind)");
	is($cached, 'cached', "finds it compiled ($kind)");
	put_file("$alice->{home}/go", '');
	$client->response;
	my $bobs = run($kind, $bob, 'echo join(" ", array_keys(opcache_get_status()["scripts"] ?? []));');
	like($bobs, qr/\Q$bob->{root}\E/, "bob's cache holds his scripts ($kind)");
	unlike($bobs, qr{(?:\A| )/public_html}, "and none of alice's ($kind)");
});

# ---- an interpreter that crashes

each_kind(sub {
	my ($kind) = @_;
	return if !$extensions;
	my $client = $t->client($kind);
	my $code = 'posix_kill(posix_getpid(), 11);';
	if ($kind eq 'shared') {
		status_is($t->php($kind, $bob, $code), 502, "a crash gives 502 ($kind)");
		$client->send("POST /run.php HTTP/1.1\r\nHost: bob.test\r\nContent-Type: text/plain\r\nContent-Length: " . length($code) . "\r\n\r\n$code");
		status_is($client->response, 502, "on a connection ($kind)");
		$client->send("GET /other.php HTTP/1.1\r\nHost: bob.test\r\n\r\n");
		body_is($client->response, 'other', "which is kept for the next request ($kind)");
	} else {
		my $response = $t->php($kind, $bob, $code);
		ok($response->{status} == 502 || $response->{closed}, "a crash gives 502 or closes ($kind)") or diag($response->shown);
	}
	is(run($kind, $bob, 'echo "alive";'), 'alive', "the next request is served ($kind)");
	is(run($kind, $alice, 'echo "alive";'), 'alive', "others did not notice ($kind)");
	$t->log_says(qr/bob.*(?:signal 11|SIGSEGV|Segmentation)/i, "the log tells of it ($kind)");
});
my %pids = map { run('shared', $bob, 'echo getmypid();') => 1 } 1 .. 20;
cmp_ok(scalar(keys %pids), '<=', 4, 'twenty requests are served by few processors');
$t->finish;
