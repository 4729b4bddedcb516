# The FastCGI front, as web servers use it and as the specification allows:
# both kinds of sockets, kept connections, records cut anywhere, several
# requests at once, and what is not a request.
use strict;
use warnings;
use Digest::SHA 'sha1_hex';
use Peruserd::FastCGI qw(record begin abort params stdin pairs variables);
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $alice = $t->site('alice', vhost => { aliases => [ '*.wild.test' ], max_body_size => '3m' });
my $bob = $t->site('bob');
my $stream = $t->site('stream', vhost => { stream_body => \1 });
my $all = $t->site('all', vhost => { server_name => '*' });
my ($port, $path) = (port_free(), "$t->{dir}/run/fastcgi.sock");
my $other = port_free();
push @{ $t->{listen} },
    { address => "127.0.0.1:$port", protocol => 'fastcgi', max_multiplexed => 4 },
    { address => "unix:$path", protocol => 'fastcgi', mode => '0600' },
    { address => "127.0.0.1:$other", protocol => 'fastcgi', allowed_clients => [ '192.0.2.0/24' ] };
put_file("$_->{root}/who.txt", $_->{host}, 0644, $_) for $alice, $bob, $all;
put_file("$alice->{root}/large.bin", 'large' x 300_000, 0644, $alice);
for my $site ($alice, $stream) {
	$t->cgi($site, 'vars.pl', <<'PERL');
print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;
PERL
	$t->cgi($site, 'sum.pl', <<'PERL');
use Digest::SHA;
my $sha = Digest::SHA->new(1);
my $len = 0;
while (my $got = read STDIN, my $bytes, 65536) { $sha->add($bytes); $len += $got }
print "Content-Type: text/plain\n\n$len ", $sha->hexdigest, " $ENV{CONTENT_LENGTH}\n";
PERL
	$t->cgi($site, 'slow.pl', <<'PERL');
my ($seconds, $len) = split /&/, $ENV{QUERY_STRING};
select undef, undef, undef, $seconds;
print "Content-Type: text/plain\n\n", 'slow' x ($len // 1);
PERL
	$t->cgi($site, 'cut.pl', <<'PERL');
print "Content-Type: text/plain\nContent-Length: 100\n\nnot a hundred";
PERL
}
$t->start;

my %open = (tcp => sub { Peruserd::FastCGI->new(port => $port, @_) },
	unix => sub { Peruserd::FastCGI->new(path => $path, @_) });

for my $kind (sort keys %open) {
	my $web = $open{$kind}->();
	my $say = sub { return $web->request({ HTTP_HOST => 'alice.test', %{ $_[0] } }, @_[1 .. $#_]) };

	# ---- requests one after another
	body_is($say->({ REQUEST_URI => '/who.txt' }), 'alice.test', "$kind: a file");
	field_is($say->({ REQUEST_URI => '/who.txt' }), 'content-type', 'text/plain; charset=utf-8', "$kind: its type");
	body_is($say->({ REQUEST_URI => '/who.txt', REQUEST_METHOD => 'HEAD' }), '', "$kind: HEAD has no body");
	status_is($say->({ REQUEST_URI => '/nothing' }), 404, "$kind: no such file");
	my $large = $say->({ REQUEST_URI => '/large.bin' });
	is(sha1_hex($large->{body}), sha1_hex('large' x 300_000), "$kind: a large file")
	    or diag(length $large->{body});
	my $again = $say->({ REQUEST_URI => '/who.txt', HTTP_IF_NONE_MATCH => $say->({ REQUEST_URI => '/who.txt' })->field('etag') });
	status_is($again, 304, "$kind: not modified");
	is($again->{body}, '', "$kind: and has no body");
	for my $len (0, 1, 5, 32768, 32769, 100_000, 2_500_000) {
		my $body = 'b' x $len;
		for my $size (0, 1000) {
			body_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl' }, body => $body, size => $size),
			    "$len " . sha1_hex($body) . " $len\n", "$kind: a body of $len bytes, in records of $size");
		}
		body_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl', CONTENT_LENGTH => '' }, body => $body),
		    "$len " . sha1_hex($body) . ($len ? " $len\n" : " \n"), "$kind: one of $len that did not say it");
	}
	status_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl' }, body => 'x' x 3_500_000), 413, "$kind: a body too long");
	status_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl', CONTENT_LENGTH => '' }, body => 'x' x 3_500_000), 413,
	    "$kind: a body too long that did not say so");
	$web = $open{$kind}->();
	status_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl', CONTENT_LENGTH => 10 }, body => 'short'), 400,
	    "$kind: a body shorter than it said");
	status_is($say->({ REQUEST_URI => '/cgi-bin/sum.pl', CONTENT_LENGTH => 'ten' }), 400, "$kind: a length that is none");
	status_is($say->({ REQUEST_URI => '/../x' }), 400, "$kind: a path above the root");
	status_is($say->({ REQUEST_METHOD => '' }), 400, "$kind: no method");
	status_is($say->({ REQUEST_METHOD => "G\0T" }), 400, "$kind: a NUL in a value");
	status_is($say->({ REQUEST_METHOD => 'OPTIONS', REQUEST_URI => '*' }), 204, "$kind: OPTIONS *");
	status_is($say->({ HTTP_LONG => 'x' x 100_000 }), 431, "$kind: too long variables");
	body_is($say->({ REQUEST_URI => '/who.txt' }), 'alice.test', "$kind: and the connection goes on");
	is($web->closed_within(0.2), undef, "$kind: it is kept");

	# ---- without FCGI_KEEP_CONN
	$web = $open{$kind}->();
	body_is($say->({ REQUEST_URI => '/who.txt' }, keep => 0), 'alice.test', "$kind: a request that keeps nothing");
	ok($web->closed_within(5), "$kind: is followed by the connection's end");

	# ---- cut anywhere, padded
	$web = $open{$kind}->();
	my $bytes = begin(9, keep => 1)
	    . join('', map { record('params', 9, $_, 255) } unpack '(a7)*', pairs(variables({ HTTP_HOST => 'bob.test',
		REQUEST_URI => '/who.txt' }))) . record('params', 9, '', 3) . record('stdin', 9, '', 200);
	for my $step (1, 13) {
		$web->send($_) for unpack "(a$step)*", $bytes;
		my %answer = $web->answers(9);
		body_is($answer{9}, 'bob.test', "$kind: a request cut into pieces of $step");
	}
}

