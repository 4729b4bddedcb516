# The servers that are measured: how each is configured and started, all on
# loopback, each in a control group of its own so that its CPU time is counted
# whole, exited children included.
package Bench::Servers;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our $work;              # folder for configurations, sites, sockets
our $workers = 4;
our $many = 40;         # for servers that need a process for each connection
my @started;

sub spew {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "$path: $!\n";
	print $out $text;
	close $out or die "$path: $!\n";
}

sub free_port {
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!\n";
	return $socket->sockport;
}

# ---- accounting

my ($cgroup_root) = map { (split)[1] } grep { (split)[2] eq 'cgroup2' }
	do { open my $in, '<', '/proc/mounts' or die; <$in> };

sub cgroup_make {
	my ($name) = @_;
	die "needs a mounted cgroup2 to count CPU time\n" unless $cgroup_root;
	my $path = "$cgroup_root/peruserd-bench-$name-$$";
	mkdir $path or die "$path: $!\n";
	return $path;
}

# CPU time in microseconds that all processes of a server have used so far.
sub cpu_us {
	my ($server) = @_;
	my $sum = 0;
	for my $group (@{ $server->{groups} }) {
		open my $in, '<', "$group/cpu.stat" or die "$group: $!\n";
		while (my $line = <$in>) { $sum += $1 if $line =~ /^usage_usec (\d+)/ }
	}
	return $sum;
}

sub pids {
	my ($server) = @_;
	my @pids;
	for my $group (@{ $server->{groups} }) {
		open my $in, '<', "$group/cgroup.procs" or next;
		chomp(my @here = <$in>);
		push @pids, @here;
	}
	return @pids;
}

# Proportional memory of all of a server's processes, KiB.
sub pss_kib {
	my ($server) = @_;
	my $sum = 0;
	for my $pid (pids($server)) {
		open my $in, '<', "/proc/$pid/smaps_rollup" or next;
		while (my $line = <$in>) { $sum += $1 if $line =~ /^Pss:\s+(\d+)/ }
	}
	return $sum;
}

# ---- starting and stopping

sub run_in {
	my ($group, @command) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		# A session of its own: Apache, told to stop, tells its whole process group.
		POSIX::setsid();
		spew("$group/cgroup.procs", "$$\n");
		open STDOUT, '>>', "$work/servers.log";
		open STDERR, '>&', \*STDOUT;
		exec @command or die "$command[0]: $!\n";
	}
	push @started, { pid => $pid, group => $group };
	return $pid;
}

sub wait_for_port {
	my ($name, $port) = @_;
	my $until = time + 20;
	until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1)) {
		die "$name does not answer; see $work/servers.log\n" if time > $until;
		sleep 0.05;
	}
}

sub stop_all {
	for my $one (reverse @started) {
		kill TERM => $one->{pid};
		my $until = time + 10;
		my $gone = 0;
		while (!$gone && time < $until) {
			$gone = waitpid($one->{pid}, 1) != 0;
			sleep 0.02 unless $gone;
		}
		# What it left behind too: fcgiwrap's master ends without its workers.
		kill KILL => pids({ groups => [ $one->{group} ] });
		my $tries = 0;
		sleep 0.05 while !rmdir($one->{group}) && -d $one->{group} && $tries++ < 100;
	}
	@started = ();
}

# ---- each server.  A server is { name, port, groups }.

