# An unmodified application from Debian's packages: DokuWiki in a pool of its
# own without chroot.  Log in, write a page, upload a file, see both again.
#
# The program's files stay where the package has them; what a wiki needs of its
# own (configuration, accounts, data) is in the home of the pool's user, which
# the constant DOKU_CONF names, as Debian's preload.php foresees.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha1_hex);
use Peruserd::Test;

my $wiki = '/usr/share/dokuwiki';
my $t = Peruserd::Test->new(php => 1);
plan(skip_all => 'needs DokuWiki (Debian: apt-get install --no-install-recommends dokuwiki)')
    if !-e "$wiki/doku.php";
plan(skip_all => 'built with sanitizers, php.so loads no extensions') if $t->{sanitized};
my (undef, $changed) = run_quietly('/usr/bin/dpkg', '--verify', 'dokuwiki');
is(join("\n", grep { m{/usr/share/dokuwiki/.*\.php} } split /\n/, $changed), '', 'its files are as the package brings them');

my $alice = $t->account('alice');
my $home = $alice->{home};
chmod 0700, $home;
own_folder("$home/data/$_", $alice) for qw(attic cache index locks log media media_attic media_meta meta pages tmp);
put_file("$home/conf/local.php", <<"PHP", 0644, $alice);
<?php
\$conf['title'] = 'Alice writes';
\$conf['savedir'] = '$home/data';
\$conf['useacl'] = 1;
\$conf['superuser'] = 'alice';
\$conf['updatecheck'] = 0;
PHP
put_file("$home/conf/acl.auth.php", "# <?php exit()?>\n*\t\@ALL\t1\n*\t\@user\t8\n", 0644, $alice);
put_file("$home/conf/users.auth.php", "# <?php exit()?>\nalice:" . md5_hex('wonderland')
    . ":Alice Liddell:alice\@wiki.test:user\n", 0644, $alice);
put_file("$home/prepend.php", "<?php defined('DOKU_CONF') || define('DOKU_CONF', '$home/conf/');\n", 0644, $alice);
$t->pool('alice', user => $alice->{name}, group => $alice->{group}, max_processors => 4,
	error_log => "$t->{dir}/log/alice.log",
	php_admin_value => [ "auto_prepend_file=$home/prepend.php" ]);
$t->vhost('wiki.test', processor => 'alice', document_root => $wiki, index => [ 'index.php', 'doku.php' ],
	handlers => [ { suffix => '.php', handler => 'php' } ]);
$t->start;

my %cookies;

