# A number of multiplexers that follows the load: count at least, max_count at most, and
# those beyond count go when they are not needed, without a request lost.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'slow.pl', <<'PERL');
print "Content-Type: text/plain\n\n";
open my $mark, '>', "$ENV{DOCUMENT_ROOT}/../started"; close $mark;
select undef, undef, undef, 0.02 until -e "$ENV{DOCUMENT_ROOT}/../go";
print "done\n";
PERL
@{ $t->{settings} }{qw(max_clients keep_alive_timeout)} = (20, 300);
my $entry = $t->{settings}{multiplexers}[0];
@$entry{qw(count max_count idle_timeout)} = (1, 3, 3);

# ---- what -t says

sub checked { my ($most) = @_; local $entry->{max_count} = $most; return ($t->program('peruserd', '-t', '-c', $t->write_config))[1] }
{
	local $entry->{count} = 4;
	like(checked(3), qr/peruserd\.cfg:\d+: error: max_count 3 is less than count, which is 4/, 'a most below the least is a mistake');
	like(checked(64), qr/is good/, 'as many as there are numbers are none');
}
like(checked(65), qr/max_count/, 'more are');

# ---- up

sub numbers { return sort { $a <=> $b } map { $_->{number} } grep { $_->{ready} } @{ ($t->status // {})->{multiplexers} // [] } }
sub there_are
{
	my ($count, $what) = @_;
	my @now;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(wait_for(40, sub { @now = numbers(); @now == $count }), $what) || diag("there are @now\n" . $t->log);
}

# A connection that has been answered, and is kept.
my @kept;
sub crowd
{
	my ($count) = @_;
	for (1 .. $count) {
		my $client = $t->client('shared');
		$client->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n");
		return fail("connection $_ is answered") if $client->response->{body} ne "hello\n";
		push @kept, $client;
	}
	return pass("$count more connections are answered and kept");
}

$t->start;
there_are(1, 'it begins with count');
crowd(19);
there_are(2, 'one that is near max_clients gets another beside it');
$t->log_says(qr/multiplexer \d+ \(\d+\) is added: the others are near their limit/, 'which is told');
crowd(19);
there_are(3, 'two get a third');
crowd(19);
# Each is near its limit now: several looks go by, and no fourth comes.
wait_for(6, sub { (() = numbers()) > 3 });
is(scalar(() = numbers()), 3, 'there are no more than max_count');
my ($status, $said) = $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'reload');
is($status, 0, 'a reload is taken') or diag($said);
is(join(' ', map { $_->send("GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\n\r\n"); $_->response->{status} } @kept), join(' ', (200) x @kept),
    'all connections are still served after it, each by its multiplexer');
is(scalar(() = numbers()), 3, 'and it has changed nothing of their number');

# ---- down, while a request runs on each

my @slow = map { my $client = pop @kept; $client->send("GET /cgi-bin/slow.pl HTTP/1.1\r\nHost: bob.test\r\n\r\n"); $client } 1 .. 3;
ok(wait_for(20, sub { -e "$bob->{home}/started" }), 'requests run');
@kept = ();
$t->log_says(qr/multiplexer \d+ \(\d+\) finishes and goes: the others do without it/, 'one that nobody needs goes') ;
ok(wait_for(40, sub { 2 == (() = $t->log =~ /finishes and goes/g) }), 'so does the next');
crowd(5);
put_file("$bob->{home}/go", '');
is(join(' ', map { $_->response->{body} =~ s/\n//r } @slow), 'done done done', 'what ran is finished, on those that go too');
there_are(1, 'then there is count again');
crowd(5);
is(scalar(grep { process_title($_) =~ /multiplexer/ } process_children($t->{pid})), 1, 'and no process more');
unlike($t->log, qr/multiplexer \d+ (?:exited|was ended)/, 'none has died');
$t->finish;
