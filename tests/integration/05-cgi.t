# CGI scripts as RFC 3875 describes them, and what a script may not be.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
my $bob = $t->site('bob', pool => { env => [ 'COLOUR=blue sky', 'EMPTY=' ], expire_timeout => 2,
	max_processors => 6 },
    handlers => [ { prefix => '/cgi-bin/', handler => 'cgi' }, { suffix => '.cgi', handler => 'cgi' } ]);
my $eve = $t->site('eve');
my $jail = $t->site('jail', chroot => 1);
my $bob_log = $t->{pools}[0]{error_log} = "$t->{dir}/log/bob.log";

$t->cgi($bob, 'env.pl', 'print "Content-Type: text/plain\n\n"; print "$_=$ENV{$_}\n" for sort keys %ENV;'
    . 'print "cwd="; system "pwd"; print "args=@ARGV\n"; print "fds=", join(",", sort { $a <=> $b } map { m{(\d+)$} } glob "/proc/self/fd/*"), "\n";');
$t->cgi($bob, 'sum.pl', 'use Digest::SHA qw(sha1_hex); local $/; my $b = <STDIN> // ""; print "Content-Type: text/plain\n\n", length $b, " ", sha1_hex($b);');
$t->cgi($bob, 'ignore.pl', 'print "Content-Type: text/plain\n\nignored\n";');
$t->cgi($bob, 'size.pl', 'print "Content-Type: application/octet-stream\n\n"; my $n = $ENV{QUERY_STRING}; '
    . 'my $p = pack "C*", map { $_ % 251 } 0 .. 65520; while ($n > 0) { my $s = substr $p, 0, $n; print $s; $n -= length $s; }');
put_file("$bob->{root}/script.cgi", "#!/usr/bin/perl\nprint qq{Content-Type: text/plain\\n\\n\$ENV{SCRIPT_NAME} \$ENV{PATH_INFO}\\n};", 0755, $bob);
put_file("$bob->{root}/target.txt", "the target\n", 0644, $bob);
$t->start;

# Scripts whose whole output is given.
my %output = (
	'lf.pl' => "Content-Type: text/plain\n\nlf\n",
	'crlf.pl' => "Content-Type: text/plain\r\n\r\ncrlf\n",
	'status.pl' => "Status: 418 I am a teapot\nContent-Type: text/plain\n\nshort and stout\n",
	'nocode.pl' => "Status: 404\nContent-Type: text/plain\n\nnone\n",
	'away.pl' => "Location: http://elsewhere.test/x?y=1\n\n",
	'away307.pl' => "Status: 307 Temporary Redirect\nLocation: http://elsewhere.test/\nContent-Type: text/plain\n\ngo\n",
	'local.pl' => "Location: /target.txt\n\n",
	'local-cgi.pl' => "Location: /cgi-bin/env.pl/after?query=of+redirect\n\n",
	'loop.pl' => "Location: /cgi-bin/loop.pl\n\n",
	'fields.pl' => "Content-Type: text/plain\nX-One: 1\nSet-Cookie: a=1\nSet-Cookie: b=2\nConnection: upgrade\nTransfer-Encoding: chunked\nKeep-Alive: 5\nUpgrade: x\n\nbody\n",
	'short.pl' => "Content-Type: text/plain\nContent-Length: 100\n\nonly this\n",
	'long.pl' => "Content-Type: text/plain\nContent-Length: 4\n\nfourHTTP/1.1 200 OK\r\n\r\n",
	'empty.pl' => '',
	'nohead.pl' => "this is no head at all\n",
	'noend.pl' => "Content-Type: text/plain\n",
	'badfield.pl' => "Content-Type: text/plain\nX-\x01: 1\n\nbody\n",
	'interim.pl' => "Status: 100 Continue\n\n",
	'onlyhead.pl' => "Content-Type: text/plain\n\n",
);
for my $name (keys %output) {
	put_file("$bob->{home}/outputs/$name", $output{$name}, 0644, $bob);
	$t->cgi($bob, $name, "open my \$f, '<', '$bob->{home}/outputs/$name'; local \$/; print <\$f>;");
}

