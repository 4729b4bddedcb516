#include <string.h>

#include "settings/reading.h"
#include "settings/write.h"

static const char *const kinds[] = {
	[KIND_BOOL] = "true or false",
	[KIND_NUMBER] = "number",
	[KIND_INT] = "number",
	[KIND_SIZE] = "size",
	[KIND_TIME] = "time",
	[KIND_SECONDS] = "time",
	[KIND_MODE] = "mode",
	[KIND_WORD] = "word",
	[KIND_TEXT] = "text",
	[KIND_PATH] = "path",
	[KIND_LIST] = "list of texts",
	[KIND_POOL] = "text",
	[KIND_GROUP] = "group",
	[KIND_GROUPS] = "list of groups",
	[KIND_INCLUDE] = "list of patterns"
};

/* roff's own characters: backslash, minus and quotes anywhere, a dot at the beginning. */
static void
roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text != '\0'; text++)
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else
			putc(*text, out);
}

static void
range_manual(FILE *out, const struct settings_row *row)
{
	char least[WRITE_NUMBER], most[WRITE_NUMBER];
	size_t i;

	for (i = 0; row->kind == KIND_WORD && row->words[i] != NULL; i++) {
		fputs(i == 0 ? ": " : ", ", out);
		roff(out, row->words[i]);
	}
	if (row->most == 0)
		return;
	write_number(least, row->kind, row->least);
	write_number(most, row->kind, row->most);
	fputs(", ", out);
	roff(out, least);
	fputs(" to ", out);
	roff(out, most);
}

static void
peer_manual(FILE *out, const char *peer, const char *names)
{
	if (names == NULL)
		return;
	fputs("In ", out);
	roff(out, peer);
	fputs(":\n.BR \"", out);
	roff(out, names);
	fputs("\" .\n", out);
}

static void
row_manual(FILE *out, const struct settings_row *row)
{
	if ((row->where & ONLY_SLICE) != 0)
		return;
	fprintf(out, ".TP\n.BR %s \" (%s", row->name, kinds[row->kind]);
	range_manual(out, row);
	fputs(")\"\n", out);
	roff(out, row->help);
	putc('\n', out);
	if (row->fallback != NULL) {
		fputs("Default:\n.BR \"", out);
		roff(out, row->fallback);
		fputs("\" .\n", out);
	}
	peer_manual(out, "Peruser", row->peruser);
	peer_manual(out, "php-fpm", row->php_fpm);
}

static void
group_manual(FILE *out, enum settings_group_id id, const char *title)
{
	const struct settings_group *group = schema_group(id);
	size_t i;

	fprintf(out, ".SS \"%s\"\n", title);
	for (i = 0; i < group->count; i++)
		row_manual(out, &group->rows[i]);
}

bool
settings_manual(FILE *out)
{
	size_t i;

	group_manual(out, GROUP_GLOBAL, "At the top");
	fputs(".SS \"At the top, in a processors entry, in a vhost\"\n"
	    "The nearest one wins.\n", out);
	for (i = 0; i < TUNING_ROWS; i++)
		row_manual(out, &schema_tuning[i]);
	group_manual(out, GROUP_LISTEN, "In an entry of listen");
	group_manual(out, GROUP_CONTROL, "In control");
	group_manual(out, GROUP_MULTIPLEXER, "In an entry of multiplexers");
	group_manual(out, GROUP_PROCESSOR, "In an entry of processors");
	group_manual(out, GROUP_LIMITS, "In limits");
	group_manual(out, GROUP_VHOST, "In an entry of vhosts");
	group_manual(out, GROUP_HANDLER, "In an entry of handlers");
	return fflush(out) == 0 && !ferror(out);
}
