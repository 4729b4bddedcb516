#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "settings/reading.h"

#define INCLUDE_DEPTH 10        /* libconfig's own bound */

struct scan {
	struct reading *reading;
	const char *name;       /* the file, for messages */
	const char *base;       /* the file that peruserd opened: includes are relative to it */
	const char *text;
	size_t len, at;
	unsigned line;
	char last;              /* the last character that means something */
	unsigned depth;
	bool ok;
};

static bool scan_all(struct scan *scan);

static void
wrong(struct scan *scan, unsigned line, const char *text)
{
	struct place place = { scan->name, line };

	scan->ok = false;
	say_error(scan->reading, place, "%s", text);
	if (scan->reading->misread_count < MISREAD_MOST)
		scan->reading->misread[scan->reading->misread_count++] = place;
}

static char
peek(const struct scan *scan, size_t ahead)
{
	return scan->len - scan->at > ahead ? scan->text[scan->at + ahead] : '\0';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_line(struct scan *scan)
{
	while (scan->at < scan->len && scan->text[scan->at] != '\n')
		scan->at++;
}

static void
skip_comment(struct scan *scan)
{
	unsigned begin = scan->line;

	for (scan->at += 2; scan->at < scan->len; scan->at++) {
		if (peek(scan, 0) == '*' && peek(scan, 1) == '/') {
			scan->at += 2;
			return;
		}
		if (peek(scan, 0) == '\n')
			scan->line++;
	}
	wrong(scan, begin, "this comment never ends: write */ where it should");
}

static void
skip_string(struct scan *scan)
{
	unsigned begin = scan->line;

	for (scan->at++; scan->at < scan->len; scan->at++) {
		char c = peek(scan, 0);

		if (c == '"') {
			scan->at++;
			return;
		}
		if (c == '\\' && str_is_nocase(scan->text + scan->at,
		    scan->len - scan->at < 4 ? 0 : 4, "\\x00"))
			wrong(scan, scan->line, "a string can't hold \\x00: take it out");
		if (c == '\\' && scan->at + 1 < scan->len)
			scan->at++;
		if (peek(scan, 0) == '\n')
			scan->line++;
	}
	wrong(scan, begin, "this string never ends: write \" where it should");
}

/* Leading digits of that base; *len is what they and an L or LL take. */
static size_t
digits(const char *token, size_t len, bool hex, size_t *with_suffix)
{
	uint64_t ignored;
	size_t count = 0;

	while (count < len && (hex ? str_hex(token + count, 1, &ignored) : is_digit(token[count])))
		count++;
	*with_suffix = count;
	while (*with_suffix < len && *with_suffix < count + 2 && token[*with_suffix] == 'L')
		++*with_suffix;
	return count;
}

static bool
is_float(const char *token, size_t len)
{
	char *copy, *end;
	bool is;

	if (memchr(token, '.', len) == NULL && memchr(token, 'e', len) == NULL &&
	    memchr(token, 'E', len) == NULL)
		return false;
	copy = strndup(token, len);
	if (copy == NULL)
		return false;
	strtod(copy, &end);
	is = *end == '\0';
	free(copy);
	return is;
}

/* token: without its sign. */
static void
number_check(struct scan *scan, const char *token, size_t len)
{
	bool hex = len > 2 && token[0] == '0' && str_lower(token[1]) == 'x';
	size_t from = hex ? 2 : 0, count, all;
	uint64_t value = 0;
	bool fits;

	count = digits(token + from, len - from, hex, &all);
	if (count == 0 || all != len - from) {
		if (hex || !is_float(token, len))
			wrong(scan, scan->line, "a value with letters or dots needs quotes: "
			    "write \"64m\", \"30s\" or \"127.0.0.1:80\"");
		return;
	}
	fits = hex ? str_hex(token + 2, count, &value) : str_decimal(token, count, &value);
	if (!hex && count > 1 && token[0] == '0')
		wrong(scan, scan->line, "a number can't begin with 0: leave the zero out, "
		    "or write a mode in quotes, as \"0660\"");
	else if (!fits || value > INT64_MAX)
		wrong(scan, scan->line, "this number is too big: write at most "
		    "9223372036854775807L, or a size as \"4g\"");
	else if (value > INT32_MAX && all == count)
		wrong(scan, scan->line, "a number above 2147483647 needs an L at its end, "
		    "as 4294967296L; or write a size as \"4g\"");
}

static void
take_number(struct scan *scan)
{
	size_t begin, end;

	if (peek(scan, 0) == '-' || peek(scan, 0) == '+')
		scan->at++;
	begin = scan->at;
	for (end = begin; end < scan->len; end++) {
		char c = scan->text[end];
		bool exponent = end > begin && str_lower(scan->text[end - 1]) == 'e' &&
		    (c == '-' || c == '+');

		if (!is_digit(c) && !is_letter(c) && c != '.' && c != '_' && !exponent)
			break;
	}
	number_check(scan, scan->text + begin, end - begin);
	scan->at = end;
}

static void
take_word(struct scan *scan)
{
	const char *word = scan->text + scan->at;
	size_t len = 0;

	while (len < scan->len - scan->at && (is_letter(word[len]) || is_digit(word[len]) ||
	    word[len] == '-' || word[len] == '_' || word[len] == '*'))
		len++;
	scan->at += len;
	if (scan->last == '=' && !str_is_nocase(word, len, "true") &&
	    !str_is_nocase(word, len, "false"))
		wrong(scan, scan->line, "a value that is a word needs quotes; without quotes only "
		    "numbers, true and false may stand here");
}

static void
include_scan(struct scan *scan, const char *file)
{
	struct scan inner = { .reading = scan->reading, .name = file, .base = scan->base,
	    .line = 1, .last = '\n', .depth = scan->depth + 1, .ok = true };
	char *bytes;

	if (scan->depth >= INCLUDE_DEPTH)
		return;
	bytes = source_bytes(file, &inner.len);
	if (bytes == NULL)
		return;         /* libconfig says so */
	inner.text = bytes;
	if (!scan_all(&inner))
		scan->ok = false;
	free(bytes);
}

/* libconfig's own: @include "file" at the beginning of a line. */
static void
take_include(struct scan *scan)
{
	size_t left = scan->len - scan->at, from = 8, end;
	const char *at = scan->text + scan->at;
	struct place place = { scan->name, scan->line };

	scan->at++;
	if (left < 10 || memcmp(at, "@include", 8) != 0)
		return;
	while (from < left && (at[from] == ' ' || at[from] == '\t'))
		from++;
	if (from == left || at[from] != '"')
		return;
	for (end = ++from; end < left && at[end] != '"' && at[end] != '\n'; end++)
		;
	if (scan->reading->purpose == SETTINGS_SLICE) {
		scan->ok = false;
		say_error(scan->reading, place, "a slice includes nothing");
	} else {
		include_scan(scan, source_beside(scan->reading, scan->base,
		    arena_copy(scan->reading->arena, at + from, end - from)));
	}
	skip_line(scan);
}

static void
take_mark(struct scan *scan, char c)
{
	if ((c == ')' || c == ']') && scan->last == ',')
		wrong(scan, scan->line, "there is a comma after the last item: take it out");
	scan->last = c == ':' ? '=' : c;
	scan->at++;
}

static void
take(struct scan *scan)
{
	char c = peek(scan, 0), next = peek(scan, 1);
	bool number = is_digit(c) || ((c == '-' || c == '+' || c == '.') &&
	    (is_digit(next) || next == '.'));

	if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f') {
		scan->line += c == '\n';
		scan->at++;
	} else if (c == '#' || (c == '/' && next == '/')) {
		skip_line(scan);
	} else if (c == '/' && next == '*') {
		skip_comment(scan);
	} else if (c == '"') {
		skip_string(scan);
		scan->last = '"';
	} else if (c == '@') {
		take_include(scan);
	} else if (number) {
		take_number(scan);
		scan->last = '0';
	} else if (is_letter(c) || c == '*') {
		take_word(scan);
		scan->last = 'a';
	} else {
		take_mark(scan, c);
	}
}

static bool
scan_all(struct scan *scan)
{
	if (memchr(scan->text, '\0', scan->len) != NULL) {
		wrong(scan, 1, "this is no text: it holds zero bytes");
		return false;
	}
	while (scan->at < scan->len)
		take(scan);
	return scan->ok;
}

bool
scan_text(struct reading *reading, const char *name, const char *text, size_t len)
{
	struct scan scan = { .reading = reading, .name = name, .base = name, .text = text,
	    .len = len, .line = 1, .last = '\n', .ok = true };

	return scan_all(&scan);
}
