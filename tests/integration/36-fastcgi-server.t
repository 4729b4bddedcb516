# handoff = "fastcgi" with connect: servers that are there already, by Unix and
# TCP sockets; health; and php-fpm behind a site whose files are its user's.
use strict;
use warnings;
use Peruserd::Test;
use POSIX ();

plan(skip_all => 'needs FCGI.pm (Debian: libfcgi-perl)') if !eval { require FCGI; require IO::Handle; 1 };
my $t = Peruserd::Test->new;
my $port = port_free();
my $dead = port_free();
my $socket = "$t->{dir}/run/app.sock";
my @children;

# Some processes that accept on one socket, as an account of their own.
sub serve
{
	my ($path, $label, $count, $account) = @_;
	my $listen = FCGI::OpenSocket($path, 100);
	if ($path =~ m{^/}) {
		chown $account->{uid}, $account->{gid}, $path;
		chmod 0600, $path;
	}
	for (1 .. $count) {
		my $pid = fork // die;
		push @children, $pid;
		next if $pid;
		POSIX::setuid($account->{uid});
		my ($in, $out, $err, %env) = map { IO::Handle->new } 1 .. 3;
		my $request = FCGI::Request($in, $out, $err, \%env, $listen);
		while ($request->Accept() >= 0) {
			my ($what) = ($env{SCRIPT_NAME} . ($env{PATH_INFO} // '')) =~ m{([^/]*)\z};
			if ($what eq 'body') {
				my ($all, $part) = ('', '');
				$all .= $part while read $in, $part, 65536;
				print $out "Content-Type: text/plain\r\n\r\n", length $all;
			} elsif ($what eq 'slow') {
				select undef, undef, undef, 1;
				print $out "Content-Type: text/plain\r\n\r\nslow";
			} elsif ($what eq 'hang') {
				sleep 600;
			} elsif ($what eq 'script') {
				print $out "Content-Type: text/plain\r\n\r\n",
				    join '|', map { $_ // '' } @env{qw(DOCUMENT_ROOT SCRIPT_NAME SCRIPT_FILENAME PATH_INFO)};
			} elsif ($what eq 'long') {
				print $out "Content-Type: text/plain\r\n\r\n", 'x' x 5_000_000;
			} else {
				print $out "Content-Type: text/plain\r\n\r\n$label $$";
			}
		}
		POSIX::_exit(0);
	}
	FCGI::CloseSocket($listen);
	return;
}
sub end_servers
{
	kill 'KILL', @children;
	waitpid $_, 0 for splice @children;
	return;
}
END { my $status = $?; kill 'KILL', @children if @children; $? = $status }

my $owner = $t->account('owner');
own_folder("$t->{dir}/root/site");
serve($socket, 'unix', 3, $owner);
serve("127.0.0.1:$port", 'tcp', 3, $owner);

sub server
{
	my ($name, %keys) = @_;
	$t->pool($name, handoff => 'fastcgi', max_processors => 3, %keys);
	$t->vhost("$name.test", processor => $name, document_root => "$t->{dir}/root/site");
	return;
}
server('unix', connect => [ "unix:$socket" ], expire_timeout => 2);
server('tcp', connect => [ "tcp:127.0.0.1:$port" ], chroot => "$t->{dir}/root");
server('kept', connect => [ "tcp:127.0.0.1:$port" ], keep_connections => \1, max_processors => 2);
server('both', connect => [ "tcp:127.0.0.1:$dead", "unix:$socket" ]);
server('none', connect => [ "tcp:127.0.0.1:$dead" ]);
$t->start;

for my $name (qw(unix tcp)) {
	my %seen;
	for (1 .. 20) {
		my $response = $t->get('shared', "$name.test", '/');
		status_is($response, 200, "a server by a $name socket answers") if $_ == 1;
		$seen{$1}++ if $response->{body} =~ /\A$name (\d+)\z/;
	}
	cmp_ok(scalar(keys %seen), '>=', 1, 'always');
	body_is($t->post('shared', "$name.test", '/body', 'b' x 1_000_000), '1000000', "a long body ($name)");
	is(length $t->get('shared', "$name.test", '/long')->{body}, 5_000_000, "a long answer ($name)");
}
my %kept = map { $t->get('shared', 'kept.test', '/')->{body} => 1 } 1 .. 10;
cmp_ok(scalar(keys %kept), '<=', 2, 'kept connections stay with their processes');
body_is($t->get('shared', 'tcp.test', '/a/script'), "/site||/site|/a/script", 'paths are as the server sees them');

# As many at once as there may be connections, the rest in the queue.
my @clients = map {
	my $client = $t->client('shared');
	$client->send("GET /slow HTTP/1.1\r\nHost: unix.test\r\nConnection: close\r\n\r\n");
	$client;
} 1 .. 5;
is(join(' ', map { $_->response->{body} } @clients), 'slow slow slow slow slow', 'more requests than connections wait');

# Health: one that refuses is left alone, the other one serves; none is 502.
like($t->get('shared', 'both.test', '/')->{body}, qr/\Aunix/, 'where one server is down another one answers') for 1 .. 5;
$t->log_says(qr/pool both: tcp:127.0.0.1:$dead takes no connection.*left alone/, 'the log says which is down');
status_is($t->get('shared', 'none.test', '/'), 502, 'no server is 502');

status_is($t->get('shared', 'unix.test', '/hang'), 504, 'a request that runs too long is 504');
body_like($t->get('shared', 'unix.test', '/'), qr/\Aunix/, 'its slot is free again');
is($t->pool_status('unix')->{busy}, 0, 'no connection is left busy');
my $client = $t->client('shared');
$client->send("GET /slow HTTP/1.1\r\nHost: unix.test\r\n\r\n");
wait_for(5, sub { $t->pool_status('unix')->{busy} });
$client->{socket}->close;
ok(wait_for(5, sub { !$t->pool_status('unix')->{busy} }), 'a client that leaves frees its connection');

# The server is started anew.
end_servers();
status_is($t->get('shared', 'unix.test', '/'), 502, 'a server that has gone is 502');
unlink $socket;
serve($socket, 'new', 3, $owner);
ok(wait_for(10, sub { $t->get('shared', 'unix.test', '/')->{body} =~ /\Anew/ }), 'one that is back is found');
$t->log_says(qr/pool unix: unix:\S+ takes connections again/, 'and the log says so');
end_servers();
$t->finish;
