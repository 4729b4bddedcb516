# The FastCGI front under bad input: thousands of connections that end in the
# middle, that say nonsense, or give their requests up; and then as many
# descriptors and about as much memory as before, and requests as if nothing had been.
use strict;
use warnings;
use Peruserd::FastCGI qw(record begin abort params stdin pairs variables);
use Peruserd::Test;
use Socket qw(SOL_SOCKET SO_LINGER);

my $t = Peruserd::Test->new(seconds => 900);
my $alice = $t->site('alice', vhost => { queue_length => 10_000 });
my $port = port_free();
my $count = $t->{sanitized} ? 150 : 1000;      # of each kind: ten kinds
$t->{settings}{multiplexers}[0]{count} = 1;
push @{ $t->{listen} }, { address => "127.0.0.1:$port", protocol => 'fastcgi' };
put_file("$alice->{root}/who.txt", $alice->{host}, 0644, $alice);
put_file("$alice->{root}/large.bin", 'large' x 200_000, 0644, $alice);
$t->cgi($alice, 'sum.pl', 'my $len = 0; while (my $got = read STDIN, my $bytes, 65536) { $len += $got }
	print "Content-Type: text/plain\n\n$len";');
$t->start;

sub web { return Peruserd::FastCGI->new(port => $port) }

sub leave
{
	my ($web, $reset) = @_;
	setsockopt($web->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0) if $reset;
	close $web->{socket};
	return;
}

my %file = (HTTP_HOST => 'alice.test', REQUEST_URI => '/who.txt');
my $whole = begin(1, keep => 1) . params(1, variables(\%file)) . stdin(1);
my $upload = begin(1, keep => 1) . params(1, variables({ %file, REQUEST_URI => '/cgi-bin/sum.pl',
	CONTENT_LENGTH => 200_000 }, ''));

# Each leaves the connection as its name says.
my %fault = (
	'a cut header' => sub { my ($web, $i) = @_; $web->send(substr $whole, 0, 1 + $i % 15) },
	'cut params' => sub { my ($web, $i) = @_; $web->send(substr $whole, 0, 17 + $i % 150) },
	'a cut body' => sub { my ($web, $i) = @_; $web->send($upload, record('stdin', 1, 'x' x ($i * 61 % 65000))) },
	'not FastCGI' => sub { my ($web) = @_; $web->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); $web->closed_within(20) },
	'a short BEGIN' => sub { my ($web) = @_; $web->send(record('begin', 1, "\0\1\0")); $web->closed_within(20) },
	'a number in use' => sub { my ($web) = @_; $web->send(begin(1, keep => 1), begin(1, keep => 1)); $web->closed_within(20) },
	'params that are no pairs' => sub { my ($web) = @_;
		$web->send(begin(1, keep => 1), record('params', 1, "\x7f\xff\xff\xff\xffx"), record('params', 1));
		my %answer = $web->answers(1);
		$answer{1}{status} == 400 or die "params that are no pairs: $answer{1}{status}\n" },
	'huge params' => sub { my ($web) = @_;
		$web->send(begin(1, keep => 1), map { record('params', 1, "\x01\xff\x7f\xff\xffA" . 'x' x 60_000) } 1 .. 2);
		my %answer = $web->answers(1);
		$answer{1}{status} == 431 or die "huge params: $answer{1}{status}\n" },
	'an answer that is not read' => sub { my ($web) = @_;
		$web->send(begin(1, keep => 1), params(1, variables({ %file, REQUEST_URI => '/large.bin' })), stdin(1));
		sysread $web->{socket}, my $some, 1000 },
	'an aborted request' => sub { my ($web) = @_;
		$web->send($upload, record('stdin', 1, 'x' x 100), abort(1));
		my %answer = $web->answers(1);
		defined $answer{1}{ended} or die "an aborted request has no end\n" },
);

sub descriptors { my ($pid) = $t->multiplexers; return scalar(() = glob "/proc/$pid/fd/*") }
sub resident { my ($pid) = $t->multiplexers; return process_field($pid, 'VmRSS') =~ /([0-9]+)/ ? $1 : 0 }

sub run_all
{
	my ($times) = @_;
	for my $name (sort keys %fault) {
		for my $i (1 .. $times) {
			my $web = web();
			$fault{$name}->($web, $i);
			leave($web, $i % 2);
		}
	}
	my $web = web();
	body_is($web->request(\%file), 'alice.test', 'and a request is answered');
	leave($web);
	ok(wait_for(30, sub { ($t->status->{multiplexers}[0]{connections} // 1) == 0 }), 'no connection is left')
	    or diag(explain($t->status->{multiplexers}));
	return;
}

run_all(20);
my ($fds, $kib) = (descriptors(), resident());
run_all($count);
cmp_ok(descriptors(), '<=', $fds + 3, 'as many descriptors as before ' . $count * keys(%fault) . ' faults');
cmp_ok(resident(), '<', $kib + ($t->{sanitized} ? 200_000 : 4096), 'and about as much memory')
    or diag("$kib KiB before, " . resident() . ' after');
$t->log_says(qr/is not FastCGI; that connection is closed/, 'what is no FastCGI is logged');
my $status = $t->pool_status('alice');
is($status->{busy} // 0, 0, 'no processor is still busy');
$t->finish;
