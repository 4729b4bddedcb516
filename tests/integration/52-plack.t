# Plack's own test suite for servers, whole, over real connections, with Plack's Lint between; its tests are counted as ours.
use strict;
use warnings;
use Peruserd::Test;

my $t = Peruserd::Test->new(perl => 1, modules => [ 'Plack::Test::Suite' ]);
my $application = <<'PERL';
use Plack::Test::Suite;
use Plack::Middleware::Lint;
my $handler = Plack::Test::Suite->test_app_handler;
Plack::Middleware::Lint->wrap($handler);
PERL
my $account = $t->account('alice');
my $file = put_file("$account->{home}/suite.psgi", $application, 0644, $account);
my $log = "$t->{dir}/log/alice.log";
my $site = $t->site('alice', pool => { error_log => $log }, vhost => { server_name => '127.0.0.1' }, handlers => [
	{ prefix => '/', handler => 'psgi', application => $file },
	{ prefix => '/below', handler => 'psgi', application => $file },
]);
$t->start;

for my $prefix ('', '/below') {
	each_kind(sub {
		my ($kind) = @_;
		subtest "Plack::Test::Suite at '$prefix/' ($kind)" => sub {
			local $ENV{PLACK_TEST_SCRIPT_NAME} = $prefix;
			Plack::Test::Suite->run_server_tests(sub {
				$SIG{TERM} = 'DEFAULT';
				sleep 1 while 1;        # the server is there already
			}, $t->{ports}{$kind}, $t->{ports}{$kind});
			cmp_ok(Test::More->builder->current_test, '>', 80, 'all of its tests ran');
		};
	});
}

# Lint dies of what it finds: then the test above has failed, and the log says why.
my $said = slurp($log);
my @died = grep { /the application/ && !/Throwing an exception from app handler/ } split /\n/, $said;
is("@died", '', 'Lint has nothing to report');
$t->finish;
