# The manager keeps the capabilities that its configuration asks for, no others,
# and can't get them back: its bounding set is cut too.
use strict;
use warnings;
use Peruserd::Test;

no warnings 'portable';         # sets have 64 bits

my %number = (CHOWN => 0, DAC_READ_SEARCH => 2, FOWNER => 3, KILL => 5, SETGID => 6, SETUID => 7,
	SETPCAP => 8, NET_BIND_SERVICE => 10, SYS_CHROOT => 18, SYS_ADMIN => 21,
	SYS_RESOURCE => 24);
my @always = qw(CHOWN DAC_READ_SEARCH FOWNER KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT);
my %own = map { $_ => hex(process_field($$, 'CapBnd')) & 1 << $number{$_} } keys %number;

# Those of a process, by name where they have one here.
sub capabilities
{
	my ($pid, $set) = @_;
	my $mask = hex process_field($pid, $set);
	my %name = reverse %number;
	return join ' ', sort map { $name{$_} // $_ } grep { $mask >> $_ & 1 } 0 .. 63;
}

# And those that it may have at all, here.
sub expected
{
	return join ' ', sort grep { $own{$_} } @_;
}

my ($hard) = slurp("/proc/$$/limits") =~ /^Max core file size\s+\S+\s+(\S+)/m;
my @configurations = (
	[ 'namespaces alone', {}, 'SYS_ADMIN' ],
	[ 'none of these', { namespaces => \0, nice_level => 5 } ],
);
# Root of a container may not have it.
push @configurations, [ 'limits above its own, and namespaces', { limits => { core => 1000 } }, 'SYS_ADMIN', 'SYS_RESOURCE' ]
    if $own{SYS_RESOURCE} && lower_core();

# Lower the hard limit of core files, so that one of 1000 bytes is above it.
sub lower_core
{
	my $nought = pack 'Q2', 0, 0;
	return 1 if $hard eq '0';
	chomp(my $machine = `uname -m`);
	return $machine eq 'x86_64' && syscall(160, 4, $nought) == 0;      # setrlimit, RLIMIT_CORE
}

for my $configuration (@configurations) {
	my ($name, $keys, @more) = @$configuration;
	my $t = Peruserd::Test->new;
	my $site = $t->site('one', pool => $keys);
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	$t->start;
	# It is answered once the manager has cut them.
	body_is($t->get('shared', 'one.test', '/hello.txt'), "hello\n", "$name: the pool works");
	is(capabilities($t->{pid}, $_), expected(@always, @more), "$name: the manager's $_")
	    for qw(CapPrm CapEff CapBnd);
	is(hex(process_field($t->{pid}, $_)), 0, "$name: its $_") for qw(CapInh CapAmb);
	is(hex(process_field($t->zygote($site), $_)), 0, "$name: its zygote has no $_") for qw(CapPrm CapEff CapBnd);
	$t->finish_one;
}
done_testing();
