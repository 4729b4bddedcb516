package Peruserd::WebServer;

# A web server of Debian's before the daemon under test, by a recipe of conf/recipes:
# the file as it is committed, with the places and ports of this test put in.
#
#   my $web = Peruserd::WebServer->start($t, 'nginx.conf');         # undef: not installed
#   my $response = $web->get('alice.test', '/');
#   $web->stop;

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Socket::IP;
use Peruserd::Client;
use Peruserd::Machine qw(put_file own_folder port_free wait_for slurp process_children);
use POSIX ();

my %command = (
	apache => sub { my ($program, $file) = @_; return ($program, '-f', $file, '-DFOREGROUND') },
	nginx => sub { my ($program, $file) = @_; return ($program, '-c', $file, '-g', 'daemon off;') },
	lighttpd => sub { my ($program, $file) = @_; return ($program, '-D', '-f', $file) },
);
my %program = (apache => '/usr/sbin/apache2', nginx => '/usr/sbin/nginx', lighttpd => '/usr/sbin/lighttpd');

sub recipes { return dirname(__FILE__) . '/../../../conf/recipes' }

sub installed { my ($recipe) = @_; return -x $program{ ($recipe =~ /\A(\w+)/)[0] } }

# Options: name (of its folder), change => sub on $_, the recipe's text.
sub start
{
	my ($class, $t, $recipe, %option) = @_;
	my ($kind) = $recipe =~ /\A(\w+)/;
	my $self = bless { kind => $kind, port => port_free(), program => $program{$kind},
		dir => "$t->{dir}/web-" . ($option{name} // $recipe), t => $t }, $class;
	local $_ = slurp(recipes() . "/$recipe");

	return undef if !-x $self->{program};
	own_folder($self->{dir}, undef, 01777);
	own_folder("$self->{dir}/tmp", undef, 01777);
	$self->_put_in_places;
	$option{change}->($self) if $option{change};
	put_file("$self->{dir}/conf", $_);
	$self->_run;
	return $self;
}

sub _put_in_places
{
	my ($self) = @_;
	my ($dir, $t, $port) = @$self{qw(dir t port)};

	s{/usr/lib/apache2/modules/mod_peruserd\.so}{$t->{build}/.libs/mod_peruserd.so};
	s{/run/peruserd/}{$t->{dir}/run/}g;
	s{/run/(?:apache2/)?(\w+\.pid)}{$dir/$1}g;
	s{/var/log/\w+/}{$dir/}g;
	s{/var/(?:lib|cache)/\w+/\w+}{$dir/tmp}g;
	s{/var/empty}{$dir}g;
	s{^ServerRoot .*}{ServerRoot $dir}m;
	s{^Listen 80}{Listen 127.0.0.1:$port}m;
	s{listen 80 }{listen 127.0.0.1:$port };
	s{server\.port = 80}{server.port = $port\nserver.bind = "127.0.0.1"};
	s{127\.0\.0\.1:8080}{127.0.0.1:$t->{ports}{proxied}} if $t->{ports}{proxied};
	return;
}

sub _run
{
	my ($self) = @_;
	my @command = $command{ $self->{kind} }->($self->{program}, "$self->{dir}/conf");

	$self->{pid} = fork // die "fork: $!\n";
	if (!$self->{pid}) {
		POSIX::setsid();
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/output";
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	push @{ $self->{t}{at_end} }, sub { $self->stop };
	my $up = wait_for(30, sub {
		return 'gone' if waitpid($self->{pid}, POSIX::WNOHANG()) != 0;
		return IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5);
	});
	delete $self->{pid} if $up && $up eq 'gone';
	die "$self->{kind} does not start:\n" . $self->log if !ref $up;
	return;
}

sub log { my ($self) = @_; return join '', map { slurp($_) } "$self->{dir}/output", glob "$self->{dir}/*.log" }

# It and all that it started, by number.
sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;

	kill 'TERM', $pid;
	return if wait_for(10, sub { waitpid($pid, POSIX::WNOHANG()) != 0 });
	kill 'KILL', process_children($pid), $pid;
	waitpid $pid, 0;
	return;
}

# One request on a connection of its own, as Peruserd::Test's.
sub request
{
	my ($self, $method, $host, $path, %option) = @_;
	local $self->{t}{ports}{web} = $self->{port};
	return $self->{t}->request('web', $method, $host, $path, %option);
}

sub get { my ($self, @what) = @_; return $self->request('GET', @what) }

sub post
{
	my ($self, $host, $path, $body, %option) = @_;
	return $self->request('POST', $host, $path, body => $body, %option);
}

sub client { my ($self) = @_; return Peruserd::Client->new(port => $self->{port}) }

1;
