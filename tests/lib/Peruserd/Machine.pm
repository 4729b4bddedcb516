package Peruserd::Machine;

# What a test needs of the machine: accounts of its own, folders, programs
# inside a chroot, free ports, and looks into /proc.  Everything that is made
# here is taken away by forget(), which the owner's END block calls.
#
# Accounts are called pt<pid><letters> and say "peruserd test" in the passwd
# file; those of a test that was killed are swept away by the next one.

use strict;
use warnings;

use Exporter 'import';
use Fcntl qw(:flock);
use File::Find ();
use File::Path qw(make_path remove_tree);
use File::Temp ();
use POSIX ();
use Socket;
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(
	account_make account_take_away accounts_sweep
	put_file own_folder scratch_folder programs_into
	port_free wait_for slurp run_quietly
	processes_of process_field process_title process_children process_alive descendants
);

my $lock_file = '/run/lock/peruserd-tests.lock';
my $comment = 'peruserd test';

# ---- conditions

# Ask again and again until the code says true; its value, or false when the
# time is up.  The pause between two looks is short and is not what is waited for.
sub wait_for
{
	my ($seconds, $code) = @_;
	my $deadline = time + $seconds;

	while (1) {
		my $value = $code->();
		return $value if $value;
		return $value if time > $deadline;
		sleep 0.01;
	}
}

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or return '';
	local $/;
	my $text = <$file>;
	return $text // '';
}

# Run a program with its output kept; (exit status, output of both kinds).
sub run_quietly
{
	my @command = @_;
	my $pid = open my $out, '-|';

	die "fork: $!" if !defined $pid;
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	return ($? >> 8 || $? & 127, $text);
}

# ---- accounts

sub _locked
{
	my ($code) = @_;
	open my $lock, '>', $lock_file or die "$lock_file: $!\n";
	flock $lock, LOCK_EX or die "$lock_file: $!\n";
	return $code->();
}

# A new account with a home below that folder; a hash of its facts.
sub account_make
{
	my ($name, $home) = @_;

	my ($status, $text) = _locked(sub {
		return run_quietly('/usr/sbin/useradd', '--user-group', '--no-log-init', '--home-dir', $home,
		    '--create-home', '--skel', '/nonexistent', '--shell', '/usr/sbin/nologin',
		    '--comment', $comment, $name);
	});
	die "useradd $name: $text\n" if $status;
	my ($uid, $gid) = (getpwnam $name)[2, 3];
	chmod 0755, $home;
	return { name => $name, uid => $uid, gid => $gid, home => $home, group => $name };
}

# End what still runs as that account, and remove it.
sub account_take_away
{
	my ($name, $uid) = @_;

	wait_for(5, sub {
		my @left = processes_of($uid);
		kill 'KILL', @left if @left;
		return !@left;
	});
	_locked(sub { run_quietly('/usr/sbin/userdel', '--force', $name) });
	return;
}

# Accounts of tests that ended without a chance to clean up.
sub accounts_sweep
{
	for my $line (split /\n/, slurp('/etc/passwd')) {
		my ($name, undef, $uid, undef, $said) = split /:/, $line;
		next if $name !~ /\Apt([0-9]+)[a-z]+\z/ || $said ne $comment || kill 0, $1;
		account_take_away($name, $uid);
	}
	return;
}

# ---- files

sub scratch_folder
{
	my $folder = File::Temp::tempdir('peruserd-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 0);
	chmod 0755, $folder;
	return $folder;
}

# Write a file (its folders too); owner is an account, or nothing for root.
sub put_file
{
	my ($path, $content, $mode, $owner) = @_;
	my ($folder) = $path =~ m{\A(.*)/};

	own_folder($folder, $owner) if !-d $folder;
	open my $file, '>:raw', $path or die "$path: $!\n";
	print $file $content;
	close $file or die "$path: $!\n";
	chmod $mode // 0644, $path;
	chown $owner->{uid}, $owner->{gid}, $path if $owner;
	return $path;
}

sub own_folder
{
	my ($path, $owner, $mode) = @_;

	for my $made (make_path($path)) {
		chown $owner->{uid}, $owner->{gid}, $made if $owner;
	}
	chmod $mode, $path if defined $mode;
	return $path;
}

# Copy programs with the libraries they need into a chroot, at the same paths.
sub programs_into
{
	my ($root, @programs) = @_;

	for my $program (@programs) {
		my %needed = ($program => 1);
		my (undef, $libraries) = run_quietly('/usr/bin/ldd', $program);
		$needed{$1} = 1 while $libraries =~ m{(/\S+) \(0x}g;
		for my $path (sort keys %needed) {
			my ($folder) = $path =~ m{\A(.*)/};
			make_path("$root$folder");
			run_quietly('/bin/cp', '--dereference', '--preserve=mode', $path, "$root$path");
		}
	}
	return;
}

# ---- ports

my $next_port = 10_000 + $$ % 2000 * 10;

# A port on which nobody listens; tests that run side by side look in other places.
sub port_free
{
	for (1 .. 500) {
		my $port = $next_port++;
		socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
		setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1;
		return $port if bind $socket, pack_sockaddr_in($port, INADDR_ANY);
	}
	die "no free port\n";
}

# ---- processes

sub _pids
{
	opendir my $proc, '/proc' or die "/proc: $!\n";
	return sort { $a <=> $b } grep { /\A[0-9]+\z/ } readdir $proc;
}

# One field of /proc/PID/status, or undef; zombies count as gone.
sub process_field
{
	my ($pid, $name) = @_;
	my $status = slurp("/proc/$pid/status");

	return undef if $status =~ /^State:\tZ/m;
	return $status =~ /^\Q$name\E:\s*(.*)$/m ? $1 : undef;
}

sub process_alive
{
	my ($pid) = @_;
	return defined process_field($pid, 'Pid');
}

sub process_title
{
	my ($pid) = @_;
	my $title = slurp("/proc/$pid/cmdline");

	$title =~ tr/\0/ /;
	$title =~ s/ +\z//;
	return $title;
}

# Living processes with that real or effective uid.
sub processes_of
{
	my ($uid) = @_;

	die "processes_of: no account\n" if !$uid;
	return grep {
		my $ids = process_field($_, 'Uid');
		defined $ids && grep { $_ == $uid } split /\s+/, $ids;
	} _pids();
}

sub process_children
{
	my ($parent) = @_;
	return grep { (process_field($_, 'PPid') // -1) == $parent } _pids();
}

sub descendants
{
	my @found = process_children($_[0]);
	return map { ($_, descendants($_)) } @found;
}

1;
