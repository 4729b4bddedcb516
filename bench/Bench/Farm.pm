# A hosting machine of many users: accounts, homes and sites made for a
# measurement, and the servers that host them all.  The accounts exist in the
# mount namespace of the measurement alone (see enter), so nothing is left.
package Bench::Farm;
use strict;
use warnings;
use Bench::Servers;
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $first_id = 200_000;
my $multiplexers = 'peruserd-bench';    # the multiplexers' account
my $etc_is_ours = 0;                     # a copy of it is mounted over it

# PHP "with its usual extensions": what Debian's php-cli and php-fpm bring, and of its packages curl, gd,
# mbstring, mysql, xml and zip.  Every server here loads exactly these, whatever else is installed.
our @extensions = qw(10-mysqlnd 10-opcache 10-pdo 15-xml 20-calendar 20-ctype 20-curl 20-dom 20-exif 20-ffi 20-fileinfo
	20-ftp 20-gd 20-gettext 20-iconv 20-mbstring 20-mysqli 20-pdo_mysql 20-phar 20-posix 20-readline 20-shmop
	20-simplexml 20-sockets 20-sysvmsg 20-sysvsem 20-sysvshm 20-tokenizer 20-xmlreader 20-xmlwriter 20-xsl 20-zip);

sub user { return sprintf 'bench%05d', $_[0] }

# Run this script again in a mount namespace of its own; returns there.
sub enter {
	return if $ENV{PERUSERD_BENCH_FARM};
	$ENV{PERUSERD_BENCH_FARM} = 1;
	exec 'unshare', '--mount', '--', $^X, $0, @_ or die "unshare: $!\n";
}

sub append {
	my ($path, @lines) = @_;
	open my $out, '>>', $path or die "$path: $!\n";
	print $out map { "$_\n" } @lines;
	close $out or die "$path: $!\n";
}

# In every SAPI's folder of that copy of /etc/php/VERSION.
sub usual_extensions {
	my ($php) = @_;
	for my $folder (glob "$php/*/conf.d") {
		remove_tree($folder, { keep_root => 1 });
		for my $one (@extensions) {
			my ($name) = $one =~ /-(\w+)/;
			-e "$php/mods-available/$name.ini" or die "PHP's extension $name is not installed\n";
			symlink "../../mods-available/$name.ini", "$folder/$one.ini" or die "$folder/$one.ini: $!\n";
		}
	}
}

# An /etc of our own: a file bound over /etc/passwd would go when somebody outside replaces that.
sub own_etc {
	my ($passwd, $group) = @_;
	my $etc = "$Bench::Servers::work/etc";
	system('cp', '-a', '/etc', $etc) == 0 or die "/etc can't be copied\n";
	append("$etc/passwd", @$passwd);
	append("$etc/group", @$group);
	usual_extensions($_) for glob "$etc/php/*";
	system('mount', '--bind', $etc, '/etc') == 0 or die "mount --bind over /etc failed\n";
	$etc_is_ours = 1;
}

# Accounts 1 to count, and a site for each: index.php, which names its user.
sub make {
	my ($count) = @_;
	my $work = $Bench::Servers::work;
	my @ids = map { $first_id + $_ } 0 .. $count;
	my @names = ($multiplexers, map { user($_) } 1 .. $count);
	make_path(map { "$work/home/" . user($_) . '/public_html' } 1 .. $count);
	for my $n (1 .. $count) {
		my $root = "$work/home/" . user($n) . '/public_html';
		Bench::Servers::spew("$root/index.php", "<?php echo 'Hello from ', basename(dirname(__DIR__));\n");
		chown $ids[$n], $ids[$n], $root, "$root/index.php";
	}
	own_etc([ map { "$names[$_]:x:$ids[$_]:$ids[$_]::$work/home/$names[$_]:/usr/sbin/nologin" } 0 .. $count ],
		[ map { "$names[$_]:x:$ids[$_]:" } 0 .. $count ]);
}

# The files of all users, which File::Temp would take a name at a time.
sub unmake { system('umount', '/etc') if $etc_is_ours; system('rm', '-rf', "$Bench::Servers::work/home", "$Bench::Servers::work/etc") }

# ---- the servers.  Each is { name, port, groups, pid, start_ms, reload }: reload->() returns ms.

sub ms_since { return 1000 * (time - $_[0]) }

sub wait_until {
	my ($what, $check) = @_;
	my $until = time + 60;
	until ($check->()) {
		die "$what did not happen in a minute; see $Bench::Servers::work/servers.log\n" if time > $until;
		sleep 0.002;
	}
}

sub lines_like {
	my ($path, $pattern) = @_;
	open my $in, '<', $path or return 0;
	return scalar grep { /$pattern/ } <$in>;
}

sub peruserd_config {
	my ($dir, $port, $count, $more) = @_;
	my $home = "$Bench::Servers::work/home";
	my @users = map { user($_) } 1 .. $count;
	my $pools = join ",\n", map { qq({ name = "$_"; user = "$_"; group = "$_"; }) } @users;
	my $vhosts = join ",\n", map {
		qq({ server_name = "$_.localhost"; processor = "$_"; document_root = "$home/$_/public_html"; )
		. qq(index = [ "index.php" ]; handlers = ( { suffix = ".php"; handler = "php"; } ); }) } @users;
	Bench::Servers::spew("$dir/peruserd.cfg", <<"CFG");
listen = ( { address = "127.0.0.1:$port"; } );
control = { socket = "$dir/control.sock"; };
pid_file = "$dir/pid"; error_log = "$dir/error.log"; spool_dir = "$dir/spool";
multiplexers = ( { user = "$multiplexers"; group = "$multiplexers"; } );
server_limit = 4000; min_spare_processors = 0; idle_timeout = 3600;
$more
processors = ( $pools );
vhosts = ( $vhosts );
CFG
}

