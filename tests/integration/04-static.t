# Files: what is sent, as which type, whole or in ranges, and what is refused.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob', vhost => { index => [ 'first.html', 'index.html' ] });
my $open = $t->site('open', vhost => { dot_files => \1, fallback => '/index.html' });
my $eve = $t->site('eve');
my $root = $bob->{root};
my $text = join '', map { chr(97 + $_ % 26) } 0 .. 999;
my $big = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 5_242_880;

put_file("$root/text.txt", $text, 0644, $bob);
put_file("$root/empty.txt", '', 0644, $bob);
put_file("$root/big.bin", $big, 0644, $bob);
put_file("$root/small.html", "<p>small\n", 0644, $bob);
put_file("$root/$_", 'x', 0644, $bob) for qw(a.css a.js a.png a.svg a.unknownsuffix nosuffix UPPER.HTML);
put_file("$root/folder/index.html", "index of folder\n", 0644, $bob);
put_file("$root/both/index.html", "second\n", 0644, $bob);
put_file("$root/both/first.html", "first\n", 0644, $bob);
own_folder("$root/bare", $bob);
put_file("$root/.htaccess", "secret\n", 0644, $bob);
put_file("$root/.git/config", "secret\n", 0644, $bob);
put_file("$root/.well-known/acme", "token\n", 0644, $bob);
put_file("$root/with space/\xc3\xa4.txt", "odd names\n", 0644, $bob);
put_file("$root/closed.txt", "nobody may read this\n", 0000, $bob);
put_file("$bob->{home}/outside.txt", "outside\n", 0644, $bob);
put_file("$eve->{home}/private.txt", "eve's own\n", 0600, $eve);
symlink "$bob->{home}/outside.txt", "$root/link.txt";
symlink "$eve->{home}/private.txt", "$root/foreign.txt";
symlink 'nowhere', "$root/dangling.txt";
symlink 'folder', "$root/linked";
POSIX::mkfifo("$root/fifo", 0644);
symlink '/dev/zero', "$root/zero";
run_quietly('/bin/mknod', '-m', '666', "$root/device", 'c', 1, 5);
put_file("$root/sparse.bin", '', 0644, $bob);
truncate "$root/sparse.bin", 2**40 or die "truncate: $!";
put_file("$open->{root}/.dot", "shown\n", 0644, $open);
put_file("$open->{root}/index.html", "front\n", 0644, $open);
utime 1_700_000_000, 1_700_000_000, "$root/text.txt";
$t->start;

my $modified = 'Tue, 14 Nov 2023 22:13:20 GMT';

