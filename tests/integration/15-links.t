# What a program links is part of its privilege.
use strict;
use warnings;
use Test::More;
use Peruserd::Machine qw(run_quietly slurp);

my $build = $ENV{PERUSERD_BUILD} // '.';
plan(skip_all => "there is no $build/peruserd: build it first, or set PERUSERD_BUILD") if !-x "$build/peruserd";
plan(skip_all => 'needs readelf and nm (Debian: binutils)') if !-x '/usr/bin/readelf' || !-x '/usr/bin/nm';

my %file = (
	manager     => 'peruserd',
	multiplexer => 'peruser-multiplexer',
	processor   => 'peruser-processor',
	loader      => 'peruser-loader',
	ctl         => 'peruserctl',
	php         => 'php.so',
	perl        => 'perl.so',
);

# The program itself, where libtool has put a script in its place.
sub path_of
{
	my ($name) = @_;
	return (grep { -e && slurp($_) =~ /\A\x7fELF/ } "$build/.libs/$name", "$build/$name")[0];
}

sub needs
{
	my ($path) = @_;
	my (undef, $text) = run_quietly('/usr/bin/readelf', '-d', $path);
	return map { /NEEDED.*\[(.*)\]/ ? $1 : () } split /\n/, $text;
}

my %allowed = (
	manager     => qr/\Alib(?:c|event_core|event_extra|event|config|cap|gcc_s)\b/,
	multiplexer => qr/\Alib(?:c|event_core|event_extra|event|config|cap|seccomp|gcc_s)\b/,
	processor   => qr/\Alib(?:c|config|cap|fcgi|gcc_s)\b/,
	loader      => qr/\Alib(?:c|config|cap|fcgi|gcc_s)\b/,
	ctl         => qr/\Alib(?:c|gcc_s)\b/,
	php         => qr/\Alib(?:c|php[\d.]*|gcc_s)\b/,
	perl        => qr/\Alib(?:c|perl|crypt|gcc_s)\b/,
);
my $machinery = qr/\A(?:lib(?:asan|ubsan|m|dl|pthread|stdc\+\+|rt)\b|ld-linux)/;

for my $role (sort keys %file) {
	my $path = path_of($file{$role});
	SKIP: {
		skip "$file{$role} is not built", 1 if !$path && $role =~ /\Ap(?:hp|erl)\z/;
		ok($path, "$file{$role} is built") or next;
		my @needs = grep { !/$machinery/ } needs($path);
		is(join(' ', grep { !/$allowed{$role}/ } @needs), '', "$file{$role} links only what its role needs: @needs");
		next if $role =~ /\Ap(?:hp|erl)\z/;
		my (undef, $text) = run_quietly('/usr/bin/readelf', '-Wdl', $path);
		like($text, qr/GNU_RELRO/, "$file{$role} has its tables read-only after start");
		like($text, qr/BIND_NOW|Flags:.*NOW/, "and resolved at start");
		unlike($text, qr/GNU_STACK.*RWE/, "and no executable stack");
	}
}
for my $module (qw(php perl)) {
	my $path = path_of("$module.so");
	SKIP: {
		skip "$module.so is not built", 2 if !$path;
		ok(scalar(grep { /\Alib$module/ } needs($path)), "$module.so links lib$module");
		my (undef, $symbols) = run_quietly('/usr/bin/nm', '-D', '--defined-only', $path);
		is(join(' ', map { / [A-Z] (\w+)/ && $1 !~ /asan|odr/ ? $1 : () } split /\n/, $symbols), 'peruser_handler',
		    'and exports one symbol');
	}
}
for my $row (
	[ 'manager', qr/\b(?:head_parse|answer_parse|chunked_decode|uri_path)\b/, 'reads no HTTP' ],
	[ 'multiplexer', qr/\b(?:php_(?:module|request|execute)\w*|perl_\w+|dlopen|exec[lv]\w*|posix_spawn\w*|system|popen)\b/, 'runs and loads nothing' ],
	[ 'ctl', qr/\b(?:head_parse|envelope_check|execve)\b/, 'only asks and prints' ],
) {
	my ($role, $pattern, $name) = @$row;
	my (undef, $symbols) = run_quietly('/usr/bin/nm', path_of($file{$role}) // '/dev/null');
	my @found = grep { !/asan|interceptor/ } map { /([^ ]+)\z/ ? $1 : () } grep { /$pattern/ } split /\n/, $symbols;
	SKIP: {
		skip 'a sanitizer brings everything', 1 if $symbols =~ /__asan_init/;
		is("@found", '', "$file{$role} $name");
	}
}
done_testing();
