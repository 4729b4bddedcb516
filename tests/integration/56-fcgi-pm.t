# FastCGI scripts in Perl, each with the loop of the library that it was written for: FCGI.pm's
# own, CGI::Fast's, Plack's.  They know nothing of us.
use strict;
use warnings;
use Peruserd::Test;

my %needs = ('FCGI' => 'libfcgi-perl', 'CGI::Fast' => 'libcgi-fast-perl', 'Plack::Handler::FCGI' => 'libplack-perl');
for my $module (sort keys %needs) {
	plan(skip_all => "needs $module (Debian: $needs{$module})") if !eval "require $module; 1";
}

my %script = (
	loop => <<'PERL',
#!/usr/bin/perl
use FCGI;
my $count = 0;
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	$count++;
	my $in = do { local $/; <STDIN> } // '';
	print STDERR "told by $ENV{QUERY_STRING}\n" if $ENV{QUERY_STRING} eq 'stderr';
	print "Content-Type: text/plain\r\n\r\n", "$count $$ $> $ENV{REQUEST_METHOD} $ENV{QUERY_STRING} ", length $in, "\n";
}
PERL
	fast => <<'PERL',
#!/usr/bin/perl
use CGI::Fast;
my $count = 0;
while (my $q = CGI::Fast->new) {
	$count++;
	my $in = $q->request_method eq 'POST' ? $q->param('POSTDATA') // $q->param('text') // '' : '';
	print STDERR "told by $ENV{QUERY_STRING}\n" if $ENV{QUERY_STRING} eq 'stderr';
	print $q->header('text/plain'), "$count $$ $> ", $q->request_method, " $ENV{QUERY_STRING} ", length $in, "\n";
}
PERL
	plack => <<'PERL',
#!/usr/bin/perl
use Plack::Handler::FCGI;
my $count = 0;
my $app = sub {
	my ($env) = @_;
	$count++;
	my $len = 0;
	while (my $got = $env->{'psgi.input'}->read(my $part, 8192)) { $len += $got }
	$env->{'psgi.errors'}->print("told by $env->{QUERY_STRING}\n") if $env->{QUERY_STRING} eq 'stderr';
	return [ 200, [ 'Content-Type' => 'text/plain' ], [ "$count $$ $> $env->{REQUEST_METHOD} $env->{QUERY_STRING} $len\n" ] ];
};
Plack::Handler::FCGI->new->run($app);
PERL
);

my $t = Peruserd::Test->new;
my %site;
for my $label (sort keys %script) {
	my $account = $t->account($label);
	my $file = put_file("$account->{home}/$label.fcgi", $script{$label}, 0755, $account);
	$site{$label} = $t->site($label, handlers => [], pool => { handoff => 'fastcgi', command => [$file],
		max_processors => 1, max_requests_per_child => 0, error_log => "$t->{dir}/log/$label.log" });
}
delete $_->{handlers} for @{ $t->{vhosts} };
$t->start;

for my $label (sort keys %script) {
	my $site = $site{$label};
	my $ask = sub { split ' ', $t->get('shared', $site->{host}, @_)->{body} };

	my ($count, $pid, $as, @asked) = $ask->('/?a=1');
	is($as, $site->{uid}, "$label runs as its user");
	is("@asked", 'GET a=1 0', "$label has what was asked");
	my @pids = grep { $_ == $pid } map { ($ask->("/?n=$_"))[1] } 1 .. 20;
	is(scalar @pids, 20, "$label: twenty more of the same process");
	is(($ask->('/?last'))[0], $count + 21, "$label has counted them all");
	my $posted = $t->post('shared', $site->{host}, '/?post', 'x' x 100_000, headers => ['Content-Type: application/octet-stream']);
	is((split ' ', $posted->{body})[-1], 100_000, "$label has read a body of 100,000 bytes");
	$ask->('/?stderr');
	$t->log_says(qr/told by stderr/, "$label: what it prints to STDERR is in its pool's log", "$t->{dir}/log/$label.log");
}

$t->finish;
