# What a service manager and we tell each other: a real datagram socket hears READY,
# RELOADING, STOPPING, STATUS and WATCHDOG; sockets that are passed at the start are
# used, and are still the service manager's when we have gone.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Peruserd::Test;
use Socket;
use Time::HiRes qw(sleep time);

my $t = Peruserd::Test->new;
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$t->{dir}/run/notify") or die "notify: $!\n";
my @heard;

# Whole messages, as { name => value }, in the order in which they came.
sub listen_to_it
{
	while (defined recv $notify, my $message, 8192, MSG_DONTWAIT) {
		push @heard, { map { split /=/, $_, 2 } split /\n/, $message };
	}
	return;
}

sub heard
{
	my ($name, $value, $seconds) = @_;
	return wait_for($seconds // 20, sub {
		listen_to_it();
		return (grep { defined $_->{$name} && (!defined $value || $_->{$name} =~ $value) } @heard)[0];
	});
}

sub heard_is
{
	my ($name, $value, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $message = heard($name, $value);
	ok($message, $what) or diag(explain(\@heard), $t->log);
	return $message // {};
}

# ---- what it hears

{
	local $ENV{NOTIFY_SOCKET} = "$t->{dir}/run/notify";
	local @ENV{qw(WATCHDOG_USEC WATCHDOG_PID)} = (400_000, 1);
	$t->start;
	my $ready = heard_is('READY', qr/\A1\z/, 'READY=1 is told');
	is($ready->{MAINPID}, $t->{pid}, 'with the manager as the main process');
	like($ready->{STATUS}, qr/\A1 pools, 1 vhosts, configuration 1\z/, 'and in words what it serves');
	is(join(' ', grep { /NOTIFY|WATCHDOG|LISTEN/ } split /\0/, slurp('/proc/' . ($t->multiplexers)[0] . '/environ')), '',
	    'no child hears of the service manager');

	@heard = ();
	my $before = time;
	$t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'reload');
	my $reloading = heard_is('RELOADING', qr/\A1\z/, 'a reload is told');
	like($reloading->{MONOTONIC_USEC}, qr/\A[0-9]{6,}\z/, 'with its moment');
	like(heard_is('READY', qr/\A1\z/, 'and its end')->{STATUS}, qr/configuration 2\z/, 'with the new configuration');
	is($heard[0]{RELOADING} // '', 1, 'in that order');

	@heard = ();
	$t->{own_config} = 1;
	put_file($t->{config}, "no_such_key = 1;\n" . slurp($t->{config}));
	kill 'HUP', $t->{pid};
	heard_is('RELOADING', qr/\A1\z/, 'one that is refused is told too');
	like(heard_is('READY', qr/\A1\z/, 'and that it is over')->{STATUS}, qr/configuration 2; .* refused/, 'and how it ended');
	$t->{own_config} = 0;
	$t->write_config;
	ok(!(grep { exists $_->{WATCHDOG} } @heard), 'a watchdog of another process is not fed');

	@heard = ();
	is($t->stop, 0, 'it stops');
	my $stopping = heard_is('STOPPING', qr/\A1\z/, 'which is told');
	is($stopping->{EXTEND_TIMEOUT_USEC}, 12_000_000, 'with the longest that it may take: stop_timeout and its own time');
	is(scalar(grep { $_->{READY} } @heard), 0, 'and nothing is ready after that');
}

# ---- the watchdog

{
	local $ENV{NOTIFY_SOCKET} = "$t->{dir}/run/notify";
	local $ENV{WATCHDOG_USEC} = 400_000;
	@heard = ();
	$t->start;
	heard_is('READY', qr/\A1\z/, 'it is ready');
	@heard = ();
	my $began = time;
	wait_for(20, sub { listen_to_it(); 5 <= grep { $_->{WATCHDOG} } @heard });
	my $took = time - $began;
	cmp_ok(scalar(grep { $_->{WATCHDOG} } @heard), '>=', 5, 'the watchdog hears of it, again and again');
	cmp_ok($took, '>', 0.7, 'no more often than twice in its time');
	kill 'STOP', $t->{pid};
	wait_for(5, sub { slurp("/proc/$t->{pid}/stat") =~ /\) T / });
	listen_to_it();
	@heard = ();
	sleep 1;                # two and a half times the watchdog's time
	listen_to_it();
	is(scalar(@heard), 0, 'a manager that is stuck is silent');
	kill 'CONT', $t->{pid};
	heard_is('WATCHDOG', qr/\A1\z/, 'and is heard again when it goes on');
	is($t->stop, 0, 'it stops');
}

# ---- sockets that are passed