# ---- which site
my $web = $open{tcp}->();
for my $row (
	[ { HTTP_HOST => 'bob.test' }, 'bob.test', 'by Host' ],
	[ { HTTP_HOST => 'BOB.test:8443' }, 'bob.test', 'by Host with a port, in capitals' ],
	[ { HTTP_HOST => 'a.wild.test' }, 'alice.test', 'by a wildcard' ],
	[ { HTTP_HOST => 'unknown.test', SERVER_NAME => 'bob.test' }, 'bob.test', 'by SERVER_NAME where Host is unknown' ],
	[ { SERVER_NAME => 'bob.test' }, 'bob.test', 'by SERVER_NAME alone' ],
	[ { HTTP_HOST => 'alice.test', SERVER_NAME => 'bob.test' }, 'alice.test', 'by Host before SERVER_NAME' ],
	[ { HTTP_HOST => 'alice.test', PERUSERD_VHOST => 'bob.test' }, 'bob.test', 'by PERUSERD_VHOST before all' ],
	[ { HTTP_HOST => 'unknown.test' }, 'all.test', 'the default one' ],
	[ {}, 'all.test', 'the default one for no name at all' ],
) {
	body_is($web->request({ REQUEST_URI => '/who.txt', %{ $row->[0] } }), $row->[1], "a site is found: $row->[2]");
}
status_is($web->request({ PERUSERD_VHOST => 'nobody.test', REQUEST_URI => '/who.txt' }), 421, 'no site of that name: 421');
status_is($web->request({ HTTP_HOST => 'a b', REQUEST_URI => '/who.txt' }), 400, 'a Host that is none: 400');
body_is($web->request({ HTTP_HOST => 'bob.test', REQUEST_URI => 'http://other.test/who.txt?x' }), 'bob.test', 'an absolute target');
body_is($web->request({ HTTP_HOST => 'bob.test', REQUEST_URI => '', SCRIPT_NAME => '/who.txt' }), 'bob.test',
	'no REQUEST_URI: by SCRIPT_NAME');

