/*
 * A Perl script's text, as far as it must be understood to be compiled into a
 * sub: its first line, and where its code ends.  Pure.
 */
#ifndef PERUSERD_HANDLERS_PERL_SOURCE_H
#define PERUSERD_HANDLERS_PERL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct perl_source {
	bool is_perl;           /* no #! line, or one that names a perl */
	bool warns;             /* -w */
	bool taints;            /* -T or -t, which can't be had in a process that lives on */
	char other;             /* a switch that is none of these, or 0 */
	size_t code;            /* bytes before __END__ or __DATA__: all, where there is none */
	size_t data;            /* where the line after it begins; 0: there is none */
};

/* Never fails.  A __END__ in a piece of POD is none. */
void perl_source_read(const char *text, size_t len, struct perl_source *source);

#endif
