#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "status/table.h"

/* Escaped, cut to width; its length. */
static size_t
fit(const char *text, unsigned width, char out[TABLE_CELL])
{
	/* Longer than its column by one escape at most, so that a cut is a cut of the end. */
	size_t len = log_escape(out, TABLE_CELL, text, strnlen(text, TABLE_CELL / 4), 0);

	len = len < width ? len : width;
	out[len] = '\0';
	return len;
}

void
table_cut(struct show *show, const char *text, unsigned columns)
{
	char out[TABLE_CELL];

	fit(text, columns, out);
	show_text(show, out);
}

static void
put(struct show *show, const struct table *table, const char *(*text)(const struct column *column,
    const void *item, char out[TABLE_CELL]), const void *item)
{
	char raw[TABLE_CELL], cell[TABLE_CELL];
	unsigned used = 0, width;
	size_t i, len;
	bool last;

	for (i = 0; i < table->count; i++) {
		const struct column *column = &table->columns[i];

		if (column->least > table->width)
			continue;
		last = i + 1 == table->count;
		width = last && table->width > used ? table->width - used : column->width;
		len = fit(text(column, item, raw), width, cell);
		if (!column->left)
			show_format(show, "%*s", (int)(last ? column->width : width), cell);
		else
			show_format(show, "%s%*s", cell, last ? 0 : (int)(width - len), "");
		if (!last)
			show_text(show, " ");
		used += width + 1;
	}
	show_text(show, "\n");
}

static const char *
head_of(const struct column *column, const void *item, char out[TABLE_CELL])
{
	(void)item;
	(void)out;
	return column->head;
}

static const char *
cell_of(const struct column *column, const void *item, char out[TABLE_CELL])
{
	return column->cell(item, out);
}

void
table_head(struct show *show, const struct table *table)
{
	put(show, table, head_of, NULL);
}

void
table_row(struct show *show, const struct table *table, const void *item)
{
	put(show, table, cell_of, item);
}
