#!/usr/bin/perl
# What a visitor of bob's CGI script sees: who ran it, and where.
use strict;
use warnings;
use POSIX ();

my ($user) = getpwuid($>);
my ($group) = getgrgid((split / /, $))[0]);
my %rows = (
	user => "$user ($>)",
	group => "$group (" . (split / /, $))[0] . ')',
	pid => $$,
	root => readlink('/proc/self/root') // '/',
	script => $ENV{SCRIPT_FILENAME} // '?',
	interpreter => "Perl $^V, CGI/1.1",
);
print "Content-Type: text/html; charset=utf-8\r\n\r\n",
	"<!DOCTYPE html>\n<html lang=\"en\">\n<title>bob's script</title>\n",
	"<link rel=\"stylesheet\" href=\"/style.css\">\n<h1>bob's CGI script</h1>\n<table>\n",
	(map { "<tr><th>$_</th><td>$rows{$_}</td></tr>\n" } sort keys %rows),
	"</table>\n<p><a href=\"/\">back</a></p>\n</html>\n";