sub peruserd {
	my ($build, $name, $count, $more) = @_;
	my ($port, $dir) = (Bench::Servers::free_port(), "$Bench::Servers::work/peruserd-$count-" . int(rand 1e6));
	my $log = "$Bench::Servers::work/servers.log";
	my $ready = sub { lines_like($log, 'is ready: 1 listeners') };
	make_path("$dir/spool");
	chown $first_id, $first_id, "$dir/spool";
	peruserd_config($dir, $port, $count, $more // '');
	my $begun = time;
	system("$build/peruserd -t -c $dir/peruserd.cfg >>$log 2>&1") == 0 or die "peruserd -t failed\n";
	my $check = ms_since($begun);
	my $group = Bench::Servers::cgroup_make("farm-$port");
	my $before = $ready->();
	$begun = time;
	my $pid = Bench::Servers::run_in($group, "$build/peruserd", '-f', '-c', "$dir/peruserd.cfg");
	wait_until('the start of peruserd', sub { $ready->() > $before });
	my $start = ms_since($begun);
	return { name => $name, port => $port, groups => [$group], pid => $pid, check_ms => $check, start_ms => $start,
		reload => sub {
			my $at = time;
			system("$build/peruserctl -s $dir/control.sock reload >/dev/null") == 0 or die "reload failed\n";
			return ms_since($at);
		} };
}

# With fast_start: until the loader has mapped the last of PHP's extensions.
sub wait_for_loader {
	my ($server) = @_;
	my ($last) = $extensions[-1] =~ /-(\w+)/;
	wait_until('the start of the loader', sub { grep { lines_like("/proc/$_/cmdline", '^peruser-loader')
		&& lines_like("/proc/$_/maps", "/$last\\.so\$") } Bench::Servers::pids($server) });
}

# A request to user n's site, sent: { socket, user, begun }.
sub request {
	my ($server, $n) = @_;
	my $user = user($n);
	my $begun = time;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->{port})
		or die "$server->{name} takes no connection: $!\n";
	print $socket "GET / HTTP/1.1\r\nHost: $user.localhost\r\nConnection: close\r\n\r\n";
	return { socket => $socket, user => $user, begun => $begun, answer => '' };
}

# Bytes of its answer have come: milliseconds once that is whole, undef before.
sub took {
	my ($server, $request) = @_;
	my $got = sysread $request->{socket}, $request->{answer}, 65536, length $request->{answer};
	return undef if $got;
	die "$server->{name}: no good answer for $request->{user}: $request->{answer}\n"
		unless $request->{answer} =~ /^HTTP\/1.1 200.*Hello from $request->{user}/s;
	return ms_since($request->{begun});
}

# One request to user n's site, waited for; what it took.
sub ask {
	my ($server, $n) = @_;
	my $request = request($server, $n);
	while (1) {
		my $ms = took($server, $request);
		return $ms if defined $ms;
	}
}

# php-fpm with a pool for each user, behind nginx, which finds a user's socket by the host's name.
sub fpm {
	my ($name, $count, $manner) = @_;
	my ($port, $dir) = (Bench::Servers::free_port(), "$Bench::Servers::work/fpm-" . int(rand 1e6));
	my $home = "$Bench::Servers::work/home";
	my ($fpm) = grep { -x } glob('/usr/sbin/php-fpm*') or die "no php-fpm\n";
	make_path("$dir/run", "$dir/tmp");
	Bench::Servers::spew("$dir/fpm.conf", "[global]\nerror_log = $dir/fpm.log\ndaemonize = no\npid = $dir/fpm.pid\n"
		. join '', map { my $u = user($_); <<"POOL" } 1 .. $count);
[$u]
user = $u
group = $u
listen = $dir/run/$u.sock
listen.owner = www-data
$manner
POOL
	Bench::Servers::spew("$dir/nginx.conf", <<"CFG");
user www-data;
worker_processes auto;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
daemon off;
events { worker_connections 4000; }
http {
  access_log off; client_body_temp_path $dir/tmp; fastcgi_temp_path $dir/tmp;
  server {
    listen 127.0.0.1:$port; server_name ~^(?<who>[a-z0-9]+)\\.localhost\$; root $home/\$who/public_html; index index.php;
    location ~ \\.php\$ { include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name; fastcgi_pass unix:$dir/run/\$who.sock; }
  }
}
CFG
	my ($fpm_group, $group) = map { Bench::Servers::cgroup_make("farm-$_-$port") } qw(fpm nginx);
	my $ready = sub { lines_like("$dir/fpm.log", 'ready to handle connections') };
	my $begun = time;
	my $pid = Bench::Servers::run_in($fpm_group, $fpm, '-F', '-y', "$dir/fpm.conf");
	wait_until('the start of php-fpm', $ready);
	my $start = ms_since($begun);
	Bench::Servers::run_in($group, '/usr/sbin/nginx', '-c', "$dir/nginx.conf");
	Bench::Servers::wait_for_port('nginx', $port);
	return { name => $name, port => $port, groups => [$fpm_group], pid => $pid, start_ms => $start,
		reload => sub {
			my ($before, $at) = ($ready->(), time);
			kill USR2 => $pid;
			wait_until('the reload of php-fpm', sub { $ready->() > $before });
			return ms_since($at);
		} };
}

1;
