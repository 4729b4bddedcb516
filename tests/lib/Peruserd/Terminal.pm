package Peruserd::Terminal;

# A program on a pseudo-terminal of its own.
#
#   my $terminal = Peruserd::Terminal->new(columns => 80, rows => 24, command => [ ... ]);
#   $terminal->shows(qr/.../, 10)         # wait until the screen does
#   $terminal->type('q')
#   $terminal->ended(5)                   # exit status as wait(2) gives it, or undef
#   $terminal->settings                   # the terminal's, as text; {settings} are those before

use strict;
use warnings;

use Fcntl;
use POSIX ();
use Time::HiRes qw(time);

use constant { TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430, TIOCSWINSZ => 0x5414, TIOCSCTTY => 0x540e };

sub new
{
	my ($class, %option) = @_;
	my $self = bless { out => '', %option }, $class;

	sysopen $self->{master}, '/dev/ptmx', O_RDWR | O_NOCTTY or return undef;
	my ($unlocked, $number) = (pack('i', 0), pack('i', 0));
	ioctl $self->{master}, TIOCSPTLCK, $unlocked or return undef;
	ioctl $self->{master}, TIOCGPTN, $number or return undef;
	$self->{path} = '/dev/pts/' . unpack 'i', $number;
	# Held open: so it keeps its settings when the program has ended.
	sysopen $self->{slave}, $self->{path}, O_RDWR | O_NOCTTY or return undef;
	$self->resize($option{columns}, $option{rows}, 1);
	$self->{settings} = $self->settings;
	$self->{pid} = fork // return undef;
	if (!$self->{pid}) {
		POSIX::setsid();
		ioctl $self->{slave}, TIOCSCTTY, 0;
		POSIX::dup2(fileno $self->{slave}, $_) for 0 .. 2;
		delete $ENV{COLUMNS};
		{ exec @{ $option{command} } };
		POSIX::_exit(127);
	}
	return $self;
}

sub resize
{
	my ($self, $columns, $rows, $quiet) = @_;
	@$self{qw(columns rows)} = ($columns, $rows);
	ioctl $self->{master}, TIOCSWINSZ, pack 'S4', $rows, $columns, 0, 0;
	kill 'WINCH', $self->{pid} if !$quiet;
	return;
}

sub settings
{
	my ($self) = @_;
	my $text = `stty -a -F $self->{path}`;
	$text =~ s/rows \d+; columns \d+;//;
	return $text;
}

sub type
{
	my ($self, $keys) = @_;
	return syswrite $self->{master}, $keys;
}

# Take what was written until then; false where nothing more comes.
sub _read
{
	my ($self, $deadline) = @_;
	my $left = $deadline - time;
	my $set = '';

	vec($set, fileno $self->{master}, 1) = 1;
	return 0 if $left <= 0 || select($set, undef, undef, $left) <= 0;
	return sysread $self->{master}, $self->{out}, 65536, length $self->{out};
}

# The last screen as lines: what follows the last "home" that was followed by all of it.
sub screen
{
	my ($self) = @_;
	my @frames = split /\e\[H/, $self->{out};
	pop @frames if @frames && $frames[-1] !~ /\e\[J/;
	my $frame = @frames ? $frames[-1] : '';
	$frame =~ s/\e\[J.*//s;
	$frame =~ s/\e\[[?0-9;]*[A-Za-z]//g;
	return split /\r*\n/, $frame;
}

sub shows
{
	my ($self, $pattern, $seconds) = @_;
	my $deadline = time + $seconds;

	do {
		return 1 if join("\n", $self->screen) =~ $pattern;
	} while ($self->_read($deadline));
	return 0;
}

sub ended
{
	my ($self, $seconds) = @_;
	my $deadline = time + $seconds;

	while (time < $deadline) {
		my $pid = waitpid $self->{pid}, POSIX::WNOHANG();
		my $status = $?;
		$self->_read(time + 0.05);
		if ($pid) {
			1 while $self->_read(time + 0.2);
			delete $self->{pid};
			return $status;
		}
	}
	return undef;
}

sub DESTROY
{
	my ($self) = @_;
	kill 'KILL', $self->{pid} if $self->{pid};
	return;
}

1;
