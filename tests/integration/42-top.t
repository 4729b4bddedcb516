# peruserctl top on a terminal: it shows who is busy, obeys keys, fits, and
# gives the terminal back however it ends.
use strict;
use warnings;
use Peruserd::Test;
use Peruserd::Terminal;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob', pool => { max_processors => 3 });
my $eve = $t->site('eve');
$t->pool('ghost', user => 'no-such-user-here');
$t->vhost('ghost.test', processor => 'ghost', document_root => '/var/empty');
put_file("$_->{root}/hello.txt", "hello\n", 0644, $_) for $bob, $eve;
$t->cgi($bob, 'gate.pl', <<"PERL");
open my \$mark, '>', "$bob->{home}/runs"; close \$mark;
select undef, undef, undef, 0.01 until -e "$bob->{home}/open";
print "Content-Type: text/plain\\n\\nopen";
PERL
$t->start;
$t->get('shared', 'eve.test', '/hello.txt');
my @top = ("$t->{build}/peruserctl", '-s', $t->{settings}{control}{socket}, 'top');

my $client = $t->client('shared');
$client->send("GET /cgi-bin/gate.pl?a%1b[2J<b>\x{20}HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n");
ok(wait_for(20, sub { -e "$bob->{home}/runs" }), 'a request runs');

my $terminal = Peruserd::Terminal->new(columns => 80, rows => 24, command => \@top);
SKIP: {
	skip 'there is no pseudo-terminal here', 25 if !$terminal;
	ok($terminal->shows(qr/^bob\s+ready\s+1\b/m, 20), 'a busy pool is there') or diag(join "\n", $terminal->screen);
	ok($terminal->shows(qr{\bbob\s+\d+\s+busy\b.*GET bob\.test/cgi-bin/gate\.pl}, 10), 'and what it runs');
	ok($terminal->shows(qr/^eve\s.*\n/m, 5), 'others too');
	ok($terminal->shows(qr/1 failed/, 5), 'and how many failed');
	ok($terminal->shows(qr/\[b busy\].*q quit/, 5), 'and the keys');
	like($terminal->{out}, qr/\A\e\[\?1049h/, 'on a screen of its own');
	isnt($terminal->settings, $terminal->{settings}, 'without echo');
	is(scalar(grep { length > 80 } $terminal->screen), 0, 'in 80 columns');
	cmp_ok(scalar($terminal->screen), '<=', 24, 'and 24 rows');
	(my $shown = $terminal->{out}) =~ s/\e\[(?:\?1049[hl]|\?25[hl]|H|J|K)//g;
	unlike($shown, qr/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xff]/, 'without control characters of a stranger');
	for my $row ([ 'c', 'cpu' ], [ 'r', 'requests' ], [ 'm', 'memory' ], [ 'w', 'waiting' ], [ 'e', 'errors' ], [ 'n', 'name' ]) {
		$terminal->type($row->[0]);
		ok($terminal->shows(qr/\[$row->[0] $row->[1]\]/, 5), "$row->[0] orders by $row->[1]");
	}
	$terminal->type('r');
	ok($terminal->shows(qr/\[r requests\]/, 5), 'by requests');
	$t->get('shared', 'eve.test', '/hello.txt') for 1 .. 50;
	ok($terminal->shows(qr/^eve\s+\w+(?:\s+\S+){5}\s+[1-9]/m, 10), "a second's requests are told");
	$terminal->resize(130, 12);
	ok($terminal->shows(qr/\bUSER\b.*\bCRASH\b/, 5), 'a wider terminal shows more');
	ok(wait_for(5, sub { $terminal->shows(qr/q quit/, 1); my @lines = $terminal->screen; @lines <= 12 && @lines > 5 }), 'a lower one less');
	$terminal->type('q');
	is($terminal->ended(10), 0, 'q ends it');
	like($terminal->{out}, qr/\e\[\?25h\e\[\?1049l\z/, 'with the old screen');
	is($terminal->settings, $terminal->{settings}, 'and the old settings');

	for my $signal (qw(TERM INT)) {
		$terminal = Peruserd::Terminal->new(columns => 80, rows => 24, command => \@top);
		$terminal->shows(qr/q quit/, 20);
		$signal eq 'INT' ? $terminal->type("\x03") : kill($signal, $terminal->{pid});
		is(($terminal->ended(10) // 0) & 127, { TERM => 15, INT => 2 }->{$signal}, "SIG$signal ends it");
		is($terminal->settings, $terminal->{settings}, 'with the old settings');
	}
	$terminal = Peruserd::Terminal->new(columns => 80, rows => 24, command => \@top);
	$terminal->shows(qr/q quit/, 20);
	put_file("$bob->{home}/open", '');
	$client->response;
	is($t->stop, 0, 'the daemon stops');
	my $status = $terminal->ended(15);
	ok(defined $status && $status != 0, 'then it ends too');
	is($terminal->settings, $terminal->{settings}, 'with the old settings');
	like($terminal->{out}, qr/1049l.*peruserctl: /s, 'and says why');
}
my ($exit, $text) = $t->program('peruserctl', '-s', "$t->{dir}/none.sock", 'top');
isnt($exit, 0, 'without a daemon it fails');
$t->finish;
