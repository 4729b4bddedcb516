package Peruserd::Systemd;

# A systemd of its own, as the first process of new namespaces and the head of a new
# cgroup, that knows the units of one folder and nothing of this machine's.
#
#   my $systemd = Peruserd::Systemd->new("$t->{dir}/units");    # or undef, and why
#   $systemd->unit('x.service', $text);
#   my ($status, $said) = $systemd->ctl('start', 'x.service');
#   $systemd->end;
#
# /etc and /proc/sys are read-only to it, /run is new; all else it shares with us.

use strict;
use warnings;

use Peruserd::Machine qw(put_file own_folder wait_for slurp run_quietly process_children);

my $program = '/lib/systemd/systemd';

# The folder of our own cgroup in the v2 hierarchy, or undef.
sub _cgroup
{
	my ($mount) = map { (split ' ')[4] } grep { / - cgroup2 / } split /\n/, slurp('/proc/self/mountinfo');
	my ($own) = slurp('/proc/self/cgroup') =~ /^0::(.*)$/m;
	return defined $mount && defined $own ? $mount . ($own eq '/' ? '' : $own) : undef;
}

sub new
{
	my ($class, $units) = @_;
	my $above = _cgroup();

	return (undef, "there is no $program (Debian: systemd)") if !-x $program;
	return (undef, 'there is no cgroup v2 here') if !defined $above;
	my $self = bless { units => $units, cgroup => "$above/peruserd-test-$$", owner => $$ }, $class;
	return (undef, "no cgroup can be made: $!") if !mkdir $self->{cgroup};
	own_folder($units);
	# Those that every unit asks for by default.
	$self->unit("$_.target", "[Unit]\nDefaultDependencies=no\n") for qw(test sysinit basic sockets shutdown);
	$self->_start;
	return ($self, '') if wait_for(20, sub {
		$self->{init} = (process_children($self->{pid}))[0];
		return $self->{init} && ($self->ctl('is-active', 'test.target'))[0] == 0;
	});
	my $said = slurp("$units/said");
	$self->end;
	return (undef, "systemd does not start here: $said");
}

sub _start
{
	my ($self) = @_;
	my $boot = <<'SH';
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
for folder in /etc /proc/sys; do
	mount --bind $folder $folder
	mount -o remount,bind,ro $folder
done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=peruserd-test SYSTEMD_UNIT_PATH="$0" \
	SYSTEMD_LOG_TARGET=console "$1" --system --unit=test.target --show-status=no
SH
	$self->{pid} = fork // die "fork: $!\n";
	return if $self->{pid};
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', "$self->{units}/said";
	open STDERR, '>&', \*STDOUT;
	open my $procs, '>', "$self->{cgroup}/cgroup.procs";
	syswrite $procs, $$;
	close $procs;
	exec qw(unshare --cgroup --mount --pid --ipc --uts --fork --mount-proc --kill-child
	    /bin/sh -c), $boot, $self->{units}, $program or POSIX::_exit(127);
}

sub unit
{
	my ($self, $name, $text) = @_;
	return put_file("$self->{units}/$name", $text);
}

# systemctl there: (exit status, what it said).
sub ctl
{
	my ($self, @arguments) = @_;
	return run_quietly('/usr/bin/nsenter', '-t', $self->{init}, '-a', 'systemctl', '--no-pager', @arguments);
}

# A unit's property, as text.
sub property
{
	my ($self, $unit, $name) = @_;
	my ($status, $said) = $self->ctl('show', '--value', '-p', $name, $unit);
	chomp $said;
	return $said;
}

sub end
{
	my ($self) = @_;

	if ($self->{pid}) {
		kill 'KILL', grep { defined } $self->{init}, $self->{pid};
		waitpid $self->{pid}, 0;
		delete $self->{pid};
	}
	wait_for(10, sub { _remove($self->{cgroup}) });
	return;
}

sub _remove
{
	my ($folder) = @_;
	_remove($_) for grep { -d && !-l } glob "$folder/*";
	return rmdir($folder) || !-e $folder;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	$self->end if $self->{owner} == $$;
	return;
}

1;
