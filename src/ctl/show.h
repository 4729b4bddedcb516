/*
 * A status as text for a terminal of 80 columns, or as JSON.  Foreign text is
 * escaped in both: control characters never reach a terminal, and JSON is
 * ASCII whatever a URL holds.
 */
#ifndef PERUSERD_CTL_SHOW_H
#define PERUSERD_CTL_SHOW_H

#include <stdio.h>

#include "ctl/view.h"

#define SHOW_AGE 16

void show_text(const struct view *view, FILE *out);
void show_json(const struct view *view, FILE *out);

/* "340ms", "12s", "5m", "3h", "12d" */
const char *show_age(uint64_t ms, char out[SHOW_AGE]);

/* A JSON string, quotes included; bytes above 0x7e as the code points of Latin-1. */
void show_json_string(const char *text, FILE *out);

#endif
