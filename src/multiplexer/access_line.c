#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "multiplexer/access_line.h"

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
put_op(struct line *line, const struct access_op *op, const struct access_entry *entry)
{
	struct nv_pair pair;

	switch (op->kind) {
	case ACCESS_LITERAL:
		put(line, op->text, strlen(op->text));
		return;
	case ACCESS_VAR:
		put_var(line, entry->vars, op->text, "-");
		return;
	case ACCESS_DASH:
		put(line, "-", 1);
		return;
	case ACCESS_TIME:
		put(line, entry->time, strlen(entry->time));
		return;
	case ACCESS_REQUEST:
		put_var(line, entry->vars, "REQUEST_METHOD", "-");
		put(line, " ", 1);
		put_var(line, entry->vars, "REQUEST_URI", "-");
		put(line, " ", 1);
		put_var(line, entry->vars, "SERVER_PROTOCOL", "-");
		return;
	case ACCESS_STATUS:
		if (entry->status != 0)
			put_number(line, (uint64_t)entry->status);
		else
			put(line, "-", 1);
		return;
	case ACCESS_BYTES:
	case ACCESS_BYTES_ZERO:
		if (entry->bytes == 0 && op->kind == ACCESS_BYTES)
			put(line, "-", 1);
		else
			put_number(line, entry->bytes);
		return;
	case ACCESS_MILLISECONDS:
		put_number(line, entry->us / 1000);
		return;
	case ACCESS_WAIT:
		put_number(line, entry->wait_us);
		return;
	case ACCESS_ID:
		put(line, entry->id != NULL ? entry->id : "-",
		    entry->id != NULL ? strlen(entry->id) : 1);
		return;
	case ACCESS_MICROSECONDS:
		put_number(line, entry->us);
		return;
	case ACCESS_SECONDS:
		put_number(line, entry->us / 1000000);
		return;
	case ACCESS_VHOST:
		put(line, entry->vhost, strlen(entry->vhost));
		return;
	case ACCESS_QUERY:
		if (nv_find(entry->vars, "QUERY_STRING", &pair) && pair.value_len > 0) {
			put(line, "?", 1);
			put_escaped(line, pair.value, pair.value_len);
		}
		return;
	case ACCESS_POOL:
		put(line, entry->pool, strlen(entry->pool));
		return;
	case ACCESS_PID:
		if (entry->pid > 0)
			put_number(line, (uint64_t)entry->pid);
		else
			put(line, "-", 1);
		return;
	}
}

size_t
access_line_write(const struct access_format *format, const struct access_entry *entry,
    char *out, size_t size)
{
	struct line line = { out, size - 1 };
	size_t i;

	for (i = 0; i < format->count; i++)
		put_op(&line, &format->ops[i], entry);
	*line.at++ = '\n';
	return (size_t)(line.at - out);
}