# ---- variables
my $answer = $web->request({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/vars.pl/in%20fo?a=b&c', HTTPS => 'on',
	REMOTE_USER => 'carol', AUTH_TYPE => 'Basic', SERVER_PORT => '8443', HTTP_PROXY => 'evil', HTTP_X_Y => 'z',
	'BAD-NAME' => 'x', PHP_VALUE => 'y', SSL_CLIENT_CERT => "a\nb", PATH_INFO => '/wrong', SCRIPT_NAME => '/wrong',
	DOCUMENT_URI => '/wrong', SERVER_SOFTWARE => 'web/1', SERVER_NAME => 'web.test' });
my %vars = map { /\A([^=]+)=(.*)/ } split /\n/, $answer->{body};
is_deeply({ map { $_ => $vars{$_} } qw(REMOTE_USER AUTH_TYPE HTTPS SERVER_PORT REMOTE_ADDR REMOTE_PORT HTTP_X_Y QUERY_STRING
	REQUEST_URI REQUEST_SCHEME GATEWAY_INTERFACE SERVER_SOFTWARE SERVER_NAME HTTP_HOST SCRIPT_NAME PATH_INFO DOCUMENT_ROOT
	SCRIPT_FILENAME HTTP_PROXY BAD-NAME PERUSERD_VHOST DOCUMENT_URI) },
	{ REMOTE_USER => 'carol', AUTH_TYPE => 'Basic', HTTPS => 'on', SERVER_PORT => '8443', REMOTE_ADDR => '192.0.2.7',
	REMOTE_PORT => '4711', HTTP_X_Y => 'z', QUERY_STRING => 'a=b&c', REQUEST_URI => '/cgi-bin/vars.pl/in%20fo?a=b&c',
	REQUEST_SCHEME => 'https', GATEWAY_INTERFACE => 'CGI/1.1', SERVER_SOFTWARE => 'web/1', SERVER_NAME => 'web.test',
	HTTP_HOST => 'alice.test', SCRIPT_NAME => '/cgi-bin/vars.pl', PATH_INFO => '/in fo', DOCUMENT_ROOT => $alice->{root},
	SCRIPT_FILENAME => "$alice->{root}/cgi-bin/vars.pl", HTTP_PROXY => undef, 'BAD-NAME' => undef, PERUSERD_VHOST => undef,
	DOCUMENT_URI => '/cgi-bin/vars.pl/in fo' }, 'what the web server decided is kept, paths are the site\'s')
	or diag($answer->shown);

