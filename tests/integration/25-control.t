# The control socket: root and the configured group alone, by the kernel's word;
# and whatever comes in harms nothing.
use strict;
use warnings;
use IO::Socket::UNIX;
use Peruserd::Test;
use POSIX ();
use Socket;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
my $bob = $t->site('bob');
my $admin = $t->account('adm');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
my $path = $t->{settings}{control}{socket};
$t->{settings}{control} = { socket => $path, mode => '0666', group => $admin->{group} };
$t->start;

sub connected { return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path) }

# Send these bytes, read to the end; undef where the end doesn't come.
sub asked
{
	my ($bytes, %how) = @_;
	my $socket = connected() or return 'no connection';
	my $answer = '';
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "time\n" };
	my $left = alarm 25;
	my $ended = eval {
		syswrite $socket, $bytes;
		shutdown $socket, 1 if $how{shut};
		1 while sysread $socket, $answer, 65536, length $answer;
		1;
	};
	alarm $left;
	return $ended ? $answer : undef;
}

# What an account hears: in a child that has become it.
sub heard
{
	my ($account, @groups) = @_;
	pipe my $read, my $write;
	my $pid = fork // die;
	if (!$pid) {
		$) = join ' ', $account->{gid}, $account->{gid}, @groups;
		POSIX::setgid($account->{gid});
		POSIX::setuid($account->{uid});
		print $write asked("reopen-logs\n") // 'nothing';
		close $write;
		POSIX::_exit(0);
	}
	close $write;
	local $/;
	my $said = <$read>;
	waitpid $pid, 0;
	return $said;
}

# ---- who

like(asked("reopen-logs\n"), qr/\Aok/, 'root is obeyed');
unlike(heard($bob), qr/ok/, 'a user is not, though the socket is open to all');
like(heard($admin), qr/\Aok/, 'a member of control.group is');
like(heard($bob, $admin->{gid}), qr/\Aok/, 'by a supplementary group too');

# ---- what

my @garbage = (
	[ 'an unknown word',           "hello\n" ],
	[ 'an empty line',             "\n" ],
	[ 'a verb without a pool',     "restart\n" ],
	[ 'a verb with no name',       "restart \n" ],
	[ 'a pool that is none',       "restart nobody\n" ],
	[ 'a name with a path',        "drain ../../etc/passwd\n" ],
	[ 'a name of other bytes',     "drain \x00\xff\xfe\x01\n" ],
	[ 'a name beyond its end',     "drain bob\x00\n" ],
	[ 'two words too many',        "drain bob bob\n" ],
	[ 'a verb in capitals',        "STATUS\n" ],
	[ 'zeros',                     "\0" x 64 . "\n" ],
	[ 'a verb that goes on',       "statusstatus\n" ],
);
for (@garbage) {
	my ($name, $bytes) = @$_;
	my $answer = asked($bytes);
	ok(defined $answer && $answer !~ /\Aok/, "$name is no request") or diag($answer // 'no end');
}
is(asked('x' x 5000) // 'no end', '', 'a line without an end is not read for ever');
is(asked('status', shut => 1) // 'no end', '', 'half a line is nothing');
is(asked('', shut => 1) // 'no end', '', 'nothing is nothing');
my $twice = asked("resume bob\ndrain bob\n");
ok(!$t->pool_status('bob')->{drained}, 'a second line is not obeyed') or diag($twice);

# A random kind of garbage, the same each time.
srand 1;
my $alive = grep { defined asked(join('', map { chr rand 256 } 1 .. rand 300) . "\n", shut => 1) } 1 .. 100;
is($alive, 100, 'a hundred random requests end');
for (1 .. 50) {
	my $socket = connected();
	syswrite $socket, "status\n";
	setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 1024;
	close $socket;
}
like(asked("status\n"), qr/end\s*\z/, 'who leaves before the answer harms nothing');

# ---- how many

my @idle = map { connected() } 1 .. 60;
body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", 'sixty silent connections do not keep it from its work');
my $begin = time;
close $_ for grep { $_ } @idle;
ok(wait_for(10, sub { (asked("status\n") // '') =~ /^end/m }), 'and it answers when they have gone');
ok($t->running, 'the manager lives');
$t->finish;
