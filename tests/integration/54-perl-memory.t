# No growth: one processor, many requests of each kind, its memory before and after.
# PERUSERD_REQUESTS says how many; 200,000 where it is not set, a tenth under sanitizers.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new(perl => 1, seconds => 1200);
my $count = $ENV{PERUSERD_REQUESTS} // ($t->{sanitized} ? 20_000 : 200_000);
my $account = $t->account('alice');
my $file = put_file("$account->{home}/app.psgi", <<'PERL', 0644, $account);
my %path = (
	'/' => sub { [ 200, [ 'Content-Type' => 'text/plain' ], [ "hello\n", "END\n" ] ] },
	'/body' => sub { my ($env) = @_; my $body; $env->{'psgi.input'}->read($body, 10_000); [ 200, [], [ length $body, " END\n" ] ] },
	'/stream' => sub { sub { my $w = $_[0]->([ 200, [ 'X-S' => 1 ] ]); $w->write("END\n"); $w->close } },
	'/delayed' => sub { sub { $_[0]->([ 200, [], [ "END\n" ] ]) } },
	'/lines' => sub { open my $in, '<', \"one\nEND\n"; [ 200, [], $in ] },
	'/die' => sub { die "END\n" },
	'/bad' => sub { [ 200, [ 'X' ], [ 'END' ] ] },
	'/exit' => sub { my @x = map { exit } 1; },
	'/cleanup' => sub { push @{ $_[0]{'psgix.cleanup.handlers'} }, sub { }; [ 200, [], [ "END\n" ] ] },
);
sub { $path{ $_[0]{PATH_INFO} }->($_[0]) };
PERL
my $site = $t->site('alice', pool => { max_processors => 1, min_spare_processors => 1, max_requests_per_child => 0, error_log => "$t->{dir}/log/alice.log" },
	vhost => { show_errors => \1 }, handlers => [ { prefix => '/', handler => 'psgi', application => $file }, { prefix => '/cgi-bin/', handler => 'perl-cgi' } ]);
$t->cgi($site, 'hello.pl', 'use strict; my $q = $ENV{QUERY_STRING}; my %seen; sub note { $seen{$q}++; push @main::x, 1; @main::x = () } note() for 1 .. 3; print "Content-Type: text/plain\n\n$q END\n"; print <DATA>;' . "\n__DATA__\ndata\n");
$t->cgi($site, 'exit.pl', 'print "Content-Type: text/plain\n\nEND\n"; local $SIG{ALRM} = sub { }; exit;');
$t->cgi($site, 'die.pl', 'die "END\n";');
$t->start;

# In batches on one connection; each answer has END in it once.
sub batch
{
	my ($client, $request, $times) = @_;
	$client->send($request x $times);
	my $deadline = time + 60;
	my $seen = 0;
	while ($seen < $times) {
		$seen++ while $client->{buffer} =~ /END/g;
		$client->{buffer} = substr $client->{buffer}, -2;
		return 0 if $seen < $times && !$client->fill($deadline);
	}
	return 1;
}

sub request
{
	my ($path, $body) = @_;
	return "GET $path HTTP/1.1\r\nHost: $site->{host}\r\n\r\n" if !defined $body;
	return "POST $path HTTP/1.1\r\nHost: $site->{host}\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

my @mixed = ([ '/body', 'x' x 5000 ], [ '/stream' ], [ '/delayed' ], [ '/lines' ], [ '/die' ], [ '/cleanup' ], [ '/cgi-bin/hello.pl?a=b' ],
    [ '/cgi-bin/hello.pl', 'posted=1' ], [ '/cgi-bin/exit.pl' ], [ '/cgi-bin/die.pl' ]);
my $client = $t->client('shared', timeout => 60);

# Everything once over, so that what is made once is there.
ok(batch($client, request(@$_), 200), "$_->[0] warms up") for [ '/' ], @mixed;
$t->get('shared', $site->{host}, $_) for ('/bad', '/exit') x 20;
my ($pid) = $t->processors($site);
ok($pid, 'one processor serves them all');
sub memory { my ($dirty) = slurp("/proc/$pid/smaps_rollup") =~ /^Private_Dirty:\s+(\d+)/m; return $dirty // 0 }

for my $row ([ 'hello', sub { [ '/' ] }, $count * 0.8 ], [ 'all kinds', sub { $mixed[ $_[0] % @mixed ] }, $count * 0.2 ]) {
	my ($what, $next, $times) = @$row;
	my ($done, $round, $whole, $began, $before) = (0, 0, 1, time, memory());
	while ($done < $times && $whole) {
		$whole = batch($client, request(@{ $next->($round++) }), 100);
		$done += 100;
	}
	ok($whole, "$done requests, $what, are answered");
	my $after = memory();
	diag(sprintf '%d requests (%s) in one processor: %d KiB of its own before, %d KiB after, %.1f s', $done, $what, $before, $after, time - $began);
	SKIP: {
		skip 'a sanitizer keeps what was freed', 1 if $t->{sanitized};
		cmp_ok($after - $before, '<', 128, "its memory is flat after them: $before, then $after KiB");
	}
}
is(join(' ', $t->processors($site)), $pid, 'all of them were answered by the same processor');
diag($t->log) if $ENV{DEBUG};
$t->finish;