# ---- several at once on one connection
$web = $open{tcp}->();
$web->send(begin(1, keep => 1), begin(2, keep => 1), begin(3, keep => 1),
	params(1, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/slow.pl?0.7' })), stdin(1),
	params(3, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/sum.pl' }, 'body')), record('stdin', 3, 'bo'),
	params(2, variables({ HTTP_HOST => 'bob.test', REQUEST_URI => '/who.txt' })), stdin(2),
	record('stdin', 3, 'dy'), record('stdin', 3));
my %answer = $web->answers(1, 2, 3);
body_is($answer{1}, 'slow', 'several at once: the slow one');
body_is($answer{2}, 'bob.test', 'several at once: another site\'s');
body_is($answer{3}, '4 ' . sha1_hex('body') . " 4\n", 'several at once: one with a body');
is($web->{order}[-1], 1, 'the slow one comes last: they run side by side');

$web->send(map { begin($_, keep => 1), params($_, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/large.bin' })),
	stdin($_) } 1 .. 4);
%answer = $web->answers(1 .. 4);
is(sha1_hex($answer{$_}{body}), sha1_hex('large' x 300_000), "four large ones at once: number $_") for 1 .. 4;
my ($changes, $last) = (0, 0);
for my $id (@{ $web->{order} }) { $changes++ if $id != $last; $last = $id }
cmp_ok($changes, '>', 4, 'and their records come by turns');

$web->send(map { begin($_, keep => 1), params($_, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/slow.pl?0.5' })),
	stdin($_) } 1 .. 5);
%answer = $web->answers(1 .. 5);
is(join(' ', map { $answer{$_}{ended} } 1 .. 5), '0 0 0 0 2', 'one above max_multiplexed is told that we are overloaded');

# ---- given up
$web->send(begin(1, keep => 1), params(1, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/slow.pl?20' })),
	stdin(1), abort(1));
%answer = $web->answers(1);
is($answer{1}{ended}, 0, 'a request that is aborted ends');
is($answer{1}{stdout}, '', 'without an answer');
body_is($web->request({ HTTP_HOST => 'bob.test', REQUEST_URI => '/who.txt' }), 'bob.test', 'and its number may be used again');
ok(wait_for(10, sub { ($t->pool_status('alice') // {})->{busy} ? 0 : 1 }), 'its processor is free again');

# ---- an answer that was cut: told by the connection's end, or by its status where others run
$web->send(begin(1, keep => 1), params(1, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/cut.pl' })), stdin(1));
%answer = $web->answers(1);
is($answer{1}{ended}, undef, 'an answer that was cut has no end');
ok($web->{closed}, 'its connection is closed instead');
$web = $open{tcp}->();
$web->send(begin(2, keep => 1), params(2, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/slow.pl?1' })), stdin(2),
	begin(1, keep => 1), params(1, variables({ HTTP_HOST => 'alice.test', REQUEST_URI => '/cgi-bin/cut.pl' })), stdin(1));
%answer = $web->answers(1, 2);
is($answer{1}{app_status}, 1, 'beside another request it ends with a status');
body_is($answer{2}, 'slow', 'and the other one is answered');

# ---- about the connection
$web = $open{tcp}->();
$web->send(record('get_values', 0, pairs([ FCGI_MAX_CONNS => '', FCGI_MAX_REQS => '', FCGI_MPXS_CONNS => '', OTHER => '' ])));
my $record = $web->record_in;
is($record->{type}, 'values', 'GET_VALUES is answered');
like($record->{content}, qr/FCGI_MAX_CONNS[0-9]+.*FCGI_MAX_REQS[0-9]+.*FCGI_MPXS_CONNS1\z/s, 'with what it asked for');
$web->send(record(77, 0, 'what is this'));
is_deeply($web->record_in, { type => 'unknown', id => 0, content => chr(77) . "\0" x 7 }, 'an unknown type is told so');
$web->send(record(77, 5), record('data', 5, 'x'), record('stdin', 5, 'nobody\'s'), record('params', 5, 'nobody\'s'), abort(5));
$web->send(begin(4, role => 2, keep => 1), params(4, {}), stdin(4));
%answer = $web->answers(4);
is($answer{4}{ended}, 3, 'another role than a responder\'s is refused');
body_is($web->request({ HTTP_HOST => 'bob.test', REQUEST_URI => '/who.txt' }), 'bob.test', 'and the connection goes on');

# ---- a streamed body: the processor has the request before the body's end
$web = $open{tcp}->();
$web->send(begin(1, keep => 1), params(1, variables({ HTTP_HOST => 'stream.test', REQUEST_URI => '/cgi-bin/sum.pl',
	CONTENT_LENGTH => 1_000_000 }, '')), record('stdin', 1, 'x' x 10));
ok(wait_for(10, sub { ($t->pool_status('stream') // {})->{busy} }), 'a streamed body: its processor is busy before the end');
$web->send(stdin(1, 'x' x 999_990));
%answer = $web->answers(1);
body_is($answer{1}, '1000000 ' . sha1_hex('x' x 1_000_000) . " 1000000\n", 'and gets it whole');

# ---- who may not
my $shut = Peruserd::FastCGI->new(port => $other);
$shut->send(begin(1));
ok($shut->closed_within(5), 'who is not among the allowed clients is shut out');
my ($mode) = sprintf '%04o', (stat $path)[2] & 07777;
is($mode, '0600', 'a Unix socket has its mode');

$t->finish;
