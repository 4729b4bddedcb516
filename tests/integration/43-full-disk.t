# Logs on a full disk: requests go on, it is said once, and when there is room
# again lines are whole.  And what may stand in a line.
use strict;
use warnings;
use Time::HiRes qw(time);
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $small = "$t->{dir}/log/small";
own_folder($small);
my ($mounted) = run_quietly('/bin/mount', '-t', 'tmpfs', '-o', 'size=512k,mode=0755', 'peruserd-test', $small);
plan(skip_all => 'a small file system can not be mounted here') if $mounted;
my $owner = $$;
END { local $?; run_quietly('/bin/umount', $small) if defined $small && defined $owner && $$ == $owner && !$mounted }

my %log = map { $_ => "$small/$_.log" } qw(access errors slow);
my $bob = $t->site('bob', pool => { error_log => $log{errors}, slow_log => $log{slow}, slow_timeout => '100ms' }, vhost => { access_log => $log{access} });
$t->vhost('format.test', processor => 'bob', document_root => $bob->{root}, access_log => "$t->{dir}/log/format.log", handlers => [ { prefix => '/cgi-bin/', handler => 'cgi' } ],
	access_log_format => '%L|%A|%{s}T|%{ms}T|%{us}T|%{wait}|%D|%U');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
$t->cgi($bob, 'nap.pl', 'print STDERR "napping\n"; select undef, undef, undef, 0.3; print "Content-Type: text/plain\n\nok\n";');
$t->start;

sub lines { return split /\n/, slurp($_[0]) }

$t->get('shared', 'bob.test', '/hello.txt?first') for 1 .. 3;
ok(wait_for(10, sub { lines($log{access}) == 3 }), 'lines are written');

# ---- full

open my $filler, '>', "$small/filler" or die "$small/filler: $!";
1 while defined syswrite $filler, 'x' x 512;
ok($!{ENOSPC}, 'the disk is full');
my ($slowest, $bad) = (0, 0);
for my $number (1 .. 600) {
	my $begun = time;
	$bad++ if $t->get('shared', 'bob.test', "/hello.txt?full$number", headers => [ 'User-Agent: ' . 'a' x 200 ])->{status} != 200;
	$slowest = time - $begun if time - $begun > $slowest;
}
is($bad, 0, 'every request is answered while nothing can be logged');
cmp_ok($slowest, '<', 5, 'and none waits for the log');
status_is($t->get('shared', 'bob.test', '/cgi-bin/nap.pl?full'), 200, 'one that is slow and says something too');
ok(wait_for(10, sub { $t->log =~ /cannot write to \Q$log{access}\E: No space left/ }), 'it is said');
my $said = () = $t->log =~ /cannot write to \Q$log{access}\E/g;
cmp_ok($said, '<=', 2, 'once by each multiplexer');

# ---- room again

# Not so often that these fill it again.
sub after
{
	select undef, undef, undef, 0.05;
	return $t->get('shared', 'bob.test', "$_[0]?after");
}

unlink "$small/filler";
close $filler;
ok(wait_for(30, sub { after('/hello.txt'); (() = $t->log =~ /\Q$log{access}\E takes lines again; [1-9]\d* were lost/g) == $said }), 'lines are written again, and how many were lost is said') or diag($t->log);
my @lines = lines($log{access});
is(scalar(grep { /first/ } @lines), 3, 'those before are there');
ok(scalar(grep { /after/ } @lines), 'and those after');
my @torn = grep { !m{\A127\.0\.0\.1 - - \[[^]]+\] "GET /\S+ HTTP/1\.1" \d+ \S+ "-" "[^"]*"\z} } @lines;
# Two multiplexers append: a line that one could not end may have the other's behind it.
cmp_ok(scalar @torn, '<=', 4, 'no line but the last that fitted is cut') or diag(join "\n", @torn);
is(scalar(grep { /after/ } @torn), 0, 'none after it is glued to another');
ok(wait_for(10, sub { after('/cgi-bin/nap.pl'); slurp($log{slow}) =~ m{nap\.pl\?after has run for} }), 'the slow log goes on');
ok(wait_for(10, sub { slurp($log{errors}) =~ /napping/ }), "so does the pool's");

# ---- what stands in a line

my %seen;
for my $path ('/hello.txt', '/hello.txt', '/cgi-bin/nap.pl') {
	$t->get('shared', 'format.test', $path);
}
my @rows;
ok(wait_for(10, sub { @rows = map { [ split /\|/ ] } lines("$t->{dir}/log/format.log"); @rows == 3 }), 'lines of a format of its own');
for my $row (@rows) {
	my ($id, $address, $s, $ms, $us, $wait, $micro, $path) = @$row;
	like($id, qr/\A[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\z/, '%L is an id');
	is($seen{$id}++, 0, 'of its own');
	is($address, '127.0.0.1', '%A is the address');
	is($us, $micro, '%{us}T is %D');
	is($ms, int($us / 1000), '%{ms}T is in milliseconds');
	is($s, int($us / 1000000), '%{s}T is in seconds');
	ok($wait >= 0 && $wait <= $us, '%{wait} is a part of it');
}
my ($nap) = grep { $_->[7] =~ /nap/ } @rows;
cmp_ok($nap->[3], '>=', 300, 'a slow request took its time');
is($t->stop, 0, 'it stops');
run_quietly('/bin/umount', $small);
$t->{ended_on_purpose} = 1;
$t->finish;
