# An operator's day with 200 users: conf.d made by a script, a mistake in one of
# its files, one user changed and reloaded, one whose page spins and one whose
# page eats memory, found in peruserctl top and in status --json, and restarted.
# The users are accounts of the daemon's own /etc, which nobody else sees.
use strict;
use warnings;
use JSON::PP;
use Peruserd::Machine qw(put_file own_folder run_quietly wait_for processes_of process_alive);
use Peruserd::Terminal;
use Peruserd::Test;
use Time::HiRes qw(time);

my $USERS = 200;
my $t = Peruserd::Test->new(seconds => 200);
my $php = Peruserd::Test::php_built($t->{build});
my $first_uid = 300_000 + ($$ % 32_768) * $USERS;
my @before = ('unshare', '--mount', 'sh', '-c', "mount --bind $t->{dir}/etc /etc && exec \"\$@\"", 'sh');

sub user { return sprintf 'u%03d', $_[0] }
sub site { return user($_[0]) . '.test' }
sub root { return "$t->{dir}/home/" . user($_[0]) . '/public_html' }
sub owner { return { uid => $first_uid + $_[0], gid => $first_uid + $_[0] } }

sub append
{
	my ($file, @lines) = @_;
	open my $out, '>>', $file or die "$file: $!\n";
	print $out map { "$_\n" } @lines;
	close $out or die "$file: $!\n";
	return;
}

# What the operator's script writes for a user: a pool and a vhost in a file of their own.
sub write_user
{
	my ($n, %more) = @_;
	my $name = user($n);
	my $handlers = $php ? '{ suffix = ".php"; handler = "php"; }' : '{ prefix = "/cgi-bin/"; handler = "cgi"; }';
	my $pool = $more{pool} // '';
	my $vhost = $more{vhost} // '';

	return put_file("$t->{dir}/conf.d/$name.cfg", <<"CFG");
processors = ( { name = "$name"; user = "$name"; group = "$name"; limits = { nproc = 500; }; $pool } );
vhosts = ( { server_name = "$name.test"; processor = "$name"; document_root = "@{[root($n)]}";
  handlers = ( $handlers ); $vhost } );
CFG
}

# A page of that user's, in what this build runs.
sub page
{
	my ($n, $name, $in_php, $in_perl) = @_;
	if ($php) {
		put_file(root($n) . "/$name.php", "<?php $in_php", 0644, owner($n));
		return "/$name.php";
	}
	own_folder(root($n) . '/cgi-bin', owner($n));
	put_file(root($n) . "/cgi-bin/$name", "#!/usr/bin/perl\n\$| = 1; print \"Content-Type: text/plain\\n\\n\"; $in_perl", 0755, owner($n));
	return "/cgi-bin/$name";
}

