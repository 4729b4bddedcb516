# Which site a request belongs to: exact name, wildcard, default.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new;
my $bob = $t->site('bob', vhost => { aliases => [ 'www.bob.test', '*.wild.test', '*.deep.wild.test' ] });
my $eve = $t->site('eve', vhost => { aliases => [ '*.more.deep.wild.test' ] });
my $all = $t->site('all', vhost => { server_name => '*' });
put_file("$_->{root}/who.txt", $_->{host}, 0644, $_) for $bob, $eve, $all;
$t->start;

each_kind(sub {
	my ($kind) = @_;
	for my $row (
		[ 'bob.test', 'bob.test', 'the exact name' ],
		[ 'eve.test', 'eve.test', 'another exact name' ],
		[ 'www.bob.test', 'bob.test', 'an alias' ],
		[ 'BoB.TeSt', 'bob.test', 'capitals' ],
		[ 'bob.test.', 'bob.test', 'a trailing dot' ],
		[ 'bob.test:8080', 'bob.test', 'a port' ],
		[ 'bob.test.:8080', 'bob.test', 'a trailing dot and a port' ],
		[ 'a.wild.test', 'bob.test', 'a wildcard' ],
		[ 'a.b.wild.test', 'bob.test', 'a wildcard two levels down' ],
		[ 'x.more.deep.wild.test', 'eve.test', 'the longest wildcard' ],
		[ 'deep.wild.test', 'bob.test', 'a name below one wildcard and not the other' ],
		[ 'wild.test', 'all.test', 'a wildcard does not cover its own name' ],
		[ 'notbob.test', 'all.test', 'a longer name' ],
		[ 'ob.test', 'all.test', 'a shorter name' ],
		[ '127.0.0.1', 'all.test', 'an address' ],
		[ '[::1]:8080', 'all.test', 'a v6 address' ],
		[ 'x' x 200 . '.test', 'all.test', 'a very long name' ],
	) {
		my ($host, $site, $name) = @$row;
		body_is($t->get($kind, $host, '/who.txt'), $site, "$name: $site ($kind)");
	}
	my $client = $t->client($kind);
	$client->send("GET /who.txt HTTP/1.0\r\n\r\n");
	body_is($client->response, 'all.test', "HTTP/1.0 without a host goes to the default ($kind)");
});
$t->finish;
