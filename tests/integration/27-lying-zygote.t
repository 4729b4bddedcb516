# A zygote is its user's: with a preload script he speaks to the manager in its
# name.  Whatever he says, it is his own pool that suffers.
use strict;
use warnings;
use Peruserd::Test;
use Time::HiRes qw(time);

my $t = Peruserd::Test->new(php => 1);
@{ $t->{settings} }{qw(restart_delay restart_delay_max)} = ('200ms', '1s');

# The numbers of the messages, as message.h gives them.
my ($header) = grep { -e } map { "$_/include/peruserd/message.h" } $ENV{srcdir} // (), '../..', '.', "$t->{build}/../..";
plan(skip_all => 'message.h is not found; set srcdir') if !$header;
my $number = 0;
my %type = map { $_ => ++$number } slurp($header) =~ /^\tM\((\w+),/mg;

sub message
{
	my ($name, $body) = @_;
	return pack('LSS', 0x50524d31, $type{$name}, length $body) . $body;
}
sub slot { return pack 'LLLl', @_ }

my $victim = $t->site('victim', pool => { min_processors => 2, max_processors => 3 });
my %lie = (
	garbage  => [ "x" x 40 ],
	nothing  => [ "\0" ],
	borrowed => [ message('SLOT_SPOILT', slot(0, 0, 0, 0)) ],
	tailed   => [ message('LOADED', pack 'LL', 0, 0) . 'x' ],
	strange  => [ map { (message('GONE', slot($_ % 40, 0, 9, 0)), message('FORKED', slot($_ % 40, 0, 0, 1)),
		message('NOT_FORKED', slot($_ % 40, 1, 11, 0))) } 1 .. 400 ],
	early    => [ (message('LOADED', pack 'LL', 0, 0)) x 3 ],
	faulty   => [ message('FAULT', pack('Ll', 99, -5) . "\e[2Jlies" . 'z' x 193) ],
);
my %site;
for my $name (sort keys %lie) {
	my $site = $site{$name} = $t->site($name, pool => { start_timeout => 5 });
	my $bytes = join ', ', map { '"' . unpack('H*', $_) . '"' } @{ $lie{$name} };
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	put_file("$site->{home}/preload.php", <<"PHP", 0644, $site);
<?php
touch("$site->{home}/ran");
\$c = FFI::cdef('long write(int, const char *, unsigned long);');
foreach ([ $bytes ] as \$one) \$c->write(3, hex2bin(\$one), strlen(\$one) / 2);
PHP
	$t->{pools}[-1]{php_admin_value} = [ "opcache.preload=$site->{home}/preload.php", 'opcache.enable=1', 'ffi.enable=1' ];
}
put_file("$victim->{root}/hello.txt", "hello\n", 0644, $victim);
$t->start;
ok(wait_for(20, sub { my @two = $t->processors($victim); @two == 2 }), 'another pool has its processors');
my @before = sort +$t->processors($victim);
my $zygote = $t->zygote($victim);
my $ran = 0;
for my $name (sort keys %lie) {
	my $response = $t->get('shared', "$name.test", '/hello.txt', timeout => 30);
	ok($response->{status} == 503 || $response->{status} == 200, "$name: its own requests get an honest answer")
	    or diag($response->shown);
	$ran++ if -e "$site{$name}{home}/ran";
	body_is($t->get('shared', 'victim.test', '/hello.txt'), "hello\n", "$name: another pool is served");
}
is($t->zygote($victim), $zygote, 'its zygote is the same');
is(join(' ', sort +$t->processors($victim)), "@before", 'and its processors are');
ok($t->running, 'the manager lives');
SKIP: {
	skip('there is no opcode cache that preloads', 5) if !$ran;
	is($ran, scalar(keys %lie), 'all of them lied');
	my %says = map { $_ => $t->pool_status($_) } keys %lie;
	for my $name (qw(garbage nothing borrowed tailed)) {
		like($t->log, qr/pool $name has failed: [^\n]*(?:no message|a descriptor|descriptor)/, "$name: the log says what it sent");
	}
	unlike($t->log, qr/\e/, 'and nothing of it reaches a terminal');
}
my $begin = time;
$t->get('shared', "garbage.test", '/hello.txt') for 1 .. 30;
my $starts = () = $t->log =~ /pool garbage has failed/g;
cmp_ok($starts, '<=', 6, "a liar is begun anew with a pause: $starts times");
$t->finish;
