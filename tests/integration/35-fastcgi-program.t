# handoff = "fastcgi" with a command: programs that know nothing of us, one
# process a slot, started on descriptor 0 as the pool's user in its chroot.
use strict;
use warnings;
use Peruserd::Test;

plan(skip_all => 'needs FCGI.pm (Debian: libfcgi-perl)') if !eval { require FCGI; 1 };
my $t = Peruserd::Test->new;
$t->{settings}{max_processors} = 3;

# A FastCGI script in Perl: says who it is, what it was given, and what it is asked to do.
my $script = <<'PERL';
#!/usr/bin/perl
use strict;
use warnings;
use FCGI;
use IO::Handle;

my $served = 0;
my ($in, $out, $err) = (IO::Handle->new, IO::Handle->new, IO::Handle->new);
my %env;
my $request = FCGI::Request($in, $out, $err, \%env, 0, FCGI::FAIL_ACCEPT_ON_INTR());
while ($request->Accept() >= 0) {
	$served++;
	my $what = $env{PATH_INFO} // '';
	if ($what eq '/env') {
		print $out "Content-Type: text/plain\r\n\r\n", map { "$_=$env{$_}\n" } sort keys %env;
	} elsif ($what eq '/who') {
		print $out "Content-Type: text/plain\r\n\r\n$< $( $$ $served ", join(',', map { m{/(\d+)$} } glob '/proc/self/fd/*');
	} elsif ($what eq '/body') {
		my ($all, $part) = ('', '');
		$all .= $part while read $in, $part, 65536;
		print $out "Content-Type: application/octet-stream\r\n\r\n", length($all), ' ', unpack('%32C*', $all);
	} elsif ($what eq '/stderr') {
		print $err "first line\nsecond ", "line\n";
		print $out "Content-Type: text/plain\r\n\r\nsaid";
	} elsif ($what eq '/long') {
		print $out "Content-Type: text/plain\r\n\r\n", ('x' x 1023 . "\n") x ($env{QUERY_STRING} || 1);
	} elsif ($what eq '/redirect') {
		print $out "Status: 303 See Other\r\nLocation: /elsewhere\r\n\r\n";
	} elsif ($what eq '/sleep') {
		sleep $env{QUERY_STRING};
		print $out "Content-Type: text/plain\r\n\r\nslept";
	} elsif ($what eq '/drip') {
		print $out "Content-Type: text/plain\r\n\r\n";
		for (1 .. 600) {
			my $written = syswrite $out, 'drip' x 4096;
			last if !defined $written || $written < 4096;
			$out->flush;
			select undef, undef, undef, 0.1;
			open my $mark, '>', $env{QUERY_STRING}; print $mark "$$ $_\n"; close $mark;
		}
	} elsif ($what eq '/await') {
		select undef, undef, undef, 0.02 until -e $env{QUERY_STRING};
		print $out "Content-Type: text/plain\r\n\r\nat last";
		$request->Finish;
		open my $mark, '>', "$env{QUERY_STRING}.done"; close $mark;
	} elsif ($what eq '/die') {
		kill KILL => $$;
	} elsif ($what eq '/nothing') {
	} else {
		print $out "Content-Type: text/plain\r\n\r\nhello\n";
	}
}
PERL

my %site;
for my $label (qw(plain rooted few brief calm absent)) {
	my $account = $t->account($label);
	$site{$label} = $t->site($label, handlers => []);
	put_file("$account->{home}/app.fcgi", $script, 0755, $account);
}
# The account's pool gets a program instead of processors of ours.
sub program
{
	my ($label, @more) = @_;
	my ($pool) = grep { $_->{name} eq $label } @{ $t->{pools} };
	%$pool = (%$pool, handoff => 'fastcgi', @more);
	return;
}
program('plain', command => [ "$site{plain}{home}/app.fcgi" ], max_requests_per_child => 50,
	expire_timeout => 30, env => [ 'GREETING=hello' ]);
program('few', command => [ "$site{few}{home}/app.fcgi" ], max_requests_per_child => 5, max_processors => 1,
	min_spare_processors => 0);
program('brief', command => [ "$site{brief}{home}/app.fcgi" ], expire_timeout => 1, max_processors => 1);
program('calm', command => [ "$site{calm}{home}/app.fcgi" ], max_processors => 1);
program('absent', command => [ '/nowhere/program' ]);
program('rooted', command => [ '/app.fcgi' ], chroot => $site{rooted}{home});
delete $_->{handlers} for @{ $t->{vhosts} };
$t->start;