each_kind(sub {
	my ($kind) = @_;
	my $get = sub { my ($path, @headers) = @_; $t->get($kind, 'bob.test', $path, headers => \@headers) };

	# types and names
	for my $row ([ 'a.css', qr{text/css} ], [ 'a.js', qr{(?:text|application)/javascript} ],
	    [ 'a.png', qr{image/png} ], [ 'a.svg', qr{image/svg\+xml} ], [ 'text.txt', qr{text/plain} ],
	    [ 'small.html', qr{text/html} ], [ 'UPPER.HTML', qr{text/html} ]) {
		like($get->("/$row->[0]")->field('content-type') // 'none', $row->[1],
		    "the type of $row->[0] ($kind)");
	}
	status_is($get->("/$_"), 200, "$_ is sent without a known type ($kind)") for qw(a.unknownsuffix nosuffix);
	body_is($get->('/empty.txt'), '', "an empty file ($kind)");
	body_is($get->('/with%20space/%C3%A4.txt'), "odd names\n", "a name with a blank and an umlaut ($kind)");
	my $response = $get->('/big.bin');
	is(length $response->{body}, 20_971_520, "a file of 20 MB has its length ($kind)") or diag($response->{error});
	is(sha1_hex($response->{body}), sha1_hex($big), "and its bytes ($kind)");
	$response = $get->('/text.txt?query=1');
	body_is($response, $text, "a query does not matter to a file ($kind)");
	field_is($response, 'last-modified', $modified, "Last-Modified is the file's time ($kind)");
	like($response->field('etag') // '', qr/\A(?:W\/)?"[^"]+"\z/, "there is an ETag ($kind)");
	field_is($response, 'accept-ranges', 'bytes', "ranges are offered ($kind)");
	my $etag = $response->field('etag');

	# HEAD and other methods
	my $head = $t->request($kind, 'HEAD', 'bob.test', '/text.txt');
	for my $name (qw(content-length content-type etag last-modified)) {
		field_is($head, $name, $response->field($name), "HEAD has the $name of GET ($kind)");
	}
	$response = $t->post($kind, 'bob.test', '/text.txt', 'x=1');
	status_is($response, 405, "POST to a file is not allowed ($kind)");
	like($response->field('allow') // '', qr/\bGET\b.*\bHEAD\b/, "which is told with Allow ($kind)");

	# conditions
	for my $row (
		[ 304, 'If-None-Match with its tag', "If-None-Match: $etag" ],
		[ 304, 'If-None-Match with a list', "If-None-Match: \"other\", $etag" ],
		[ 304, 'If-None-Match with a star', 'If-None-Match: *' ],
		[ 200, 'If-None-Match with another tag', 'If-None-Match: "other"' ],
		[ 304, 'If-Modified-Since at its time', "If-Modified-Since: $modified" ],
		[ 304, 'If-Modified-Since in the old form', 'If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT' ],
		[ 200, 'If-Modified-Since before', 'If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT' ],
		[ 200, 'If-Modified-Since that is no date', 'If-Modified-Since: yesterday' ],
		[ 200, 'If-None-Match goes before If-Modified-Since', 'If-None-Match: "other"', "If-Modified-Since: $modified" ],
		[ 200, 'If-Match with its tag', "If-Match: $etag" ],
		[ 412, 'If-Match with another tag', 'If-Match: "other"' ],
		[ 200, 'If-Unmodified-Since at its time', "If-Unmodified-Since: $modified" ],
		[ 412, 'If-Unmodified-Since before', 'If-Unmodified-Since: Mon, 13 Nov 2023 22:13:20 GMT' ],
	) {
		my ($status, $name, @headers) = @$row;
		$response = $get->('/text.txt', @headers);
		status_is($response, $status, "$name: $status ($kind)");
		is($response->{body}, '', "304 has no body ($kind)") if $status == 304;
	}
	field_is($get->('/text.txt', "If-None-Match: $etag"), 'etag', $etag, "304 repeats the tag ($kind)");

	# ranges
	for my $row ([ '0-0', 0, 0 ], [ '0-9', 0, 9 ], [ '990-', 990, 999 ], [ '-10', 990, 999 ],
	    [ '995-2000', 995, 999 ], [ '-5000', 0, 999 ], [ '500-599', 500, 599 ]) {
		my ($range, $from, $to) = @$row;
		$response = $get->('/text.txt', "Range: bytes=$range");
		status_is($response, 206, "bytes=$range: 206 ($kind)");
		body_is($response, substr($text, $from, $to - $from + 1), "bytes=$range: its bytes ($kind)");
		field_is($response, 'content-range', "bytes $from-$to/1000", "bytes=$range: Content-Range ($kind)");
	}
	$response = $get->('/text.txt', 'Range: bytes=2000-');
	status_is($response, 416, "a range behind the end: 416 ($kind)");
	field_is($response, 'content-range', 'bytes */1000', "which tells the length ($kind)");
	for my $bad ('bytes=5-2', 'bytes=abc', 'bytes=', 'lines=1-2', 'bytes=--5') {
		body_is($get->('/text.txt', "Range: $bad"), $text, "$bad is ignored ($kind)");
	}
	$response = $get->('/text.txt', 'Range: bytes=0-1,10-19,-3');
	status_is($response, 206, "three ranges: 206 ($kind)");
	my ($boundary) = ($response->field('content-type') // '') =~ m{\Amultipart/byteranges; ?boundary="?([^";]+)"?\z};
	ok($boundary, "as multipart/byteranges ($kind)") or diag($response->shown);
	$boundary = quotemeta($boundary // 'none');
	my @parts = split /(?:\A|\r\n)--$boundary(?:--)?\r\n/, $response->{body};
	is(join('|', map { m{^Content-Range: bytes (\S+)\r$}mi ? "$1=" . (split m{\r\n\r\n}, $_, 2)[1] : () } @parts),
	    '0-1/1000=ab|10-19/1000=klmnopqrst|997-999/1000=' . substr($text, -3), "with its three parts ($kind)");
	$response = $get->('/big.bin', "Range: bytes=" . join ',', ('0-') x 100);
	cmp_ok(length $response->{body}, '<=', 21_000_000, "overlapping ranges do not multiply a file ($kind)");
	$response = $get->('/text.txt', 'Range: bytes=0-9', "If-Range: $etag");
	status_is($response, 206, "If-Range with its tag ($kind)") if $etag !~ /\AW/;
	body_is($get->('/text.txt', 'Range: bytes=0-9', 'If-Range: "other"'), $text,
	    "If-Range with another tag gives all ($kind)");
	$response = $get->('/big.bin', 'Range: bytes=10000000-10999999');
	is(sha1_hex($response->{body}), sha1_hex(substr $big, 10_000_000, 1_000_000), "a million bytes of the big file ($kind)");

	# folders
	body_is($get->('/both/'), "first\n", "the first index file that there is ($kind)");
	body_is($get->('/folder/'), "index of folder\n", "or the second ($kind)");
	$response = $get->('/folder?x=1');
	status_is($response, 301, "a folder without its slash is redirected ($kind)");
	like($response->field('location') // '', qr{\A(?:http://bob\.test)?/folder/\?x=1\z}, "to the one with it ($kind)");
	ok($get->('/bare/')->{status} =~ /\A40[34]\z/, "a folder without index shows nothing ($kind)");

	# what is refused
	status_is($get->('/.htaccess'), 403, "dot files are not shown ($kind)");
	status_is($get->('/.git/config'), 403, "nor what is in dot folders ($kind)");
	status_is($get->('/%2egit/config'), 403, "however they are written ($kind)");
	status_is($get->('/.none'), 403, "nor whether there are any ($kind)");
	body_is($get->('/.well-known/acme'), "token\n", "/.well-known/ is meant to be seen ($kind)");
	body_is($t->get($kind, 'open.test', '/.dot'), "shown\n", "dot_files shows them ($kind)");
	status_is($get->('/none.txt'), 404, "a file that is not there ($kind)");
	status_is($get->('/text.txt/more'), 404, "a file has nothing below it ($kind)");
	status_is($get->('/closed.txt'), 403, "a file that its user may not read ($kind)");
	body_is($get->('/link.txt'), "outside\n", "a symbolic link of the user's is followed ($kind)");
	body_is($get->('/linked/'), "index of folder\n", "to a folder too ($kind)");
	status_is($get->('/foreign.txt'), 403, "but only as the user may ($kind)");
	status_is($get->('/dangling.txt'), 404, "a link to nothing ($kind)");
	ok($get->('/fifo')->{status} =~ /\A40[34]\z/, "a fifo is no file, and nobody waits for it ($kind)");
	status_is($get->('/' . 'x' x 300), 404, "a name that is too long ($kind)");
	body_is($t->get($kind, 'open.test', '/pretty/url'), "front\n", "the fallback serves what is not there ($kind)");

	ok($get->("/$_")->{status} =~ /\A40[34]\z/, "nor is a $_ ($kind)") for qw(zero device);

	# files that have more length than bytes
	$response = $t->request($kind, 'HEAD', 'bob.test', '/sparse.bin');
	field_is($response, 'content-length', 2**40, "a file of 2^40 bytes has its length ($kind)");
	$response = $get->('/sparse.bin', 'Range: bytes=' . (2**40 - 6) . '-');
	status_is($response, 206, "and its end can be asked for ($kind)");
	is($response->{body}, "\0" x 6, "and comes ($kind)");
	$response = $get->('/sparse.bin', 'Range: bytes=0-0,' . (2**40 - 1) . '-,18446744073709551615-');
	status_is($response, 206, "with other parts too ($kind)");
	status_is($get->('/sparse.bin', 'Range: bytes=' . 2**40 . '-'), 416, "beyond it there is nothing ($kind)");

	# files that change while they are sent
	put_file("$root/shrinks.bin", $big, 0644, $bob);
	my $reader = $t->client($kind, timeout => 10);
	$reader->send("GET /shrinks.bin HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	$reader->until_match(qr/\r\n\r\n/, 10);
	truncate "$root/shrinks.bin", 1000;
	$response = $reader->response;
	ok($response->{error}, "a file that is cut while it is sent is not sent as if it were whole ($kind)");
	cmp_ok(length $response->{body}, '<', length $big, "nor filled up with anything ($kind)");
	body_is($get->('/shrinks.bin'), substr($big, 0, 1000), "and is sent as it is from then on ($kind)");

	# small files on a kept connection
	my $client = $t->client($kind);
	my $wrong = 0;
	for (1 .. 200) {
		$client->send("GET /small.html HTTP/1.1\r\nHost: bob.test\r\n\r\n");
		$wrong++ if $client->response->{body} ne "<p>small\n";
	}
	is($wrong, 0, "two hundred small files on one connection ($kind)");

	# a client that leaves in the middle
	$client = $t->client($kind);
	$client->send("GET /big.bin HTTP/1.1\r\nHost: bob.test\r\n\r\n");
	$client->fill;
	$client->reset;
	body_is($get->('/small.html'), "<p>small\n", "a client that leaves harms nobody ($kind)");
});

# ---- a name that is now a file, now a FIFO, now a device: nobody waits for it

my $changer = fork // die "fork: $!\n";
if (!$changer) {
	POSIX::setsid();
	put_file("$root/made.txt", "plain\n", 0644, $bob), POSIX::mkfifo("$root/made.fifo", 0644);
	for (;;) {
		for my $kind ('txt', 'fifo', 'zero') {
			unlink "$root/new";
			$kind eq 'zero' ? symlink('/dev/zero', "$root/new") : link("$root/made.$kind", "$root/new");
			rename "$root/new", "$root/$_" for 'changes.txt';
			select undef, undef, undef, 0.001;
		}
	}
}
my %seen;
for (1 .. 400) {
	my $response = $t->get($_ % 2 ? 'shared' : 'private', 'bob.test', '/changes.txt', timeout => 5);
	$seen{ $response->{error} // $response->{status} }++;
}
kill 'KILL', $changer;
waitpid $changer, 0;
is(join(' ', sort grep { !/\A(?:200|403|404)\z/ } keys %seen), '', 'a name that is a FIFO or a device at times holds nobody')
    or diag(explain(\%seen));
$t->finish;
