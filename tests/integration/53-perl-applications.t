# Real applications as they come: a Mojolicious application under PSGI, gitweb as a program and as one that lives on.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;

my $t = Peruserd::Test->new(perl => 1);
my $mojo = -e '/usr/share/perl5/Mojolicious.pm';
my $gitweb = -x '/usr/lib/cgi-bin/gitweb.cgi' && -x '/usr/bin/git';
plan(skip_all => 'needs Mojolicious or gitweb (Debian: libmojolicious-perl, gitweb)') if !$mojo && !$gitweb;

# ---- Mojolicious: the file could be run by hypnotoad or "perl myapp.pl daemon" too

my $alice;
if ($mojo) {
	my $account = $t->account('alice');
	my $file = put_file("$account->{home}/myapp.pl", <<'PERL', 0755, $account);
#!/usr/bin/env perl
use Mojolicious::Lite -signatures;
use Mojo::Util qw(sha1_sum);

get '/' => sub ($c) { $c->render(template => 'index', name => $c->param('name') // 'nobody') };
post '/upload' => sub ($c) {
	my $upload = $c->req->upload('file');
	$c->render(json => { name => $upload->filename, size => $upload->size, sum => sha1_sum($upload->slurp), field => $c->param('field') });
};
get '/download/:count' => sub ($c) {
	my ($at, $count) = (0, $c->param('count'));
	$c->res->headers->content_type('application/octet-stream');
	my $next;
	$next = sub ($c, @) { $at < $count ? $c->write_chunk(sprintf('%-1023d', $at++) . "\n" => $next) : $c->write_chunk('') };
	$c->$next;
};
get '/session' => sub ($c) { $c->render(text => ++$c->session->{count}) };
get '/gone' => sub ($c) { die "an exception\n" };
websocket '/socket' => sub ($c) { };
app->secrets([ 'for a test' ]);
app->start;

__DATA__
@@ index.html.ep
<p>Hello <%= $name %>, <%= url_for '/upload' %></p>
@@ exception.html.ep
<p>went wrong</p>
PERL
	$alice = $t->site('alice', handlers => [
		{ prefix => '/', handler => 'psgi', application => $file },
		{ prefix => '/mounted', handler => 'psgi', application => $file },
	]);
}

# ---- gitweb, and a repository for it

my $bob;
if ($gitweb) {
	$bob = $t->site('bob', pool => { max_processors => 2 }, handlers => [ { prefix => '/cgi-bin/', handler => 'perl-cgi' } ]);
	$t->vhost('plain.test', processor => 'bob', document_root => $bob->{root}, handlers => [ { prefix => '/cgi-bin/', handler => 'cgi' } ]);
	put_file("$bob->{root}/cgi-bin/gitweb.cgi", slurp('/usr/lib/cgi-bin/gitweb.cgi'), 0755, $bob);
	put_file("$bob->{home}/gitweb.conf", "our \$projectroot = '$bob->{home}/git'; our \$site_name = 'a test'; 1;\n", 0644, $bob);
	$_->{env} = [ "GITWEB_CONFIG=$bob->{home}/gitweb.conf", "HOME=$bob->{home}" ] for grep { $_->{name} eq 'bob' } @{ $t->{pools} };
	my $commands = "set -e; export HOME=$bob->{home} GIT_AUTHOR_DATE='2020-01-02T03:04:05Z' GIT_COMMITTER_DATE='2020-01-02T03:04:05Z'; "
	    . "mkdir -p $bob->{home}/git; cd $bob->{home}/git; git init -q -b main one; cd one; git config user.name Tester; git config user.email tester\@example.test; "
	    . "mkdir sub; echo 'first <line>' > file; printf 'caf\\303\\251\\n' > sub/text; git add -A; git commit -qm 'the first'; "
	    . "echo 'second & more' >> file; git commit -qam 'the second'; git tag v1";
	my ($status, $said) = run_quietly('/bin/su', '-s', '/bin/sh', $bob->{name}, '-c', $commands);
	is($status, 0, 'a repository is made') or diag($said);
}
$t->start;

sub first_difference
{
	my @both = map { [ split /\n/, $_, -1 ] } @_;
	my $at = 0;
	$at++ while $at < @{ $both[0] } && $at < @{ $both[1] } && $both[0][$at] eq $both[1][$at];
	return "line $at:\n" . ($both[0][$at] // 'its end') . "\n" . ($both[1][$at] // 'its end');
}

SKIP: {
	skip 'needs Mojolicious (Debian: libmojolicious-perl)', 1 if !$mojo;
	each_kind(sub {
		my ($kind) = @_;
		my $file = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 500_000;
		my $form = "--B0\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--B0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.bin\"\r\n"
		    . "Content-Type: application/octet-stream\r\n\r\n$file\r\n--B0--\r\n";
		for my $prefix ('', '/mounted') {
			my $case = "(Mojolicious at '$prefix/', $kind)";
			body_like($t->get($kind, $alice->{host}, "$prefix/?name=%3Cyou%3E"), qr{<p>Hello &lt;you&gt;, \Q$prefix\E/upload</p>}, "a template, and a URL of its own $case");
			my $response = $t->post($kind, $alice->{host}, "$prefix/upload", $form, headers => [ 'Content-Type: multipart/form-data; boundary=B0' ]);
			my $said = eval { JSON::PP::decode_json($response->{body}) } // {};
			is_deeply($said, { name => 'b.bin', size => length $file, sum => sha1_hex($file), field => 'value' }, "an upload of 2 MB $case") or diag($response->shown);
			$response = $t->get($kind, $alice->{host}, "$prefix/download/3000");
			is(sha1_hex($response->{body}), sha1_hex(join '', map { sprintf("%-1023d\n", $_) } 0 .. 2999), "a streamed download of 3 MB $case")
			    or diag(length $response->{body}, substr($response->{body}, 0, 2100));
			$response = $t->get($kind, $alice->{host}, "$prefix/session");
			my ($cookie) = ($response->field('set-cookie') // '') =~ /\A([^;]+)/;
			body_is($t->get($kind, $alice->{host}, "$prefix/session", headers => [ "Cookie: $cookie" ]), 2, "a session $case");
			$response = $t->get($kind, $alice->{host}, "$prefix/gone");
			status_is($response, 500, "an exception $case");
			body_like($response, qr/went wrong/, "on the application's own page $case");
			status_is($t->get($kind, $alice->{host}, "$prefix/none"), 404, "what is not there $case");
			is($t->request($kind, 'HEAD', $alice->{host}, "$prefix/")->{body}, '', "HEAD $case");
		}
	});
}

SKIP: {
	skip 'needs gitweb (Debian: gitweb)', 1 if !$gitweb;
	# not an action that is none: that page shows what gitweb's globals hold, so of the request before
	my @pages = ('', '?p=one/.git', map { "?p=one/.git;a=$_" } 'summary', 'shortlog', 'log', 'tree', 'tree;f=sub', 'blob;f=file', 'blob_plain;f=file', 'blob;f=sub/text',
	    'commit;h=HEAD', 'commitdiff;h=HEAD', 'commitdiff_plain;h=HEAD', 'history;f=file', 'heads', 'tags', 'rss', 'atom', 'search;s=second', 'blame;f=file', 'patch', 'blob;f=none');
	push @pages, '?a=opml', '?a=project_index', '/one/.git', '/one/.git/tree/HEAD:/sub';
	each_kind(sub {
		my ($kind) = @_;
		for my $round (1, 2) {
			for my $page (@pages) {
				my ($plain, $lives) = map { $t->get($kind, $_, "/cgi-bin/gitweb.cgi$page") } 'plain.test', $bob->{host};
				# the site's own name, which differs, stands in links; ages in seconds may differ
				for my $response ($plain, $lives) {
					$response->{body} =~ s/plain\.test|bob\.test/SITE/g;
					$response->{body} =~ s/(?:Generated|Expires|lastBuildDate|updated|pubDate)[^<]*</</g if $page =~ /rss|atom/;
					$response->{comparable} = join "\n", $response->{status}, $response->field('content-type') // '', $response->field('status') // '', $response->{body};
				}
				ok($lives->{comparable} eq $plain->{comparable}, "gitweb$page is the same, round $round ($kind)")
				    or diag($lives->{status}, ' ', first_difference($lives->{comparable}, $plain->{comparable}));
			}
		}
	});
}
$t->finish;
