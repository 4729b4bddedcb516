# Binary upgrade: opcode caches stay, also of pools that the loader forked.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new(php => 1);
$t->{settings}{fast_start} = \1;
$t->{settings}{log_level} = 'info';
my $alice = $t->site('alice', pool => { max_processors => 2 });
my $bob = $t->site('bob', pool => { max_processors => 2, no_new_privs => \0 });
$t->allow_php($_) for $alice, $bob;
put_file("$_->{root}/cached.php", '<?php echo "cached";', 0644, $_) for $alice, $bob;
# What was written just now is not cached.
utime time - 100, time - 100, "$_->{root}/cached.php", "$_->{root}/run.php" for $alice, $bob;
$t->own_binary;
$t->start;

sub ctl
{
	return $t->program('peruserctl', '-s', $t->{settings}{control}{socket}, @_);
}

sub loader
{
	return (grep { process_title($_) =~ /\Aperuser-loader/ } process_children($t->{pid}))[0] // 0;
}

# When the pool's cache began, and what it has.
my $look = 'if (!function_exists("opcache_get_status")) exit("none"); $s = opcache_get_status(false)["opcache_statistics"]; ' .
    'echo $s["start_time"], " ", $s["hits"], " ", $s["misses"];';

$t->log_says(qr/the loader \d+ has mapped/, 'the loader is there');
for my $site ($alice, $bob) {
	body_is($t->get('shared', $site->{host}, '/cached.php'), 'cached', "$site->{name} is warm") for 1 .. 3;
}
my %before = map { $_->{name} => [ split / /, $t->php('shared', $_, $look)->{body} ] } $alice, $bob;
my %zygote = map { $_->{name} => $t->zygote($_) } $alice, $bob;
my $loader = loader();
ok($loader, 'there is a loader');

for my $turn (1 .. 3) {
	my ($status, $text) = ctl('upgrade');
	is($status, 0, "upgrade $turn") or diag($text);
	for my $site ($alice, $bob) {
		body_is($t->get('shared', $site->{host}, '/cached.php'), 'cached', "$site->{name} serves");
		is($t->zygote($site), $zygote{ $site->{name} }, 'by the zygote that it had');
		my @now = split / /, $t->php('shared', $site, $look)->{body};
		is($now[0], $before{ $site->{name} }[0], 'with the opcode cache that it had');
		SKIP: {
			skip 'there is no opcode cache here', 1 if $now[0] eq 'none';
			cmp_ok($now[1], '>', $before{ $site->{name} }[1], 'which goes on counting hits');
		}
	}
}
ok(wait_for(20, sub { !process_alive($loader) }), 'the former loader has gone');
ok(wait_for(20, sub { my @all = $t->log =~ /the loader (\d+) has mapped/g; $all[-1] == loader() && $all[-1] != $loader }), 'another one came, and has mapped');
my $processor = (stat '/proc/' . loader() . '/exe')[1];
is((ctl('restart', 'alice'))[0], 0, 'a pool is restarted');
ok(wait_for(20, sub { my $now = $t->zygote($alice); $now && $now != $zygote{ $alice->{name} } && !process_alive($zygote{ $alice->{name} }) }), 'it begins anew');
is((stat '/proc/' . $t->zygote($alice) . '/exe')[1], $processor, 'forked from the new loader');
body_is($t->get('shared', $alice->{host}, '/cached.php'), 'cached', 'and serves');

$t->finish;
