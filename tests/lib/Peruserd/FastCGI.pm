package Peruserd::FastCGI;

# A web server's side of FastCGI 1.0, as strict as a test wants it: it sends
# exactly the records, or bytes, that it is given, and takes apart what comes.
#
#   my $web = Peruserd::FastCGI->new(port => 9000);         # or path => '/a.sock'
#   my $answer = $web->request({ REQUEST_URI => '/', HTTP_HOST => 'a.test' });
#   $answer->{status}, $answer->{body}, $answer->field('content-type'), $answer->{ended}
#
#   $web->send(begin(1, keep => 1), params(1, {...}), stdin(1, 'body'), stdin(1));
#   my $record = $web->record;              # { type, id, content }, or undef

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::IP;
use IO::Socket::UNIX;
use Peruserd::Client;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(record begin abort params stdin pairs variables);

my %number = (begin => 1, abort => 2, end => 3, params => 4, stdin => 5, stdout => 6, stderr => 7,
	data => 8, get_values => 9, values => 10, unknown => 11);
my %name = reverse %number;

# ---- records as bytes

sub record
{
	my ($type, $id, $content, $padding) = @_;
	$content //= '';
	$padding //= -length($content) % 8;
	return pack('CCnnCC', 1, $number{$type} // $type, $id, length $content, $padding, 0)
	    . $content . "\0" x $padding;
}

sub begin
{
	my ($id, %option) = @_;
	return record('begin', $id, pack 'nCx5', $option{role} // 1, $option{keep} ? 1 : 0);
}

sub abort { return record('abort', $_[0]) }

sub pairs
{
	my ($pairs) = @_;
	my @list = ref $pairs eq 'HASH' ? map { $_ => $pairs->{$_} } sort keys %$pairs : @$pairs;
	my $bytes = '';

	while (@list) {
		my ($name, $value) = splice @list, 0, 2;
		$bytes .= join '', (map { $_ < 128 ? chr : pack 'N', $_ | 0x80000000 }
		    map { length } $name, $value), $name, $value;
	}
	return $bytes;
}

# A whole stream of that type, in records of at most `size` bytes, with its end.
sub _stream
{
	my ($type, $id, $bytes, $size) = @_;
	my $records = '';

	$size ||= 65535;
	for (my $at = 0; $at < length $bytes; $at += $size) {
		$records .= record($type, $id, substr $bytes, $at, $size);
	}
	return $records . record($type, $id);
}

sub params { my ($id, $pairs, $size) = @_; return _stream('params', $id, pairs($pairs), $size) }
sub stdin  { my ($id, $bytes, $size) = @_; return _stream('stdin', $id, $bytes // '', $size) }

# What a web server says of a request, with what the caller says over it.
sub variables
{
	my ($said, $body) = @_;
	my ($query) = ($said->{REQUEST_URI} // '/') =~ /\?(.*)/s;

	return {
		REQUEST_METHOD => defined $body ? 'POST' : 'GET', REQUEST_URI => '/',
		QUERY_STRING => $query // '', SERVER_PROTOCOL => 'HTTP/1.1', SERVER_NAME => 'web.invalid',
		SERVER_PORT => '443', REMOTE_ADDR => '192.0.2.7', REMOTE_PORT => '4711',
		CONTENT_LENGTH => defined $body ? length $body : '',
		SCRIPT_FILENAME => '/elsewhere/index.php', DOCUMENT_ROOT => '/elsewhere', %$said,
	};
}

# ---- a connection

sub new
{
	my ($class, %option) = @_;
	my $socket = defined $option{path} ? IO::Socket::UNIX->new(Peer => $option{path})
	    : IO::Socket::IP->new(PeerHost => $option{address} // '127.0.0.1',
		PeerPort => $option{port}, Timeout => 10);

	binmode $socket if $socket;
	return bless { socket => $socket, timeout => $option{timeout} // 20, buffer => '' }, $class;
}

sub send
{
	my ($self, @bytes) = @_;
	return Peruserd::Client::send($self, join '', @bytes);
}

# The next record, or undef where none comes in time or the connection has ended
# (then {closed} is set).
sub record_in
{
	my ($self, $timeout) = @_;
	my $deadline = time + ($timeout // $self->{timeout});

	while (1) {
		if (length $self->{buffer} >= 8) {
			my (undef, $type, $id, $len, $padding) = unpack 'CCnnC', $self->{buffer};
			if (length $self->{buffer} >= 8 + $len + $padding) {
				my $content = substr $self->{buffer}, 8, $len;
				substr($self->{buffer}, 0, 8 + $len + $padding) = '';
				return { type => $name{$type} // $type, id => $id, content => $content };
			}
		}
		my $more = Peruserd::Client::fill($self, $deadline);
		$self->{closed} = 1 if defined $more && !$more;
		return undef if !$more;
	}
}

# Records until each of those requests has its end: answers by number.
sub answers
{
	my ($self, @ids) = @_;
	my %answer = map { $_ => { stdout => '' } } @ids;

	while (grep { !defined $_->{ended} } values %answer) {
		my $record = $self->record_in or last;
		my $answer = $answer{ $record->{id} } or next;
		$answer->{stdout} .= $record->{content} if $record->{type} eq 'stdout';
		push @{ $self->{order} }, $record->{id};
		@$answer{qw(app_status ended)} = unpack 'NC', $record->{content} if $record->{type} eq 'end';
	}
	return map { $_ => _answer($answer{$_}) } @ids;
}

# A CGI response, taken apart as an HTTP one would be.
sub _answer
{
	my ($answer) = @_;
	my $self = bless { status => 0, fields => [], body => '', %$answer }, 'Peruserd::Response';

	$self->{error} = 'it was not ended' if !defined $answer->{ended};
	if ($answer->{stdout} !~ /\A(.*?)\r\n\r\n(.*)\z/s) {
		$self->{error} //= 'no response head in ' . substr $answer->{stdout}, 0, 200;
		return $self;
	}
	@$self{qw(head body)} = ($1, $2);
	$self->{fields} = [ map { [ /\A([^:]+): ?(.*)\z/s ] } split /\r\n/, $self->{head} ];
	$self->{status} = ($self->field('status') // '') =~ /\A([0-9]{3})/ ? $1 : 0;
	return $self;
}

# One request, the connection kept.  Options: id, body, keep, size (of records).
sub request
{
	my ($self, $said, %option) = @_;
	my $id = $option{id} // 1;

	$self->send(begin($id, keep => $option{keep} // 1),
	    params($id, variables($said, $option{body}), $option{size}),
	    stdin($id, $option{body}, $option{size}));
	my %answer = $self->answers($id);
	return $answer{$id};
}

sub closed_within
{
	my ($self, $seconds) = @_;
	return 1 if $self->{closed};
	while (defined(my $record = $self->record_in($seconds))) { }
	return $self->{closed};
}

1;
