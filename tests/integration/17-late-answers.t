# A multiplexer that is held up finds much at once: an answer of alice's, the end
# of her processor, another one in its place, and the answer and the end of bob's.
# Whatever is looked at inside of what else, each client gets its own answer.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new(php => 1);
$t->{settings}{multiplexers}[0]{count} = 1;
my %pool = (max_processors => 1, min_spare_processors => 1);
my $alice = $t->site('alice', pool => {%pool});
my $bob = $t->site('bob', pool => {%pool});
my $go = "$t->{dir}/go";
for my $site ($alice, $bob) {
	$t->allow_php($site);
	own_folder("$site->{home}/go", $site);
}
$t->start;
# It listens before its multiplexer is there.
my $multiplexer = wait_for(10, sub { ($t->multiplexers)[0] });

sub processor
{
	my ($site) = @_;
	return wait_for(10, sub { ($t->processors($site))[0] });
}

sub ask
{
	my ($site, $code) = @_;
	my $client = $t->client('shared');
	$client->send("POST /run.php HTTP/1.1\r\nHost: $site->{host}\r\nContent-Type: text/plain\r\nContent-Length: "
	    . length($code) . "\r\n\r\n$code");
	return $client;
}

# A page that is made when we say so.
sub ask_later
{
	my ($site, $what) = @_;
	return ask($site, "file_put_contents('$site->{home}/go/begun', ''); "
	    . "while (!file_exists('$site->{home}/go/on')) { usleep(1000); clearstatcache(); } $what");
}

for my $round (1 .. 3) {
	body_is($t->php('shared', $_, 'echo "here";'), 'here', "all is well (round $round)") for $alice, $bob;
	unlink map { glob "$_->{home}/go/*" } $alice, $bob;
	my @processor = map { processor($_) } $alice, $bob;
	my $first = ask_later($alice, 'echo str_repeat("a", 60000);');
	my $second = ask_later($bob, 'echo str_repeat("b", 200000);');
	ok(wait_for(10, sub { !grep { !-e "$_->{home}/go/begun" } $alice, $bob }), "both are asked (round $round)");
	# This one waits for alice's only processor.
	my $third = ask($alice, 'echo "third";');
	wait_for(10, sub { grep { ($_->{queued} // 0) > 0 } $t->pool_status('alice') // {} });

	kill 'STOP', $multiplexer;
	for my $which (0, 1) {
		my $site = ($alice, $bob)[$which];
		put_file("$site->{home}/go/on", '', 0644, $site);
		# It has said that it is done when it sleeps in a receive again.
		wait_for(5, sub { slurp("/proc/$processor[$which]/syscall") =~ /\A47 / });
	}
	kill 'KILL', $processor[1];
	wait_for(5, sub { !process_alive($processor[1]) });
	kill 'KILL', $processor[0];
	wait_for(5, sub { my ($new) = $t->processors($alice); $new && $new != $processor[0] });
	wait_for(0.3, sub { 0 });
	kill 'CONT', $multiplexer;

	body_is($first->response, 'a' x 60000, "alice's client gets alice's page (round $round)");
	body_is($second->response, 'b' x 200000, "bob's client gets bob's (round $round)");
	body_is($third->response, 'third', "and the one that waited gets its own (round $round)");
}
$t->finish;