each_kind(sub {
	my ($kind) = @_;
	my $get = sub { $t->get($kind, 'bob.test', @_) };

	# meta-variables
	my $response = $t->request($kind, 'POST', 'bob.test', '/cgi-bin/env.pl/a%20b/../c%2Fd?x=1&y=%20z',
	    body => 'hello', headers => [ 'Content-Type: text/x-test', 'X-Test: one', 'X-Test: two', 'Proxy: http://evil/',
		'X_Under: hidden', 'Cookie: a=1', 'Cookie: b=2', 'Authorization: Basic Ym9iOng=', 'User-Agent: tester' ]);
	my %env = map { /\A([^=]+)=(.*)\z/ } split /\n/, $response->{body};
	for my $row (
		[ GATEWAY_INTERFACE => 'CGI/1.1' ], [ SERVER_PROTOCOL => 'HTTP/1.1' ], [ REQUEST_METHOD => 'POST' ],
		[ SERVER_NAME => 'bob.test' ], [ SERVER_PORT => $t->{ports}{$kind} ], [ SERVER_ADDR => '127.0.0.1' ],
		[ REMOTE_ADDR => '127.0.0.1' ], [ SCRIPT_NAME => '/cgi-bin/env.pl' ], [ PATH_INFO => '/c/d' ],
		[ PATH_TRANSLATED => "$bob->{root}/c/d" ], [ QUERY_STRING => 'x=1&y=%20z' ],
		[ CONTENT_LENGTH => 5 ], [ CONTENT_TYPE => 'text/x-test' ], [ REQUEST_SCHEME => 'http' ],
		[ REQUEST_URI => '/cgi-bin/env.pl/a%20b/../c%2Fd?x=1&y=%20z' ],
		[ SCRIPT_FILENAME => "$bob->{root}/cgi-bin/env.pl" ], [ DOCUMENT_ROOT => $bob->{root} ],
		[ HTTP_X_TEST => 'one, two' ], [ HTTP_COOKIE => 'a=1; b=2' ], [ HTTP_USER_AGENT => 'tester' ],
		[ HTTP_HOST => 'bob.test' ], [ COLOUR => 'blue sky' ], [ EMPTY => '' ], [ cwd => "$bob->{root}/cgi-bin" ],
		[ args => '' ],
	) {
		is($env{$row->[0]}, $row->[1], "$row->[0] is right ($kind)");
	}
	like($env{SERVER_SOFTWARE} // '', qr/\Aperuserd\b/, "SERVER_SOFTWARE names us ($kind)");
	like($env{REMOTE_PORT} // '', qr/\A\d+\z/, "REMOTE_PORT is a number ($kind)");
	ok(defined $env{PATH}, "PATH is set ($kind)");
	ok(!exists $env{$_}, "there is no $_ ($kind)") for qw(HTTP_PROXY HTTP_X_UNDER HTTPS HTTP_CONTENT_LENGTH HTTP_CONTENT_TYPE);
	is(join(' ', grep { !/\A(?:[A-Z_]+_(?:OPTIONS)|HTTP_.*|REDIRECT_.*|SERVER_.*|REMOTE_.*|REQUEST_.*|SCRIPT_.*|PATH.*|CONTENT_.*|DOCUMENT_.*|GATEWAY_INTERFACE|QUERY_STRING|AUTH_TYPE|COLOUR|EMPTY|TZ|LANG|cwd|args|fds|HOME|USER|LOGNAME|SHELL|UNIQUE_ID|PWD)\z/ } sort keys %env), '',
	    "nothing else is in the environment ($kind)");
	like($env{fds} // '', qr/\A0,1,2(?:,3)?\z/, "a script has its three descriptors, and no other ($kind)");
	body_is($get->('/script.cgi/more?x'), "/script.cgi /more\n", "a script by its suffix ($kind)");

	# answers
	body_is($get->('/cgi-bin/lf.pl'), "lf\n", "lines may end in LF ($kind)");
	body_is($get->('/cgi-bin/crlf.pl'), "crlf\n", "or in CRLF ($kind)");
	$response = $get->('/cgi-bin/status.pl');
	status_is($response, 418, "Status is the status ($kind)");
	is($response->{reason}, 'I am a teapot', "with its reason ($kind)");
	body_is($response, "short and stout\n", "and its body ($kind)");
	$response = $get->('/cgi-bin/nocode.pl');
	is("$response->{status} $response->{reason}", '404 Not Found', "a Status without reason gets the usual one ($kind)");
	$response = $get->('/cgi-bin/away.pl');
	status_is($response, 302, "a Location elsewhere is a redirect ($kind)");
	field_is($response, 'location', 'http://elsewhere.test/x?y=1', "to that place ($kind)");
	status_is($get->('/cgi-bin/away307.pl'), 307, "with the status it names ($kind)");
	$response = $get->('/cgi-bin/local.pl');
	status_is($response, 200, "a local Location is served at once ($kind)");
	body_is($response, "the target\n", "with what is there ($kind)");
	%env = map { /\A([^=]+)=(.*)\z/ } split /\n/, $get->('/cgi-bin/local-cgi.pl')->{body};
	is(join(' ', map { $_ // '' } @env{qw(SCRIPT_NAME PATH_INFO QUERY_STRING REQUEST_METHOD)}),
	    '/cgi-bin/env.pl /after query=of+redirect GET', "a script too, as a request of its own ($kind)");
	ok($get->('/cgi-bin/loop.pl')->{status} >= 500, "redirects that go round end ($kind)");
	$response = $get->('/cgi-bin/fields.pl');
	field_is($response, 'x-one', 1, "other fields are passed on ($kind)");
	field_is($response, 'set-cookie', 'a=1 | b=2', "more than one of a name too ($kind)");
	is(join(' ', $response->fields('upgrade'), $response->fields('keep-alive'), grep { /upgrade/ } $response->fields('connection')), '',
	    "but not those of the connection ($kind)");
	body_is($response, "body\n", "and the body is framed by us ($kind)");
	body_is($get->('/cgi-bin/onlyhead.pl'), '', "a body may be empty ($kind)");

	for my $name (qw(short.pl long.pl)) {
		my $client = $t->client($kind);
		$client->send("GET /cgi-bin/$name HTTP/1.1\r\nHost: bob.test\r\n\r\n");
		$response = $client->response;
		if ($name eq 'long.pl') {
			like($response->{body}, qr/\Afour/, "a body longer than it says is cut or framed anew ($kind)");
			is($client->{buffer}, '', "and nothing spills into the connection ($kind)") if $response->{framing} eq 'length';
		} else {
			ok($response->{error} || $response->{framing} ne 'length' || length $response->{body} == 100
			    || $response->field('content-length') == length $response->{body},
			    "a body shorter than it says is not taken for whole ($kind)") or diag($response->shown);
		}
	}
	for my $name (qw(empty.pl nohead.pl noend.pl badfield.pl interim.pl)) {
		$response = $get->("/cgi-bin/$name");
		ok($response->{status} == 500 || $response->{status} == 502, "$name gives an error ($kind)")
		    or diag($response->shown);
	}

	# bodies in
	for my $size (0, 1, 4096, 65_536, 70_000, 1_000_000, 5_000_000) {
		my $body = substr(join('', map { chr($_ % 253) } 1 .. 997) x ($size / 997 + 1), 0, $size);
		body_is($t->post($kind, 'bob.test', '/cgi-bin/sum.pl', $body), "$size " . sha1_hex($body),
		    "a request body of $size bytes ($kind)");
	}
	body_is($t->post($kind, 'bob.test', '/cgi-bin/ignore.pl', 'x' x 5_000_000), "ignored\n",
	    "a script need not read its body ($kind)");

	# bodies out
	my $pattern = pack 'C*', map { $_ % 251 } 0 .. 65520;
	for my $size (0, 1, 65_000, 66_000, 300_000, 5_000_000) {
		$response = $get->("/cgi-bin/size.pl?$size");
		is(length $response->{body}, $size, "an answer of $size bytes ($kind)") or diag($response->{error});
		is(sha1_hex($response->{body}), sha1_hex(substr $pattern x ($size / 65_521 + 1), 0, $size), "with its bytes ($kind)");
	}

	# streaming: the first line is here while the script waits for the client
	unlink "$bob->{home}/go";
	my $client = $t->client($kind);
	$t->cgi($bob, 'stream.pl', "print qq{Content-Type: text/plain\\n\\nfirst\\n}; select undef, undef, undef, 0.02 until -e '$bob->{home}/go'; print qq{last\\n};");
	$client->send("GET /cgi-bin/stream.pl HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n");
	ok($client->until_match(qr/first\n/, 1.5), "output reaches the client while the script runs ($kind)");
	put_file("$bob->{home}/go", '');
	body_is($client->response, "first\nlast\n", "and goes on ($kind)");
});

# ---- the script's standard error

each_kind(sub {
	my ($kind) = @_;
	$t->cgi($bob, "warn-$kind.pl", "print STDERR qq{first $kind\\nsecond \\x1b[31m$kind\\n}; print STDERR 'unfinished $kind'; print qq{Content-Type: text/plain\\n\\nok\\n};");
	body_is($t->get($kind, 'bob.test', "/cgi-bin/warn-$kind.pl"), "ok\n", "a script that warns ($kind)");
	$t->log_says(qr/bob.*first $kind$/m, "its standard error is in the pool's log, with the pool named ($kind)", $bob_log);
	$t->log_says(qr/second \\x1b\[31m$kind$/m, "line by line and escaped ($kind)", $bob_log);
	$t->log_says(qr/unfinished $kind$/m, "the last without its end too ($kind)", $bob_log);
	like(slurp($bob_log), qr/bob\.test.*first $kind/, "and the vhost named ($kind)");
});

# ---- suEXEC's checks, each with a file of its own

my $bin = "$bob->{root}/cgi-bin";
my $fine = "#!/usr/bin/perl\nprint qq{Content-Type: text/plain\\n\\nran\\n};";
put_file("$bin/foreign.pl", $fine, 0755, $eve);
put_file("$bin/rootowned.pl", $fine, 0755);
put_file("$bin/groupwrite.pl", $fine, 0775, $bob);
put_file("$bin/worldwrite.pl", $fine, 0757, $bob);
put_file("$bin/setuid.pl", $fine, 0755, $bob);
chmod 04755, "$bin/setuid.pl";
put_file("$bin/notexec.pl", $fine, 0644, $bob);
put_file("$bob->{home}/elsewhere.pl", $fine, 0755, $bob);
symlink "$bob->{home}/elsewhere.pl", "$bin/outside.pl";
put_file("$bin/open/script.pl", $fine, 0755, $bob);
chmod 0777, "$bin/open";
put_file("$bin/alien/script.pl", $fine, 0755, $bob);
chown $eve->{uid}, $eve->{gid}, "$bin/alien";
put_file("$bin/fine.pl", $fine, 0755, $bob);
put_file("$bin/nointerpreter.pl", "#!/usr/bin/no-such-interpreter\n", 0755, $bob);
each_kind(sub {
	my ($kind) = @_;
	body_is($t->get($kind, 'bob.test', '/cgi-bin/fine.pl'), "ran\n", "a script as it should be runs ($kind)");
	for my $row (
		[ 'foreign.pl', "another user's" ], [ 'rootowned.pl', "root's" ], [ 'groupwrite.pl', 'writable by its group' ],
		[ 'worldwrite.pl', 'writable by all' ], [ 'setuid.pl', 'set-uid' ], [ 'notexec.pl', 'not executable' ],
		[ 'outside.pl', 'outside of the document root, by a link' ], [ 'open/script.pl', 'in a folder that all may write to' ],
		[ 'alien/script.pl', "in another user's folder" ],
	) {
		my ($path, $name) = @$row;
		my $response = $t->get($kind, 'bob.test', "/cgi-bin/$path");
		ok($response->{status} =~ /\A(?:403|500)\z/, "a script that is $name does not run ($kind)") or diag($response->shown);
		$t->log_says(qr/\Q$path\E/, "and the log names $path ($kind)", $bob_log);
	}
	status_is($t->get($kind, 'bob.test', '/cgi-bin/none.pl'), 404, "a script that is not there ($kind)");
	status_is($t->get($kind, 'bob.test', '/cgi-bin/nointerpreter.pl'), 500, "a missing interpreter gives 500 ($kind)");
	$t->log_says(qr{nointerpreter\.pl.*/usr/bin/no-such-interpreter|/usr/bin/no-such-interpreter.*nointerpreter\.pl}, "and a log line that says just that ($kind)", $bob_log);
	put_file("$jail->{root}/cgi-bin/perl.pl", $fine, 0755, $jail);
	status_is($t->get($kind, 'jail.test', '/cgi-bin/perl.pl'), 500, "so does one that its chroot lacks ($kind)");
	$t->log_says(qr{perl\.pl.*/usr/bin/perl}, "which is told too ($kind)");
});

# ---- in a chroot

programs_into($jail->{chroot}, '/bin/sh', '/usr/bin/id', '/bin/cat');
put_file("$jail->{root}/cgi-bin/where.sh", "#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho \$DOCUMENT_ROOT\necho \$SCRIPT_FILENAME\nid -u\nid -g\ncat\n", 0755, $jail);
each_kind(sub {
	body_is($t->post($_[0], 'jail.test', '/cgi-bin/where.sh', 'body'),
	    "/public_html\n/public_html/cgi-bin/where.sh\n$jail->{uid}\n$jail->{gid}\nbody",
	    "a script in a chroot sees the paths inside and runs as its user ($_[0])");
});

# ---- time, and clients that leave

$t->cgi($bob, 'hang.pl', "open my \$f, '>>', '$bob->{home}/pids'; my \$child = fork; if (!\$child) { exec '/bin/sleep', 600 } print \$f qq{\$\$ \$child\\n}; close \$f; print qq{Content-Type: text/plain\\n\\nbegun\\n} if \$ENV{QUERY_STRING}; sleep 600;");
my $hanging = sub {
	return grep { process_title($_) =~ /hang\.pl|sleep 600/ } processes_of($bob->{uid});
};
each_kind(sub {
	my ($kind) = @_;
	my $begin = time;
	status_is($t->get($kind, 'bob.test', '/cgi-bin/hang.pl'), 504, "a script that runs too long: 504 ($kind)");
	cmp_ok(time - $begin, '>', 1.5, "not before expire_timeout ($kind)");
	cmp_ok(time - $begin, '<', 8, "nor long after it ($kind)");
	ok(wait_for(8, sub { !$hanging->() }), "with all its processes ended ($kind)") or diag(join "\n", map { process_title($_) } $hanging->());
	body_is($t->get($kind, 'bob.test', '/cgi-bin/fine.pl'), "ran\n", "and service goes on ($kind)");

	for my $query ('', '?begun') {
		my $client = $t->client($kind);
		$client->send("GET /cgi-bin/hang.pl$query HTTP/1.1\r\nHost: bob.test\r\n\r\n");
		ok(wait_for(1.5, sub { $hanging->() >= 2 }), "a script runs ($kind$query)");
		my $left = time;
		$client->close;
		ok(wait_for(1.5, sub { !$hanging->() }), "the client leaves and its process group is ended ($kind$query)");
	}
	is(scalar(grep { slurp("/proc/$_/status") =~ /^State:\tZ/m } glob_pids($bob->{uid})), 0, "no zombie is left ($kind)");
});

sub glob_pids
{
	my ($uid) = @_;
	return grep { slurp("/proc/$_/status") =~ /^Uid:\t$uid\b/m } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

unlike(slurp($bob_log), qr/password|\x1b/, 'the log holds no raw control characters');
$t->finish;