sub check { local %ENV = (%ENV, map { /\A([^=]+)=(.*)\z/ } $t->environment); return run_quietly(@before, "$t->{build}/peruserd", '-t', '-c', $t->{config}) }
sub ctl { return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_) }
sub pools { return @{ ($t->status // {})->{pools} // [] } }
sub the_most { my ($key, @pools) = @_; return (sort { $b->{$key} <=> $a->{$key} } @pools)[0] // {} }

if ((run_quietly('unshare', '--mount', 'true'))[0]) {
	plan(skip_all => 'needs a mount namespace, for an /etc of its own');
}

# ---- 200 users

run_quietly('cp', '-a', '/etc', "$t->{dir}/etc");
append("$t->{dir}/etc/passwd", map { my $id = $first_uid + $_; user($_) . ":x:${id}:${id}::$t->{dir}/home/" . user($_) . ':/usr/sbin/nologin' } 0 .. $USERS - 1);
append("$t->{dir}/etc/group", map { user($_) . ':x:' . ($first_uid + $_) . ':' } 0 .. $USERS - 1);
own_folder("$t->{dir}/conf.d");
for my $n (0 .. $USERS - 1) {
	own_folder("$t->{dir}/home/" . user($n));
	own_folder(root($n), owner($n));
	put_file(root($n) . '/hello.txt', 'hello from ' . user($n) . "\n", 0644, owner($n));
	write_user($n);
}
@{ $t->{settings} }{qw(include min_spare_processors max_processors graceful_timeout expire_timeout)} = ([ 'conf.d/*.cfg' ], 0, 3, 2, 120);
$t->write_config;
@$t{qw(own_config before)} = (1, \@before);

write_user(17, pool => 'max_procesors = 5;');
my ($exit, $said) = check();
is($exit, 1, 'a mistake in one of 200 files is found');
like($said, qr{conf\.d/u017\.cfg:\d+: .*max_procesors.*max_processors}, 'with its file, its line, and what was meant');
write_user(17);
is((check())[0], 0, 'and mended') or diag((check())[1]);

$t->start;
my @known = pools();
is(scalar(@known), $USERS, 'all users have a pool');
is(scalar(grep { $_->{state} eq 'cold' } @known), $USERS, 'and none a process');
my @asked = (4, 17, 42, 77, map { $_ * 20 } 0 .. 9);
body_is($t->get('shared', site($_), '/hello.txt', timeout => 20), 'hello from ' . user($_) . "\n", user($_) . ' is served') for @asked;

# ---- one changed

my %zygote = map { $_->{name} => $_->{pid} // 0 } pools();
write_user(17, pool => 'max_processors = 5; umask = "0027";', vhost => 'aliases = [ "www.u017.test" ];');
($exit, $said) = ctl('reload');
is($exit, 0, 'one file is changed, and all is reloaded') or diag($said);
like($said, qr/1 pools? changed, 0 new, 0 removed, 199 as they were/, 'which touches that pool alone');
body_is($t->get('shared', 'www.u017.test', '/hello.txt', timeout => 20), "hello from u017\n", 'its new name is served');
# What it was stands behind it as long as it finishes something.
my %now = map { $_->{name} => $_ } reverse pools();
is($now{u017}{max}, 5, 'by its new numbers');
is(join(' ', grep { ($now{$_}{pid} // 0) != $zygote{$_} } grep { $_ ne 'u017' } sort keys %now), '', "and nobody else's processes are others");

# ---- one that spins

my $spin = page(42, 'spin', 'while (true);', '1 while 1;');
my $good = page(42, 'good', 'echo "fine";', 'print "fine";');
my @clients = map { $t->client('shared') } 1 .. 4;
$_->send("GET $spin HTTP/1.1\r\nHost: u042.test\r\nConnection: close\r\n\r\n") for @clients;
ok(wait_for(30, sub { my $pool = $t->pool_status('u042') // {}; return ($pool->{busy} // 0) == 3 && ($pool->{queued} // 0) == 1 }), "all that one user may have is busy, and one waits") or diag(encode_json($t->pool_status('u042') // {}));
my $begun = time;
body_is($t->get('shared', site($_), '/hello.txt', timeout => 20), 'hello from ' . user($_) . "\n", user($_) . ' is served beside it') for 4, 77, 100;
diag(sprintf 'three other sites beside it: %.2f s', time - $begun);

my $terminal = Peruserd::Terminal->new(columns => 120, rows => 30, command => [ "$t->{build}/peruserctl", '-s', $t->{settings}{control}{socket}, 'top' ]);
SKIP: {
	skip 'there is no pseudo-terminal here', 4 if !$terminal;
	ok($terminal->shows(qr/\[b busy\]/, 20), 'the operator opens top');
	$terminal->type('b');
	ok($terminal->shows(qr/^POOL\b[^\n]*\n+u042\s/m, 20), 'whose first pool is the one that spins') or diag(join "\n", $terminal->screen);
	ok($terminal->shows(qr{\bu042\s+\d+\s+busy\b.*GET u042\.test\Q$spin\E}, 20), 'with the page that does it') or diag(join "\n", $terminal->screen);
	$terminal->type('q');
	is($terminal->ended(10), 0, 'and leaves it');
}
my @spinning = grep { $_->{state} eq 'busy' && $_->{pool} eq 'u042' } @{ ($t->status // {})->{processors} // [] };
is(scalar(@spinning), 3, 'status --json has them too');
is(the_most('busy', pools())->{name}, 'u042', 'as the busiest pool');

rename root(42) . $spin, root(42) . "$spin.off";
($exit, $said) = ctl('restart', 'u042');
is($exit, 0, 'its page is taken away and it is restarted') or diag($said);
body_is($t->get('shared', 'u042.test', $good, timeout => 30), 'fine', 'it serves again');
ok(wait_for(30, sub { !grep { process_alive($_->{pid}) } @spinning }), 'what spun has gone');
ok(wait_for(30, sub { my $pool = $t->pool_status('u042') // {}; return $pool->{state} eq 'ready' && !$pool->{busy} && !$pool->{queued} }), 'and nothing of it is left in status');
$t->log_says(qr/pool u042: 3 processors of its former zygote .* are killed/, 'the log says what became of them');

# ---- one that eats memory

SKIP: {
	skip 'PHP is not built', 4 if !$php;
	my $eat = page(77, 'eat', '$x = str_repeat("x", 90 << 20); touch(__DIR__ . "/full"); while (!file_exists(__DIR__ . "/enough")) usleep(20000); echo strlen($x);', '');
	my $eater = $t->client('shared');
	$eater->send("GET $eat HTTP/1.1\r\nHost: u077.test\r\nConnection: close\r\n\r\n");
	ok(wait_for(30, sub { -e root(77) . '/full' }), 'a page has taken 90 MiB');
	ok(wait_for(10, sub { the_most('memory_bytes', @{ ($t->status // {})->{processors} // [] })->{pool} eq 'u077' }), 'status --json has it as the largest');
	is((ctl('restart', 'u077'))[0], 0, 'it is restarted');
	ok(wait_for(30, sub { !grep { ($_->{memory_bytes} // 0) > 80 << 20 } @{ ($t->status // { processors => [ { memory_bytes => 1 << 40 } ] })->{processors} } }), 'and its memory is free');
}

is(join(' ', map { $_->{name} } grep { $_->{state} eq 'failed' } pools()), '', 'no pool has failed');
$t->stop;
is(join(' ', grep { defined } map { processes_of($first_uid + $_) } @asked), '', 'and a stop leaves no process');
$t->finish;
