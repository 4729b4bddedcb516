package Peruserd::Test;

# One daemon of its own for one test file: accounts, folders, a configuration,
# free ports, the built programs in the foreground; and an end that leaves
# nothing behind, whatever happened.
#
#   use Peruserd::Test;                         # brings Test::More too
#   my $t = Peruserd::Test->new(php => 1);      # or skips the whole file, saying why
#   my $alice = $t->site('alice', chroot => 1);
#   $t->start;
#   each_kind(sub {
#           my ($kind) = @_;                    # "shared", then "private"
#           my $response = $t->get($kind, $alice->{host}, '/');
#           status_is($response, 200, "a page on a $kind listener");
#   });
#   $t->finish;                                 # stops, looks for leftovers, done_testing
#
# The daemon has a shared and a private listener.  $t->{settings} holds the
# global keys of the configuration, to be changed before start(); $t->{passed} sockets
# that it is passed, $t->{before} a command that starts it.  The programs
# are those of $PERUSERD_BUILD (default: the current folder).  Where they were
# built with sanitizers, any report of theirs fails the test.  PERUSERD_HANDOFF=fastcgi
# hands all requests over by FastCGI: what needs a client's socket or a body that
# streams fails then, everything else does not.

use strict;
use warnings;

use Exporter 'import';
use Fcntl ();
use File::Path qw(remove_tree);
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Peruserd::Client;
use Peruserd::Config;
use Peruserd::Load;
use Peruserd::Machine qw(account_make account_take_away accounts_sweep put_file own_folder
	scratch_folder programs_into port_free wait_for slurp run_quietly processes_of process_field
	process_title process_children process_alive descendants);

our @EXPORT = (@Test::More::EXPORT, qw(
	each_kind none_lost status_is body_is body_like field_is
	put_file own_folder programs_into port_free wait_for slurp run_quietly
	processes_of process_field process_title process_children process_alive descendants));

my %live;       # tests of this process that must be cleaned up

# Run the code for both kinds of answers.
sub each_kind
{
	my ($code) = @_;
	$code->($_) for qw(shared private);
	return;
}

# ---- assertions about a response

