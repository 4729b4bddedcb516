# The slow log: what a slow request does is written down while it runs on, and
# so is what a request did that is killed for its time.
use strict;
use warnings;
use Time::HiRes qw(time);
use Peruserd::Test;

my $t = Peruserd::Test->new(php => 1);
my %log = map { $_ => "$t->{dir}/log/$_.log" } qw(slow other bob-errors eve-errors);
my $bob = $t->site('bob', pool => { slow_log => $log{slow}, slow_timeout => '400ms', error_log => $log{'bob-errors'} });
$t->vhost('other.test', processor => 'bob', document_root => $bob->{root}, slow_log => $log{other}, slow_timeout => '300ms',
	handlers => [ { suffix => '.php', handler => 'php' }, { prefix => '/cgi-bin/', handler => 'cgi' } ]);
$t->vhost('never.test', processor => 'bob', document_root => $bob->{root}, slow_timeout => 0, handlers => [ { suffix => '.php', handler => 'php' } ]);
my $eve = $t->site('eve', pool => { error_log => $log{'eve-errors'} }, vhost => { expire_timeout => '600ms' });

put_file("$bob->{root}/inner.php", <<'PHP', 0644, $bob);
<?php
function nap($for) {
	$left = sleep($for);
	return "left $left";
}
function spin($for) {
	$end = microtime(true) + $for;
	while (microtime(true) < $end)
		;
	return 'spun';
}
function wait_for_stream($for) {
	[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
	$read = [$a]; $none = null;
	$got = stream_select($read, $none, $none, $for);
	return 'selected ' . var_export($got, true);
}
class Worker {
	static function run($how, $for) {
		return $how($for);
	}
}
PHP
put_file("$bob->{root}/slow.php", <<'PHP', 0644, $bob);
<?php
require 'inner.php';
$begun = microtime(true);
echo Worker::run($_GET['how'], (int)$_GET['for']), ' after ', round(microtime(true) - $begun, 1);
PHP
put_file("$bob->{root}/deep.php", '<?php function deep($n) { if ($n) return deep($n - 1); return sleep(1); } deep(500); echo "up";', 0644, $bob);
put_file("$eve->{root}/hang.php", "<?php\nfunction hang() {\n\tsleep(60);\n}\nhang();\n", 0644, $eve);
$t->cgi($bob, 'nap.pl', 'select undef, undef, undef, 1; print "Content-Type: text/plain\n\nok\n";');
$t->start;

my $serial = 0;

# The lines of the entry about a request that is new each time.
sub entry
{
	my ($name, $kind, $host, $path) = @_;
	my $mark = 'mark' . ++$serial . 'x';
	my $response = $t->get($kind, $host, "$path&$mark");
	my @lines;

	wait_for(10, sub {
		@lines = ();
		for (split /\n/, slurp($log{$name})) {
			next if !@lines && !/$mark/;
			last if @lines && /has run for/;
			push @lines, $_;
		}
		@lines > 1;
	});
	return ($response, @lines);
}

each_kind(sub {
	my ($kind) = @_;

	for my $row ([ 'nap', 'left 0', 'sleep\(\)', 3 ], [ 'spin', 'spun', undef, 8 ], [ 'wait_for_stream', 'selected 0', 'stream_select\(\)', 15 ]) {
		my ($how, $answer, $inner, $line) = @$row;
		my ($response, @lines) = entry('slow', $kind, 'bob.test', "/slow.php?how=$how&for=1");
		body_like($response, qr/\A\Q$answer\E after (?:1|1\.\d)\z/, "$how runs its whole time and notices nothing ($kind)");
		like($lines[0] // '', qr{\A\S+Z warning \[?pool bob, bob\.test\]?:? GET /slow\.php\?how=$how&for=1&mark\d+x has run for (?:0\.[4-9]|[1-9]\.\d) seconds in pid \d+\z}, "a line with site, URL, time and pid ($kind)");
		my ($pid) = ($lines[0] // '') =~ /pid (\d+)/;
		ok((grep { $_ == ($pid // 0) } $t->processors($bob)), "the machine's pid ($kind)");
		my $trace = join "\n", @lines;
		like($trace, qr/#0 $inner$/m, "what runs inside ($kind)") if $inner;
		like($trace, qr{#\d $how\(\) \Q$bob->{root}\E/inner\.php:$line$}m, "in which function, file and line ($kind)") if $how ne 'spin';
		like($trace, qr{#\d $how\(\) \Q$bob->{root}\E/inner\.php:\d+$}m, "in which function and file ($kind)");
		like($trace, qr{#\d Worker::run\(\) \Q$bob->{root}\E/inner\.php:20\n.*\{main\} \Q$bob->{root}\E/slow\.php:4$}ms, "called by whom ($kind)");
	}
	my (undef, @lines) = entry('other', $kind, 'other.test', '/cgi-bin/nap.pl?');
	like($lines[0] // '', qr{GET /cgi-bin/nap\.pl\S+ has run for (?:0\.[3-9]|[1-9]\.\d) seconds}, "a CGI program is slow too ($kind)");
	my $at = -s $log{slow};
	status_is($t->get($kind, 'bob.test', '/slow.php?how=spin&for=0'), 200, "a fast one ($kind)");
	status_is($t->get($kind, 'never.test', '/slow.php?how=nap&for=1&never'), 200, "a slow one of a site that has no limit ($kind)");
	unlike(slurp($log{slow}), qr/for=0|never/, "are not written down ($kind)");
});
my (undef, @deep) = entry('slow', 'shared', 'bob.test', '/deep.php?');
ok(@deep > 20 && @deep < 35, 'a deep trace is bounded') or diag(scalar @deep);
like($deep[-1], qr/and more$/, 'and says so');
is(scalar(grep { /[^\x20-\x7e]/ } split /\n/, slurp($log{slow})), 0, 'nothing is raw');

# ---- one whose time is up

each_kind(sub {
	my ($kind) = @_;
	my $begun = time;
	my $response = $t->get($kind, 'eve.test', "/hang.php?end$kind");
	my $took = time - $begun;

	$kind eq 'shared' ? status_is($response, 504, "a request that hangs gets 504 ($kind)") : ok($response->{status} == 504 || $response->{closed}, "or its connection is closed ($kind)");
	ok(wait_for(10, sub { slurp($log{'eve-errors'}) =~ /end$kind has run.*\n.*#0 sleep.*\n.*#1 hang.*\n.*\{main\}.*hang\.php:5$/m }), "what it did is in the pool's log ($kind)") or diag(slurp($log{'eve-errors'}));
	like(slurp($log{'eve-errors'}), qr{error \[?pool eve, eve\.test\]?:? GET /hang\.php\?end$kind has run for (?:0\.[6-9]|[1-9]\.\d) seconds in pid \d+, longer than expire_timeout: it is killed}, "with site, URL, time and pid ($kind)");
});
my $expired;
wait_for(10, sub { ($expired = ($t->pool_status('eve') // {})->{expired} // 0) >= 2 });
is($expired, 2, 'both are counted');

# ---- rotation

rename $log{slow}, "$log{slow}.1";
kill 'USR1', $t->{pid};
ok(wait_for(10, sub { $t->get('shared', 'bob.test', '/slow.php?how=nap&for=1&after'); -s $log{slow} }), 'USR1 reopens it');
like(slurp($log{slow}), qr/after has run/, 'and what follows is there');

# ---- a script that is unkind to it

if ($t->allow_php($bob)) {
	my $response = $t->php('shared', $bob, 'if (function_exists("pcntl_sigprocmask")) pcntl_sigprocmask(SIG_SETMASK, []); sleep(1); echo "there";');
	body_like($response, qr/there/, 'one that unblocks every signal lives');
}
status_is($t->get('shared', 'bob.test', '/slow.php?how=spin&for=0'), 200, 'all is well after that');
$t->finish;
