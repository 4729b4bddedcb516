package Peruserd::Client;

# An HTTP/1.x client that is as strict as a test wants it: it sends exactly the
# bytes it is given, and reads one response by its framing alone.  It never
# dies on what a server says: a response that is not HTTP, or that doesn't come
# in time, has status 0 and a sentence in {error}.
#
#   my $client = Peruserd::Client->new(port => 8080);
#   $client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
#   my $response = $client->response;             # or response('HEAD')
#   $response->{status}, $response->{body}, $response->field('content-type')
#   $client->closed_within(2)                     # did the server close?

use strict;
use warnings;

use IO::Socket::IP;
use Socket qw(SOCK_STREAM SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

sub new
{
	my ($class, %option) = @_;
	my $socket = IO::Socket::IP->new(
		PeerHost => $option{address} // '127.0.0.1',
		PeerPort => $option{port},
		Type     => SOCK_STREAM,
		Timeout  => 10,
	);
	my $self = bless {
		socket  => $socket,
		error   => $socket ? undef : "no connection: $@",
		timeout => $option{timeout} // 20,
		buffer  => '',
	}, $class;
	if ($socket) {
		setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
		binmode $socket;
	}
	return $self;
}

# Send all of the bytes; false where the server does not take them in time.
sub send
{
	my ($self, $bytes) = @_;
	my $socket = $self->{socket} or return 0;
	my $deadline = time + $self->{timeout};
	my $at = 0;

	local $SIG{PIPE} = 'IGNORE';
	while ($at < length $bytes) {
		return 0 if !_wait($socket, $deadline, 1);
		my $sent = syswrite $socket, $bytes, 65536, $at;
		return 0 if !defined $sent;
		$at += $sent;
	}
	return 1;
}

# Read more into the buffer: 1 more came, 0 the end, undef nothing in time.
sub fill
{
	my ($self, $deadline) = @_;
	my $socket = $self->{socket};

	return 0 if !$socket;
	return undef if !_wait($socket, $deadline // time + $self->{timeout}, 0);
	my $got = sysread $socket, $self->{buffer}, 65536, length $self->{buffer};
	$self->{reset} = 1 if !defined $got;
	return $got ? 1 : 0;
}

# One response to a request of that method; interim ones (1xx) are collected.
sub response
{
	my ($self, $method, $timeout) = @_;
	my $deadline = time + ($timeout // $self->{timeout});
	my @interim;

	while (1) {
		my $response = $self->_head($deadline);
		if ($response->{status} >= 100 && $response->{status} < 200) {
			push @interim, $response->{status};
			next;
		}
		$response->{interim} = \@interim;
		$self->_body($response, $method // 'GET', $deadline) if !$response->{error};
		return $response;
	}
}

# A response's head alone, interim ones too.
sub _head
{
	my ($self, $deadline) = @_;
	my $response = bless { status => 0, fields => [], body => '', error => $self->{error} },
	    'Peruserd::Response';

	return $response if $self->{error};
	until ($self->{buffer} =~ /\r\n\r\n/) {
		my $more = $self->fill($deadline);
		next if $more;
		$response->{error} = !defined $more ? 'no response head in time'
		    : $self->{reset} ? 'the connection was reset' : 'the connection was closed';
		$response->{closed} = 1 if defined $more;
		$response->{error} .= ' after ' . _shown($self->{buffer}) if length $self->{buffer};
		return $response;
	}
	$self->{buffer} =~ s/\A(.*?)\r\n\r\n//s;
	my $head = $1;
	$response->{head} = $head;
	my ($status_line, @lines) = split /\r\n/, $head, -1;
	if ($status_line !~ m{\AHTTP/1\.([01]) ([1-5][0-9][0-9]) ([\x20-\x7e]*)\z}) {
		$response->{error} = 'not a status line: ' . _shown($status_line);
		return $response;
	}
	@$response{qw(minor reason)} = ($1, $3);
	my $status = $2;
	for my $line (@lines) {
		if ($line !~ /\A([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*\z/) {
			$response->{error} = 'not a header field: ' . _shown($line);
			return $response;
		}
		push @{ $response->{fields} }, [ $1, $2 ];
	}
	$response->{status} = $status;
	return $response;
}

sub _body
{
	my ($self, $response, $method, $deadline) = @_;
	my @length = $response->fields('content-length');
	my $coding = $response->field('transfer-encoding');
	my $status = $response->{status};

	if ($method eq 'HEAD' || $status == 204 || $status == 304) {
		$response->{framing} = 'none';
	} elsif (defined $coding) {
		$response->{framing} = 'chunked';
		return _fail($response, 'both a length and a transfer coding') if @length;
		return _fail($response, "transfer coding $coding") if lc $coding ne 'chunked';
		$self->_chunks($response, $deadline);
	} elsif (@length) {
		$response->{framing} = 'length';
		return _fail($response, 'bad length') if @length > 1 || $length[0] !~ /\A[0-9]+\z/;
		my $body = $self->take($length[0], $deadline);
		return _fail($response, 'the body is shorter than its length') if !defined $body;
		$response->{body} = $body;
	} else {
		$response->{framing} = 'close';
		my $more;
		1 while $more = $self->fill($deadline);
		return _fail($response, 'the body does not end in time') if !defined $more;
		return _fail($response, 'reset in the body') if $self->{reset};
		$response->{body} = $self->{buffer};
		$self->{buffer} = '';
	}
	return;
}

sub _chunks
{
	my ($self, $response, $deadline) = @_;

	while (1) {
		my $line = $self->line($deadline);
		return _fail($response, 'a chunk is missing') if !defined $line;
		return _fail($response, 'bad chunk size: ' . _shown($line))
		    if $line !~ /\A[0-9A-Fa-f]{1,16}\z/;
		my $size = hex $line;
		if ($size == 0) {
			return _fail($response, 'the last chunk does not end well')
			    if ($self->line($deadline) // 'x') ne '';
			return;
		}
		my $data = $self->take($size, $deadline);
		return _fail($response, 'a chunk is cut') if !defined $data;
		$response->{body} .= $data;
		push @{ $response->{chunks} }, $size;
		return _fail($response, 'a chunk does not end well')
		    if ($self->take(2, $deadline) // '') ne "\r\n";
	}
}

# Exactly so many bytes, or undef.
sub take
{
	my ($self, $count, $deadline) = @_;

	while (length $self->{buffer} < $count) {
		return undef if !$self->fill($deadline);
	}
	return substr $self->{buffer}, 0, $count, '';
}

# A line without its CRLF, or undef.
sub line
{
	my ($self, $deadline) = @_;

	until ($self->{buffer} =~ /\r\n/) {
		return undef if !$self->fill($deadline);
	}
	$self->{buffer} =~ s/\A(.*?)\r\n//s;
	return $1;
}

# Bytes that have come until the pattern matches; the buffer keeps them.
sub until_match
{
	my ($self, $pattern, $timeout) = @_;
	my $deadline = time + ($timeout // $self->{timeout});

	until ($self->{buffer} =~ $pattern) {
		return 0 if !$self->fill($deadline);
	}
	return 1;
}

# True if the server closes, with nothing more said, in so many seconds.
sub closed_within
{
	my ($self, $seconds) = @_;
	my $more = $self->fill(time + $seconds);

	return defined $more && !$more && $self->{buffer} eq '';
}

# True if nothing comes, the end neither, in so many seconds.
sub silent_for
{
	my ($self, $seconds) = @_;
	return $self->{buffer} eq '' && !defined $self->fill(time + $seconds);
}

sub close
{
	my ($self) = @_;
	close delete $self->{socket} if $self->{socket};
	$self->{error} = 'closed by the test';
	return;
}

# Leave with a reset, as a client that crashes.
sub reset
{
	my ($self) = @_;
	setsockopt($self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
	return $self->close;
}

# No more is sent from here; reading goes on.
sub shut
{
	my ($self) = @_;
	return shutdown $self->{socket}, 1;
}

sub _fail
{
	my ($response, $why) = @_;
	$response->{error} = $why;
	return;
}

sub _shown
{
	my ($bytes) = @_;
	$bytes = substr($bytes, 0, 80) . '...' if length $bytes > 80;
	$bytes =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	return "\"$bytes\"";
}

sub _wait
{
	my ($socket, $deadline, $writing) = @_;

	while (1) {
		my $left = $deadline - time;
		my $set = '';
		vec($set, fileno $socket, 1) = 1;
		$left = 0 if $left < 0;
		my $ready = $writing ? select undef, $set, undef, $left : select $set, undef, undef, $left;
		return $ready if $ready >= 0 || !$!{EINTR};
	}
}

package Peruserd::Response;

# The first field of that name, or undef; fields() gives all of them.
sub field
{
	my ($self, $name) = @_;
	return ($self->fields($name))[0];
}

sub fields
{
	my ($self, $name) = @_;
	return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $self->{fields} };
}

# For a failure's message.
sub shown
{
	my ($self) = @_;
	my $text = $self->{error} ? "error: $self->{error}\n" : '';
	$text .= ($self->{head} // '') . "\n\n" . substr $self->{body} // '', 0, 1500;
	return $text;
}

1;
