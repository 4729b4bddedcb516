# Web servers before peruserd, and before php-fpm: for bench/fronts.pl.  Each is a
# server as Bench::Servers has them: { name, port, groups }.
package Bench::Fronts;
use strict;
use warnings;
use File::Path qw(make_path);
use Bench::Servers;

our $threads = 64;      # of Apache's event MPM, without slow clients

sub spew { return Bench::Servers::spew(@_) }

# One peruserd for all: HTTP, FastCGI and the handoff.
sub peruserd {
	my ($build, $site, $user) = @_;
	my ($port, $dir) = (Bench::Servers::free_port(), "$Bench::Servers::work/peruserd");
	my $workers = $Bench::Servers::workers;
	make_path("$dir/spool");
	chown((getpwnam 'nobody')[2], -1, "$dir/spool");
	spew("$dir/peruserd.cfg", <<"CFG");
listen = ( { address = "127.0.0.1:$port"; protocol = "http"; },
           { address = "unix:$dir/fastcgi.sock"; protocol = "fastcgi"; group = "$user"; mode = "0660"; },
           { address = "unix:$dir/apache.sock"; protocol = "handoff"; group = "$user"; mode = "0660"; } );
control = { socket = "$dir/control.sock"; mode = "0600"; };
pid_file = "$dir/pid"; error_log = "$dir/error.log"; spool_dir = "$dir/spool";
multiplexers = ( { user = "nobody"; group = "nogroup"; } );
keep_alive_timeout = 300; max_requests_per_child = 0; body_timeout = 600; send_timeout = 600;
min_spare_processors = $workers; max_processors = $workers; idle_timeout = 3600; expire_timeout = 600;
processors = ( { name = "site"; user = "$user"; group = "$user"; } );
vhosts = ( { server_name = "bench.localhost"; aliases = [ "127.0.0.1" ]; processor = "site"; document_root = "$site";
  handlers = ( { suffix = ".php"; handler = "php"; } ); } );
CFG
	my $group = Bench::Servers::cgroup_make('peruserd');
	Bench::Servers::run_in($group, "$build/peruserd", '-f', '-c', "$dir/peruserd.cfg");
	Bench::Servers::wait_for_port('peruserd', $port);
	return { name => 'peruserd', port => $port, groups => [$group], dir => $dir };
}

# As conf/recipes/nginx.conf.
sub nginx_peruserd {
	my ($peruserd, $site) = @_;
	return Bench::Servers::together('nginx + peruserd', Bench::Servers::nginx('nginx-peruserd', $site,
		'location / { include /etc/nginx/fastcgi_params; fastcgi_param PERUSERD_PATH $uri; fastcgi_keep_conn on; '
		. 'fastcgi_buffering off; fastcgi_pass behind; }',
		"upstream behind { server unix:$peruserd->{dir}/fastcgi.sock; keepalive 32; keepalive_requests 100000000; }"), $peruserd);
}

# As everybody has it.  Kept connections would tie its workers down; with as many as workers they are slower.
sub nginx_fpm {
	my ($fpm, $site) = @_;
	return Bench::Servers::together('nginx + php-fpm', Bench::Servers::nginx('nginx-fpm', $site,
		'location / { ' . Bench::Servers::nginx_pass($fpm->{socket}) . ' }'), $fpm);
}

sub apache {
	my ($name, $behind, $lines) = @_;
	my ($tag) = "apache-$behind->{name}" =~ s/\W+/-/gr;
	my ($port, $dir) = (Bench::Servers::free_port(), "$Bench::Servers::work/$tag");
	my $modules = '/usr/lib/apache2/modules';
	my $servers = int(($threads + 63) / 64);
	make_path($dir);
	spew("$dir/apache.conf", <<"CFG");
ServerRoot $dir
ServerName bench.localhost
Listen 127.0.0.1:$port
User www-data
Group www-data
PidFile $dir/apache.pid
Mutex file:$dir default
ErrorLog $dir/error.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 300
Timeout 600
StartServers $servers
ServerLimit $servers
ThreadsPerChild 64
MinSpareThreads 1
MaxSpareThreads ${\ ($servers * 64)}
MaxRequestWorkers ${\ ($servers * 64)}
MaxConnectionsPerChild 0
$lines
CFG
	my $group = Bench::Servers::cgroup_make($tag);
	Bench::Servers::run_in($group, '/usr/sbin/apache2', '-DFOREGROUND', '-f', "$dir/apache.conf");
	Bench::Servers::wait_for_port($name, $port);
	return Bench::Servers::together($name, { port => $port, groups => [$group] }, $behind);
}

sub apache_peruserd {
	my ($peruserd, $build) = @_;
	return apache('Apache event + mod_peruserd', $peruserd, <<"CFG");
LoadModule peruserd_module $build/.libs/mod_peruserd.so
PeruserdHandoff unix:$peruserd->{dir}/apache.sock
<Location "/">
  SetHandler peruserd
</Location>
CFG
}

# As Debian's php-fpm.conf has it.
sub apache_fpm {
	my ($fpm, $site) = @_;
	my $modules = '/usr/lib/apache2/modules';
	return apache('Apache event + mod_proxy_fcgi + php-fpm', $fpm, <<"CFG");
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_fcgi_module $modules/mod_proxy_fcgi.so
DocumentRoot $site
<Directory $site>
  Require all granted
  AllowOverride None
</Directory>
<FilesMatch "\\.php\$">
  SetHandler "proxy:unix:$fpm->{socket}|fcgi://localhost/"
</FilesMatch>
CFG
}

1;
