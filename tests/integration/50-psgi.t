# PSGI applications inside the processor: the whole of PSGI 1.1, and every way not to keep to it.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use JSON::PP qw(decode_json);
use Peruserd::Test;

my $t = Peruserd::Test->new(perl => 1);

# One application, a sub for each path; what is loaded by it is loaded once.
my $application = <<'PERL';
use strict; use warnings;
use JSON::PP (); use POSIX ();
sub note; our ($loaded_by, $forks, @drawn) = ($$, 0);
Peruserd::post_fork(sub { $forks++; push @drawn, rand });
my $home = HOME;
sub text { [ 200, [ 'Content-Type' => 'text/plain' ], [ @_ ] ] }
sub file { my $path = "$home/$_[0]"; open my $in, '<:raw', $path or die "$path: $!"; $in }
{ no warnings 'once'; *main::note = \&note }
{ package Lines; sub new { my $class = shift; bless [ @_ ], $class } sub getline { shift @{ $_[0] } }
  sub close { main::note('closed ' . scalar @{ $_[0] }) } }
sub note { open my $out, '>>', "$home/notes"; print $out "$_[0]\n"; close $out }
{ package Counted; sub DESTROY { main::note('destroyed') } }
our $kept;
my %path = (
	env => sub { my ($env) = @_; text(JSON::PP->new->canonical->encode({ map { $_ => ref $env->{$_} ? ref $env->{$_} : $env->{$_} } keys %$env })) },
	facts => sub { text(JSON::PP::encode_json({ loaded_by => $loaded_by, pid => $$, forks => $forks, drawn => $drawn[0], rand => rand,
		inc => \@INC, env => { %ENV }, zero => $0, cwd => POSIX::getcwd(), uid => $<, argv => \@ARGV })) },
	body => sub { my ($env) = @_; my ($all, $again) = ('', ''); my $in = $env->{'psgi.input'};
		$all .= $_ while <$in>; seek $in, 0, 0; 1 while read $in, $again, 8191, length $again;
		require Digest::SHA; text(length($all), ' ', Digest::SHA::sha1_hex($all), ' ', $all eq $again ? 'same' : 'other', ' ', $env->{'psgix.input.buffered'} ? 'buffered' : 'not') },
	once => sub { my ($env) = @_; my ($all, $got) = (''); 1 while $got = $env->{'psgi.input'}->read($all, 10_000, length $all);
		require Digest::SHA; text(length($all), ' ', Digest::SHA::sha1_hex($all), ' ', $env->{'psgix.input.buffered'} ? 'buffered' : 'not') },
	keep => sub { $kept = $_[0]{'psgi.input'}; my $some; $kept->read($some, 3); text($some) },
	kept => sub { return text('another processor') if !$kept; my $some; text('read ' . ($kept->read($some, 100) // 'undef') . ' <' . ($some // '') . '>') },
	several => sub { [ 201, [ 'Set-Cookie' => 'a=1', 'Set-Cookie' => 'b=2', 'X-Two' => 'x', 'X-Two' => 'y' ], [ 'one', '', 'two', "\xe9" ] ] },
	latin => sub { my $text = "caf\x{e9}"; utf8::upgrade($text); [ 200, [ 'X-Latin' => $text ], [ $text ] ] },
	empty => sub { [ 200, [], [] ] },
	nobody => sub { [ $_[0]{QUERY_STRING}, [ 'X-Code' => $_[0]{QUERY_STRING} ], [ 'not for the eyes of anybody' ] ] },
	length => sub { [ 200, [ 'Content-Length' => 5 ], [ 'hello' ] ] },
	longer => sub { [ 200, [ 'Content-Length' => 5 ], [ 'hello', ' and a second answer' ] ] },
	hops => sub { [ 200, [ 'Connection' => 'upgrade', 'Transfer-Encoding' => 'chunked', 'X-A' => 1 ], [ "1\r\nx\r\n", "3\r\nyz", "!\r\n0\r\n\r\n" ] ] },
	big => sub { [ 200, [], [ map { $_ x 1024 } map { chr(97 + $_ % 26) } 0 .. $_[0]{QUERY_STRING} - 1 ] ] },
	file => sub { [ 200, [ 'Content-Type' => 'application/octet-stream' ], file($_[0]{QUERY_STRING} || 'file') ] },
	tail => sub { my $in = file('file'); read $in, my $head, 10; [ 200, [], $in ] },
	layered => sub { open my $in, '<:crlf', "$home/crlf"; [ 200, [], $in ] },
	encoded => sub { open my $in, '<:encoding(UTF-8)', "$home/latin"; [ 200, [], $in ] },
	scalar => sub { open my $in, '<', \'in memory'; [ 200, [], $in ] },
	pipe => sub { open my $in, '-|', 'echo', 'from a pipe'; [ 200, [], $in ] },
	object => sub { require IO::File; [ 200, [], IO::File->new("$home/file", 'r') ] },
	lines => sub { [ 200, [], Lines->new("one\n", "two\n", "last") ] },
	size => sub { { package Sized; our @ISA = 'Lines'; sub getline { my $said = ref $/ ? ${ $/ } : 'none'; shift @{ $_[0] } ? "$said\n" : undef } } [ 200, [], Sized->new(1, 1) ] },
	delayed => sub { sub { $_[0]->([ 200, [ 'X-D' => 1 ], [ 'later' ] ]) } },
	stream => sub { my ($env) = @_; sub { my $writer = $_[0]->([ 200, [ 'Content-Type' => 'text/plain' ] ]); $writer->write('first ');
		if ($env->{QUERY_STRING}) { select undef, undef, undef, 0.01 until -e "$home/go" } $writer->write($_) for 'second ', 'third'; $writer->close } },
	unclosed => sub { sub { $_[0]->([ 200, [] ])->write('all of it') } },
	leave => sub { sub { my $writer = $_[0]->([ 200, [] ]); for (1 .. 100_000) { last if !$writer->write('x' x 4096) } note('noticed'); $writer->close } },
	blessed => sub { bless [ 200, [], [ 'from an object' ] ], 'Whatever' },
	errors => sub { my $e = $_[0]{'psgi.errors'}; $e->print("printed by $_[0]{QUERY_STRING}\nand a second line\n"); print {$e} 'without end'; warn "warned by $_[0]{QUERY_STRING}\n";
		$_[0]{'psgix.logger'}->({ level => 'warn', message => "logged by $_[0]{QUERY_STRING} \e[0m" }); text('ok') },
	cleanup => sub { my ($env) = @_; push @{ $env->{'psgix.cleanup.handlers'} }, sub { select undef, undef, undef, 0.01 until -e "$home/go"; note("cleaned $_[0]{PATH_INFO}") }; text('before') },
	harakiri => sub { $_[0]{'psgix.harakiri.commit'} = 1; text($$) },
	local => sub { our $left; my $was = $left // 'unset'; local $left = 'set'; text($was) },
	object_gone => sub { my $x = bless {}, 'Counted'; $_[0]{'my.object'} = $x; text('ok') },
	# what is not right
	die => sub { die "died by $_[0]{QUERY_STRING}\n" },
	die_object => sub { die bless { why => 1 }, 'Some::Error' },
	exit => sub { exit 3 },
	exit_deep => sub { my @x = sort { eval { exit 4 }; 1 } 1 .. 3; text('not here') },
	die_late => sub { sub { my $writer = $_[0]->([ 200, [] ]); $writer->write('part'); die "died late\n" } },
	exit_late => sub { sub { my $writer = $_[0]->([ 200, [] ]); $writer->write('part'); exit } },
	die_line => sub { { package Dies; sub getline { $_[0][0]++ ? die "died at the second line\n" : 'part' } sub close {} } [ 200, [], bless [], 'Dies' ] },
	late_wide => sub { sub { my $writer = $_[0]->([ 200, [] ]); $writer->write('part'); $writer->write("\x{263a}") } },
	never => sub { sub { } },
	twice => sub { sub { my ($respond) = @_; $respond->([ 200, [], [ 'once' ] ]); eval { $respond->([ 200, [], [ 'twice' ] ]) }; note("twice: $@") } },
	later => sub { sub { our $respond = $_[0]; $respond->([ 200, [], [ 'kept' ] ]) } },
	later_called => sub { our $respond; eval { $respond->([ 200, [], [ 'stolen' ] ]) }; text("refused: $@") },
	fork => sub { my $pid = fork // die; if (!$pid) { return text('from the child') if $_[0]{QUERY_STRING} eq 'return'; die 'x' if $_[0]{QUERY_STRING} eq 'die'; exit 7 } waitpid $pid, 0; text('child ended with ', $? >> 8) },
	system => sub { my $said = `echo said; exit 5`; text($said, $? >> 8) },
	crash => sub { kill 11, $$; sleep 5 },
	io => sub { my ($env) = @_; my $io = $env->{'psgix.io'} or return text('no socket'); ref $io or die; print {$io} "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n"; sub { my $line = <$io>; print {$io} "you said $line" } },
	io_not => sub { text(exists $_[0]{'psgix.io'} ? 'there' : 'not there') },
	# each a bad response
	bad_nothing => sub { return },
	bad_text => sub { 'just a text' },
	bad_hash => sub { { status => 200 } },
	bad_two => sub { [ 200, [] ] },
	bad_four => sub { [ 200, [], [], 1 ] },
	bad_status_text => sub { [ 'fine', [], [] ] },
	bad_status_undef => sub { [ undef, [], [] ] },
	bad_status_low => sub { [ 42, [], [] ] },
	bad_status_1xx => sub { [ 101, [], [] ] },
	bad_status_high => sub { [ 1000, [], [] ] },
	bad_status_half => sub { [ 200.5, [], [] ] },
	bad_status_ref => sub { [ [], [], [] ] },
	bad_status_lines => sub { [ "200 OK\r\nX: y", [], [] ] },
	bad_headers_undef => sub { [ 200, undef, [] ] },
	bad_headers_hash => sub { [ 200, { A => 1 }, [] ] },
	bad_headers_odd => sub { [ 200, [ 'Content-Type' ], [] ] },
	bad_name_undef => sub { [ 200, [ undef, 1 ], [] ] },
	bad_name_empty => sub { [ 200, [ '', 1 ], [] ] },
	bad_name_colon => sub { [ 200, [ 'X:Y', 1 ], [] ] },
	bad_name_line => sub { [ 200, [ "X-A\r\nX-Evil", 1 ], [] ] },
	bad_name_status => sub { [ 200, [ 'Status', 404 ], [] ] },
	bad_name_end => sub { [ 200, [ 'X-', 1 ], [] ] },
	bad_name_wide => sub { [ 200, [ "X-\x{263a}", 1 ], [] ] },
	bad_value_undef => sub { [ 200, [ 'X-A', undef ], [] ] },
	bad_value_ref => sub { [ 200, [ 'X-A', [ 1 ] ], [] ] },
	bad_value_wide => sub { [ 200, [ 'X-A', "\x{263a}" ], [] ] },
	bad_value_lf => sub { [ 200, [ 'X-A', "a\nX-Evil: 1" ], [] ] },
	bad_value_cr => sub { [ 200, [ 'X-A', "a\rX-Evil: 1" ], [] ] },
	bad_value_split => sub { [ 200, [ 'Location', "/\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: 1\r\n\r\n" ], [] ] },
	bad_value_nul => sub { [ 200, [ 'X-A', "a\0b" ], [] ] },
	bad_value_tab => sub { [ 200, [ 'X-A', "a\tb" ], [] ] },
	bad_long => sub { [ 200, [ 'X-A', 'x' x 40_000 ], [] ] },
	bad_many => sub { [ 200, [ map { ("X-$_" . 'a', 1) } 1 .. 300 ], [] ] },
	bad_body_undef => sub { [ 200, [], undef ] },
	bad_body_text => sub { [ 200, [], 'text' ] },
	bad_body_hash => sub { [ 200, [], {} ] },
	bad_body_code => sub { [ 200, [], sub { } ] },
	bad_body_object => sub { [ 200, [], bless {}, 'Nothing' ] },
	bad_body_closed => sub { open my $in, '<', "$home/file"; close $in; [ 200, [], $in ] },
	bad_part_undef => sub { [ 200, [], [ 'a', undef ] ] },
	bad_part_ref => sub { [ 200, [], [ 'a', [] ] ] },
	bad_part_wide => sub { [ 200, [], [ 'a', "\x{263a}" ] ] },
	bad_respond_text => sub { sub { $_[0]->('text') } },
	bad_respond_odd => sub { sub { $_[0]->([ 200, [ 'A' ] ]) } },
	bad_respond_value => sub { sub { $_[0]->([ 200, [ 'A' => "x\r\ny" ], [ 'x' ] ]) } },
);
sub { my ($env) = @_; my ($name) = $env->{PATH_INFO} =~ m{\A/(\w+)}; my $code = $path{$name // ''} or return [ 404, [], [ 'no such path' ] ]; $code->($env) };
PERL

# Once at the root, without a chroot; once below a prefix, in one.
my (%site, %log);
for my $row ([ 'alice', 1 ], [ 'bob', 0 ]) {
	my ($label, $chroot) = @$row;
	my $account = $t->account($label);
	my $home = $chroot ? '' : $account->{home};
	(my $code = $application) =~ s/\bHOME\b/'$home'/;
	put_file("$account->{home}/app.psgi", $code, 0644, $account);
	put_file("$account->{home}/broken.psgi", "use strict;\nmy \$x = ;\n", 0644, $account);
	put_file("$account->{home}/nothing.psgi", "1;\n", 0644, $account);
	put_file("$account->{home}/exits.psgi", "exit 3;\n", 0644, $account);
	put_file("$account->{home}/lib/Own.pm", "package Own; sub name { 'of $label' } 1;\n", 0644, $account);
	put_file("$account->{home}/uses.psgi", "use Own; my \$mode = \$ENV{MODE}; sub { [ 200, [], [ Own::name(), ' ', \$mode, ' ', \$ENV{MODE}, ' ', \$ENV{POOL}, ' ', eval { require Late; Late::name() } // \$@ ] ] };\n", 0644, $account);
	put_file("$account->{home}/lib/Late.pm", "package Late; sub name { 'late' } 1;\n", 0644, $account);
	put_file("$account->{home}/file", join('', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 250_000), 0644, $account);
	put_file("$account->{home}/small", 'a small file', 0644, $account);
	put_file("$account->{home}/crlf", "one\r\ntwo\r\n", 0644, $account);
	put_file("$account->{home}/latin", "caf\xc3\xa9", 0644, $account);
	my $home_outside = $account->{home};
	my $prefix = $chroot ? '/app' : '/';
	$site{$label} = $t->site($label, chroot => $chroot,
		pool => { min_spare_processors => 3, env => [ 'POOL=pool', 'MODE=pool' ], ($chroot ? (perl_preload => [ 'JSON::PP', 'Digest::SHA' ]) : ()) },
		handlers => [
			{ prefix => $prefix, handler => 'psgi', application => "$home_outside/app.psgi" },
			(map { { prefix => "/$_", handler => 'psgi', application => "$home_outside/$_.psgi" } } qw(broken nothing exits)),
		]);
	$site{$label}{prefix} = $chroot ? '/app' : '';
	$t->vhost("second.$label.test", processor => $label, document_root => $site{$label}{root}, show_errors => \1,
		env => [ 'MODE=vhost' ], perl_lib => [ "$home_outside/lib" ],
		handlers => [
			{ prefix => '/', handler => 'psgi', application => "$home_outside/uses.psgi" },
			{ prefix => '/broken', handler => 'psgi', application => "$home_outside/broken.psgi" },
			{ prefix => '/app', handler => 'psgi', application => "$home_outside/app.psgi" },
		]);
	$log{$label} = $t->{pools}[-1]{error_log} = "$t->{dir}/log/$label.log";
}
$t->start;

my @sites = ([ $site{alice}, 'in a chroot, below a prefix', $log{alice} ], [ $site{bob}, 'at the root', $log{bob} ]);
sub each_case
{
	my ($code) = @_;
	for my $row (@sites) {
		my ($site, $what, $log) = @$row;
		each_kind(sub {
			my ($kind) = @_;
			my $get = sub { my ($path, %option) = @_; $t->get($kind, $site->{host}, "$site->{prefix}/$path", %option) };
			$code->($kind, $site, $get, "($kind, $what)", $log);
		});
	}
	return;
}

sub env_of { my ($response) = @_; return eval { decode_json($response->{body}) } || {} }

# ---- the environment

each_case(sub {
	my ($kind, $site, $get, $case) = @_;
	my $env = env_of($get->('env/more%2Fpath/%C3%A4%20?a=1&b=%20', headers => [ 'X-My: own', 'X-My: twice', 'Cookie: a=1', 'Proxy: evil', 'Content-Type: x/y' ]));
	for my $row (
		[ REQUEST_METHOD => 'GET' ], [ SCRIPT_NAME => $site->{prefix} ], [ PATH_INFO => "/env/more/path/\xc3\xa4 " ],
		[ REQUEST_URI => "$site->{prefix}/env/more%2Fpath/%C3%A4%20?a=1&b=%20" ], [ QUERY_STRING => 'a=1&b=%20' ],
		[ SERVER_NAME => $site->{host} ], [ SERVER_PORT => $t->{ports}{$kind} ], [ SERVER_PROTOCOL => 'HTTP/1.1' ],
		[ REMOTE_ADDR => '127.0.0.1' ], [ HTTP_HOST => $site->{host} ], [ HTTP_X_MY => 'own, twice' ], [ HTTP_COOKIE => 'a=1' ],
		[ CONTENT_TYPE => 'x/y' ], [ 'psgi.version' => 'ARRAY' ], [ 'psgi.url_scheme' => 'http' ], [ 'psgi.input' => 'GLOB' ],
		[ 'psgi.errors' => 'GLOB' ], [ 'psgi.multiprocess' => 1 ], [ 'psgi.multithread' => '' ], [ 'psgi.run_once' => '' ],
		[ 'psgi.nonblocking' => '' ], [ 'psgi.streaming' => 1 ], [ 'psgix.input.buffered' => 1 ], [ 'psgix.harakiri' => 1 ],
		[ 'psgix.cleanup' => 1 ], [ 'psgix.cleanup.handlers' => 'ARRAY' ], [ 'psgix.logger' => 'CODE' ],
	) {
		my $said = $env->{ $row->[0] } // 'nothing';
		utf8::encode($said) if $row->[0] eq 'PATH_INFO';
		is($said, $row->[1], "$row->[0] $case");
	}
	ok(!exists $env->{$_}, "there is no $_ $case") for qw(HTTP_PROXY HTTP_CONTENT_TYPE HTTP_CONTENT_LENGTH CONTENT_LENGTH HTTPS SCRIPT_FILENAME PATH_TRANSLATED);
	is(env_of($get->('env//a///b'))->{PATH_INFO}, '/env//a///b', "slashes that are repeated are kept $case");
	is(env_of($get->('env//a/../b'))->{PATH_INFO}, '/env/b', "but not next to a .. $case");
	is(env_of($get->('x/..//env'))->{SCRIPT_NAME}, $site->{prefix}, "which does not leave the prefix $case");
	body_is($get->('io_not'), 'not there', "no psgix.io on a listener that others share $case") if $kind eq 'shared';
});
is(env_of($t->get('shared', $site{alice}{host}, '/app'))->{PATH_INFO} // '', '', 'the prefix alone has no PATH_INFO');
status_is($t->get('shared', $site{alice}{host}, '/apple'), 404, 'another name that begins like it is another path');

# ---- bodies

each_case(sub {
	my ($kind, $site, $get, $case) = @_;
	my $post = sub { my ($path, $body, %option) = @_; $t->post($kind, $site->{host}, "$site->{prefix}/$path", $body, %option) };
	for my $size (0, 1, 8192, 16_383, 40_000, 3_000_000) {
		my $body = substr(join('', map { chr($_ % 253) } 1 .. 997) x ($size / 997 + 1), 0, $size);
		body_is($post->('body', $body), "$size " . sha1_hex($body) . ' same buffered', "a body of $size bytes, read, sought and read again $case");
	}
	body_is($post->('keep', 'abcdefgh'), 'abc', "a body read in part $case");
	body_is($post->('once', 'next'), '4 ' . sha1_hex('next') . ' buffered', "the next request has its own $case");
	my $client = $t->client($kind);
	for (1, 2) {
		$client->send("POST $site->{prefix}/empty HTTP/1.1\r\nHost: $site->{host}\r\nContent-Length: 300000\r\n\r\n" . 'x' x 300_000);
		body_is($client->response, '', "a body that is not read $case");
	}
	$client = $t->client($kind);
	$client->send("POST $site->{prefix}/body HTTP/1.1\r\nHost: $site->{host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
	body_is($client->response, '11 ' . sha1_hex('hello world') . ' same buffered', "a chunked body $case");
	like($get->('kept')->{body}, qr/\Aread (?:0|undef|5) <(?:defgh)?>\z|another processor/, "a handle that was kept gives nothing of a later body $case");
});

# ---- responses

each_case(sub {
	my ($kind, $site, $get, $case) = @_;
	my $home = $site->{home};
	my $response = $get->('several');
	status_is($response, 201, "a status $case");
	field_is($response, 'set-cookie', 'a=1 | b=2', "two cookies $case");
	field_is($response, 'x-two', 'x | y', "a field twice $case");
	body_is($response, "onetwo\xe9", "parts follow each other $case");
	$response = $get->('latin');
	body_is($response, "caf\xe9", "characters below 256 are bytes $case");
	field_is($response, 'x-latin', "caf\xe9", "in fields too $case");
	body_is($get->('empty'), '', "nothing at all $case");
	for my $status (204, 304) {
		$response = $get->("nobody?$status");
		status_is($response, $status, "$status $case");
		body_is($response, '', "has no body $case");
	}
	field_is($get->('length'), 'content-length', 5, "Content-Length as it says $case");
	body_is($get->('longer'), 'hello', "what is longer is cut $case");
	$response = $get->('hops');
	field_is($response, 'x-a', 1, "fields $case");
	body_is($response, 'xyz!', "and those of the connection are ours $case");
	is(length $get->("big?$_")->{body}, $_ * 1024, "$_ KiB $case") for 1, 63, 64, 65, 300, 3000;
	my $head = $t->request($kind, 'HEAD', $site->{host}, "$site->{prefix}/big?10");
	status_is($head, 200, "HEAD $case");
	is($head->{body}, '', "has no body $case");

	my $file = slurp("$home/file");
	is(sha1_hex($get->($_)->{body}), sha1_hex($file), "a file: $_ $case") for 'file', 'object';
	body_is($get->('file?small'), 'a small file', "a small one $case");
	is(sha1_hex($get->('tail')->{body}), sha1_hex(substr $file, 10), "from where it was read to $case");
	body_is($get->('layered'), "one\ntwo\n", "through its layers $case");
	body_is($get->('encoded'), "caf\xe9", "decoded $case");
	body_is($get->('scalar'), 'in memory', "a handle on a scalar $case");
	body_is($get->('pipe'), "from a pipe\n", "a pipe $case") if !$site->{chroot};
	unlink "$home/notes";
	body_is($get->('lines'), "one\ntwo\nlast", "an object with getline() $case");
	is(slurp("$home/notes"), "closed 0\n", "which is closed $case");
	unlink "$home/notes";
	$t->request($kind, 'HEAD', $site->{host}, "$site->{prefix}/lines");
	ok(wait_for(10, sub { slurp("$home/notes") eq "closed 3\n" }), "unread for HEAD $case");
	body_is($get->('size'), "65536\n65536\n", "\$/ says how much at once $case");
	body_is($get->('blessed'), 'from an object', "an array that is an object $case");

	body_is($get->('delayed'), 'later', "a delayed response $case");
	body_is($get->('stream'), 'first second third', "a stream $case");
	unlink "$home/go";
	my $client = $t->client($kind);
	$client->send("GET $site->{prefix}/stream?wait HTTP/1.1\r\nHost: $site->{host}\r\n\r\n");
	ok($client->until_match(qr/first /, 10), "its first piece comes while it runs $case");
	put_file("$home/go", '');
	body_is($client->response, 'first second third', "and the rest follows $case");
	body_is($get->('unclosed'), 'all of it', "a writer that is not closed $case");
	unlink "$home/notes";
	$client = $t->client($kind);
	$client->send("GET $site->{prefix}/leave HTTP/1.1\r\nHost: $site->{host}\r\n\r\n");
	$client->until_match(qr/xxxx/, 10);
	$client->close;
	ok(wait_for(20, sub { slurp("$home/notes") eq "noticed\n" }), "write() says when the client has left $case");
	for my $version ('1.0', '1.1') {
		body_is($t->get($kind, $site->{host}, "$site->{prefix}/stream", version => $version), 'first second third', "a stream over HTTP/$version $case");
	}
});

# ---- what the processor does around it

each_case(sub {
	my ($kind, $site, $get, $case, $log) = @_;
	my $home = $site->{home};
	my $facts = env_of($get->('facts'));
	isnt($facts->{loaded_by}, $facts->{pid}, "the application was loaded before the fork $case");
	is($facts->{forks}, 1, "its post_fork hook ran once $case");
	is($facts->{uid}, $site->{uid}, "as its user $case");
	is($facts->{env}{POOL}, 'pool', "the pool's environment is there $case");
	is($facts->{env}{PLACK_ENV}, 'deployment', "PLACK_ENV too $case");
	$get->("errors?$kind");
	$t->log_says(qr/\Q$site->{host}\E.*printed by $kind\b/, "psgi.errors is the pool's log, with the vhost $case", $log);
	$t->log_says(qr/\Q$site->{host}\E.*$_/, "a line each: $_ $case", $log) for 'and a second line', "without endwarned by $kind", "logged by $kind \\\\x1b";
	unlink "$home/go", "$home/notes";
	body_is($get->('cleanup'), 'before', "the answer comes before the clean-up $case");
	put_file("$home/go", '');
	ok(wait_for(10, sub { slurp("$home/notes") eq "cleaned /cleanup\n" }), "which then runs $case");
	my $pid = $get->('harakiri')->{body};
	isnt(env_of($get->('facts'))->{pid}, $pid, "psgix.harakiri ends the processor $case");
	body_is($get->('local'), 'unset', "a local of one request is gone $case") for 1, 2;
	unlink "$home/notes";
	$get->('object_gone');
	ok(wait_for(10, sub { slurp("$home/notes") eq "destroyed\n" }), "what was in the environment is destroyed at its end $case");
	if (!$site->{chroot}) {
		body_is($get->('system'), "said\n5", "programs can be run $case");
		body_is($get->("fork?$_->[0]"), "child ended with $_->[1]", "a forked child that would $_->[0] leaves $case") for [ exit => 7 ], [ return => 0 ], [ die => 255 ];
	}
});

# ---- errors

each_case(sub {
	my ($kind, $site, $get, $case, $log) = @_;
	my $prefix = $site->{chroot} ? '' : $site->{home};
	for my $row ([ "die?$kind", "died: died by $kind" ], [ 'die_object', 'died: Some::Error=HASH' ], [ 'exit', 'called exit\(3\)' ],
	    [ 'exit_deep', 'called exit\(4\)' ], [ 'never', 'gave a bad response: it never called' ]) {
		my $response = $get->($row->[0]);
		status_is($response, 500, "$row->[0] is 500 $case");
		unlike($response->{body}, qr/died|exit|callback/, "which tells no secrets $case");
		$t->log_says(qr/\Q$site->{host}\E.*the application \Q$prefix\E\/app\.psgi $row->[1]/, "and a line in the log $case", $log);
	}
	body_is($get->('local'), 'unset', "and all goes on $case");
	for my $path (qw(die_late exit_late late_wide die_line)) {
		my $response = $get->($path);
		ok($response->{error} || $response->{closed}, "$path: a stream that breaks is cut $case") or diag($response->shown);
		like($response->{body}, qr/\Apart\z/, "after what it had $case");
	}
	$t->log_says(qr/the application \Q$prefix\E\/app\.psgi gave a bad response: what it wrote has wide characters/, "with a line $case", $log);
	unlink "$site->{home}/notes";
	body_is($get->('twice'), 'once', "a callback answers once $case");
	like(slurp("$site->{home}/notes"), qr/was called before/, "and says so $case");
	$get->('later');
	like($get->('later_called')->{body}, qr/refused: (?:this response's callback is of a request that is over|Can't use an undef)/, "and not for a later request $case");
});

my @bad = $application =~ /^\tbad_(\w+) =>/gm;
cmp_ok(scalar @bad, '>', 40, 'there are many ways to answer wrongly');
each_case(sub {
	my ($kind, $site, $get, $case, $log) = @_;
	my $said = sub { scalar grep { m{app\.psgi gave a bad response: \S} } split /\n/, slurp($log) };
	my $before = $said->();
	for my $name (@bad) {
		my $response = $get->("bad_$name");
		status_is($response, 500, "$name is 500 $case");
		field_is($response, 'x-evil', '', "and splits nothing $case");
	}
	# more than one line for one of them would show here or for the next kind
	wait_for(10, sub { $said->() >= $before + @bad });
	is($said->() - $before, scalar @bad, "one line for each names the application and the fault $case");
	my $pid = env_of($get->('facts'))->{pid};
	ok($pid, "and it is still there $case");
});
like(slurp($log{bob}), qr/$_/, "the log says: $_") for
	'its status is 42, not a whole number from 200 to 999', 'its headers are 1 values, not pairs', 'the value of header X-A has wide characters',
	'"X:Y" can\'t name a header', 'the value of header X-A has a control character', 'its body is undefined', 'a part of the body is undefined',
	'a part of the body has wide characters', 'its body is a handle that is not open', 'it returned a text, not a reference';

each_case(sub {
	my ($kind, $site, $get, $case, $log) = @_;
	my %second = (host => "second.$site->{host}");
	for my $row ([ broken => 'syntax error' ], [ nothing => 'its last value is no reference' ], [ exits => 'it called exit\(3\)' ]) {
		my $response = $t->get($kind, $site->{host}, "/$row->[0]");
		status_is($response, 500, "an application that can't be loaded is 500: $row->[0] $case");
		unlike($response->{body}, qr/$row->[1]/, "without the reason $case");
		$t->log_says(qr/\Q$site->{host}\E.*$row->[1]/, "which is in the log $case", $log);
	}
	my $response = $t->get($kind, "second.$site->{host}", '/broken');
	status_is($response, 500, "so it is with show_errors $case");
	body_like($response, qr/syntax error at \S*broken\.psgi line 2/, "but the page says why $case");
	$response = $t->get($kind, "second.$site->{host}", '/app/die?<b>');
	body_like($response, qr/died by (?:&lt;b&gt;|%3Cb%3E)/, "escaped $case") if $response->{status} == 500;

	my $label = $site->{host} =~ s/\.test\z//r;
	body_is($t->get($kind, "second.$site->{host}", '/'), "of $label vhost vhost pool late", "a vhost has its own modules and environment $case");
	is(env_of($get->('facts'))->{env}{MODE}, 'pool', "which are not its neighbour's $case");
	ok(!(grep { m{/lib\z} && m{\A(?:\Q$site->{home}\E|)/lib\z} } @{ env_of($get->('facts'))->{inc} }), "nor its \@INC $case");

	put_file("$site->{home}/broken.psgi", "sub { [ 200, [], [ 'mended' ] ] };\n", 0644, $site);
	ok(wait_for(15, sub { $t->get($kind, $site->{host}, '/broken')->{body} eq 'mended' }), "an application that was mended is served $case");
	put_file("$site->{home}/broken.psgi", "use strict;\nmy \$x = ;\n", 0644, $site);
	$t->get($kind, $site->{host}, $site->{prefix} . '/harakiri') for 1 .. 8;
});

# ---- a crash, and the client's socket

each_case(sub {
	my ($kind, $site, $get, $case, $log) = @_;
	my $response = $get->('crash');
	if ($kind eq 'shared') {
		status_is($response, 502, "a crash gives 502 $case");
	} else {
		ok($response->{status} == 502 || $response->{closed}, "a crash gives 502 or closes $case") or diag($response->shown);
	}
	body_is($get->('local'), 'unset', "one of them $case");
	return if $kind ne 'private';
	# the socket goes with the request where another processor is left for who comes next
	my $client;
	ok(wait_for(20, sub {
		$client = $t->client($kind);
		$client->send("GET $site->{prefix}/io HTTP/1.1\r\nHost: $site->{host}\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
		$client->until_match(qr/\r\n\r\n/s, 10);
		return $client->{buffer} =~ /101 Switching/;
	}), "an application speaks to its own client $case");
	$client->send("something\n");
	ok($client->until_match(qr/you said something/, 10), "in a protocol of its own $case");
	$client->{buffer} = '';
	ok($client->closed_within(10), "and closes $case");
	body_is($get->('local'), 'unset', "and the next client is served $case");
});

my %drawn;
ok(wait_for(20, sub {
	$drawn{ env_of($t->get('shared', $site{bob}{host}, '/facts'))->{drawn} // '' }++;
	$t->get('shared', $site{bob}{host}, '/harakiri');
	return scalar(grep { $_ ne '' } keys %drawn) >= 3;
}), 'each processor draws random numbers of its own') or diag(explain(\%drawn));
$t->finish;
