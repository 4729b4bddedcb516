# Multiplexers in a chroot of their own: they serve as others do, bodies that are
# spooled included, and see nothing but the spool.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $root = "$t->{dir}/empty";
own_folder($root);
own_folder("$root/spool", $t->{multiplexer}, 0700);
$t->{settings}{spool_dir} = "$root/spool";
$t->{settings}{multiplexers}[0]{chroot} = $root;
$t->{settings}{body_memory} = '64k';
my $bob = $t->site('bob');
put_file("$bob->{root}/hello.txt", "hello\n", 0644, $bob);
put_file("$bob->{root}/page.bin", 'x' x 3_000_000, 0644, $bob);
$t->cgi($bob, 'sum.pl', 'use Digest::SHA qw(sha1_hex); local $/; print "Content-Type: text/plain\n\n", sha1_hex(<STDIN> // "");');

# ---- what -t says of a wrong one

sub checked
{
	my ($chroot) = @_;
	local $t->{settings}{multiplexers}[0]{chroot} = $chroot;
	my ($exit, $said) = $t->program('peruserd', '-t', '-c', $t->write_config);
	return $said;
}
like(checked("$t->{dir}/nowhere"), qr/chroot .* is no directory; make it/, 'a chroot that is not there is a mistake');
own_folder("$t->{dir}/open", undef, 0777);
like(checked("$t->{dir}/open"), qr/chroot .* can be changed by others than root/, 'so is one that others may change');
{
	local $t->{settings}{spool_dir} = "$t->{dir}/spool";
	like(checked($root), qr/spool_dir .* is not in the multiplexers' chroot/, 'and one without the spool');
}
unlike(checked($root), qr/chroot/, 'a right one is none');

$t->start;
ok(wait_for(30, sub { 2 == grep { $_->{ready} } @{ ($t->status // {})->{multiplexers} // [] } }), 'they are ready');
my @multiplexers = $t->multiplexers;
is(scalar(@multiplexers), 2, 'the multiplexers run');
is(join(' ', map { readlink "/proc/$_/root" } @multiplexers), "$root $root", 'in their chroot');
is(join(' ', grep { hex(process_field($_, 'CapEff')) || hex(process_field($_, 'CapPrm')) || hex(process_field($_, 'CapBnd')) } @multiplexers), '', 'without a capability');
each_kind(sub {
	my ($kind) = @_;
	body_is($t->get($kind, 'bob.test', '/hello.txt'), "hello\n", "a file is served ($kind)");
	is(length $t->get($kind, 'bob.test', '/page.bin')->{body}, 3_000_000, "so is a large one ($kind)");
	my $body = join '', map { chr($_ % 251) } 1 .. 1_000_000;
	body_is($t->post($kind, 'bob.test', '/cgi-bin/sum.pl', $body), sha1_hex($body), "and a body that is spooled ($kind)");
});
kill 'KILL', $multiplexers[0];
ok(wait_for(20, sub { my @now = $t->multiplexers; @now == 2 && !grep { $_ == $multiplexers[0] } @now }), 'one that is killed is replaced');
ok(wait_for(30, sub { my @roots = map { readlink("/proc/$_/root") // '' } $t->multiplexers; !grep { $_ ne $root } @roots }), 'in the chroot too');
body_is($t->get('shared', 'bob.test', '/hello.txt'), "hello\n", 'all is served as before');
$t->finish;
