# The example of conf/logrotate, by a real logrotate, while requests run: no line is
# lost, and what comes after the rotation stands in the new files.
use strict;
use warnings;
use Peruserd::Test;

my $logrotate = '/usr/sbin/logrotate';
my $t = Peruserd::Test->new;
plan(skip_all => 'there is no logrotate (Debian: logrotate)') if !-x $logrotate;
my $bob = $t->site('bob', vhost => { access_log => "$t->{dir}/log/bob.log" });
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);

my $rules = slurp("$t->{build}/conf/logrotate/logrotate.example");
is(scalar($rules =~ s{^\S+/log/peruserd/\*\.log}{$t->{dir}/log/*.log}m), 1, 'the example rotates all logs');
is(scalar($rules =~ s{\S+/run/peruserd/control\.sock}{$t->{settings}{control}{socket}}), 1, 'of a daemon that runs');
is(scalar($rules =~ s{\S+/bin/peruserctl}{$t->{build}/peruserctl -s $t->{settings}{control}{socket}}), 1, 'and tells it');
unlike($rules, qr/\@\w+\@/, 'every folder is filled in');
my $file = put_file("$t->{dir}/logrotate.conf", $rules, 0644);
chmod 0755, "$t->{dir}/log";

sub rotate { return run_quietly($logrotate, '--force', '--state', "$t->{dir}/logrotate.state", $file) }

$t->start;
my $sent = 0;
sub ask { status_is($t->get('shared', 'bob.test', '/hello.txt?' . ++$sent), 200, "request $sent") for 1 .. 5; return }
# Two multiplexers write each at its own pace.
sub numbers { return [ sort { $a <=> $b } map { /\?(\d+) / ? $1 : () } split /\n/, $_[0] ] }

ask();
ok(wait_for(10, sub { 5 == @{ numbers(slurp("$t->{dir}/log/bob.log")) } }), 'five lines are written');
my ($status, $said) = rotate();
is($status, 0, 'logrotate rotates') or diag($said);
is($said, '', 'without a word');
ok(-e "$t->{dir}/log/bob.log.1", 'the former file has another name');
ask();
ok(wait_for(10, sub { 5 == @{ numbers(slurp("$t->{dir}/log/bob.log")) } }), 'what comes now is in the new file');
is(join(' ', @{ numbers(slurp("$t->{dir}/log/bob.log.1")) }), '1 2 3 4 5', 'and the former one holds what came before');
my ($mode, $owner) = (stat "$t->{dir}/log/bob.log")[2, 4];
is(sprintf('%o %d', $mode & 07777, $owner), '640 0', 'the new file is as peruserd makes them');

# Again, and the one before is compressed.
($status, $said) = rotate();
is($status, 0, 'logrotate rotates again') or diag($said);
ask();
ok(wait_for(10, sub { 5 == @{ numbers(slurp("$t->{dir}/log/bob.log")) } }), 'all goes on');
($status, $said) = run_quietly('/bin/zcat', "$t->{dir}/log/bob.log.2.gz");
is(join(' ', @{ numbers($said) }), '1 2 3 4 5', 'the eldest is compressed, and whole');
is(join(' ', @{ numbers(slurp("$t->{dir}/log/bob.log.1")) }), '6 7 8 9 10', 'the second is not yet');

# Nobody runs: nobody is told.
is($t->stop, 0, 'it stops');
($status, $said) = rotate();
is("$status$said", '0', 'without a daemon logs are rotated too');
$t->finish;
