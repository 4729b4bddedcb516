/*
 * Tables for a terminal: columns that appear where there is room for them,
 * cells that are escaped and cut to fit.  The last column takes what is left.
 */
#ifndef PERUSERD_STATUS_TABLE_H
#define PERUSERD_STATUS_TABLE_H

#include <stddef.h>

#include "status/show.h"

#define TABLE_CELL 512

struct column {
	const char *head;
	unsigned width;
	unsigned least;         /* shown on terminals of so many columns and more */
	bool left;              /* aligned left */
	/* Its text, raw: into out or its own. */
	const char *(*cell)(const void *item, char out[TABLE_CELL]);
};

struct table {
	const struct column *columns;
	size_t count;
	unsigned width;         /* of the terminal */
};

void table_head(struct show *show, const struct table *table);
void table_row(struct show *show, const struct table *table, const void *item);

/* Escaped, and cut to so many columns. */
void table_cut(struct show *show, const char *text, unsigned columns);

#endif
