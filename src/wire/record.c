#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "wire/record.h"

void
record_begin(struct record_writer *writer, const char *kind)
{
	writer->ok = buf_add_str(writer->to, kind) && writer->ok;
}

void
record_text(struct record_writer *writer, const char *key, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;

	writer->ok = buf_printf(writer->to, " %s=", key) && writer->ok;
	for (; *at != '\0' && writer->ok; at++)
		if (*at > 0x20 && *at < 0x7f && *at != '%')
			writer->ok = buf_add(writer->to, at, 1);
		else
			writer->ok = buf_printf(writer->to, "%%%02x", *at);
}

void
record_number(struct record_writer *writer, const char *key, uint64_t value)
{
	writer->ok = buf_printf(writer->to, " %s=%" PRIu64, key, value) && writer->ok;
}

bool
record_end(struct record_writer *writer)
{
	writer->ok = buf_add(writer->to, "\n", 1) && writer->ok;
	return writer->ok;
}

static bool
value_decode(char *value)
{
	char *to = value;
	uint64_t byte;

	for (; *value != '\0'; value++) {
		if (*value != '%') {
			*to++ = *value;
			continue;
		}
		if (value[1] == '\0' || value[2] == '\0' || !str_hex(value + 1, 2, &byte))
			return false;
		*to++ = byte == 0 ? '?' : (char)byte;
		value += 2;
	}
	*to = '\0';
	return true;
}

bool
record_parse(char *line, struct record *record)
{
	char *rest = line, *word, *equals;
	struct record_field *field;

	record->count = 0;
	record->kind = strsep(&rest, " ");
	if (record->kind[0] == '\0')
		return false;
	while ((word = strsep(&rest, " ")) != NULL) {
		equals = strchr(word, '=');
		if (equals == NULL || equals == word || record->count == RECORD_FIELDS)
			return false;
		*equals = '\0';
		field = &record->fields[record->count++];
		field->key = word;
		field->value = equals + 1;
		if (!value_decode(field->value))
			return false;
	}
	return true;
}

const char *
record_get(const struct record *record, const char *key)
{
	unsigned i;

	for (i = 0; i < record->count; i++)
		if (strcmp(record->fields[i].key, key) == 0)
			return record->fields[i].value;
	return "";
}

uint64_t
record_get_number(const struct record *record, const char *key)
{
	const char *text = record_get(record, key);
	uint64_t value;

	return str_decimal(text, strlen(text), &value) ? value : 0;
}