sub status_is
{
	my ($response, $status, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $good = is($response->{error} ? "$response->{status}, $response->{error}" : $response->{status},
	    $status, $name);
	diag($response->shown) if !$good;
	return $good;
}

sub body_is
{
	my ($response, $body, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $good = !$response->{error} && is($response->{body}, $body, $name);
	fail($name), diag($response->shown) if $response->{error};
	return $good;
}

sub body_like
{
	my ($response, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $good = ok(!$response->{error} && $response->{body} =~ $pattern, $name);
	diag("wanted $pattern in\n" . $response->shown) if !$good;
	return $good;
}

sub field_is
{
	my ($response, $field, $value, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join(' | ', $response->fields($field)), $value, $name);
}

# ---- life

sub new
{
	my ($class, %need) = @_;
	my $build = $ENV{PERUSERD_BUILD} // '.';

	plan(skip_all => 'needs root: it makes accounts and starts the daemon as root') if $>;
	plan(skip_all => "there is no $build/peruserd: build it first, or set PERUSERD_BUILD")
	    if !-x "$build/peruserd";
	plan(skip_all => 'the PHP handler (php.so) is not built') if $need{php} && !php_built($build);
	plan(skip_all => 'the Perl handler (perl.so) is not built') if $need{perl} && !perl_built($build);
	for my $module (@{ $need{modules} // [] }) {
		plan(skip_all => "needs the Perl module $module") if !eval "require $module; 1";
	}
	chomp($build = `cd '$build' && pwd`);

	accounts_sweep();
	_sweep_folders();
	my $dir = scratch_folder();
	my $self = bless {
		build => $build, dir => $dir, owner => $$, accounts => {}, pools => [], vhosts => [],
		ports => { shared => port_free(), private => port_free() }, chroots => [],
		sanitized => $ENV{PERUSERD_SANITIZED} || scalar(slurp("$build/peruserd") =~ /__asan_init/),
		config => "$dir/peruserd.cfg", stderr => "$dir/log/stderr", settings => {},
	}, $class;
	$live{$self} = $self;
	put_file("$dir/owner", "$$\n");
	own_folder("$dir/$_") for qw(run log home);
	own_folder("$dir/sanitizer", undef, 01777);
	$self->{multiplexer} = $self->account('mux');
	own_folder("$dir/spool", $self->{multiplexer}, 0700);
	$self->{settings} = $self->_defaults;
	$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
	$SIG{ALRM} = sub { diag('this test has taken too long'); exit 1 };
	alarm($need{seconds} // 400);
	return $self;
}

sub php_built
{
	my ($build) = @_;
	return -e "$build/.libs/php.so" || -e "$build/php.so" || -e "$build/php.la";
}

sub perl_built
{
	my ($build) = @_;
	return -e "$build/.libs/perl.so" || -e "$build/perl.so" || -e "$build/perl.la";
}

sub _defaults
{
	my ($self) = @_;
	my $dir = $self->{dir};

	return {
		control      => { socket => "$dir/run/control.sock" },
		pid_file     => "$dir/run/peruserd.pid",
		error_log    => "$dir/log/error.log",
		spool_dir    => "$dir/spool",
		multiplexers => [ { user => $self->{multiplexer}{name},
			group => $self->{multiplexer}{group}, count => 2 } ],
		min_spare_processors => 1,
		max_processors => 4,
		stop_timeout => 5,
	};
}

# An account pt<pid><label> with a home in the scratch folder.
sub account
{
	my ($self, $label) = @_;
	return $self->{accounts}{$label} //= account_make("pt" . $$ . $label, "$self->{dir}/home/$label");
}

# An account with a pool, a vhost LABEL.test and a document root.  Options:
# chroot => 1 (the home), pool => {}, vhost => {}, handlers => [].
sub site
{
	my ($self, $label, %option) = @_;
	my $account = $self->account($label);
	my %site = (%$account, host => "$label.test", root => "$account->{home}/public_html");
	my @php = php_built($self->{build}) ? { suffix => '.php', handler => 'php' } : ();

	own_folder($site{root}, $account);
	own_folder("$site{root}/cgi-bin", $account);
	if ($option{chroot}) {
		$site{chroot} = $account->{home};
		$self->_furnish($account->{home});
	}
	$self->pool($label, user => $site{name}, group => $site{group},
	    ($site{chroot} ? (chroot => $site{chroot}) : ()), %{ $option{pool} // {} });
	$self->vhost($site{host}, processor => $label, document_root => $site{root},
	    handlers => $option{handlers} // [ @php, { prefix => '/cgi-bin/', handler => 'cgi' } ],
	    %{ $option{vhost} // {} });
	return \%site;
}

# A site that is one PSGI application, whose code is given; as site() else.
sub psgi_site
{
	my ($self, $label, $code, %option) = @_;
	my $account = $self->account($label);
	my $file = put_file("$account->{home}/app.psgi", $code, 0644, $account);

	return $self->site($label, handlers => [
		{ prefix => '/', handler => 'psgi', application => $file } ], %option);
}

sub pool
{
	my ($self, $name, %keys) = @_;
	$keys{handoff} //= $ENV{PERUSERD_HANDOFF} if $ENV{PERUSERD_HANDOFF} && !$keys{connect};
	push @{ $self->{pools} }, { name => $name, %keys };
	return;
}

sub vhost
{
	my ($self, $name, %keys) = @_;
	push @{ $self->{vhosts} }, { server_name => $name, %keys };
	return;
}

# What a chrooted site finds there: temporary folder, null device, time zones.
sub _furnish
{
	my ($self, $root) = @_;

	push @{ $self->{chroots} }, $root;
	own_folder("$root/tmp", undef, 01777);
	own_folder("$root$self->{dir}/sanitizer", undef, 01777) if $self->{sanitized};
	own_folder("$root/dev");
	run_quietly('/bin/mknod', '-m', '666', "$root/dev/null", 'c', 1, 3);
	own_folder("$root/usr/share");
	run_quietly('/bin/cp', '-a', '/usr/share/zoneinfo', "$root/usr/share/zoneinfo");
	return;
}

# ---- the daemon

sub write_config
{
	my ($self) = @_;
	my %ports = %{ $self->{ports} };
	my @listen = map {
		{ address => "127.0.0.1:$ports{$_}", protocol => 'http', connections => $_ }
	} qw(shared private);

	put_file($self->{config}, Peruserd::Config::text({
		listen => [ @listen, @{ $self->{listen} // [] } ],
		%{ $self->{settings} }, processors => $self->{pools}, vhosts => $self->{vhosts},
	}));
	return $self->{config};
}

# A program of the build: (exit status, output).
sub program
{
	my ($self, $name, @arguments) = @_;
	local %ENV = (%ENV, $self->_sanitizer_environment);
	return run_quietly("$self->{build}/$name", @arguments);
}

# NAME=VALUE, what a daemon that somebody else starts needs for our build.
sub environment
{
	my ($self) = @_;
	my %environment = $self->_sanitizer_environment;
	return map { "$_=$environment{$_}" } sort keys %environment;
}

sub _sanitizer_environment
{
	my ($self) = @_;
	return () if !$self->{sanitized};
	my $options = "log_path=$self->{dir}/sanitizer/report:detect_leaks=0:handle_segv=0";
	return (ASAN_OPTIONS => $options,
	    UBSAN_OPTIONS => "print_stacktrace=1:log_path=$self->{dir}/sanitizer/report");
}

# Start in the foreground; returns when both listeners take connections.  False,
# with the log shown, where it ends before.
sub start
{
	my ($self, @arguments) = @_;

	$self->write_config if !-e $self->{config} || !$self->{own_config};
	$self->spawn(@arguments);
	my $ready = wait_for(30, sub {
		return 'gone' if !$self->running;
		return !grep { !$self->listening($_) } values %{ $self->{ports} };
	});
	return 1 if $ready && $ready ne 'gone';
	fail('the daemon starts');
	diag($ready ? "it ended with $self->{exit}" : 'it does not listen', "\n", $self->log);
	done_testing();
	exit 1;
}

# From now on the daemon is a copy of its binary, in a folder of its own, where
# another one can be put in its place.  The programs beside it are the built ones.
sub own_binary
{
	my ($self) = @_;
	my $folder = "$self->{dir}/sbin";

	own_folder($folder, undef, 0755);
	for my $name (qw(peruser-multiplexer peruser-processor peruser-loader .libs)) {
		symlink "$self->{build}/$name", "$folder/$name" or die "symlink: $!\n" if -e "$self->{build}/$name";
	}
	$self->{binary} = "$folder/peruserd";
	return $self->replace_binary($self->binary_bytes);
}

sub binary_bytes
{
	my ($self) = @_;
	my $built = "$self->{build}/.libs/peruserd";

	return slurp(-e $built ? $built : "$self->{build}/peruserd");
}

# As a package does it: the new file takes the old one's name.
sub replace_binary
{
	my ($self, $bytes) = @_;

	put_file("$self->{binary}.new", $bytes, 0755);
	rename "$self->{binary}.new", $self->{binary} or die "rename: $!\n";
	return $self->{binary};
}

sub spawn
{
	my ($self, @arguments) = @_;
	my %environment = $self->_sanitizer_environment;

	delete @$self{qw(exit ended_on_purpose)};
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		%live = ();
		%ENV = (%ENV, %environment);
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDERR, '>>', $self->{stderr};
		open STDOUT, '>>', $self->{stderr};
		_pass(@{ $self->{passed} }) if $self->{passed};
		exec @{ $self->{before} // [] }, $self->{binary} // "$self->{build}/peruserd", '-f', '-c', $self->{config}, @arguments
		    or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	put_file("$self->{dir}/daemon", "$pid\n");
	return $pid;
}

# As a service manager passes sockets to what it starts: [name, handle], ...
sub _pass
{
	my @passed = @_;
	my @above = map { fcntl $_->[1], Fcntl::F_DUPFD(), 100 } @passed;

	POSIX::dup2($above[$_], 3 + $_) for 0 .. $#above;
	POSIX::close($_) for @above;
	@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @passed, join ':', map { $_->[0] } @passed);
	return;
}

# True while the manager lives; its exit status is kept when it ends.
sub running
{
	my ($self) = @_;

	return 0 if !$self->{pid};
	my $ended = waitpid $self->{pid}, POSIX::WNOHANG();
	return 1 if $ended == 0;
	$self->{exit} = $? >> 8 || ($? & 127 ? 'signal ' . ($? & 127) : 0);
	delete $self->{pid};
	return 0;
}

sub listening
{
	my ($self, $port) = @_;
	return IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Timeout => 5) ? 1 : 0;
}

# Send it a signal and wait for its end: the exit status, or undef.
sub stop
{
	my ($self, $signal, $seconds) = @_;

	return $self->{exit} if !$self->running;
	kill $signal // 'TERM', $self->{pid};
	wait_for($seconds // 20, sub { !$self->running });
	$self->{ended_on_purpose} = 1;
	return $self->{exit};
}

# What a stopped daemon may not leave: processes of the accounts, its files.
sub left_behind
{
	my ($self, $seconds) = @_;
	my @left;

	wait_for($seconds // 5, sub {
		@left = map { "process $_: " . process_title($_) }
		    map { processes_of($_->{uid}) } values %{ $self->{accounts} };
		push @left, grep { -e } $self->{settings}{control}{socket}, $self->{settings}{pid_file};
		return !@left;
	});
	return @left;
}

# Stop it, look for what it may not leave, end the test.
sub finish
{
	my ($self) = @_;

	$self->finish_one;
	done_testing();
	return;
}

# The same where another daemon follows in this file.
sub finish_one
{
	my ($self) = @_;
	my $running = $self->running;

	if ($running) {
		my $status = $self->stop;
		is($status // 'nothing, it does not stop', 0, 'the daemon stops with exit status 0')
		    or diag($self->log);
		is(join("\n", $self->left_behind), '', 'a stopped daemon leaves nothing behind');
	} elsif (defined $self->{exit} && !$self->{ended_on_purpose}) {
		fail("the daemon has ended by itself, with $self->{exit}");
		diag($self->log);
	}
	if ($self->{sanitized}) {
		is(join("\n", $self->sanitizer_reports), '', 'the sanitizers have nothing to say');
	}
	$self->clean;
	return;
}

# Errors that sanitizers have told, wherever they could write them.
sub sanitizer_reports
{
	my ($self) = @_;
	my @files = map { glob "$_/report*" } map { "$_$self->{dir}/sanitizer" } '', @{ $self->{chroots} };

	return grep { /ERROR: \w*Sanitizer|runtime error:/ } map { slurp($_) } @files,
	    $self->{stderr}, glob "$self->{dir}/log/*.log";
}

# ---- requests

sub client
{
	my ($self, $kind, %option) = @_;
	return Peruserd::Client->new(port => $self->{ports}{$kind}, %option);
}

# One request on a connection of its own.  Options: headers => [ "Name: value" ],
# body, version, timeout.
sub request
{
	my ($self, $kind, $method, $host, $path, %option) = @_;
	my $client = $self->client($kind, timeout => $option{timeout} // 20);
	my @lines = ("$method $path HTTP/" . ($option{version} // '1.1'), "Host: $host",
	    'Connection: close', @{ $option{headers} // [] });

	push @lines, 'Content-Length: ' . length $option{body} if defined $option{body};
	$client->send(join("\r\n", @lines, '', '') . ($option{body} // ''));
	return $client->response($method);
}

sub get
{
	my ($self, $kind, $host, $path, %option) = @_;
	return $self->request($kind, 'GET', $host, $path, %option);
}

sub post
{
	my ($self, $kind, $host, $path, $body, %option) = @_;
	return $self->request($kind, 'POST', $host, $path, %option, body => $body);
}

# Requests without a pause for the "hello\n" of alice.test and bob.test, by 32 connections: of
# both kinds of listener, kept ones and new ones.
sub load
{
	my ($self) = @_;
	my @connections;
	for my $kind (qw(shared private)) {
		for my $n (1 .. 8) {
			push @connections, { port => $self->{ports}{$kind}, host => ($n % 2 ? 'alice.test' : 'bob.test'),
			    path => '/hello.txt', body => "hello\n", kept => $_ } for 0, 1;
		}
	}
	return Peruserd::Load->new(connections => \@connections);
}

# End it: at least so many requests were answered, and none was lost.
sub none_lost
{
	my ($load, $what, $least) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = $load->stop;
	diag("$what: $count->{answered} requests on $count->{connections} connections, $count->{lost} lost");
	cmp_ok($count->{answered}, '>=', $least // 101, "$what: requests were answered");
	is($count->{lost}, 0, "$what: none was lost") or diag(explain($count->{how}));
	return;
}

# Let a site run code that is sent to it: php() and perl() give the response.
sub allow_php
{
	my ($self, $site) = @_;
	return put_file("$site->{root}/run.php", "<?php eval(file_get_contents('php://input'));",
	    0644, $site);
}

sub php
{
	my ($self, $kind, $site, $code, %option) = @_;
	return $self->post($kind, $site->{host}, $option{path} // '/run.php', $code,
	    headers => [ 'Content-Type: text/plain', @{ $option{headers} // [] } ],
	    timeout => $option{timeout});
}

sub allow_perl
{
	my ($self, $site) = @_;
	return $self->cgi($site, 'run.pl', <<'PERL');
local $/;
my $code = <STDIN>;
print "Content-Type: text/plain\n\n";
eval $code;
print "died: $@" if $@;
PERL
}

sub perl
{
	my ($self, $kind, $site, $code, %option) = @_;
	return $self->post($kind, $site->{host}, '/cgi-bin/run.pl', $code, %option);
}

# A Perl CGI script of that site, with $| set.
sub cgi
{
	my ($self, $site, $name, $code, $mode) = @_;
	return put_file("$site->{root}/cgi-bin/$name", "#!/usr/bin/perl\n\$| = 1;\n$code",
	    $mode // 0755, $site);
}

# ---- what the daemon says of itself

# Standard error and the error log together.
sub log
{
	my ($self) = @_;
	return slurp($self->{stderr}) . slurp("$self->{dir}/log/error.log");
}

# Wait for a line in a log (default: the daemon's own).
sub log_says
{
	my ($self, $pattern, $name, $file) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $text;
	my $found = wait_for(10, sub {
		$text = $file ? slurp($file) : $self->log;
		return $text =~ $pattern;
	});

	ok($found, $name) or diag("wanted $pattern in\n" . substr $text, -4000);
	return $found;
}

# peruserctl status --json as data, or undef.
sub status
{
	my ($self) = @_;
	my ($exit, $text) = $self->program('peruserctl', '-s', $self->{settings}{control}{socket},
	    'status', '--json');

	return undef if $exit;
	return eval { JSON::PP->new->utf8->decode($text) };
}

# One pool's part of the status, or undef.
sub pool_status
{
	my ($self, $name) = @_;
	my $status = $self->status // {};
	return (grep { $_->{name} eq $name } @{ $status->{pools} // [] })[0];
}

# ---- its processes, found from outside: the manager is our child, a zygote is a
# child of the manager that runs as the pool's user, a processor is a zygote's.

sub multiplexers
{
	my ($self) = @_;
	return grep { process_title($_) =~ /multiplexer/ } process_children($self->{pid});
}

sub zygote
{
	my ($self, $account) = @_;
	return (grep { (process_field($_, 'Uid') // '') =~ /\A$account->{uid}\s/ }
	    process_children($self->{pid}))[0];
}

sub processors
{
	my ($self, $account) = @_;
	my $zygote = $self->zygote($account) or return ();
	return process_children($zygote);
}

# ---- the end

sub clean
{
	my ($self) = @_;

	return if !delete $live{$self};
	if ($self->{pid}) {
		kill 'KILL', $self->{pid};
		waitpid $self->{pid}, 0;
	}
	account_take_away($_->{name}, $_->{uid}) for values %{ $self->{accounts} };
	$_->() for @{ $self->{at_end} // [] };
	remove_tree($self->{dir}) if !$ENV{PERUSERD_KEEP};
	return;
}

# Folders, and daemons, of tests that were killed.
sub _sweep_folders
{
	for my $dir (glob '/tmp/peruserd-test-*') {
		my ($owner) = slurp("$dir/owner") =~ /\A([0-9]+)\n/ or next;
		next if kill 0, $owner;
		my ($daemon) = slurp("$dir/daemon") =~ /\A([0-9]+)\n/;
		kill 'KILL', $daemon if $daemon && process_title($daemon) =~ /\Q$dir\E/;
		remove_tree($dir);
	}
	return;
}

END {
	my $status = $?;
	for my $test (values %live) {
		$test->clean if $test->{owner} == $$;
	}
	$? = $status;
}

1;
