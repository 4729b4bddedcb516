# Perl inside a processor can do no more than Perl in a program: what bob's application and bob's script get at of eve's.
use strict;
use warnings;
use Peruserd::Test;

$ENV{SECRET_OF_ROOT} = 'must not be seen';
my $t = Peruserd::Test->new(perl => 1);
my $code = <<'PERL';
use POSIX ();
sub probe {
	my ($paths, $pids) = @_;
	my @got;
	for my $path (split / /, $paths) {
		push @got, "read $path" if open my $in, '<', $path;
		push @got, "write $path" if open my $out, '>>', $path;
		push @got, "list $path" if opendir my $folder, $path;
	}
	for my $pid (split / /, $pids) {
		push @got, "signal $pid" if kill 0, $pid;
		for my $name (qw(mem environ maps fd/0)) { push @got, "proc $pid $name" if open my $in, '<', "/proc/$pid/$name" and read $in, my $some, 1 }
	}
	push @got, 'setuid' if POSIX::setuid(0);
	push @got, 'setgid' if POSIX::setgid(0);
	{ local ($<, $>) = (0, 0); push @got, 'root' if $< == 0 || $> == 0 }
	push @got, 'chroot' if chroot '/tmp';
	push @got, 'environment' if grep { /SECRET|PERUSERD/ } %ENV;
	for my $fd (3 .. 200) {
		my $name = readlink "/proc/self/fd/$fd" // next;
		push @got, "descriptor $fd $name" if $name =~ m{/log/|control\.sock|peruserd\.cfg|board};
	}
	return join("\n", @got) . '.';
}
PERL
my $eve = $t->psgi_site('eve', "sub { [ 200, [], [ 'eve' ] ] };\n");
put_file("$eve->{home}/secret", 'secret', 0600, $eve);
own_folder("$eve->{home}/private", $eve, 0700);
my %site;
for my $row ([ 'bob', 0 ], [ 'alice', 1 ]) {
	my ($label, $chroot) = @$row;
	my $account = $t->account($label);
	my $file = put_file("$account->{home}/app.psgi", "$code\nsub { my (\$env) = \@_; my (\$paths, \$pids) = map { s/\\+/ /gr } split /&/, \$env->{QUERY_STRING}; [ 200, [], [ probe(\$paths, \$pids) ] ] };\n", 0644, $account);
	$site{$label} = $t->site($label, chroot => $chroot, handlers => [
		{ prefix => '/app', handler => 'psgi', application => $file }, { prefix => '/cgi-bin/', handler => 'perl-cgi' } ]);
	$t->cgi($site{$label}, 'probe.pl', "$code\nmy (\$paths, \$pids) = map { s/\\+/ /gr } split /&/, \$ENV{QUERY_STRING}; print qq{Content-Type: text/plain\\n\\n}, probe(\$paths, \$pids);\n");
}
$t->start;
body_is($t->get('shared', $eve->{host}, '/'), 'eve', "eve's application runs");
for my $label (sort keys %site) {
	my $site = $site{$label};
	$t->get('shared', $site->{host}, '/app');
	for my $pid ($t->zygote($site), $t->processors($site)) {
		is(process_field($pid, 'Uid'), join("\t", ($site->{uid}) x 4), "a process of ${label}'s has one user");
		is(join(' ', map { hex process_field($pid, $_) } qw(CapInh CapPrm CapEff CapBnd CapAmb)), '0 0 0 0 0', 'and no capability');
		is(process_field($pid, 'NoNewPrivs'), 1, 'and gets none by exec');
		is(readlink("/proc/$pid/root"), $site->{chroot} // '/', 'and has its root');
	}
}
my $paths = join '+', "$eve->{home}/secret", "$eve->{home}/private", $t->{config} . '.none', $t->{settings}{control}{socket}, "$t->{dir}/spool", '/etc/shadow';
my $pids = join '+', $t->{pid}, $t->multiplexers, processes_of($eve->{uid});
each_kind(sub {
	my ($kind) = @_;
	for my $label (sort keys %site) {
		for my $path ('/app', '/cgi-bin/probe.pl') {
			body_is($t->get($kind, $site{$label}{host}, "$path?$paths&$pids"), '.', "$label gets at nothing from $path ($kind)");
		}
	}
	body_is($t->get($kind, $eve->{host}, '/'), 'eve', "and eve did not notice ($kind)");
});

# One pool's interpreter holds nothing of another's: globals, modules, the environment.
isnt(($t->zygote($site{bob}))[0], ($t->zygote($eve))[0], 'each has a zygote of its own');
$t->finish;
