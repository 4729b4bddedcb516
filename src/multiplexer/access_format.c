#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "multiplexer/access_format.h"

#define COMMON   "%h %l %u %t \"%r\" %>s %b"
#define COMBINED COMMON " \"%{Referer}i\" \"%{User-Agent}i\""

enum op_kind {
	OP_LITERAL, OP_VAR, OP_DASH, OP_TIME, OP_REQUEST, OP_STATUS, OP_BYTES, OP_BYTES_ZERO,
	OP_MICROSECONDS, OP_SECONDS, OP_VHOST, OP_QUERY, OP_POOL, OP_PID
};

struct op {
	enum op_kind kind;
	char *text;             /* OP_LITERAL: the text; OP_VAR: the variable's name.  Owned */
};

struct access_format {
	char *source;
	struct op *ops;
	size_t count;
};

/* Directives of one letter. */
static const struct {
	char letter;
	enum op_kind kind;
	const char *var;
} letters[] = {
	{ 'h', OP_VAR, "REMOTE_ADDR" }, { 'a', OP_VAR, "REMOTE_ADDR" }, { 'l', OP_DASH, NULL },
	{ 'u', OP_VAR, "REMOTE_USER" }, { 't', OP_TIME, NULL }, { 'r', OP_REQUEST, NULL },
	{ 's', OP_STATUS, NULL }, { 'b', OP_BYTES, NULL }, { 'B', OP_BYTES_ZERO, NULL },
	{ 'D', OP_MICROSECONDS, NULL }, { 'T', OP_SECONDS, NULL }, { 'v', OP_VHOST, NULL },
	{ 'V', OP_VAR, "SERVER_NAME" }, { 'm', OP_VAR, "REQUEST_METHOD" },
	{ 'U', OP_VAR, "DOCUMENT_URI" }, { 'q', OP_QUERY, NULL },
	{ 'H', OP_VAR, "SERVER_PROTOCOL" }, { 'p', OP_VAR, "SERVER_PORT" },
	{ 'P', OP_PID, NULL }, { '%', OP_LITERAL, "%" },
};

static int
add_op(struct access_format *format, enum op_kind kind, const char *text, size_t len)
{
	struct op *ops = realloc(format->ops, (format->count + 1) * sizeof *ops);
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
	return add_op(format, OP_VAR, var, 5 + len);
}

/* The directive at *at, after its percent sign.  0: no memory; -1: it is none. */
static int
add_directive(struct access_format *format, const char **at)
{
	const char *p = *at, *end;
	size_t i;

	if (*p == '{' && (end = strchr(p, '}')) != NULL) {
		size_t len = (size_t)(end - p - 1);

		*at = end + 1;
		if (str_is(p + 1, len, "pool"))
			return add_op(format, OP_POOL, NULL, 0);
		if (str_is(p + 1, len, "pid")) {
			*at += **at == 'P';
			return add_op(format, OP_PID, NULL, 0);
		}
		*at += **at == 'i';
		return add_field(format, p + 1, len);
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

static int
compile(struct access_format *format, const char *text)
{
	const char *at = text, *begin = text;
	int added;

	while (*at != '\0') {
		const char *directive = at + 1;

		if (*at != '%') {
			at++;
			continue;
		}
		if (at > begin && !add_op(format, OP_LITERAL, begin, (size_t)(at - begin)))
			return 0;
		begin = at;
		added = add_directive(format, &directive);
		if (added == 0)
			return 0;
		at = added > 0 ? directive : at + 1;
		if (added > 0)
			begin = at;
	}
	return at == begin || add_op(format, OP_LITERAL, begin, (size_t)(at - begin));
}

struct access_format *
access_format_new(const char *text)
{
	struct access_format *format = calloc(1, sizeof *format);
	const char *pattern = text;

	if (format == NULL)
		return NULL;
	if (strcmp(text, "combined") == 0)
		pattern = COMBINED;
	if (strcmp(text, "common") == 0)
		pattern = COMMON;
	format->source = strdup(text);
	if (format->source == NULL || !compile(format, pattern))
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

int
access_format_is(const struct access_format *format, const char *text)
{
	return strcmp(format->source, text) == 0;
}

struct line {
	char *at;
	size_t left;            /* without the newline's byte */
};

static void
put(struct line *line, const char *text, size_t len)
{
	if (len > line->left)
		len = line->left;
	memcpy(line->at, text, len);
	line->at += len;
	line->left -= len;
}

static void
put_number(struct line *line, uint64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%llu", (unsigned long long)number);

	put(line, text, (size_t)len);
}

static void
put_escaped(struct line *line, const char *text, size_t len)
{
	/* One more byte: log_escape terminates, and the newline's byte is there for it. */
	size_t used = log_escape(line->at, line->left + 1, text, len, 1);

	line->at += used;
	line->left -= used;
}

static void
put_var(struct line *line, const struct nv *vars, const char *name, const char *none)
{
	struct nv_pair pair;

	if (nv_find(vars, name, &pair) && pair.value_len > 0)
		put_escaped(line, pair.value, pair.value_len);
	else
		put(line, none, strlen(none));
}

static void
put_op(struct line *line, const struct op *op, const struct access_entry *entry)
{
	struct nv_pair pair;

	switch (op->kind) {
	case OP_LITERAL:
		put(line, op->text, strlen(op->text));
		return;
	case OP_VAR:
		put_var(line, entry->vars, op->text, "-");
		return;
	case OP_DASH:
		put(line, "-", 1);
		return;
	case OP_TIME:
		put(line, entry->time, strlen(entry->time));
		return;
	case OP_REQUEST:
		put_var(line, entry->vars, "REQUEST_METHOD", "-");
		put(line, " ", 1);
		put_var(line, entry->vars, "REQUEST_URI", "-");
		put(line, " ", 1);
		put_var(line, entry->vars, "SERVER_PROTOCOL", "-");
		return;
	case OP_STATUS:
		if (entry->status != 0)
			put_number(line, (uint64_t)entry->status);
		else
			put(line, "-", 1);
		return;
	case OP_BYTES:
	case OP_BYTES_ZERO:
		if (entry->bytes == 0 && op->kind == OP_BYTES)
			put(line, "-", 1);
		else
			put_number(line, entry->bytes);
		return;
	case OP_MICROSECONDS:
		put_number(line, entry->us);
		return;
	case OP_SECONDS:
		put_number(line, entry->us / 1000000);
		return;
	case OP_VHOST:
		put(line, entry->vhost, strlen(entry->vhost));
		return;
	case OP_QUERY:
		if (nv_find(entry->vars, "QUERY_STRING", &pair) && pair.value_len > 0) {
			put(line, "?", 1);
			put_escaped(line, pair.value, pair.value_len);
		}
		return;
	case OP_POOL:
		put(line, entry->pool, strlen(entry->pool));
		return;
	case OP_PID:
		if (entry->pid > 0)
			put_number(line, (uint64_t)entry->pid);
		else
			put(line, "-", 1);
		return;
	}
}

size_t
access_format_write(const struct access_format *format, const struct access_entry *entry,
    char *out, size_t size)
{
	struct line line = { out, size - 1 };
	size_t i;

	for (i = 0; i < format->count; i++)
		put_op(&line, &format->ops[i], entry);
	*line.at++ = '\n';
	return (size_t)(line.at - out);
}
