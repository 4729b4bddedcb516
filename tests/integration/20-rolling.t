# Rolling, draining and resuming one pool, by peruserctl: no request is lost.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new;
my $alice = $t->site('alice', pool => { max_processors => 4, min_spare_processors => 2, graceful_timeout => 60 });
my $brief = $t->site('brief', pool => { max_processors => 2, graceful_timeout => 1, kill_timeout => 1 });
my $bob = $t->site('bob');
my $frail = $t->site('frail', chroot => 1);
for my $site ($alice, $brief, $bob, $frail) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	$t->cgi($site, 'gate.pl', <<"PERL");
open my \$mark, '>', "$site->{home}/ran/\$ENV{QUERY_STRING}" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$site->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
	$t->cgi($site, 'parent.pl', 'print "Content-Type: text/plain\n\n", getppid;');
}
$t->start;

sub ctl
{
	return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_);
}

sub send_to
{
	my ($kind, $site, $path) = @_;
	my $client = $t->client($kind);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

sub ran { return map { m{([^/]+)\z} } glob "$_[0]{home}/ran/*" }

# All zygotes of an account: children of the manager.
sub zygotes
{
	my ($site) = @_;
	return grep { (process_field($_, 'Uid') // '') =~ /\A$site->{uid}\s/ } process_children($t->{pid});
}

sub gate_shut
{
	my ($site) = @_;
	unlink "$site->{home}/open", glob "$site->{home}/ran/*";
	return;
}

# ---- who may ask for what

is_deeply([ (ctl('restart', 'nobody'))[0] ], [ 1 ], 'no pool of that name: an error');
like((ctl('restart', 'nobody'))[1], qr/no pool of that name/, 'which says so');
is((ctl('restart'))[0], 2, 'restart without a pool is a mistake in the command');
is((ctl('restart', 'alice'))[0], 0, 'a cold pool can be restarted');
is(join(' ', zygotes($alice)), '', 'and stays cold');
is((ctl('resume', 'alice'))[0], 1, 'a pool that is not drained cannot be resumed');

each_kind(sub {
	my ($kind) = @_;

	# ---- a roll: what runs finishes with the old, what comes is served by the new
	gate_shut($alice);
	body_is($t->get($kind, 'alice.test', '/hello.txt'), "hello\n", "the pool is warm ($kind)");
	ok(wait_for(10, sub { ($t->pool_status('alice') // {})->{state} eq 'ready' && zygotes($alice) == 1 }), "with one zygote ($kind)");
	my ($old) = zygotes($alice);
	my @running = map { send_to($kind, $alice, "/cgi-bin/gate.pl?run$_") } 1 .. 2;
	ok(wait_for(10, sub { ran($alice) == 2 }), "two requests run ($kind)");
	my @old_ones = process_children($old);
	is((ctl('restart', 'alice'))[0], 0, "the pool is restarted ($kind)");
	ok(wait_for(20, sub { my ($new) = grep { $_ != $old } zygotes($alice); $new && process_children($new) }), "a new zygote has processors ($kind)");
	my ($new) = grep { $_ != $old } zygotes($alice);
	ok(process_alive($old), "beside the old one, which has requests to finish ($kind)");
	put_file("$alice->{home}/open2", '');
	my %parent;
	for (1 .. 10) {
		my $response = $t->get($kind, 'alice.test', '/cgi-bin/parent.pl');
		status_is($response, 200, "request $_ while it rolls ($kind)");
	}
	ok(wait_for(10, sub { process_children($old) == 2 }), "idle processors of the old one have gone ($kind)")
	    or diag("old $old: @{[process_children($old)]}");
	put_file("$alice->{home}/open", '');
	is(join(' ', map { $_->response->{body} } @running), 'run1 run2', "the two that ran are answered ($kind)");
	ok(wait_for(10, sub { !process_alive($old) }), "then the old zygote goes ($kind)");
	is(join(' ', zygotes($alice)), $new, "the new one stays ($kind)");
	is(scalar(grep { process_alive($_) } @old_ones), 0, "none of its processors is left ($kind)");

	# ---- many rolls under load
	my ($bad, $good, $pid) = (0, 0);
	my $end = "$alice->{home}/stop-$kind";
	pipe my $tell, my $said;
	if (!($pid = fork)) {
		close $tell;
		my ($lost, $fine) = (0, 0);
		my @clients = map { $t->client($kind) } 1 .. 4;
		until (-e $end) {
			$_->send("GET /hello.txt HTTP/1.1\r\nHost: alice.test\r\n\r\n") for @clients;
			for my $client (@clients) {
				my $answer = $client->response;
				my $ok = $answer->{status} == 200 && $answer->{body} eq "hello\n";
				$ok ? $fine++ : $lost++;
				print $said "lost: $answer->{status} " . ($answer->{error} // '') . "\n" if !$ok;
				$client = $t->client($kind)
				    if $answer->{error} || ($answer->field('connection') // '') =~ /close/i;
			}
		}
		print $said "$lost $fine\n";
		close $said;
		POSIX::_exit(0);
	}
	close $said;
	for my $turn (1 .. 5) {
		my ($before) = sort { $b <=> $a } map { $_->{generation} } $t->pool_status('alice') // {};
		is((ctl('restart', 'alice'))[0], 0, "roll $turn under load ($kind)");
		ok(wait_for(20, sub { (($t->pool_status('alice') // {})->{generation} // 0) > $before }), "is done ($kind)");
	}
	put_file($end, '');
	my @lines = <$tell>;
	waitpid $pid, 0;
	my ($lost, $fine) = (pop(@lines) // '1 0') =~ /(\d+) (\d+)/;
	# On a private listener a kept connection may close as the next request is sent.
	is($kind eq 'shared' ? $lost : scalar(grep { !/closed|reset/ } @lines), 0, "no request was lost ($kind)") or diag(@lines);
	diag("$kind: 5 rolls, $fine requests answered, $lost met a kept connection that closed");
	ok(wait_for(10, sub { zygotes($alice) == 1 }), "one zygote is left ($kind)");

	# ---- graceful_timeout
	gate_shut($brief);
	my $hanging = send_to($kind, $brief, '/cgi-bin/gate.pl?hang');
	ok(wait_for(10, sub { ran($brief) == 1 }), "a request runs ($kind)");
	my ($was) = zygotes($brief);
	my $begin = time;
	is((ctl('restart', 'brief'))[0], 0, "its pool is restarted ($kind)");
	my $response = $hanging->response;
	ok($response->{status} == 502 || $response->{error}, "one that doesn't finish is ended ($kind)") or diag($response->shown);
	cmp_ok(time - $begin, '>', 0.9, "not before graceful_timeout ($kind)");
	ok(wait_for(10, sub { !process_alive($was) }), "and its zygote goes ($kind)");
	body_is($t->get($kind, 'brief.test', '/hello.txt'), "hello\n", "the pool serves on ($kind)");

	# ---- drain and resume
	gate_shut($alice);
	@running = map { send_to($kind, $alice, "/cgi-bin/gate.pl?drain$_") } 1 .. 6;
	ok(wait_for(10, sub { ran($alice) == 4 }), "four requests run, two wait ($kind)");
	is((ctl('drain', 'alice'))[0], 0, "the pool is drained ($kind)");
	ok(wait_for(5, sub { $t->get($kind, 'alice.test', '/hello.txt')->{status} == 503 }), "a new request is refused ($kind)");
	$response = $t->get($kind, 'alice.test', '/hello.txt');
	status_is($response, 503, "with 503 ($kind)");
	like($response->field('retry-after') // '', qr/\A\d+\z/, "and Retry-After ($kind)");
	ok(($t->pool_status('alice') // {})->{drained}, "status says so ($kind)");
	body_is($t->get($kind, 'bob.test', '/hello.txt'), "hello\n", "another pool is served ($kind)");
	is((ctl('restart', 'alice'))[0], 1, "a drained pool cannot be restarted ($kind)");
	put_file("$alice->{home}/open", '');
	is(join(' ', map { $_->response->{body} } @running), join(' ', map { "drain$_" } 1 .. 6), "those that ran and those that waited are answered ($kind)");
	ok(wait_for(10, sub { !zygotes($alice) }), "then its processes go ($kind)");
	is(($t->pool_status('alice') // {})->{state}, 'cold', "status says that too ($kind)");
	is((ctl('resume', 'alice'))[0], 0, "it is resumed ($kind)");
	body_is($t->get($kind, 'alice.test', '/hello.txt'), "hello\n", "and serves again ($kind)");
});

# ---- a new zygote that can't load: the old one stays, and status says why

body_is($t->get('shared', 'frail.test', '/hello.txt'), "hello\n", 'a chrooted pool serves');
my ($first) = zygotes($frail);
chown 0, 0, $frail->{home};
chmod 0700, $frail->{home};
is((ctl('restart', 'frail'))[0], 0, 'it is restarted where its chroot cannot be entered');
ok(wait_for(10, sub { (($t->pool_status('frail') // {})->{reason} // '') =~ /\w/ }), 'status says why that fails')
    or diag(explain($t->pool_status('frail')));
diag('not rolled: ' . ($t->pool_status('frail')->{reason} // ''));
ok(process_alive($first), 'the old zygote stays');
is(join(' ', zygotes($frail)), $first, 'alone');
is($t->pool_status('frail')->{state}, 'ready', 'and the pool is ready');
chown $frail->{uid}, $frail->{gid}, $frail->{home};
chmod 0755, $frail->{home};
body_is($t->get('shared', 'frail.test', '/hello.txt'), "hello\n", 'as its clients see');
rename $frail->{home}, "$frail->{home}.away" or die;
my ($exit, $said) = ctl('restart', 'frail');
is($exit, 1, 'a zygote that cannot even be started: an error at once');
like($said, qr/chroot/, 'that says why') or diag($said);
rename "$frail->{home}.away", $frail->{home} or die;
is((ctl('restart', 'frail'))[0], 0, 'when that is mended it is restarted');
ok(wait_for(10, sub { my @now = zygotes($frail); @now == 1 && $now[0] != $first }), 'by another zygote');
is($t->pool_status('frail')->{reason} // '', '', 'and status complains no more');
body_is($t->get('shared', 'frail.test', '/hello.txt'), "hello\n", 'it serves');
$t->finish;