each_kind(sub {
	my ($kind) = @_;
	my $get = sub { $t->get($kind, 'plain.test', @_) };

	my $response = $get->('/');
	status_is($response, 200, "a program answers on a $kind listener");
	body_is($response, "hello\n", "with its text ($kind)");
	field_is($response, 'Content-Length', 6, "a small answer has its length ($kind)");
	my ($uid, $gid, $pid, $served, $fds) = split / /, ($get->('/who'))->{body} =~ s/ \d+ (\d+) / $1 /r;
	is($uid, $site{plain}{uid}, "it runs as the pool's user ($kind)");

	my %env = map { split /=/, $_, 2 } split /\n/, $get->('/env?a=b')->{body};
	is($env{PATH_INFO}, '/env', "PATH_INFO ($kind)");
	is($env{SCRIPT_NAME}, '', "SCRIPT_NAME ($kind)");
	is($env{QUERY_STRING}, 'a=b', "QUERY_STRING ($kind)");
	is($env{DOCUMENT_ROOT}, $site{plain}{root}, "DOCUMENT_ROOT ($kind)");
	is($env{SCRIPT_FILENAME}, $site{plain}{root}, "SCRIPT_FILENAME ($kind)");
	is($env{PATH_TRANSLATED}, "$site{plain}{root}/env", "PATH_TRANSLATED ($kind)");
	is($env{REQUEST_METHOD}, 'GET', "REQUEST_METHOD ($kind)");
	is($env{REQUEST_URI}, '/env?a=b', "REQUEST_URI ($kind)");
	is($env{SERVER_PROTOCOL}, 'HTTP/1.1', "SERVER_PROTOCOL ($kind)");

	for my $size (0, 1, 1000, 40_000, 300_000, 3_000_000) {
		my $body = 'a' x $size;
		body_is($t->post($kind, 'plain.test', '/body', $body), "$size " . unpack('%32C*', $body),
		    "a body of $size bytes ($kind)");
	}
	for my $kib (1, 100, 3000) {
		is(length $get->("/long?$kib")->{body}, 1024 * $kib, "an answer of $kib KiB ($kind)");
	}
	$response = $get->('/redirect');
	status_is($response, 303, "a status ($kind)");
	field_is($response, 'Location', '/elsewhere', "a location ($kind)");
	status_is($get->('/nothing'), 502, "no answer is 502 ($kind)");
	status_is($get->('/die'), 502, "and so is one whose program dies ($kind)");
	body_is($get->('/'), "hello\n", "the next request is answered ($kind)");
	body_is($get->('/stderr'), 'said', "an answer beside STDERR ($kind)");

	my $client = $t->client($kind);
	for (1 .. 3) {
		$client->send("GET / HTTP/1.1\r\nHost: plain.test\r\n\r\n");
		body_is($client->response, "hello\n", "request $_ of a kept connection ($kind)");
	}
	status_is($t->request($kind, 'HEAD', 'plain.test', '/'), 200, "HEAD ($kind)");
});
# ---- a program's life

my $who = sub { (split / /, $t->get('shared', 'few.test', '/who')->{body} =~ s/ \d+ (\d+) / $1 /r)[2, 3] };
my @served = map { [ $who->() ] } 1 .. 25;
ok(!grep({ $_->[1] > 5 } @served), 'no process serves more than max_requests_per_child');
cmp_ok(scalar(keys %{ { map { $_->[0] => 1 } @served } }), '>=', 5, 'others take their place');

my $started = time;
status_is($t->get('shared', 'brief.test', '/sleep?600'), 504, 'a request that runs too long is 504');
cmp_ok(time - $started, '<', 15, 'when its time is up');
body_is($t->get('shared', 'brief.test', '/'), "hello\n", 'and the next one is answered');
$t->log_says(qr/brief.*killed.*expire_timeout/, 'its process was killed');

# A client that leaves: the program's next write fails, and it is free again.
my $mark = "$site{calm}{home}/mark";
my $leaver = $t->client('shared');
$leaver->send("GET /drip?$mark HTTP/1.1\r\nHost: calm.test\r\n\r\n");
ok(wait_for(10, sub { -s $mark }), 'a program drips');
my ($pid) = slurp($mark) =~ /\A(\d+)/;
$leaver->{socket}->close;
ok(wait_for(10, sub { !$t->pool_status('calm')->{busy} }), 'its client left, and it has stopped');
ok(process_alive($pid), 'by itself: it lives');

# A client that leaves, and its program has answered before that is seen: it waits for more, and is free.
my $gate = "$site{calm}{home}/gate";
$leaver = $t->client('shared');
$leaver->send("GET /await?$gate HTTP/1.1\r\nHost: calm.test\r\n\r\n");
ok(wait_for(10, sub { $t->pool_status('calm')->{busy} }), 'a program waits');
my @multiplexers = $t->multiplexers;
kill STOP => @multiplexers;
$leaver->{socket}->close;
put_file($gate, '', 0644, $site{calm});
ok(wait_for(10, sub { -e "$gate.done" }), 'its client leaves, and it answers');
kill CONT => @multiplexers;
ok(wait_for(10, sub { !$t->pool_status('calm')->{busy} }), 'its slot is free');
body_is($t->get('shared', 'calm.test', '/'), "hello\n", 'and serves the next request');
ok(process_alive($pid), 'by the same process');

# What is missing is said.
status_is($t->get('shared', 'rooted.test', '/'), 503, 'a program without its interpreter is 503');
$t->log_says(qr{rooted.*interpreter /usr/bin/perl can't be run: it is not there \(inside the chroot\)},
	'the log says what is missing where');
like($t->pool_status('rooted')->{reason}, qr{interpreter /usr/bin/perl}, 'and so does the status');
status_is($t->get('shared', 'absent.test', '/'), 503, 'a program that is not there is 503');
$t->log_says(qr{absent.*/nowhere/program can't be run: it is not there}, 'which is said too');

$t->log_says(qr/plain.*second line/, 'STDERR is in the log, line by line');
$t->finish;
