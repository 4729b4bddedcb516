package Peruserd::Load;

# Requests without a pause over many connections, from a process of its own,
# and an account of each: answered whole as it should be, or lost and how.
#
#   my $load = Peruserd::Load->new(connections => [ { port => 80, host => 'a', path => '/x',
#       body => "hello\n", kept => 1 }, ... ]);
#   ...
#   my $count = $load->stop;      # { answered => 1234, lost => 0, how => { ... } }
#
# A kept connection brings one request after the other, until an answer says
# that it is the last; a connection that closes or is reset without having said
# so costs the request that was sent on it, and counts as lost.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EINPROGRESS);
use IO::Handle;
use IO::Poll qw(POLLIN POLLOUT POLLERR POLLHUP);
use JSON::PP;
use Socket qw(PF_INET SOCK_STREAM IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_ERROR inet_aton pack_sockaddr_in);
use Time::HiRes qw(time);

use constant PATIENCE => 60;    # seconds for one answer, on a machine that is busy

sub new
{
	my ($class, %option) = @_;
	pipe my $from, my $to or die "pipe: $!\n";
	pipe my $hear, my $tell or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
		$SIG{PIPE} = 'IGNORE';
		close $from;
		close $tell;
		my $count = eval { _run($option{connections}, $hear, $to) } // { lost => 1, how => { "the load itself: $@" => 1 } };
		print {$to} encode_json($count), "\n";
		close $to;
		require POSIX;
		POSIX::_exit(0);
	}
	close $to;
	close $hear;
	return bless { pid => $pid, from => $from, tell => $tell }, $class;
}

# Wait until so many requests have been answered since the start.
sub stop
{
	my ($self) = @_;
	close delete $self->{tell};
	my $line = readline $self->{from};
	waitpid $self->{pid}, 0;
	return defined $line ? decode_json($line) : { answered => 0, lost => 1, how => { 'the load ended' => 1 } };
}

sub DESTROY
{
	my ($self) = @_;
	return if !$self->{tell};
	local $?;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

# ---- in the process of its own

sub _run
{
	my ($plans, $hear) = @_;
	my $count = { answered => 0, lost => 0, how => {}, connections => 0 };
	my $poll = IO::Poll->new;
	my @conns = map { { plan => $_, count => $count } } @$plans;
	my %by;
	my $ending = 0;

	$poll->mask($hear => POLLIN);
	for my $conn (@conns) {
		_begin($conn);
		$by{ $conn->{socket} } = $conn;
		$poll->mask($conn->{socket} => $conn->{want});
	}
	while (grep { $_->{socket} } @conns) {
		$poll->poll(1);
		$ending ||= $poll->events($hear) ? 1 : 0;
		for my $socket ($poll->handles(POLLIN | POLLOUT | POLLERR | POLLHUP), _late(\@conns)) {
			next if $socket == $hear;
			my $conn = $by{$socket} or next;
			next if !$conn->{socket} || $conn->{socket} != $socket;
			_go_on($conn);
			next if $conn->{socket} && !$conn->{done};
			# Its turn is over: on, on the same connection, or on another one.
			if ($conn->{socket} && !$ending) {
				_ask($conn);
			} else {
				_leave($conn, $poll, \%by);
				next if $ending;
				_begin($conn);
				$by{ $conn->{socket} } = $conn;
			}
			$poll->mask($conn->{socket} => $conn->{want});
		}
		for my $conn (grep { $_->{socket} } @conns) {
			$poll->mask($conn->{socket} => $conn->{want});
		}
	}
	return $count;
}

sub _late
{
	my ($conns) = @_;
	my $now = time;
	return map { $_->{socket} } grep { $_->{socket} && $now > $_->{deadline} } @$conns;
}

sub _leave
{
	my ($conn, $poll, $by) = @_;
	my $socket = delete $conn->{socket} // $conn->{gone} or return;
	delete $conn->{gone};
	delete $by->{$socket};
	$poll->remove($socket);
	close $socket;
	return;
}

sub _lost
{
	my ($conn, $how) = @_;
	my $plan = $conn->{plan};
	my $where = ($plan->{kept} ? 'kept' : 'new') . " port $plan->{port}, request $conn->{turn} of its connection";
	$conn->{count}{lost}++;
	$conn->{count}{how}{"$how ($where)"}++ if keys %{ $conn->{count}{how} } < 20;
	$conn->{gone} = delete $conn->{socket};
	return;
}

sub _begin
{
	my ($conn) = @_;
	socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
	setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
	$socket->blocking(0);
	$conn->{socket} = $socket;
	$conn->{turn} = 0;
	$conn->{count}{connections}++;
	if (!connect($socket, pack_sockaddr_in($conn->{plan}{port}, inet_aton('127.0.0.1'))) && $! != EINPROGRESS) {
		die "connect: $!\n";
	}
	return _ask($conn);
}

sub _ask
{
	my ($conn) = @_;
	my $plan = $conn->{plan};
	$conn->{turn}++;
	$conn->{out} = "GET $plan->{path} HTTP/1.1\r\nHost: $plan->{host}\r\n" .
	    ($plan->{kept} ? '' : "Connection: close\r\n") . "\r\n";
	$conn->{in} = '';
	$conn->{done} = 0;
	$conn->{want} = POLLOUT;
	$conn->{deadline} = time + PATIENCE;
	return;
}

sub _go_on
{
	my ($conn) = @_;
	my $socket = $conn->{socket};

	return _lost($conn, 'no answer in time') if time > $conn->{deadline};
	if (length $conn->{out}) {
		my $sent = syswrite $socket, $conn->{out};
		if (!defined $sent) {
			return if $! == EAGAIN || $! == EINTR;
			return _lost($conn, "send: $!");
		}
		substr $conn->{out}, 0, $sent, '';
		$conn->{want} = POLLIN if !length $conn->{out};
		return;
	}
	my $got = sysread $socket, $conn->{in}, 65536, length $conn->{in};
	if (!defined $got) {
		return if $! == EAGAIN || $! == EINTR;
		return _lost($conn, "receive: $!");
	}
	return _lost($conn, length $conn->{in} ? 'closed in an answer' : 'closed without an answer') if $got == 0;
	return _judge($conn);
}

sub _judge
{
	my ($conn) = @_;
	my ($head, $body) = $conn->{in} =~ /\A(.*?\r\n)\r\n(.*)\z/s or return;
	my ($length) = $head =~ /^content-length:\s*(\d+)/im;
	return _lost($conn, 'an answer without a length') if !defined $length;
	return if length $body < $length;
	my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
	return _lost($conn, 'status ' . ($status // 'unknown')) if ($status // '') ne '200';
	return _lost($conn, 'another body') if $body ne $conn->{plan}{body};
	$conn->{count}{answered}++;
	$conn->{done} = 1;
	$conn->{gone} = delete $conn->{socket} if !$conn->{plan}{kept} || $head =~ /^connection:\s*close/im;
	return;
}

1;
