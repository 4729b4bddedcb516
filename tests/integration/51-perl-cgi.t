# CGI scripts that are compiled once and run many times: what they find and leave is as if each run were the first.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use JSON::PP qw(decode_json);
use Peruserd::Test;

my $t = Peruserd::Test->new(perl => 1);
my $site = $t->site('alice', pool => { env => [ 'POOL=pool' ], max_processors => 1, max_requests_per_child => 0 }, handlers => [
	{ prefix => '/cgi-bin/', handler => 'perl-cgi' },
	{ suffix => '.pl', handler => 'perl-cgi' },
	{ prefix => '/cgi-bin/named.pl', handler => 'cgi' },
]);
my $log = $t->{pools}[0]{error_log} = "$t->{dir}/log/alice.log";
# the same scripts as programs, and with errors shown
$t->vhost('plain.test', processor => 'alice', document_root => $site->{root}, handlers => [ { prefix => '/cgi-bin/', handler => 'cgi' } ]);
$t->vhost('shown.test', processor => 'alice', document_root => $site->{root}, show_errors => \1, env => [ 'SITE=shown' ],
	handlers => [ { prefix => '/cgi-bin/', handler => 'perl-cgi' } ]);

sub script { my ($name, $code, $mode) = @_; return put_file("$site->{root}/cgi-bin/$name", "#!/usr/bin/perl\n$code", $mode // 0755, $site) }
my $text = qq{print "Content-Type: text/plain\\n\\n";\n};

# Each is run twice under both: the answers must be the same four times.
my %same = (
	'env.pl' => 'print "Content-Type: text/plain\n\n"; print map { "$_=$ENV{$_}\n" } grep { !/^(?:REMOTE_PORT|HTTP_HOST|SERVER_NAME|SERVER_PORT)$/ } sort keys %ENV;',
	'child-env.pl' => $text . '$| = 1; $ENV{OWN} = "mine"; delete $ENV{QUERY_STRING}; print `env | grep -E "^(OWN|QUERY|SCRIPT_NAME|POOL)" | sort`;',
	# what one run does to %ENV the next one does not see
	'env-changed.pl' => $text . '$ENV{$_} //= "gone" for qw(LEFT REQUEST_METHOD QUERY_STRING); print "$ENV{LEFT} $ENV{REQUEST_METHOD} $ENV{QUERY_STRING}\n"; $ENV{LEFT} = 1; $ENV{QUERY_STRING} = "changed"; delete $ENV{REQUEST_METHOD};',
	'env-kept.pl' => $text . 'our $kept; print "$ENV{REQUEST_METHOD}\n"; $kept ||= \$ENV{REQUEST_METHOD}; $$kept = "spoilt";',
	'env-number.pl' => $text . 'print $ENV{SERVER_PORT} | "1", "\n"; my $number = $ENV{SERVER_PORT} + 1;',
	'env-each.pl' => $text . 'print scalar(keys %ENV) > 5 ? "many" : "few", "\n"; my ($name) = each %ENV; my $count = 0; $count++ while each %ENV; print $count > 5 ? "many" : "few", "\n"; each %ENV;',
	'env-replaced.pl' => $text . 'print "$ENV{REQUEST_METHOD}\n"; *ENV = { REQUEST_METHOD => "other" };',
	'env-locked.pl' => $text . 'print "$ENV{REQUEST_METHOD} ", ref \%ENV, "\n"; bless \%ENV, "Odd"; Internals::SvREADONLY(%ENV, 1);',
	'env-cleared.pl' => $text . 'print "$ENV{REQUEST_METHOD}\n"; %ENV = (A => 1); print `env | grep -c REQUEST_METHOD`;',
	'env-local.pl' => $text . 'print "$ENV{REQUEST_METHOD}\n"; local $ENV{REQUEST_METHOD} = "local"; local %ENV = (PATH => $ENV{PATH}, B => 2); print `env | grep -E "^(B|REQUEST_METHOD)"`;',
	'argv.pl' => $text . 'use Cwd; print "$0\n@ARGV\n", getcwd(), "\n", __FILE__, " ", __LINE__, "\n";',
	'stdin.pl' => $text . 'use Digest::SHA "sha1_hex"; local $/; my $in = <STDIN>; print length($in // ""), " ", sha1_hex($in // ""), " ", eof(STDIN) ? "end" : "more", "\n";',
	'sysread.pl' => $text . 'use Digest::SHA "sha1_hex"; my $in = ""; 1 while sysread STDIN, $in, 4096, length $in; print length($in), " ", sha1_hex($in), "\n";',
	'child-stdin.pl' => $text . 'my $said = `wc -c`; print "the child read $said";',
	'lexical.pl' => 'use strict; use warnings; my $query = $ENV{QUERY_STRING}; my @list; my %seen; add($_) for split /,/, $query; ' . $text
	    . 'sub add { push @list, "$query:$_[0]"; $seen{$_[0]}++; inner() } sub inner { push @list, "in $query" } print "@list ", join(",", sort keys %seen), "\n"; { package Other; sub name { "other $query" } } print Other::name(), "\n";',
	'recursive.pl' => 'use strict; my @out; my $depth = 0; walk(3); sub walk { my ($n) = @_; push @out, $n . $depth++; walk($n - 1) if $n } ' . $text . 'print "@out\n";',
	'closure.pl' => 'use strict; my $count = 0; my $next = sub { ++$count }; sub named { $next->() + $count } ' . $text . 'print named(), named(), "\n";',
	'begin-lexical.pl' => 'use strict; my %table; BEGIN { %table = (a => 1, b => 2) } sub look { $table{$_[0]} } ' . $text . 'print look("a"), look("b"), "\n";',
	'data.pl' => $text . 'print while <DATA>; print "end\n";' . "\n__DATA__\nfirst\nsecond\n",
	'end-word.pl' => $text . 'print "code\n";' . "\n=pod\n\n__END__\n\n=cut\n\nprint \"more\\n\";\n__END__\nnot code (\n",
	'exit.pl' => $text . 'print "before\n"; finish(); print "after\n"; sub finish { eval { exit 0 }; print "not here\n" }',
	'return.pl' => $text . 'print "before\n"; exit if $ENV{QUERY_STRING}; print "after\n";',
	'punctuation.pl' => $text . 'print defined $, ? "comma" : "", defined $\\ ? "back" : "", $/ eq "\n" ? "" : "rs", defined $_ ? "underscore" : "", $| ? "bar" : "", "\n"; $, = ","; $/ = undef; $\\ = "!\n"; $_ = "left"; $| = 1; print "a", "b";',
	'binmode.pl' => $text . 'print "caf\xe9\n"; binmode STDOUT, ":utf8"; print "caf\xe9\n";',
	'unfinished.pl' => $text . 'print "said\n"; $| = 1; print "x" x 100; $| = 0; print "more"; binmode STDOUT, ":crlf"; print "line\n";',
	'tied.pl' => $text . 'print "said\n"; { package Tied; sub TIEHANDLE { bless [] } sub PRINT { 1 } } tie *STDOUT, "Tied"; print "not said\n";',
	'closed.pl' => $text . 'print "said\n"; close STDOUT; print "not said\n";',
	'select.pl' => $text . 'open my $other, ">", \my $kept; select $other; print "kept"; select STDOUT; print "said\n"; select $other;',
	'status.pl' => 'print "Status: 404 Not Here\nX-A: 1\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Type: text/plain\n\nnot here\n";',
	'redirect.pl' => 'print "Location: http://elsewhere.test/\n\n";',
	'local-redirect.pl' => 'print "Location: /cgi-bin/data.pl?x\n\n";',
	'nph.pl' => 'print "HTTP/1.1 202 Taken\r\nContent-Type: text/plain\r\n\r\ntaken\n";',
	'crlf.pl' => 'print "Content-Type: text/plain\r\nX-B: 2\r\n\r\nbody\n";',
	'large.pl' => $text . 'print "0123456789" x 50_000;',
	'small-pieces.pl' => $text . '$| = 1; print "$_ " for 1 .. 200; print "\n";',
	'format.pl' => $text . "our \$x = 'value';\nformat STDOUT =\n@<<<<<< end\n\$x\n.\nwrite;\n",
	'heredoc.pl' => "print <<\"END\";\nContent-Type: text/plain\n\nin \$ENV{REQUEST_METHOD}\nEND\n",
	'require.pl' => $text . 'require "./part.inc"; print part(), "\n";',
	'signal.pl' => $text . 'print ref $SIG{ALRM} || "none", " ", $SIG{__DIE__} ? "hook" : "none", "\n"; $SIG{ALRM} = sub { }; $SIG{__DIE__} = sub { }; $SIG{__WARN__} = sub { }; alarm 1000;',
	'chdir.pl' => $text . 'use Cwd; print getcwd(), "\n"; chdir "/"; print getcwd(), "\n";',
	'umask.pl' => $text . 'printf "%03o\n", umask; umask 0777;',
	'sub-name.pl' => $text . 'sub handler { "own" } print handler(), " ", __PACKAGE__->can("handler") ? "yes" : "no", "\n";',
	'string-eval.pl' => 'use strict; my $seen = $ENV{QUERY_STRING}; ' . $text . 'print eval q{ "eval $seen" }, "\n"; sub later { eval q{ "later $seen" } } print later(), "\n";',
);
script($_, $same{$_}) for keys %same;
put_file("$site->{root}/cgi-bin/part.inc", "sub part { 'required' } 1;\n", 0644, $site);

my %other = (
	'counter.pl' => 'our $count; BEGIN { our $begun++ } our $begun; $count++; ' . $text . 'print "$$ $count $begun\n";',
	'end.pl' => $text . 'print "run\n"; END { open my $o, ">>", "' . $site->{home} . '/ends"; print $o "end $ENV{QUERY_STRING}\n" }',
	'gone.pl' => 'use strict; { package Gone; sub DESTROY { open my $o, ">>", "' . $site->{home} . '/ends"; print $o "gone $_[0][0]\n" } } my $object = bless [ $ENV{QUERY_STRING} ], "Gone"; sub name { $object->[0] } ' . $text . 'print name(), "\n";',
	'die.pl' => $text . 'print "part"; die "died of <$ENV{QUERY_STRING}>\n";',
	'die-late.pl' => '$| = 1; ' . $text . 'print "part"; die "died late\n";',
	'syntax.pl' => "my \$x = ;\n",
	'begin-die.pl' => "BEGIN { die \"begin died\\n\" }\n",
	'strict.pl' => "use strict;\n\$undeclared = 1;\n",
	'nothing.pl' => '1;',
	'half.pl' => 'print "Content-Type: text/plain\n";',
	'bad-head.pl' => 'print "this is no head\n\n";',
	'split.pl' => 'print "X-A: a\rX-Evil: 1\nContent-Type: text/plain\n\nx";',
	'warn.pl' => $text . 'warn "warned by $ENV{QUERY_STRING}\n"; print STDERR "printed by $ENV{QUERY_STRING}\n"; print "ok\n";',
	'flush.pl' => $text . '$| = 1; print "first "; select undef, undef, undef, 0.01 until -e "' . $site->{home} . '/go"; print "last";',
	'fork.pl' => $text . 'my $pid = fork; if (!$pid) { print "from the child"; exit 7 if $ENV{QUERY_STRING}; goto out } waitpid $pid, 0; print "child ", $? >> 8; out:',
	'crash.pl' => 'kill 11, $$; sleep 5;',
	'cgi.pl' => 'use CGI ":standard"; print header("text/plain"), "a=", param("a") // "none", " b=", CGI->new->param("b") // "none", "\n";',
	'upload.pl' => 'use CGI; my $q = CGI->new; my $file = $q->upload("file"); local $/; my $all = <$file>; use Digest::SHA; ' . $text . 'print length $all, " ", Digest::SHA::sha1_hex($all), " ", $q->param("field");',
	'named.pl' => $text . 'our $count++; print "named $count\n";',
	'changing.pl' => $text . 'print "one\n";',
	'site.pl' => $text . 'print $ENV{SITE} // "none", "\n";',
);
script($_, $other{$_}) for keys %other;
put_file("$site->{root}/cgi-bin/warns.pl", "#!/usr/bin/perl -w\n" . $text . 'my $x; print "x" . $x . "y\n";', 0755, $site);
put_file("$site->{root}/cgi-bin/switch.pl", "#!/usr/bin/perl -wT\n" . $text . 'print "${^TAINT}\n";', 0755, $site);
put_file("$site->{root}/cgi-bin/shell", "#!/bin/sh\necho\n", 0755, $site);
script('writable.pl', $text, 0777);
script('not-executable.pl', $text, 0644);
put_file("$site->{root}/by-suffix.pl", "#!/usr/bin/perl\n$text print 'by suffix';", 0755, $site);
$t->start;

sub fetch { my ($kind, $host, $path, $body) = @_; return defined $body ? $t->post($kind, $host, $path, $body) : $t->get($kind, $host, $path) }
sub gist { my ($response) = @_; return join "\n", $response->{error} // '', $response->{status}, (map { "$_: " . join ' | ', $response->fields($_) } qw(content-type location set-cookie x-a x-b)), $response->{body} }

each_kind(sub {
	my ($kind) = @_;
	for my $name (sort keys %same) {
		my @requests = ([ "/cgi-bin/$name" ], [ "/cgi-bin/$name?one,two" ], [ "/cgi-bin/$name?some+words%21" ], [ "/cgi-bin/$name/more/path?a=1" ],
		    [ "/cgi-bin/$name?post", 'x=1&y=2' ], [ "/cgi-bin/$name?big", 'z' x 100_000 ], [ "/cgi-bin/$name" ]);
		for my $request (@requests) {
			my ($path, $body) = @$request;
			my $plain = gist(fetch($kind, 'plain.test', $path, $body));
			my $lives = gist(fetch($kind, $site->{host}, $path, $body));
			is($lives, $plain, "$path " . (defined $body ? length($body) . ' bytes posted' : '') . " is as from a program ($kind)");
		}
	}
	my $get = sub { my ($path, %option) = @_; $t->get($kind, $site->{host}, "/cgi-bin/$path", %option) };

	# it lives
	my ($pid, $count) = split / /, $get->('counter.pl')->{body};
	is($get->('counter.pl')->{body}, "$pid " . ($count + $_) . " 1\n", "globals stay, BEGIN ran once ($kind)") for 1 .. 3;
	body_is($get->('named.pl'), "named 1\n", "a script that is named runs as a program ($kind)") for 1, 2;
	body_is($t->get($kind, $site->{host}, '/by-suffix.pl'), 'by suffix', "by suffix too ($kind)");
	unlink "$site->{home}/ends";
	body_is($get->('end.pl?1'), "run\n", "a script with an END block ($kind)");
	is(slurp("$site->{home}/ends"), "end 1\n", "which runs at its end ($kind)");
	$get->('end.pl?2');
	is(slurp("$site->{home}/ends"), "end 1\nend 2\n", "each time ($kind)");
	unlink "$site->{home}/ends";
	body_is($get->("gone.pl?$_"), "$_\n", "an object that a sub sees ($kind)") for 'first', 'second';
	is(slurp("$site->{home}/ends"), "gone first\ngone second\n", "is destroyed at the end of its run ($kind)");

	# it changes
	script('changing.pl', $text . 'print "one\n";');
	body_is($get->('changing.pl'), "one\n", "a script ($kind)");
	script('changing.pl', $text . 'print "changed\n";');
	body_is($get->('changing.pl'), "changed\n", "that was changed is compiled anew ($kind)");
	script('changing.pl', 'broken (');
	status_is($get->('changing.pl'), 500, "or not ($kind)");
	script('changing.pl', $text . 'print "mended\n";');
	body_is($get->('changing.pl'), "mended\n", "until it is mended ($kind)");

	# it fails
	for my $row ([ 'syntax.pl', qr/syntax error at \S*syntax\.pl line 2/ ], [ 'begin-die.pl', qr/begin died/ ], [ 'strict.pl', qr/Global symbol .* at \S*strict\.pl line 3/ ],
	    [ 'die.pl?a', qr/died of (?:<|&lt;)a/ ], [ 'nothing.pl', qr/printed nothing/ ], [ 'half.pl', qr/head has no end/ ], [ 'bad-head.pl', qr/no colon|not a field|head's line|a line of/ ], [ 'split.pl', qr/./ ]) {
		my ($path, $why) = @$row;
		my $response = $get->($path);
		status_is($response, 500, "$path is 500 ($kind)");
		field_is($response, 'x-evil', '', "and splits nothing ($kind)");
		unlike($response->{body}, $why, "and tells no secrets ($kind)") if $path ne 'split.pl';
		my ($name) = $path =~ /\A([\w-]+)/;
		$t->log_says(qr/\Q$site->{host}\E.*\Q$site->{root}\E\/cgi-bin\/$name\.pl.*$why/, "the log does, with vhost and file ($kind)", $log) if $path !~ /die\.pl\?/;
		body_like($t->get($kind, 'shown.test', "/cgi-bin/$path"), $why, "and the page, where errors are shown ($kind)") if $path ne 'split.pl';
	}
	my $response = $get->('die-late.pl');
	ok($response->{error} || $response->{closed}, "a script that dies in the middle is cut ($kind)") or diag($response->shown);
	status_is($get->($_->[0]), $_->[1], "$_->[0] is $_->[1] ($kind)") for [ 'writable.pl', 403 ], [ 'not-executable.pl', 403 ], [ 'none.pl', 404 ], [ 'shell', 500 ];
	$t->log_says(qr/prefix = "\/cgi-bin\/shell"; handler = "cgi"/, "the log says what to write for a program that is no Perl ($kind)", $log);
	$get->("warn.pl?$kind");
	$t->log_says(qr/\Q$site->{host}\E.*$_ by $kind/, "STDERR is the pool's log: $_ ($kind)", $log) for 'warned', 'printed';
	body_is($get->('warns.pl'), "xy\n", "-w ($kind)");
	$t->log_says(qr/uninitialized value \$x in concat.*warns\.pl line 3/, "warns ($kind)", $log);
	body_is($get->('switch.pl'), "0\n", "-T ($kind)");
	$t->log_says(qr/-T has no effect/, "can't, and says so ($kind)", $log);
	unlike(slurp($log), qr/will not stay shared/, "no variable is said not to stay shared ($kind)");

	# it streams, forks, crashes
	unlink "$site->{home}/go";
	my $client = $t->client($kind);
	$client->send("GET /cgi-bin/flush.pl HTTP/1.1\r\nHost: $site->{host}\r\n\r\n");
	ok($client->until_match(qr/first /, 10), "with \$| what is printed goes out at once ($kind)");
	put_file("$site->{home}/go", '');
	body_is($client->response, 'first last', "and the rest follows ($kind)");
	body_is($get->('fork.pl?exit'), 'child 7', "a forked child leaves ($kind)");
	body_is($get->('fork.pl'), 'child 0', "at the script's end too ($kind)");
	if ($kind eq 'shared') {
		status_is($get->('crash.pl'), 502, "a crash is one 502 ($kind)");
		body_like($get->('counter.pl'), qr/ 1 1\n/, "and then all is new ($kind)");
	}
	body_is($t->get($kind, 'shown.test', '/cgi-bin/site.pl'), "shown\n", "a vhost's own environment ($kind)");
	body_is($get->('site.pl'), "none\n", "is not its neighbour's ($kind)");

	SKIP: {
		skip 'needs CGI.pm (Debian: libcgi-pm-perl)', 6 if !eval { require CGI; 1 };
		body_is($get->("cgi.pl?a=$_&b=x$_"), "a=$_ b=x$_\n", "CGI.pm has this request's parameters ($kind)") for 1, 2;
		body_is($get->('cgi.pl'), "a=none b=none\n", "and not the last one's ($kind)");
		body_is($t->post($kind, $site->{host}, '/cgi-bin/cgi.pl', "a=$_&b=y", headers => [ 'Content-Type: application/x-www-form-urlencoded' ]), "a=$_ b=y\n", "posted too ($kind)") for 3, 4;
		my $file = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 100_000;
		my $form = "--B0\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--B0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n$file\r\n--B0--\r\n";
		body_is($t->post($kind, $site->{host}, '/cgi-bin/upload.pl', $form, headers => [ 'Content-Type: multipart/form-data; boundary=B0' ]),
		    length($file) . ' ' . sha1_hex($file) . ' value', "an upload ($kind)");
	}
});
$t->finish;