sub tcp { IO::Socket::IP->new(LocalHost => $_[0], LocalPort => $_[1], Listen => 64, ReuseAddr => 1, @_[2 .. $#_]) // die "listen: $@\n" }

# What comes on a connection that is made now; undef: nobody answers in that time.
sub answer_of
{
	my ($client, $seconds) = @_;
	my $answer = '';
	local $SIG{ALRM} = sub { die "late\n" };
	print {$client} "GET /hello.txt HTTP/1.1\r\nHost: bob.test\r\nConnection: close\r\n\r\n";
	$client->flush;
	my $selected = '';
	vec($selected, fileno $client, 1) = 1;
	return undef if !select my $readable = $selected, undef, undef, $seconds // 20;
	sysread $client, $answer, 65536;
	return $answer;
}

my $file = "$t->{dir}/run/passed.sock";
my ($strange, $both) = (port_free(), port_free());
my $shared = tcp('127.0.0.1', $t->{ports}{shared});
my $unwanted = tcp('127.0.0.1', $strange);
my $dual = eval { tcp('::', $both, V6Only => 0) };
my $unix = IO::Socket::UNIX->new(Local => $file, Listen => 16) or die "unix: $!\n";
my $datagram = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "udp: $!\n";
socketpair my $connected, my $other, AF_UNIX, SOCK_STREAM, 0 or die "pair: $!\n";
push @{ $t->{listen} }, { address => "unix:$file", protocol => 'http' };
push @{ $t->{listen} }, { address => "*:$both", protocol => 'http' } if $dual;
$t->{passed} = [ [ web => $shared ], [ file => $unix ], [ strange => $unwanted ], [ datagram => $datagram ],
	[ connected => $connected ], [ again => $shared ], $dual ? [ dual => $dual ] : () ];

my $early = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $t->{ports}{shared}) or die "connect: $!\n";
$t->start;
like(answer_of($early), qr/hello\n\z/, 'who came before the start is answered');
$t->log_says(qr/127\.0\.0\.1:$t->{ports}{shared} was passed by the service manager as web/, 'what is passed is named');
$t->log_says(qr/descriptor 6, .* as datagram, is no stream socket: it is closed/, 'a datagram socket is refused, in words');
$t->log_says(qr/descriptor 7, .* as connected, is a connection.*Accept=yes/, 'so is a connection');
$t->log_says(qr/passed by the service manager twice: descriptor 8, again/, 'and the same address again');
$t->log_says(qr/127\.0\.0\.1:$strange was passed .* not configured.*add it to listen/, 'one that is not configured is told');
each_kind(sub { body_is($t->get($_[0], 'bob.test', '/hello.txt'), "hello\n", "it answers on $_[0], passed or bound by us") });
like(answer_of(IO::Socket::UNIX->new(Peer => $file)), qr/hello\n\z/, 'and on a Unix socket that was passed');
SKIP: {
	skip('no IPv6 here', 2) if !$dual;
	like(answer_of(IO::Socket::IP->new(PeerHost => $_, PeerPort => $both) // skip("no $_ here", 1)), qr/hello\n\z/,
	    "and on *, which was passed, by $_") for qw(127.0.0.1 ::1);
}

# ---- another configuration: what was passed and is not configured takes nobody in, until it is

sub reload { $t->write_config; return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'reload') }

my $waiting = IO::Socket::INET->new(PeerHost => '127.0.0.1', PeerPort => $strange) or die "connect: $!\n";
is(answer_of($waiting, 0.3), undef, 'who comes where nothing is configured waits');
push @{ $t->{listen} }, { address => "127.0.0.1:$strange", protocol => 'http' };
my ($status, $text) = reload();
is($status, 0, 'a configuration with it is taken') or diag($text);
like(answer_of($waiting), qr/hello\n\z/, 'and who waited is served');
pop @{ $t->{listen} };
($status, $text) = reload();
is($status, 0, 'one without it too') or diag($text);
is(scalar(() = $t->log =~ /127\.0\.0\.1:$strange was passed .* not configured/g), 2, 'which is told again');

# ---- another binary takes over: what was passed goes with it

($status, $text) = $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'upgrade');
is($status, 0, 'an upgrade') or diag($text);
each_kind(sub { body_is($t->get($_[0], 'bob.test', '/hello.txt'), "hello\n", "it answers on $_[0] after that") });
like(answer_of(IO::Socket::UNIX->new(Peer => $file)), qr/hello\n\z/, 'and on the Unix socket');
my $patient = IO::Socket::INET->new(PeerHost => '127.0.0.1', PeerPort => $strange) or die "connect: $!\n";
is(answer_of($patient, 0.3), undef, 'what is not configured is still open, and nobody answers');

# ---- the end, and the next start with the same sockets

is($t->stop, 0, 'it stops');
ok(-S $file, "the file of a Unix socket that was passed stays: it is the service manager's");
my $between = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $t->{ports}{shared}) or die "connect: $!\n";
$t->start;
like(answer_of($between), qr/hello\n\z/, 'who came between two runs is answered by the second');

# ---- what is passed to somebody else

is($t->stop, 0, 'it stops');
$t->{listen} = [];
unlink $file;
$_->close for grep { defined } $shared, $unwanted, $unix, $dual;
delete $t->{passed};
{
	local @ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
	open my $null, '<', '/dev/null';
	$t->{passed} = undef;
	$t->start;
	body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", 'sockets that were passed to another process are none of ours');
	unlike($t->log, qr/descriptor 3,/, 'and are not looked at');
}
$t->finish;
