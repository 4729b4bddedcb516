# Everything a user can do over and over again has a bound, and what dies takes
# along what was counted for it.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('300ms', '2s');
my $tight = $t->site('tight', pool => { max_processors => 1, queue_length => 3, queue_timeout => 30 });
my $dying = $t->site('dying', pool => { max_processors => 2, min_spare_processors => 2 });
for my $site ($tight, $dying) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
}
$t->cgi($tight, 'gate.pl', <<"PERL");
open my \$mark, '>', "$tight->{home}/runs" or die;
select undef, undef, undef, 0.01 until -e "$tight->{home}/open";
print "Content-Type: text/plain\\n\\nopened";
PERL
# Leaves a child behind that ends every process it can, as politely as it may, for some time.
$t->cgi($dying, 'plague.pl', <<"PERL" =~ s/HERE/$dying->{home}/r);
use POSIX ();
print "Content-Type: text/plain\\n\\nout\\n";
exit 0 if fork;
POSIX::setsid();
POSIX::close(\$_) for 0 .. 20;
\$SIG{TERM} = 'IGNORE';
select undef, undef, undef, 0.01 until -e 'HERE/go';
for (1 .. 1500) { kill 'TERM', -1; select undef, undef, undef, 0.002; }
PERL
$t->start;

# ---- a multiplexer's death takes its waiting requests out of the count

my $running = $t->client('shared');
$running->send("GET /cgi-bin/gate.pl HTTP/1.1\r\nHost: tight.test\r\nConnection: close\r\n\r\n");
ok(wait_for(10, sub { -e "$tight->{home}/runs" }), 'one request runs');
my @waiting = map {
	my $client = $t->client('shared');
	$client->send("GET /hello.txt HTTP/1.1\r\nHost: tight.test\r\nConnection: close\r\n\r\n");
	$client;
} 1 .. 3;
ok(wait_for(10, sub { ($t->pool_status('tight')->{queued} // 0) == 3 }), 'three wait: the queue is full');
my @before = $t->multiplexers;
kill 'KILL', @before;
ok(wait_for(10, sub { my @now = $t->multiplexers; @now == @before && !grep { my $is = $_; grep { $_ == $is } @before } @now }), 'all multiplexers are replaced');
is($t->pool_status('tight')->{queued}, 0, 'nothing is counted as waiting any more');
put_file("$tight->{home}/open", '');
ok(wait_for(10, sub { $t->get('shared', 'tight.test', '/hello.txt', timeout => 5)->{status} == 200 }), 'and the queue takes requests again');

# ---- processors that end before they served anything are not forked without end

body_is($t->get('shared', 'dying.test', '/cgi-bin/plague.pl'), "out\n", 'a child is left behind');
put_file("$dying->{home}/go", '');
$t->log_says(qr/pool dying: a processor ended before it served a request; none is forked for \d+ ms/, 'a pool whose processors end at once, with status 0, is backed off');
ok(wait_for(20, sub { $t->get('shared', 'dying.test', '/hello.txt', timeout => 10)->{status} == 200 }), 'and serves when that is over');
$t->finish;
