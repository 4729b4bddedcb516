/*
 * Values as configuration text, as -T, the slices and messages show them.
 */
#ifndef PERUSERD_SETTINGS_WRITE_H
#define PERUSERD_SETTINGS_WRITE_H

#include <stdio.h>

#include "settings/schema.h"
#include "settings/settings.h"

#define WRITE_NUMBER 32         /* bytes that any number takes as text, terminator included */

/* A number, size or time as one would write it: 30, "64m", "1500ms". */
void write_number(char out[WRITE_NUMBER], enum settings_kind kind, uint64_t value);

/* A text in quotes, escaped as libconfig reads it. */
void write_text(FILE *out, const char *text);

/* "name = value;" and a newline, indented by that many tabs. */
void write_row(FILE *out, unsigned depth, const struct settings_row *row, const void *field);

/* True if the value can't be written for there is none (a text that is NULL, a limit unset). */
bool write_absent(const struct settings_row *row, const void *field);

/* True if two values of that kind are the same. */
bool write_same(const struct settings_row *row, const void *a, const void *b);

#endif
