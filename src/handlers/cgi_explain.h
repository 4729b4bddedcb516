/* Why a program can't be run, in words that its owner can act on. */
#ifndef PERUSERD_HANDLERS_CGI_EXPLAIN_H
#define PERUSERD_HANDLERS_CGI_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Explain the errno that execve gave for that file.  ENOENT means that its
 * interpreter is missing, for the file itself was there: it is named, and that
 * it was looked for inside the chroot where the pool has one.
 */
void cgi_explain(char *out, size_t size, const char *file, int error, bool in_chroot);

/*
 * The interpreter that a script's first bytes name ("#! /usr/bin/perl -w"), as
 * execve reads them.  False: it is no script.  A carriage return stays in it.
 */
bool cgi_interpreter(const char *bytes, size_t len, char *out, size_t size);

#endif
