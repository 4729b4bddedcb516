# Applications that break FastCGI: 502 or a cut answer, a line in the log, and
# nothing leaks over 10,000 of them.
use strict;
use warnings;
use Peruserd::Test;
use POSIX ();
use Socket;

my $t = Peruserd::Test->new(seconds => 380);
my $socket = "$t->{dir}/run/bad.sock";

sub record
{
	my ($type, $content, $id, $version) = @_;
	return pack('CCnnCC', $version // 1, $type, $id // 1, length $content, 0, 0) . $content;
}
my $end = record(3, pack('NC4', 0, 0, 0, 0, 0));
my $head = "Content-Type: text/plain\r\n\r\n";
# What it answers, by the path's last letter; 'cut': the head is out before.
my %bad = (
	a => [ 502, '' ],                                               # closes at once
	b => [ 502, record(6, 'Content-Ty') ],                          # dies within the head
	c => [ 502, record(6, 'X: ' . 'y' x 60_000) x 2 . $end ],       # a huge head
	d => [ 502, record(6, "${head}x", 2) ],                         # for a foreign request
	e => [ 502, record(99, 'x') ],                                  # an unknown type
	f => [ 502, "HTTP/1.1 200 OK\r\n\r\n" ],                        # another protocol
	g => [ 502, record(6, "${head}x", 1, 9) ],                      # another version
	h => [ 502, record(6, "no head at all\n\n") . $end ],           # no CGI response
	i => [ 502, record(3, 'short') ],                               # an END of another length
	j => [ 502, record(3, pack('NC4', 0, 2, 0, 0, 0)) ],            # overloaded
	k => [ 'cut', record(6, "${head}some") ],                       # no END
	l => [ 'cut', record(6, "Content-Length: 9\r\n${head}some") . $end ],   # less than it said
	m => [ 200, record(0, 'x', 0) . record(6, "${head}good") . $end ],      # about the connection: skipped
	n => [ 200, record(7, "to the log\n") . record(6, "${head}good") . record(6, '') . $end . 'garbage' ],
);

socket my $listen, AF_UNIX, SOCK_STREAM, 0 or die;
bind $listen, sockaddr_un($socket) or die;
listen $listen, 100;
my @children = map {
	my $pid = fork // die;
	if (!$pid) {
		$SIG{PIPE} = 'IGNORE';
		while (accept my $connection, $listen) {
			my $bytes = '';
			# The empty STDIN record is the request's end.
			until ($bytes =~ /\x01\x05\x00\x01\x00\x00..\z/s) {
				sysread($connection, $bytes, 65536, length $bytes) or last;
			}
			my ($what) = $bytes =~ m{DOCUMENT_URI/([a-n])};
			syswrite $connection, $bad{$what}[1] if defined $what;
			close $connection;
		}
		POSIX::_exit(0);
	}
	$pid;
} 1 .. 3;
close $listen;
END { my $status = $?; kill 'KILL', @children if @children; $? = $status }

$t->{settings}{multiplexers}[0]{count} = 1;
own_folder("$t->{dir}/site");
$t->pool('bad', handoff => 'fastcgi', connect => [ "unix:$socket" ], max_processors => 3);
$t->vhost('bad.test', processor => 'bad', document_root => "$t->{dir}/site");
$t->start;

sub outcome
{
	my ($client, $letter) = @_;
	$client->send("GET /$letter HTTP/1.1\r\nHost: bad.test\r\n\r\n");
	my $response = $client->response;
	return $response->{status} == 200 && $response->{error} ? 'cut' : $response->{status};
}

for my $letter (sort keys %bad) {
	is(outcome($t->client('shared'), $letter), $bad{$letter}[0], "application $letter is $bad{$letter}[0]");
}
$t->log_says(qr/pool bad, bad.test: the FastCGI connection was closed before the end/, 'an early end is in the log');
$t->log_says(qr/pool bad, bad.test: its FastCGI server answered a request that it was not given/, 'a foreign request is');
$t->log_says(qr/pool bad, bad.test: its FastCGI server sent what is no FastCGI record/, 'and what is none');

my ($multiplexer) = $t->multiplexers;
sub measure
{
	my @fds = glob "/proc/$multiplexer/fd/*";
	return (scalar(@fds), (process_field($multiplexer, 'VmRSS') // '0') =~ /(\d+)/);
}
sub many
{
	my ($count) = @_;
	my @letters = sort keys %bad;
	my ($client, $wrong) = (undef, 0);

	for my $i (1 .. $count) {
		my $letter = $letters[$i % @letters];
		$client //= $t->client('shared');
		my $got = outcome($client, $letter);
		$wrong++ if $got ne $bad{$letter}[0];
		undef $client if $got ne '200' && $got ne '502';
	}
	return $wrong;
}
many(1000);
my ($fds, $memory) = measure();
is(many(10_000), 0, '10,000 bad answers are each what they should be');
ok(wait_for(10, sub { (measure())[0] <= $fds + 2 }), 'no descriptor is left of them');
my ($after, $grown) = measure();
cmp_ok($grown, '<', $memory + 2048, 'nor more than 2 MiB of memory') if !$t->{sanitized};
is($t->pool_status('bad')->{busy}, 0, 'and no connection is taken');
kill 'KILL', @children;
waitpid $_, 0 for splice @children;
$t->finish;
