#include <string.h>

#include "handlers/perl_source.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
begins(const char *line, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - line) >= len && memcmp(line, with, len) == 0;
}

/* The letters of "-wT"; "--" and what is no switch end them. */
static void
read_switches(const char *at, const char *end, struct perl_source *source)
{
	for (; at < end; at++) {
		if (is_blank(*at) || *at == '-')
			continue;
		if (*at == 'w' || *at == 'W')
			source->warns = true;
		else if (*at == 'T' || *at == 't')
			source->taints = true;
		else if (*at != 'U')
			source->other = *at;
	}
}

static void
read_first_line(const char *line, const char *end, struct perl_source *source)
{
	const char *perl;

	source->is_perl = true;
	if (!begins(line, end, "#!"))
		return;
	perl = memmem(line, (size_t)(end - line), "perl", 4);
	if (perl == NULL) {
		source->is_perl = false;
		return;
	}
	/* "perl5.36 -w" */
	for (perl += 4; perl < end && !is_blank(*perl); perl++)
		;
	read_switches(perl, end, source);
}

/* Is this line that word, and nothing else? */
static bool
is_word(const char *line, const char *end, const char *word)
{
	if (!begins(line, end, word))
		return false;
	for (line += strlen(word); line < end && is_blank(*line); line++)
		;
	return line == end;
}

static bool
is_pod(const char *line, const char *end)
{
	return end - line > 1 && line[0] == '=' &&
	    ((line[1] >= 'a' && line[1] <= 'z') || (line[1] >= 'A' && line[1] <= 'Z'));
}

void
perl_source_read(const char *text, size_t len, struct perl_source *source)
{
	const char *line = text, *stop = text + len, *end;
	bool pod = false;

	memset(source, 0, sizeof *source);
	source->code = len;
	for (; line < stop; line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		end = end != NULL ? end : stop;
		if (line == text)
			read_first_line(line, end, source);
		if (is_pod(line, end))
			pod = !begins(line, end, "=cut");
		if (pod || (!is_word(line, end, "__END__") && !is_word(line, end, "__DATA__")))
			continue;
		source->code = (size_t)(line - text);
		source->data = end < stop ? (size_t)(end + 1 - text) : len;
		return;
	}
	if (len == 0)
		source->is_perl = true;
}
