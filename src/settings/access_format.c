#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "settings/access_format.h"

#define COMMON   "%h %l %u %t \"%r\" %>s %b"
#define COMBINED COMMON " \"%{Referer}i\" \"%{User-Agent}i\""

/* Directives of one letter. */
static const struct {
	char letter;
	enum access_op_kind kind;
	const char *var;
} letters[] = {
	{ 'h', ACCESS_VAR, "REMOTE_ADDR" }, { 'a', ACCESS_VAR, "REMOTE_ADDR" },
	{ 'l', ACCESS_DASH, NULL }, { 'u', ACCESS_VAR, "REMOTE_USER" },
	{ 't', ACCESS_TIME, NULL }, { 'r', ACCESS_REQUEST, NULL }, { 's', ACCESS_STATUS, NULL },
	{ 'b', ACCESS_BYTES, NULL }, { 'B', ACCESS_BYTES_ZERO, NULL },
	{ 'D', ACCESS_MICROSECONDS, NULL }, { 'T', ACCESS_SECONDS, NULL },
	{ 'v', ACCESS_VHOST, NULL }, { 'V', ACCESS_VAR, "SERVER_NAME" },
	{ 'm', ACCESS_VAR, "REQUEST_METHOD" }, { 'U', ACCESS_VAR, "DOCUMENT_URI" },
	{ 'q', ACCESS_QUERY, NULL }, { 'H', ACCESS_VAR, "SERVER_PROTOCOL" },
	{ 'p', ACCESS_VAR, "SERVER_PORT" }, { 'P', ACCESS_PID, NULL },
	{ 'A', ACCESS_VAR, "SERVER_ADDR" }, { 'L', ACCESS_ID, NULL },
	{ '%', ACCESS_LITERAL, "%" },
};

static int
add_op(struct access_format *format, enum access_op_kind kind, const char *text, size_t len)
{
	struct access_op *ops = realloc(format->ops, (format->count + 1) * sizeof *ops);
	char *copy;

	if (ops == NULL)
		return 0;
	format->ops = ops;
	copy = text != NULL ? strndup(text, len) : NULL;
	if (text != NULL && copy == NULL)
		return 0;
	ops[format->count].kind = kind;
	ops[format->count++].text = copy;
	return 1;
}

/* "%{Name}i" becomes HTTP_NAME. */
static int
add_field(struct access_format *format, const char *name, size_t len)
{
	char var[128];
	size_t i;

	if (len > sizeof var - 6)
		len = sizeof var - 6;
	memcpy(var, "HTTP_", 5);
	for (i = 0; i < len; i++) {
		char c = name[i];

		var[5 + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
	}
	return add_op(format, ACCESS_VAR, var, 5 + len);
}

/*
 * Directives with a name in braces, and the letter that may or must follow it.  A
 * name that isn't here is a request field's, with the letter i.
 */
static const struct {
	const char *name, *letter;
	enum access_op_kind kind;
} names[] = {
	{ "pool", "", ACCESS_POOL }, { "pid", "P", ACCESS_PID }, { "pid", "", ACCESS_PID },
	{ "s", "T", ACCESS_SECONDS }, { "ms", "T", ACCESS_MILLISECONDS },
	{ "us", "T", ACCESS_MICROSECONDS }, { "wait", "", ACCESS_WAIT },
};

/* The directive at *at, behind its "%{".  0: no memory; -1: it is none. */
static int
add_named(struct access_format *format, const char **at)
{
	const char *name = *at, *end = strchr(name, '}');
	size_t len = end != NULL ? (size_t)(end - name) : 0, i;

	if (len == 0)
		return -1;
	end++;
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_is(name, len, names[i].name) &&
		    strncmp(end, names[i].letter, strlen(names[i].letter)) == 0) {
			*at = end + strlen(names[i].letter);
			return add_op(format, names[i].kind, NULL, 0);
		}
	if (*end != 'i')
		return -1;
	*at = end + 1;
	return add_field(format, name, len);
}

/* The directive at *at, behind its percent sign; the same answers. */
static int
add_directive(struct access_format *format, const char **at)
{
	const char *p = *at;
	size_t i;

	if (*p == '{') {
		*at = p + 1;
		return add_named(format, at);
	}
	if (*p == '>')
		p++;
	for (i = 0; *p != '\0' && i < sizeof letters / sizeof letters[0]; i++)
		if (letters[i].letter == *p) {
			*at = p + 1;
			return add_op(format, letters[i].kind, letters[i].var,
			    letters[i].var != NULL ? strlen(letters[i].var) : 0);
		}
	return -1;
}

static bool
compile(struct access_format *format, const char *text, struct fault *fault)
{
	const char *at = text, *begin = text, *directive;
	int added;

	while (*at != '\0') {
		if (*at != '%') {
			at++;
			continue;
		}
		if (at > begin && !add_op(format, ACCESS_LITERAL, begin, (size_t)(at - begin)))
			return fault_set(fault, ENOMEM, "compile a log's format");
		directive = at + 1;
		added = add_directive(format, &directive);
		if (added < 0)
			return fault_set(fault, 0, "no directive begins %.16s", at);
		if (added == 0)
			return fault_set(fault, ENOMEM, "compile a log's format");
		at = begin = directive;
	}
	if (at > begin && !add_op(format, ACCESS_LITERAL, begin, (size_t)(at - begin)))
		return fault_set(fault, ENOMEM, "compile a log's format");
	return true;
}

struct access_format *
access_format_new(const char *text, struct fault *fault)
{
	struct access_format *format = calloc(1, sizeof *format);
	const char *pattern = text;

	if (format == NULL) {
		fault_set(fault, ENOMEM, "compile a log's format");
		return NULL;
	}
	if (strcmp(text, "combined") == 0)
		pattern = COMBINED;
	if (strcmp(text, "common") == 0)
		pattern = COMMON;
	format->source = strdup(text);
	if (format->source == NULL)
		fault_set(fault, ENOMEM, "compile a log's format");
	if (format->source == NULL || !compile(format, pattern, fault))
		access_format_free(&format);
	return format;
}

void
access_format_free(struct access_format **format)
{
	size_t i;

	if (*format == NULL)
		return;
	for (i = 0; i < (*format)->count; i++)
		free((*format)->ops[i].text);
	free((*format)->ops);
	free((*format)->source);
	free(*format);
	*format = NULL;
}

bool
access_format_is(const struct access_format *format, const char *text)
{
	return strcmp(format->source, text) == 0;
}
