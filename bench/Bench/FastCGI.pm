# FastCGI programs that know nothing of peruserd, behind it and behind their usual web
# servers: the same program, as many processes.  For bench/bench.pl.
package Bench::FastCGI;
use strict;
use warnings;
use File::Path qw(make_path);
use Bench::Servers;

our @php_cgi = ('/usr/bin/php-cgi', '-d', 'cgi.fix_pathinfo=0', '-d', 'cgi.discard_path=1');

# A script as the manual of FCGI.pm has it, on descriptor 0.
my $script = <<'PERL';
#!/usr/bin/perl
use FCGI;
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	print "Content-Type: text/plain\r\n\r\nHello, world\n";
}
PERL

# One socket on descriptor 0 for as many processes as the last argument but the program's says.
my $spawner = <<'PERL';
use Socket;
my ($path, $count, @program) = @ARGV;
umask 0;
socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die;
bind $socket, sockaddr_un($path) or die "$path: $!\n";
listen $socket, 1024 or die;
open STDIN, '<&', $socket or die;
my @pids = map { my $pid = fork // die; $pid || (exec @program or die "$program[0]: $!\n") } 1 .. $count;
$SIG{TERM} = sub { kill TERM => @pids; exit };
1 while wait > 0;
PERL

sub write_script {
	my ($site) = @_;
	Bench::Servers::spew("$site/hello.fcgi", $script);
	chmod 0755, "$site/hello.fcgi";
}

sub peruserd {
	my ($build, $site, $user) = @_;
	my ($port, $dir, $workers) = (Bench::Servers::free_port(), "$Bench::Servers::work/peruserd-fastcgi", $Bench::Servers::workers);
	my $php = join ', ', map { "\"$_\"" } @php_cgi;
	make_path("$dir/spool");
	chown((getpwnam 'nobody')[2], -1, "$dir/spool");
	Bench::Servers::spew("$dir/peruserd.cfg", <<"CFG");
listen = ( { address = "127.0.0.1:$port"; protocol = "http"; connections = "shared"; } );
control = { socket = "$dir/control.sock"; mode = "0600"; };
pid_file = "$dir/pid"; error_log = "$dir/error.log"; spool_dir = "$dir/spool";
multiplexers = ( { user = "nobody"; group = "nogroup"; } );
keep_alive_timeout = 300; max_requests_per_child = 0;
min_spare_processors = $workers; max_processors = $workers; idle_timeout = 3600; expire_timeout = 600;
processors = ( { name = "files"; user = "$user"; group = "$user"; },
  { name = "php"; user = "$user"; group = "$user"; handoff = "fastcgi"; command = [ $php ]; },
  { name = "perl"; user = "$user"; group = "$user"; handoff = "fastcgi"; command = [ "$site/hello.fcgi" ]; } );
vhosts = ( { server_name = "bench.localhost"; aliases = [ "127.0.0.1" ]; processor = "files"; document_root = "$site";
  handlers = ( { suffix = ".php"; handler = "fastcgi"; processor = "php"; },
    { suffix = ".fcgi"; handler = "fastcgi"; processor = "perl"; } ); } );
CFG
	my $group = Bench::Servers::cgroup_make('peruserd-fastcgi');
	Bench::Servers::run_in($group, "$build/peruserd", '-f', '-c', "$dir/peruserd.cfg");
	Bench::Servers::wait_for_port('peruserd, FastCGI', $port);
	return { name => 'peruserd, FastCGI', port => $port, groups => [$group] };
}

# The programs, started for whoever connects.  { socket, groups }
sub programs {
	my ($site, $user) = @_;
	my $dir = "$Bench::Servers::work/programs";
	my @as = ('setpriv', "--reuid=$user", "--regid=$user", '--clear-groups');
	my ($php, $perl) = map { Bench::Servers::cgroup_make($_) } qw(php-cgi perl-fcgi);
	make_path($dir);
	chown((getpwnam $user)[2, 3], $dir);
	Bench::Servers::run_in($php, 'env', "PHP_FCGI_CHILDREN=$Bench::Servers::workers", 'PHP_FCGI_MAX_REQUESTS=0', @as,
		@php_cgi, '-b', "$dir/php");
	Bench::Servers::run_in($perl, @as, 'perl', '-e', $spawner, "$dir/perl", $Bench::Servers::workers, "$site/hello.fcgi");
	return { socket => "$dir/php", groups => [$php] }, { socket => "$dir/perl", groups => [$perl] };
}

sub lighttpd {
	my ($site, $php, $perl) = @_;
	my ($port, $dir) = (Bench::Servers::free_port(), "$Bench::Servers::work/lighttpd");
	make_path($dir);
	chown((getpwnam 'www-data')[2, 3], $dir);
	Bench::Servers::spew("$dir/lighttpd.conf", <<"CFG");
server.modules = ( "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$site"
server.username = "www-data"
server.groupname = "www-data"
server.errorlog = "$dir/error.log"
server.max-keep-alive-requests = 100000000
server.max-keep-alive-idle = 300
server.max-fds = 16384
fastcgi.server = ( ".php" => (( "socket" => "$php->{socket}", "check-local" => "disable" )),
  ".fcgi" => (( "socket" => "$perl->{socket}", "check-local" => "disable" )) )
CFG
	my $group = Bench::Servers::cgroup_make('lighttpd');
	Bench::Servers::run_in($group, '/usr/sbin/lighttpd', '-D', '-f', "$dir/lighttpd.conf");
	Bench::Servers::wait_for_port('lighttpd', $port);
	return { name => 'lighttpd', port => $port, groups => [$group] };
}

# All of them: peruserd, then each web server with each program.
sub servers {
	my ($build, $site, $user) = @_;
	my $peruserd = peruserd($build, $site, $user);
	my ($php, $perl) = programs($site, $user);
	my $nginx = Bench::Servers::nginx('nginx-programs', $site, join "\n    ",
		'location ~ \\.php$ { ' . Bench::Servers::nginx_pass($php->{socket}) . ' }',
		'location ~ \\.fcgi$ { ' . Bench::Servers::nginx_pass($perl->{socket}) . ' }');
	my $lighttpd = lighttpd($site, $php, $perl);
	return $peruserd, map { (Bench::Servers::together("$_->{name} + php-cgi", $_, $php),
		Bench::Servers::together("$_->{name} + FCGI.pm", $_, $perl)) } $nginx, $lighttpd;
}

1;