sub peruserd {
	my ($build, $site, $user) = @_;
	my ($shared, $private, $dir) = (free_port(), free_port(), "$work/peruserd");
	make_path("$dir/spool");
	chown((getpwnam 'nobody')[2], -1, "$dir/spool");
	spew("$dir/peruserd.cfg", <<"CFG");
listen = ( { address = "127.0.0.1:$shared"; protocol = "http"; connections = "shared"; },
           { address = "127.0.0.1:$private"; protocol = "http"; connections = "private"; } );
control = { socket = "$dir/control.sock"; mode = "0600"; };
pid_file = "$dir/pid"; error_log = "$dir/error.log"; spool_dir = "$dir/spool";
multiplexers = ( { user = "nobody"; group = "nogroup"; } );
keep_alive_timeout = 300; max_requests_per_child = 0;
min_spare_processors = $workers; max_processors = $workers; idle_timeout = 3600; expire_timeout = 600;
processors = ( { name = "site"; user = "$user"; group = "$user";
  php_admin_value = [ "memory_limit=256M", "post_max_size=64M", "upload_max_filesize=64M" ]; },
  { name = "perl"; user = "$user"; group = "$user"; } );
vhosts = ( { server_name = "bench.localhost"; aliases = [ "127.0.0.1" ]; processor = "site"; document_root = "$site";
  handlers = ( { suffix = ".php"; handler = "php"; }, { prefix = "/cgi-bin/"; handler = "cgi"; } ); },
  { server_name = "perl.localhost"; processor = "perl"; document_root = "$site";
  handlers = ( { prefix = "/hello.psgi"; handler = "psgi"; application = "$site/app.psgi"; },
    { prefix = "/cgi-bin/"; handler = "perl-cgi"; } ); } );
CFG
	my $group = cgroup_make('peruserd');
	run_in($group, "$build/peruserd", '-f', '-c', "$dir/peruserd.cfg");
	wait_for_port('peruserd', $shared);
	return { name => 'peruserd', port => $shared, groups => [$group] },
		{ name => 'peruserd, private', port => $private, groups => [$group] },
		{ name => 'peruserd, Perl', port => $shared, groups => [$group], host => 'perl.localhost' },
		{ name => 'peruserd, Perl, private', port => $private, groups => [$group], host => 'perl.localhost' };
}

# php-fpm as Debian has it, with that many workers.  { socket, groups }
sub fpm {
	my ($user) = @_;
	my $dir = "$work/fpm";
	my ($program) = grep { -x } glob('/usr/sbin/php-fpm*') or die "no php-fpm\n";
	make_path($dir);
	spew("$dir/fpm.conf", <<"CFG");
[global]
error_log = $dir/fpm.log
daemonize = no
[site]
user = $user
group = $user
listen = $dir/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = $workers
php_admin_value[memory_limit] = 256M
php_admin_value[post_max_size] = 64M
php_admin_value[upload_max_filesize] = 64M
CFG
	my $group = cgroup_make('fpm');
	run_in($group, $program, '-F', '-y', "$dir/fpm.conf");
	return { name => 'php-fpm', socket => "$dir/fpm.sock", groups => [$group] };
}

