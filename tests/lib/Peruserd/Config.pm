package Peruserd::Config;

# Perl data as libconfig text.  A hash is a group, an array of hashes a list,
# another array an array of scalars; a reference to 1 or 0 is a boolean; what
# looks like a number is one, everything else a string.

use strict;
use warnings;

sub text
{
	my ($settings) = @_;
	return join '', map { "$_ = " . _value($settings->{$_}, '') . ";\n" } sort keys %$settings;
}

sub _value
{
	my ($value, $indent) = @_;
	my $inner = "$indent  ";

	if (ref $value eq 'SCALAR') {
		return $$value ? 'true' : 'false';
	}
	if (ref $value eq 'HASH') {
		return join '', "{\n",
		    (map { "$inner$_ = " . _value($value->{$_}, $inner) . ";\n" } sort keys %$value),
		    "$indent}";
	}
	if (ref $value eq 'ARRAY') {
		my ($open, $close) = grep({ ref eq 'HASH' } @$value) ? ('(', ')') : ('[', ']');
		return "$open " . join(",\n$inner", map { _value($_, $inner) } @$value) . " $close";
	}
	return $value if $value =~ /\A-?(?:0|[1-9][0-9]{0,8})\z/;
	$value =~ s/([\\"])/\\$1/g;
	$value =~ s/\n/\\n/g;
	return "\"$value\"";
}

1;
