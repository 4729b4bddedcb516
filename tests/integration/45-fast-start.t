# fast_start: zygotes come from a loader that has mapped what they load, and are
# what they are without it.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new(php => 1);
$t->{settings}{fast_start} = \1;
$t->{settings}{log_level} = 'info';
$t->{settings}{restart_delay} = '100ms';
my $alice = $t->site('alice', chroot => 1);
my $bob = $t->site('bob', pool => { no_new_privs => \0 });
my %more = map { $_ => $t->site($_) } qw(carol dave);
$t->allow_php($_) for $alice, $bob, values %more;
$t->start;

sub loader
{
	return (grep { process_title($_) =~ /\Aperuser-loader/ } process_children($t->{pid}))[0];
}

# The inode of what it was exec'd from.
sub program_of { return (stat "/proc/$_[0]/exe")[1] }

sub php_is
{
	my ($site, $code, $expected, $name) = @_;
	return body_is($t->php('shared', $site, $code), $expected, $name);
}

# ---- what it is

$t->log_says(qr/the loader \d+ has mapped/, 'the loader says that it has mapped');
my $loader = loader();
my @caps = (6, 7, 18, 21);      # SETGID, SETUID, SYS_CHROOT, SYS_ADMIN
my $four = 0;
$four |= 1 << $_ for @caps;
is(hex(process_field($loader, $_)), $four, "its $_ is SETUID, SETGID, SYS_CHROOT and SYS_ADMIN alone") for qw(CapPrm CapEff);
is(hex(process_field($loader, $_)), 0, "its $_ is empty") for qw(CapInh CapBnd CapAmb);
is(process_field($loader, 'NoNewPrivs'), 1, 'it has no_new_privs');
like(slurp("/proc/$loader/maps"), qr{/php\.so$}m, 'it has mapped the PHP handler');
SKIP: {
	skip 'built with sanitizers, PHP has no shared extensions', 1 if $t->{sanitized};
	like(slurp("/proc/$loader/maps"), qr{/opcache\.so$}m, 'it has mapped an extension');
}

# ---- zygotes from it

# Without an extension: who owns what it makes.
my $who = '$f = tempnam(sys_get_temp_dir(), "peruserd"); echo fileowner($f); unlink($f);';

php_is($alice, $who . 'echo " ", getmypid() < 1000 ? "own" : "no", " namespace";',
    "$alice->{uid} own namespace", 'a page of a chrooted pool');
php_is($alice, 'echo join " ", scandir("/home") ?: [];', '', 'it is inside of its chroot');
my $zygote = $t->zygote($alice);
is(process_field($zygote, 'PPid'), $t->{pid}, 'its zygote is the manager\'s child');
is(hex(process_field($zygote, $_)), 0, "its $_ is empty") for qw(CapPrm CapEff CapBnd);
isnt(readlink "/proc/$zygote/ns/$_", readlink "/proc/$t->{pid}/ns/$_", "it has a $_ namespace of its own") for qw(pid mnt ipc);
is(program_of($zygote), program_of($loader), 'it was forked from the loader');
is(join(' ', grep { /memfd:(?:confinement|settings)/ } map { readlink($_) // () } glob "/proc/$loader/fd/*"), '',
    'the loader kept nothing of what it was sent for it');

# A file that is old enough to be cached, by carol alone.
put_file("$more{carol}{root}/old.php", '<?php return 1;', 0644, $more{carol});
utime 1, 1, "$more{carol}{root}/old.php";
my $cached = 'echo function_exists("opcache_get_status") ? opcache_get_status(false)["opcache_statistics"]["num_cached_scripts"] : "off";';
php_is($more{carol}, "include 'old.php'; $cached", $t->{sanitized} ? 'off' : 1, 'carol has an opcode cache');
php_is($more{dave}, $cached, $t->{sanitized} ? 'off' : 0, 'dave has another one');

# bob's zygote is not the loader's.
my $zones = 'echo count(timezone_identifiers_list()), " ", md5(implode(" ", timezone_identifiers_list())), " ",
    (new DateTime("@1700000000"))->setTimezone(new DateTimeZone("Europe/Berlin"))->format("H:i T");';
my $known = $t->php('shared', $bob, $zones)->{body};
like($known, qr/\A[1-9]\d+ \w+ 23:13 CET\z/, 'time zones are known');
php_is($more{carol}, $zones, $known, 'they are the same in a zygote of the loader\'s');
php_is($alice, 'date_default_timezone_set("Europe/Berlin"); echo date("H:i T", 1700000000);', '23:13 CET',
    'and there in a chroot');

SKIP: {
	skip 'built with sanitizers, PHP has no shared extensions', 1 if $t->{sanitized};
	skip 'there is no /dev/shm', 1 unless -d '/dev/shm' && -k _;
	php_is($more{carol}, 'echo ini_get("opcache.lockfile_path");', '/dev/shm', 'the opcode cache\'s lock is a file in memory');
}

php_is($bob, $who, $bob->{uid}, 'a pool without no_new_privs answers');
is(process_field($t->zygote($bob), 'NoNewPrivs'), 0, 'and has none');
isnt(program_of($t->zygote($bob)), program_of($loader), 'so it was not forked from the loader');

# ---- when it dies, hangs, or is stopped

sub end_zygote
{
	my ($site) = @_;
	my $before = $t->zygote($site);
	kill KILL => $before;
	return wait_for(10, sub { !process_alive($before) });
}

kill KILL => $loader;
$t->log_says(qr/the loader was ended by signal 9/, 'its end is in the log');
end_zygote($alice);
php_is($alice, 'echo "still";', 'still', 'without it, or with the next one, zygotes start');
ok(wait_for(10, sub { my $now = loader(); defined $now && $now != $loader }), 'it is replaced');

$loader = loader();
$t->log_says(qr/the loader $loader has mapped/, 'the next one maps too');
kill STOP => $loader;
end_zygote($more{carol});
my $client = $t->client('shared', timeout => 30);
$client->send("GET /run.php HTTP/1.1\r\nHost: carol.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
kill KILL => $loader;
status_is($client->response, 200, 'a request that waited for a stopped loader is answered once that is killed');

$t->stop;
ok(wait_for(5, sub { !process_alive($loader) }), 'no loader is left');
$t->finish;
