# Two people on one daemon: what alice's or bob's code tries to get at, from CGI
# and from PHP, with and without a chroot.  Each probe prints a line for what it
# could do and should not be able to.
use strict;
use warnings;
use Peruserd::Test;

$ENV{SECRET_OF_ROOT} = 'must not be seen';
my $t = Peruserd::Test->new;
my $has_php = Peruserd::Test::php_built($t->{build});
my @log = (error_log => "$t->{dir}/log/pools.log");
my $bob = $t->site('bob', pool => { @log, limits => { nofile => 200, nproc => 80 }, umask => '0027' });
my $alice = $t->site('alice', chroot => 1, pool => { @log });
my $eve = $t->site('eve', pool => { @log });
my $mail = $t->site('mail', pool => { no_new_privs => \0 });
my $shares = $t->site('shares', pool => { namespaces => \0 });
for my $site ($bob, $alice, $eve, $mail, $shares) {
	$t->allow_perl($site);
	$t->allow_php($site) if $has_php;
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
}
put_file("$eve->{home}/private/secret.txt", "eve's own\n", 0600, $eve);
chmod 0700, "$eve->{home}/private";
put_file("$eve->{home}/group.txt", "eve's group\n", 0640, $eve);
programs_into($alice->{chroot}, '/usr/bin/perl');
run_quietly('/bin/sh', '-c', 'cd / && cp -a --parents usr/lib/*/perl-base "$1"', 'sh', $alice->{chroot});
put_file("$bob->{home}/idcopy", slurp('/usr/bin/id'), 0755);
chmod 04755, "$bob->{home}/idcopy";
put_file("$mail->{home}/idcopy", slurp('/usr/bin/id'), 0755);
chmod 04755, "$mail->{home}/idcopy";
$t->cgi($eve, 'stay.pl', "open my \$f, '>', '$eve->{home}/stays'; close \$f; print qq{Content-Type: text/plain\\n\\n}; select undef, undef, undef, 0.05 until -e '$eve->{home}/go'; print 'stayed';");
$t->start;
for my $site ($bob, $alice, $eve, $mail, $shares) {
	status_is($t->get('shared', $site->{host}, '/hello.txt'), 200, "$site->{host} is served");
}

# A request of eve's that runs all the time, for others to be attacked.
my $running = $t->client('shared');
$running->send("GET /cgi-bin/stay.pl HTTP/1.1\r\nHost: eve.test\r\n\r\n");
ok(wait_for(10, sub { -e "$eve->{home}/stays" }), 'a request of eve runs');
my @eves = processes_of($eve->{uid});
my @foreign = ($t->{pid}, $t->multiplexers, @eves, $$);

# ---- seen from outside: who the processes are, and what they hold

