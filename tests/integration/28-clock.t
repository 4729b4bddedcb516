# The clock steps, a day forth and two days back: no time that peruserd keeps
# depends on it.  All its processes run with a clock that the test moves.
use strict;
use warnings;
use File::Copy ();
use Peruserd::Test;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $t = Peruserd::Test->new;
plan(skip_all => 'a preloaded library and sanitizers do not go together') if $t->{sanitized};
my ($pool) = { max_processors => 1, min_spare_processors => 0, queue_timeout => 60, expire_timeout => 60, idle_timeout => 60 };
my $long = $t->site('long', pool => $pool);
my $short = $t->site('short', pool => { %$pool, queue_timeout => 1, expire_timeout => 2, idle_timeout => 1, zygote_timeout => 1, kill_timeout => 1 });
for my $site ($long, $short) {
	put_file("$site->{root}/hello.txt", "hello\n", 0644, $site);
	own_folder("$site->{home}/ran", $site);
	$t->cgi($site, 'gate.pl', <<"PERL");
open my \$mark, '>', "$site->{home}/ran/\$ENV{QUERY_STRING}" or die;
close \$mark;
select undef, undef, undef, 0.01 until -e "$site->{home}/open";
print "Content-Type: text/plain\\n\\n\$ENV{QUERY_STRING}";
PERL
}

# ---- a clock that can be moved: seconds in a file that every process has mapped

put_file("$t->{dir}/clock.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long long *shift;
__attribute__((constructor)) static void begin(void)
{
	int fd = open(CLOCK_FILE, O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
	shift = at == MAP_FAILED ? NULL : at;
	close(fd);
}
int clock_gettime(clockid_t id, struct timespec *to)
{
	int got = (int)syscall(SYS_clock_gettime, id, to);
	if (got == 0 && shift != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		to->tv_sec += *shift;
	return got;
}
time_t time(time_t *to)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (to != NULL)
		*to = now.tv_sec;
	return now.tv_sec;
}
int gettimeofday(struct timeval *to, void *zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	to->tv_sec = now.tv_sec;
	to->tv_usec = now.tv_nsec / 1000;
	return 0;
}
C
my $file = "$t->{dir}/clock";
put_file($file, pack 'q', 0);
my ($exit, $said) = run_quietly('cc', '-shared', '-fPIC', '-O1', "-DCLOCK_FILE=\"$file\"", '-o', "$t->{dir}/clock.so", "$t->{dir}/clock.c");
plan(skip_all => "no C compiler for the moving clock: $said") if $exit;
my $real = $t->{build};
my $build = "$t->{dir}/build";
own_folder($build);
symlink "$real/.libs", "$build/.libs";
File::Copy::copy("$real/$_", "$build/$_") && chmod 0755, "$build/$_" for qw(peruserd peruserctl);
put_file("$build/$_", "#!/bin/bash\nLD_PRELOAD=$t->{dir}/clock.so exec $real/$_ \"\$@\"\n", 0755) for qw(peruser-multiplexer peruser-processor);
$t->{build} = $build;

sub step
{
	my ($seconds) = @_;
	open my $clock, '+<:raw', $file or die;
	syswrite $clock, pack 'q', $seconds;
	return close $clock;
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub ran { return map { m{([^/]+)\z} } glob "$_[0]{home}/ran/*" }

sub send_to
{
	my ($site, $path) = @_;
	my $client = $t->client('shared', timeout => 30);
	$client->send("GET $path HTTP/1.1\r\nHost: $site->{host}\r\nConnection: close\r\n\r\n");
	return $client;
}

{
	local $ENV{LD_PRELOAD} = "$t->{dir}/clock.so";
	$t->start;
}
body_is($t->get('shared', 'long.test', '/hello.txt'), "hello\n", 'all is well');
step(86400 * 400);
my $year = 1900 + (gmtime)[5];
ok(wait_for(10, sub { ($t->get('shared', 'long.test', '/hello.txt')->field('date') // '') !~ /$year/ }), 'the Date field follows the clock: it does move');
step(0);
my $zygote = $t->zygote($long);
my @multiplexers = sort +$t->multiplexers;
my $kept = $t->client('shared');
$kept->send("GET /hello.txt HTTP/1.1\r\nHost: long.test\r\n\r\n");
$kept->response;

for my $days (1, -1, 30, 0) {
	step($days * 86400);

	# What has time keeps it.
	unlink "$long->{home}/open", glob "$long->{home}/ran/*";
	my $runs = send_to($long, '/cgi-bin/gate.pl?runs');
	ok(wait_for(10, sub { ran($long) == 1 }), "a request runs, day $days");
	my $waits = send_to($long, '/cgi-bin/gate.pl?waits');
	ok(wait_for(10, sub { $t->pool_status('long')->{queued} == 1 }), 'another one waits');
	step(($days - 2) * 86400);
	step(($days + 2) * 86400);
	my $since = now();
	wait_for(1.2, sub { 0 });
	step($days * 86400);
	is(join(' ', ran($long)), 'runs', 'the clock steps two days back and four forth: nothing changes');
	is($t->pool_status('long')->{queued}, 1, 'who waits goes on waiting');
	put_file("$long->{home}/open", '');
	is(join(' ', map { $_->response->{body} } $runs, $waits), 'runs waits', 'and both are answered');

	# Whose time is up is told so, not a day later.
	unlink "$short->{home}/open", glob "$short->{home}/ran/*";
	my $hangs = send_to($short, '/cgi-bin/gate.pl?hangs');
	ok(wait_for(10, sub { ran($short) == 1 }), 'a request hangs');
	my $begin = now();
	my $late = send_to($short, '/hello.txt');
	step(($days - 10) * 86400);
	status_is($late->response, 503, 'queue_timeout passes though the clock went back');
	cmp_ok(now() - $begin, '<', 10, 'in time');
	status_is($hangs->response, 504, 'so does expire_timeout');
	cmp_ok(now() - $begin, '<', 15, 'in time too');
	ok(wait_for(15, sub { !$t->zygote($short) }), 'idle_timeout and zygote_timeout do too');
	step($days * 86400);
}
$kept->send("GET /hello.txt HTTP/1.1\r\nHost: long.test\r\n\r\n");
my $response = $kept->response;
ok($response->{status} == 200 || $response->{closed}, 'a kept connection is kept, or was closed in its time');
is($t->zygote($long), $zygote, 'no zygote was taken for hung');
is(join(' ', sort +$t->multiplexers), "@multiplexers", 'nor a multiplexer');
$t->finish;
