package Peruserd::OpenMetrics;

# A strict reader of OpenMetrics text 1.0: what Prometheus would take, and no
# more.  read_metrics($text) gives { samples => { 'name{labels}' => value },
# families => { name => {type, unit, help} }, errors => [ sentences ] }.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(read_metrics);

my %types = map { $_ => 1 } qw(gauge counter info stateset histogram gaugehistogram summary unknown);
my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*/;

sub read_metrics
{
	my ($text) = @_;
	my %read = (samples => {}, families => {}, errors => []);
	my ($family, $line_number, $sampled) = (undef, 0, 0);
	my $wrong = sub { push @{ $read{errors} }, "line $line_number: $_[0]" };

	push @{ $read{errors} }, 'no # EOF at the end' if $text !~ /(?:\A|\n)# EOF\n\z/;
	push @{ $read{errors} }, 'not UTF-8' if !utf8::decode(my $copy = $text);
	my @lines = split /\n/, $text, -1;
	pop @lines;                     # after the last newline
	for my $line (@lines) {
		$line_number++;
		if ($line eq '# EOF') {
			$wrong->('# EOF before the end') if $line_number != @lines;
			next;
		}
		if ($line =~ /\A# (TYPE|UNIT|HELP) ($name) (.*)\z/) {
			my ($what, $of, $value) = ($1, $2, $3);
			if (!defined $family || $family ne $of) {
				$wrong->("family $of is there twice") if $read{families}{$of};
				$wrong->("$what opens a family, TYPE should") if $what ne 'TYPE';
				$read{families}{ $family = $of } = {};
				$sampled = 0;
			}
			$wrong->("$what after samples") if $sampled;
			$wrong->("$what twice") if defined $read{families}{$of}{ lc $what };
			$read{families}{$of}{ lc $what } = $value;
			$wrong->("type $value") if $what eq 'TYPE' && !$types{$value};
			$wrong->("unit $value is not the name's end") if $what eq 'UNIT' && $of !~ /_\Q$value\E\z/;
			$wrong->('bad escape in HELP') if $what eq 'HELP' && $value =~ /\\(?![\\n"])/;
			next;
		}
		if ($line =~ /\A($name)(?:\{([^\n]*)\})? (-?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|Inf)|NaN)\z/) {
			my ($sample, $labels, $value) = ($1, $2 // '', $3);
			my $type = defined $family ? $read{families}{$family}{type} // '' : '';
			my $expected = $type eq 'counter' ? "${family}_total" : $type eq 'info' ? "${family}_info" : $family // '';
			$sampled = 1;
			$wrong->("sample $sample is not of family $expected") if $sample ne $expected;
			$wrong->("a counter of $value") if $type eq 'counter' && $value !~ /\A[0-9.eE+]+\z/;
			my (%seen, $rest);
			$rest = $labels;
			while (length $rest) {
				if ($rest !~ s/\A($label)="((?:[^"\\\n]|\\[\\n"])*)"(?:,(?=[a-zA-Z_])|\z)//) {
					$wrong->("bad labels: $labels");
					last;
				}
				$wrong->("label $1 twice") if $seen{$1}++;
			}
			my $key = length $labels ? "$sample\{$labels}" : $sample;
			$wrong->("sample $key twice") if exists $read{samples}{$key};
			$read{samples}{$key} = $value;
			next;
		}
		$wrong->("neither a sample nor a comment: $line");
	}
	for my $of (sort keys %{ $read{families} }) {
		push @{ $read{errors} }, "family $of has no $_"
		    for grep { !defined $read{families}{$of}{$_} } qw(type help);
	}
	return \%read;
}

1;