for my $site ($bob, $alice, $eve, $mail, $shares) {
	my $name = $site->{host};
	for my $pid ($t->zygote($site), $t->processors($site)) {
		my $what = (process_field($pid, 'PPid') == $t->{pid} ? 'zygote' : 'processor') . " of $name";
		is(process_field($pid, 'Uid'), join("\t", ($site->{uid}) x 4), "a $what has one user");
		is(process_field($pid, 'Gid'), join("\t", ($site->{gid}) x 4), "a $what has one group");
		is(process_field($pid, 'Groups') =~ s/\s+\z//r, $site->{gid}, "a $what has no other group");
		is(join(' ', map { hex process_field($pid, $_) } qw(CapInh CapPrm CapEff CapAmb)), '0 0 0 0', "a $what has no capability");
		# What a set-user-id sendmail needs: chown, fowner, setgid, setuid.
		is(hex(process_field($pid, 'CapBnd')) & ~($site == $mail ? 0xc9 : 0), 0, "a $what can get none");
		is(process_field($pid, 'NoNewPrivs'), $site == $mail ? 0 : 1, "a $what can" . ($site == $mail ? '' : ' not') . ' gain privileges by exec');
		is(readlink("/proc/$pid/root"), $site->{chroot} // '/', "a $what has its root");
		my $environment = slurp("/proc/$pid/environ");
		unlike($environment, qr/SECRET|PERUSERD|HOME=\/root|must not/, "a $what has nothing of root's environment");
		is(join(' ', sort grep { !/\A(?:PATH|TZ|LANG|LC_ALL|[AU]\w*SAN_OPTIONS|USE_ZEND_ALLOC)\z/ } map { /\A([^=]+)=/ } split /\0/, $environment), '', "a $what has a clean environment") if $pid == $t->zygote($site);
		my @links = map { readlink($_) // () } glob "/proc/$pid/fd/*";
		is(join(' ', grep { m{\A/} && !m{\A/(?:dev/null|memfd:)|\A\Q$site->{home}\E(?:/|\z)|/\.ZendSem\.|/usr/share/zoneinfo|\A/etc/mime} } @links), '', "a $what holds no foreign file");
		is(join(' ', grep { /memfd:.*board|control\.sock|peruserd\.cfg|\/log\// } @links), '', "a $what holds neither board nor log nor configuration");
	}
	my ($zygote) = $t->zygote($site);
	isnt(readlink("/proc/$zygote/ns/$_"), readlink("/proc/self/ns/$_"), "$name has a namespace of its own: $_") for $site == $shares ? () : qw(pid mnt ipc);
}
for my $pid ($t->multiplexers) {
	is(process_field($pid, 'Uid'), join("\t", ($t->{multiplexer}{uid}) x 4), 'a multiplexer has one user');
	is(join(' ', map { process_field($pid, $_) =~ s/\A0+\z/0/r } qw(CapInh CapPrm CapEff CapBnd CapAmb)), '0 0 0 0 0', 'a multiplexer has no capability');
	is(process_field($pid, 'NoNewPrivs'), 1, 'a multiplexer can not gain privileges');
	SKIP: {
		skip 'sanitizers do not run inside seccomp', 1 if $t->{sanitized};
		is(process_field($pid, 'Seccomp'), 2, 'a multiplexer is inside a seccomp filter');
	}
	is((stat "/proc/$pid/mem")[4], 0, 'a multiplexer is not dumpable');
}
is((stat "/proc/" . $t->zygote($bob) . "/mem")[4] // 0, 0, "bob's zygote is not dumpable");
like(slurp('/proc/' . ($t->processors($bob))[0] . '/limits'), qr/Max open files\s+200\s+200\s/, 'limits are set, hard and soft');
like(slurp('/proc/' . ($t->processors($bob))[0] . '/limits'), qr/Max processes\s+80\s+80\s/, 'all of them');
my $manager_caps = hex process_field($t->{pid}, 'CapBnd');
is($manager_caps & (1 << 16 | 1 << 17 | 1 << 19 | 1 << 22), 0, 'the manager itself can not load modules, do raw I/O, trace or reboot');

# ---- tried from inside: bob in Perl, without chroot

my $probe = <<'PERL';
use POSIX ();
sub got { print "GOT $_[0]\n" }
for my $path (@paths) {
	open(my $f, '<', $path) and got("read $path");
	open($f, '>>', $path) and got("write $path");
}
opendir(my $d, $_) and got("list $_") for @folders;
for my $pid (@pids) {
	kill(0, $pid) and got("signal $pid");
	kill('CONT', $pid) and got("CONT $pid");
	for my $name (qw(mem environ maps cmdline status)) {
		open(my $f, '<', "/proc/$pid/$name") && read($f, my $x, 10) && got("proc $pid $name");
	}
	opendir(my $d, "/proc/$pid/fd") and got("proc $pid fd");
	if ((POSIX::uname())[4] eq 'x86_64') {
		syscall(101, 16, $pid, 0, 0) == 0 and got("ptrace $pid");
		syscall(438, $pid, 0, 0) > 0 and got("pidfd $pid");
	}
}
if (opendir my $proc, '/proc') {
	for my $pid (grep { /\A\d+\z/ } readdir $proc) {
		my $uid = (stat "/proc/$pid")[4];
		open(my $f, '<', "/proc/$pid/cmdline");
		my $title = <$f> // '';
		got("sees $pid $title") if $title =~ /multiplexer|eve|peruserd\0/ || defined $uid && $uid != $< && $uid != 0;
	}
}
$! = 0; POSIX::setuid(0) and got('setuid'); POSIX::setgid(0) and got('setgid');
$< = 0; $> = 0; $( = 0; $) = '0 0'; got("ids $< $> $( $)") if $< == 0 || $> == 0 || $( =~ /\b0\b/ || $) =~ /\b0\b/;
chroot('/tmp') and got('chroot');
if ((POSIX::uname())[4] eq 'x86_64') {
	my ($none, $proc, $tmp) = ("none\0", "proc\0", "/tmp\0");
	syscall(165, $none, $tmp, $proc, 0, 0) == 0 and got('mount');
	syscall(133, "/tmp/peruserd-dev-$$\0", 0x6000 | 0600, 0x0800) == 0 and got('mknod of a disk');
	syscall(308, -1, 0) == 0 and got('setns');
	syscall(105, 0) == 0 and got('setuid by number');
	syscall(161, my $r = "/tmp\0") == 0 and got('chroot by number');
	syscall(157, 38, 0, 0, 0, 0) == 0 and got('no_new_privs off');
}
socket(my $control, 1, 1, 0); require Socket;
connect($control, Socket::pack_sockaddr_un($control_path)) and got('the control socket');
socket(my $port, 2, 1, 0); setsockopt($port, 1, 2, 1); setsockopt($port, 1, 15, 1);
bind($port, Socket::pack_sockaddr_in($_, Socket::INADDR_ANY())) and got("bind to port $_") for @ports;
print "probed\n";
PERL
my @paths = ("$eve->{home}/private/secret.txt", "$eve->{home}/group.txt", "$alice->{home}/../eve/group.txt", '/etc/shadow', $t->{config} . '.none',
	"$t->{dir}/log/pools.log.none", '/dev/mem', '/dev/kmsg', '/proc/kcore', "/proc/$t->{pid}/mem", "/proc/1/root/etc/shadow");
my $lists = sub { join ', ', map { "'$_'" } @_ };
my $perl_probe = "my \@paths = (" . $lists->(@paths) . "); my \@folders = ('$eve->{home}/private', '$t->{dir}/spool'); my \@pids = (" . join(', ', @foreign)
    . "); my \$control_path = '$t->{dir}/run/control.sock'; my \@ports = (" . join(', ', values %{ $t->{ports} }) . ");\n$probe";

each_kind(sub {
	my ($kind) = @_;
	body_is($t->perl($kind, $bob, $perl_probe), "probed\n", "bob's CGI gets at nothing that is not his ($kind)");
	body_is($t->perl($kind, $alice, $perl_probe), "probed\n", "alice's CGI, in her chroot, neither ($kind)");
	my $id = $t->perl($kind, $bob, "print `'$bob->{home}/idcopy' -u`; print `'$bob->{home}/idcopy' -ru`;");
	body_is($id, "$bob->{uid}\n$bob->{uid}\n", "a set-user-id program gives bob nothing ($kind)");
	body_is($t->perl($kind, $mail, "print `'$mail->{home}/idcopy' -u`;"), "0\n", "where no_new_privs is false it works ($kind)");
	body_is($t->perl($kind, $bob, "open my \$f, '>', '$bob->{home}/made-$kind'; close \$f; printf '%o', (stat '$bob->{home}/made-$kind')[2] & 0777;"), '640', "the umask is the pool's ($kind)");
	$t->perl($kind, $bob, 'kill "KILL", -1;', timeout => 10);
	is(join(' ', grep { !process_alive($_) } @foreign), '', "bob kills all that he can, which is nobody else ($kind)");
	ok(wait_for(10, sub { $t->get($kind, 'bob.test', '/hello.txt')->{status} == 200 }), "and bob himself is served again ($kind)");
	$t->perl($kind, $shares, 'kill "KILL", -1;', timeout => 10);
	is(join(' ', grep { !process_alive($_) } @foreign), '', "without namespaces neither ($kind)");
	ok(wait_for(10, sub { $t->get($kind, 'shares.test', '/hello.txt')->{status} == 200 }), "and that pool comes back ($kind)");
});

# ---- the known ways out of a chroot, by alice in Perl

my $escape = <<'PERL';
use POSIX ();
my @out;
sub outside { -e '/etc/passwd' || -e '/proc/1' || -d '/root' || -e 'etc/passwd' }
# a second chroot below a directory that is kept open
open my $root, '<', '/'; mkdir '/tmp/in'; 
push @out, 'chroot' if chroot '/tmp/in';
chdir $root if $root; chdir '..' for 1 .. 50;
push @out, 'dotdot' if outside();
# descriptors that were left open
for my $fd (0 .. 255) {
	open my $d, "<&=$fd" or next;
	next if !chdir $d;
	chdir '..' for 1 .. 50;
	push @out, "fd $fd" if -e 'etc/passwd' || -d 'root';
}
if ((POSIX::uname())[4] eq 'x86_64') {
	chdir '/';
	my ($disk, $p, $proc, $tmp, $top, $empty) = ("/tmp/disk\0", "/tmp/p\0", "proc\0", "/tmp\0", "/\0", "\0");
	syscall(133, $disk, 0x6000 | 0600, 0xfe00) == 0 and push @out, 'mknod';
	mkdir '/tmp/p';
	syscall(165, $proc, $p, $proc, 0, 0) == 0 and push @out, 'mount';
	syscall(272, 0x10000000) == 0 and push @out, 'user namespace';
	syscall(272, 0x00020000) == 0 and push @out, 'mount namespace';
	syscall(155, $tmp, $tmp) == 0 and push @out, 'pivot_root';
	my $handle = pack 'II x128', 8, 1;
	syscall(304, -100, $handle, 0) >= 0 and push @out, 'open_by_handle_at';
	syscall(428, -100, $top, 1) >= 0 and syscall(429, 0, $empty, -100, $p, 4) == 0 and push @out, 'move_mount';
}
for my $path ('/proc/1/root/etc/passwd', '/proc/self/root/../etc/passwd', '/../etc/passwd', '/tmp/../../etc/passwd') {
	push @out, $path if -e $path;
}
symlink '/../../../../../etc/passwd', '/tmp/link'; push @out, 'symlink' if -e '/tmp/link'; unlink '/tmp/link';
push @out, 'outside' if outside();
print "out: @out";
PERL
each_kind(sub {
	body_is($t->perl($_[0], $alice, $escape), 'out: ', "no known way leads out of a chroot ($_[0])");
});

# ---- the same from inside the interpreter

SKIP: {
	skip 'the PHP handler is not built', 1 if !$has_php;
	skip 'built with sanitizers, php.so loads no extensions', 1 if $t->{sanitized};
	my $array = sub { '[' . join(', ', map { "'$_'" } @_) . ']' };
	my $php = "\$paths = " . $array->(@paths) . "; \$pids = [" . join(', ', @foreign) . "]; \$ports = [" . join(', ', values %{ $t->{ports} }) . "];\n" . <<'PHP';
error_reporting(0);
function got($what) { echo "GOT $what\n"; }
foreach ($paths as $p) { if (file_get_contents($p) !== false) got("read $p"); if (fopen($p, "a")) got("write $p"); }
foreach ($pids as $p) { if (posix_kill($p, 0)) got("signal $p"); foreach (["mem", "environ", "maps", "cmdline"] as $n) if (file_get_contents("/proc/$p/$n", false, null, 0, 10)) got("proc $p $n"); }
if (posix_setuid(0)) got("setuid"); if (posix_seteuid(0)) got("seteuid"); if (posix_setgid(0)) got("setgid"); if (posix_setegid(0)) got("setegid");
if (posix_getuid() == 0 || posix_geteuid() == 0) got("root");
if (posix_mknod("/tmp/disk-php", POSIX_S_IFBLK | 0600, 8, 0)) got("mknod");
if (function_exists("chroot") && chroot("/tmp")) got("chroot");
foreach (glob("/proc/[0-9]*") ?: [] as $p) { $c = file_get_contents("$p/cmdline"); if (preg_match('/multiplexer|eve\b/', $c)) got("sees $p $c"); }
foreach (glob("/proc/self/fd/*") ?: [] as $f) { $l = readlink($f); if (preg_match('#^/#', $l) && !preg_match('#^/(dev/null|memfd:|tmp/|usr/share/zoneinfo|etc/mime)|ZendSem|run\.php|public_html#', $l)) got("fd $f $l"); if (preg_match('#board|\.log|\.cfg|control#', $l)) got("fd $f $l"); }
foreach (getenv() as $k => $v) if (preg_match('/SECRET|PERUSERD/', $k)) got("environment $k");
foreach (opcache_get_status()["scripts"] ?? [] as $k => $v) if (preg_match('#/eve/#', $k)) got("cache $k");
foreach ($ports as $p) { $s = socket_create(AF_INET, SOCK_STREAM, SOL_TCP); socket_set_option($s, SOL_SOCKET, SO_REUSEPORT, 1); if (socket_bind($s, "0.0.0.0", $p)) got("bind $p"); }
@unlink("/tmp/disk-php");
echo "probed\n";
PHP
	each_kind(sub {
		my ($kind) = @_;
		body_is($t->php($kind, $bob, $php), "probed\n", "bob's PHP gets at nothing that is not his ($kind)");
		body_is($t->php($kind, $alice, $php), "probed\n", "alice's PHP, in her chroot, neither ($kind)");
		body_is($t->php($kind, $alice, 'echo file_exists("/etc/passwd") ? "out" : "in", is_dir("/public_html") ? "side" : "";'), 'inside', "alice's PHP is inside ($kind)");
		$t->php($kind, $bob, 'posix_kill(-1, 9);', timeout => 10);
		is(join(' ', grep { !process_alive($_) } @foreign), '', "bob's PHP kills nobody else ($kind)");
		ok(wait_for(10, sub { $t->get($kind, 'bob.test', '/hello.txt')->{status} == 200 }), "and is served again ($kind)");
	});
}
put_file("$eve->{home}/go", '');
body_is($running->response, 'stayed', "eve's request ran through all of this");
$t->finish;