# An nginx with these locations, and what http may need for them.  { name, port, groups }: its own alone.
sub nginx {
	my ($tag, $site, $locations, $http) = @_;
	my ($port, $dir) = (free_port(), "$work/$tag");
	my $types = -e '/etc/nginx/mime.types' ? 'include /etc/nginx/mime.types;' : '';
	make_path("$dir/tmp");
	spew("$dir/nginx.conf", <<"CFG");
user www-data;
worker_processes auto;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
daemon off;
events { worker_connections 16000; }
http {
  $types
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 300; keepalive_requests 100000000;
  client_max_body_size 64m; client_body_temp_path $dir/tmp; fastcgi_temp_path $dir/tmp;
  client_body_timeout 600; send_timeout 600;
  ${\ ($http // '')}
  server {
    listen 127.0.0.1:$port; server_name bench.localhost; root $site;
    $locations
  }
}
CFG
	my $group = cgroup_make($tag);
	run_in($group, '/usr/sbin/nginx', '-c', "$dir/nginx.conf");
	wait_for_port($tag, $port);
	return { name => 'nginx', port => $port, groups => [$group] };
}

# What a location says to have a script run by who listens there.
sub nginx_pass {
	my ($socket) = @_;
	return 'include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; '
		. "fastcgi_pass unix:$socket;";
}

# The same server with others behind it, all of whose time counts.
sub together {
	my ($name, $front, @behind) = @_;
	return { name => $name, port => $front->{port}, groups => [ map { @{ $_->{groups} } } $front, @behind ] };
}

# nginx alone, with php-fpm, with fcgiwrap: one nginx for all of them.
sub nginx_fpm {
	my ($site, $user) = @_;
	my ($dir, $group) = ("$work/fcgiwrap", cgroup_make('fcgiwrap'));
	make_path($dir);
	chown((getpwnam $user)[2, 3], $dir);
	run_in($group, 'sh', '-c', "umask 0; exec setpriv --reuid=$user --regid=$user --clear-groups /usr/sbin/fcgiwrap -c $workers -s unix:$dir/sock");
	my ($fpm, $wrap) = (fpm($user), { groups => [$group] });
	my $nginx = nginx('nginx', $site, join "\n    ", 'location ~ \\.php$ { ' . nginx_pass($fpm->{socket}) . ' }',
		'location /cgi-bin/ { ' . nginx_pass("$dir/sock") . ' }',
		"location = /hello.psgi { include /etc/nginx/uwsgi_params; uwsgi_pass unix:$work/uwsgi.sock; }");
	return together('nginx + php-fpm', $nginx, $fpm), together('nginx + fcgiwrap', $nginx, $wrap), $nginx;
}

# A worker of Starman's serves one connection until it ends: as many as Apache gets.
# uWSGI's own HTTP socket closes after each answer, which wrk calls read errors; with nginx before
# it, as its own documentation wants it, connections are kept.
sub starman {
	my ($site, $user) = @_;
	my ($port, $group) = (free_port(), cgroup_make('starman'));
	run_in($group, 'starman', '--workers', $many, '--max-requests', 1_000_000_000, '--host', '127.0.0.1',
		'--port', $port, '--user', $user, '--group', $user, '--preload-app', "$site/app.psgi");
	wait_for_port('starman', $port);
	return { name => 'Starman', port => $port, groups => [$group] };
}

sub uwsgi_psgi {
	my ($site, $user, $nginx) = @_;
	my ($port, $group) = (free_port(), cgroup_make('uwsgi'));
	run_in($group, 'uwsgi-core', '--plugin', 'psgi', '--http-socket', "127.0.0.1:$port", '--socket', "$work/uwsgi.sock",
		'--chown-socket', $user, '--listen', 128, '--psgi', "$site/app.psgi", '--processes', $workers, '--master', '--disable-logging', '--uid', $user, '--gid', $user);
	wait_for_port('uwsgi', $port);
	return { name => 'uWSGI psgi', port => $port, groups => [$group] },
		{ name => 'nginx + uWSGI psgi', port => $nginx->{port}, groups => [ @{ $nginx->{groups} }, $group ] };
}

sub apache_mod_php {
	my ($site, $user) = @_;
	my ($port, $dir) = (free_port(), "$work/apache");
	make_path($dir);
	my ($mod) = glob('/usr/lib/apache2/modules/libphp*.so') or die "no mod_php\n";
	spew("$dir/apache.conf", <<"CFG");
ServerRoot $dir
ServerName bench.localhost
Listen 127.0.0.1:$port
User $user
Group $user
PidFile $dir/apache.pid
Mutex file:$dir default
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule php_module $mod
TypesConfig /etc/mime.types
ErrorLog $dir/error.log
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 300
StartServers $many
MinSpareServers $many
MaxSpareServers $many
ServerLimit $many
MaxRequestWorkers $many
MaxConnectionsPerChild 0
DocumentRoot $site
<Directory $site>
  Require all granted
  AllowOverride None
</Directory>
<FilesMatch "\\.php\$">
  SetHandler application/x-httpd-php
</FilesMatch>
php_admin_value memory_limit 256M
php_admin_value post_max_size 64M
php_admin_value upload_max_filesize 64M
CFG
	my $group = cgroup_make('apache');
	run_in($group, '/usr/sbin/apache2', '-DFOREGROUND', '-f', "$dir/apache.conf");
	wait_for_port('apache', $port);
	return { name => 'Apache prefork + mod_php', port => $port, groups => [$group] };
}

1;
