# peruserd as the first process of a container: it buries strangers, hears signals,
# stays in the foreground, and serves with the capabilities that a container has.
use strict;
use warnings;
use POSIX ();
use Peruserd::Test;

my $unshare = '/usr/bin/unshare';
my $nsenter = '/usr/bin/nsenter';
plan(skip_all => 'needs unshare and nsenter (Debian: util-linux)') if !-x $unshare || !-x $nsenter;
my ($refused) = run_quietly($unshare, '--pid', '--fork', '--mount-proc', '/bin/true');
plan(skip_all => 'this machine gives no PID namespace') if $refused;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'who.pl', 'print "Content-Type: text/plain\n\n", "$<";');
# What the usual engines give root: no SYS_ADMIN, so no namespaces for pools.
my @container = qw(chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot);
my $container = join ',', '-all', map { "+$_" } @container;

# The manager as its parent namespace sees it.
sub first { my ($pid) = process_children($t->{pid}); return $pid }

# Its children that have ended and that nobody has buried.
sub unburied
{
	my ($pid) = @_;
	return grep { slurp($_) =~ /\) Z $pid / } glob '/proc/[0-9]*/stat';
}

# A double-forked process: its parent ends, then, once we have read its pid there, itself.
sub stranger
{
	my ($pid, $name) = @_;
	my ($status, $said) = run_quietly($nsenter, '-t', $pid, '-p', '-m', $^X, '-e', <<'PERL', "$t->{dir}/$name");
use POSIX;
fork and exit 0;
POSIX::setsid();
open my $file, '>', "$ARGV[0].new";
print $file "$$\n";
close $file;
close STDOUT;
close STDERR;
rename "$ARGV[0].new", $ARGV[0];
select undef, undef, undef, 0.02 until -e "$ARGV[0].go";
PERL
	ok(wait_for(10, sub { -e "$t->{dir}/$name" }), "$name, who is left alone, runs") or diag($status, $said);
	return;
}

for my $caps ([ 'a container', $container ], [ 'all capabilities', '' ]) {
	my ($name, $set) = @$caps;
	$t->{before} = [ $unshare, '--pid', '--fork', '--mount-proc', '--kill-child',
		$set ? ('/usr/bin/setpriv', '--bounding-set', $set, '--inh-caps', '-all') : () ];
	$t->start;
	$t->log_says(qr/manager\[1\]: peruserd \S+ is ready/, "$name: it is ready, as process 1");
	my $first = first();
	body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", "$name: it serves files");
	body_is($t->get('shared', 'bob.test', '/cgi-bin/who.pl'), $bob->{uid}, "$name: and CGI as the site's user");

	unlink glob "$t->{dir}/stranger*";
	stranger($first, "stranger$_") for 1 .. 3;
	is(scalar(grep { process_title($_) =~ /setsid/ } process_children($first)), 3, "$name: they are its children now");
	put_file("$t->{dir}/stranger$_.go", '') for 1 .. 3;
	ok(wait_for(10, sub { !grep { process_title($_) =~ /setsid/ } process_children($first) }), "$name: they end");
	ok(wait_for(10, sub { !unburied($first) }), "$name: and are buried") or diag(unburied($first));

	# Its own children are buried by who started them, and replaced.
	my ($multiplexer) = grep { process_title($_) =~ /multiplexer/ } process_children($first);
	kill 'KILL', $multiplexer;
	$t->log_says(qr/multiplexer \d+ .*signal 9/, "$name: a multiplexer that is killed is missed");
	ok(wait_for(10, sub { my @now = grep { process_title($_) =~ /multiplexer/ } process_children($first);
		@now == 2 && !grep { $_ == $multiplexer } @now }), "$name: and replaced");
	ok(wait_for(10, sub { !unburied($first) }), "$name: nobody is left unburied");

	my ($status, $text) = $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, 'upgrade');
	is($status, 0, "$name: another binary takes over") or diag($text);
	body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", "$name: and serves");
	stranger($first, 'stranger4');
	put_file("$t->{dir}/stranger4.go", '');
	ok(wait_for(20, sub { 2 == grep { process_title($_) =~ /multiplexer/ } process_children($first) }), "$name: the former multiplexers go");
	ok(wait_for(10, sub { !unburied($first) }), "$name: strangers are buried by the new one");

	kill $name =~ /all/ ? 'INT' : 'TERM', $first;
	ok(wait_for(20, sub { !$t->running }), "$name: it hears the signal and ends") or diag($t->log);
	is($t->{exit}, 0, "$name: with status 0");
	is(join("\n", $t->left_behind), '', "$name: and leaves nothing behind");
	put_file($t->{stderr}, '');
}

# ---- not told to stay in the foreground; and a signal that came before it could have a handler

$t->{before} = [ $unshare, '--pid', '--fork', '--mount-proc', '--kill-child', $^X, '-e', <<'PERL' ];
use POSIX;
my ($program, @options) = grep { $_ ne '-f' } @ARGV;
POSIX::sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM));
kill 'TERM', $$;
exec $program, @options;
PERL
$t->spawn;
ok(wait_for(20, sub { !$t->running }), 'a signal that came early is not lost') or diag($t->log);
is($t->{exit}, 0, 'it ends with status 0');
$t->log_says(qr/manager\[1\]: peruserd \S+ is ready.*manager\[1\]: stopped/s, 'in the foreground, though it was not told so');
is(join("\n", $t->left_behind), '', 'and nothing is left behind');
$t->{ended_on_purpose} = 1;
$t->finish;