# As a browser does: cookies are kept, redirects followed.
sub visit
{
	my ($kind, $method, $path, %option) = @_;
	my $response;

	for (1 .. 5) {
		my $cookie = join '; ', map { "$_=$cookies{$_}" } sort keys %cookies;
		$response = $t->request($kind, $method, 'wiki.test', $path, %option,
		    headers => [ @{ $option{headers} // [] }, $cookie ? "Cookie: $cookie" : () ]);
		for my $set ($response->fields('set-cookie')) {
			my ($name, $value) = $set =~ /\A([^=;]+)=([^;]*)/ or next;
			$value eq 'deleted' ? delete $cookies{$name} : ($cookies{$name} = $value);
		}
		last if $response->{status} !~ /\A30[1237]\z/;
		($path) = $response->field('location') =~ m{\A(?:http://wiki\.test(?::\d+)?)?(/[^#]*)};
		($method, %option) = ('GET');
	}
	return $response;
}

sub escaped
{
	my ($text) = @_;
	$text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub submit
{
	my ($kind, $path, %fields) = @_;
	return visit($kind, 'POST', $path, headers => [ 'Content-Type: application/x-www-form-urlencoded' ],
	    body => join '&', map { escaped($_) . '=' . escaped($fields{$_}) } sort keys %fields);
}

# The hidden fields of a page's forms.
sub hidden
{
	my ($response) = @_;
	my %fields;
	for my $input ($response->{body} =~ /<input\b[^>]*type="hidden"[^>]*>/g) {
		my ($name) = $input =~ /\bname="([^"]*)"/;
		my ($value) = $input =~ /\bvalue="([^"]*)"/;
		$fields{$name} = $value // '' if defined $name;
	}
	return %fields;
}

each_kind(sub {
	my ($kind) = @_;
	my $page = "visited$kind";
	%cookies = ();

	my $response = visit($kind, 'GET', '/');
	status_is($response, 200, "the wiki opens ($kind)");
	body_like($response, qr/Alice writes/, "with its title ($kind)");
	unlike($response->{body}, qr/Fatal error|Warning:/, "without a complaint ($kind)");
	$response = visit($kind, 'GET', "/doku.php?id=$page&do=edit");
	unlike($response->{body}, qr{name="do\[save\]"}, "a stranger may not write ($kind)");

	my %form = hidden(visit($kind, 'GET', '/doku.php?id=start&do=login'));
	$response = submit($kind, '/doku.php?id=start&do=login', %form, do => 'login', u => 'alice', p => 'wrong');
	unlike($response->{body}, qr/Alice Liddell/, "a wrong password does not log in ($kind)");
	%form = hidden(visit($kind, 'GET', '/doku.php?id=start&do=login'));
	$response = submit($kind, '/doku.php?id=start&do=login', %form, do => 'login', u => 'alice', p => 'wonderland');
	body_like($response, qr/Alice Liddell/, "the right one does ($kind)");

	$response = visit($kind, 'GET', "/doku.php?id=$page&do=edit");
	body_like($response, qr/name="do\[save\]"/, "now the page may be written ($kind)");
	my $text = "====== Written over $kind ======\n\n" . "Some **bold** words, \x{c3}\x{a4}\x{c3}\x{b6}.\n" x 2000;
	$response = submit($kind, "/doku.php?id=$page", hidden($response), id => $page, 'do[save]' => 'Save', wikitext => $text, summary => 'test');
	status_is($response, 200, "a page of some size is saved ($kind)");
	body_like($response, qr/Written over $kind.*<strong>bold<\/strong> words, \x{c3}\x{a4}/s, "and shown ($kind)");
	(my $file = slurp("$home/data/pages/$page.txt")) =~ tr/\r//d;
	is(sha1_hex($file =~ s/\s+\z//r), sha1_hex($text =~ s/\s+\z//r), "it is on the disk ($kind)");
	is((stat "$home/data/pages/$page.txt")[4], $alice->{uid}, "and alice's own ($kind)");

	my $picture = pack('H*', '89504e470d0a1a0a0000000d4948445200000001000000010806000000'
	    . '1f15c4890000000d49444154789c626001000000ffff03000006000557bfabd40000000049454e44ae426082') . "\0" x 100_000;
	%form = hidden(visit($kind, 'GET', '/lib/exe/mediamanager.php?ns='));
	my $body = join '', map { "--FORM\r\nContent-Disposition: form-data; name=\"$_->[0]\"\r\n\r\n$_->[1]\r\n" }
	    [ sectok => $form{sectok} // '' ], [ ns => '' ], [ mediaid => "$kind.png" ], [ do => 'upload' ], [ ow => 1 ];
	$body .= "--FORM\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"$kind.png\"\r\nContent-Type: image/png\r\n\r\n$picture\r\n--FORM--\r\n";
	$response = visit($kind, 'POST', '/lib/exe/mediamanager.php?ns=', body => $body, headers => [ 'Content-Type: multipart/form-data; boundary=FORM' ]);
	status_is($response, 200, "a file is uploaded ($kind)");
	is(sha1_hex(slurp("$home/data/media/$kind.png")), sha1_hex($picture), "and is on the disk ($kind)") or diag($response->shown);
	$response = visit($kind, 'GET', "/lib/exe/fetch.php?media=$kind.png");
	is(sha1_hex($response->{body}), sha1_hex($picture), "and can be fetched ($kind)") or diag($response->shown);
	like($response->field('content-type') // '', qr{image/png}, "as what it is ($kind)");

	%cookies = ();
	body_like(visit($kind, 'GET', "/doku.php?id=$page"), qr/Written over $kind/, "a stranger can read the page ($kind)");
	for my $path ('/lib/exe/css.php?t=dokuwiki', '/lib/exe/js.php?t=dokuwiki', '/lib/images/external-link.svg', '/feed.php') {
		my $part = visit($kind, 'GET', $path);
		ok($part->{status} == 200 && length $part->{body} > 100, "$path is served ($kind)") or diag($part->shown);
	}
});
unlike(slurp("$t->{dir}/log/alice.log"), qr/Fatal error/, 'and the log tells of no fatal error');
$t->finish;
