#include <inttypes.h>
#include <string.h>

#include "settings/write.h"

#define KIB 1024u

static void
write_size(char out[WRITE_NUMBER], uint64_t value)
{
	static const char units[] = "kmg";
	int unit = -1;

	while (value != 0 && value % KIB == 0 && unit < 2) {
		value /= KIB;
		unit++;
	}
	if (unit >= 0)
		snprintf(out, WRITE_NUMBER, "\"%" PRIu64 "%c\"", value, units[unit]);
	else
		snprintf(out, WRITE_NUMBER, "%" PRIu64 "%s", value, value > INT32_MAX ? "L" : "");
}

void
write_number(char out[WRITE_NUMBER], enum settings_kind kind, uint64_t value)
{
	if (kind == KIND_SIZE) {
		write_size(out, value);
	} else if (kind == KIND_TIME && value % 1000 != 0) {
		snprintf(out, WRITE_NUMBER, "\"%" PRIu64 "ms\"", value);
	} else if (kind == KIND_MODE) {
		snprintf(out, WRITE_NUMBER, "\"%04" PRIo64 "\"", value);
	} else {
		if (kind == KIND_TIME)
			value /= 1000;
		snprintf(out, WRITE_NUMBER, "%" PRIu64 "%s", value, value > INT32_MAX ? "L" : "");
	}
}

void
write_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void
write_list(FILE *out, const struct string_list *list)
{
	size_t i;

	fputs("[ ", out);
	for (i = 0; i < list->count; i++) {
		if (i > 0)
			fputs(", ", out);
		write_text(out, list->at[i]);
	}
	fputs(list->count > 0 ? " ]" : "]", out);
}

/* The number in a field of any of the kinds that are numbers. */
static uint64_t
number_in(const struct settings_row *row, const void *field)
{
	uint64_t value;
	unsigned small;

	if (row->kind == KIND_INT || row->kind == KIND_MODE || row->kind == KIND_WORD) {
		memcpy(&small, field, sizeof small);
		return small;
	}
	memcpy(&value, field, sizeof value);
	return value;
}

static const char *
text_in(const void *field)
{
	const char *text;

	memcpy(&text, field, sizeof text);
	return text;
}

static void
write_value(FILE *out, const struct settings_row *row, const void *field)
{
	char number[WRITE_NUMBER];

	switch (row->kind) {
	case KIND_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case KIND_WORD:
		fprintf(out, "\"%s\"", row->words[number_in(row, field)]);
		break;
	case KIND_TEXT:
	case KIND_PATH:
		write_text(out, text_in(field));
		break;
	case KIND_LIST:
		write_list(out, field);
		break;
	default:
		write_number(number, row->kind, number_in(row, field));
		fputs(number, out);
		break;
	}
}

void
write_row(FILE *out, unsigned depth, const struct settings_row *row, const void *field)
{
	fprintf(out, "%.*s%s = ", (int)depth, "\t\t\t\t", row->name);
	write_value(out, row, field);
	fputs(";\n", out);
}

bool
write_absent(const struct settings_row *row, const void *field)
{
	switch (row->kind) {
	case KIND_TEXT:
	case KIND_PATH:
		return text_in(field) == NULL;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_TIME:
	case KIND_SECONDS:
		return number_in(row, field) == CONFINE_UNSET;
	case KIND_POOL:
	case KIND_GROUP:
	case KIND_GROUPS:
	case KIND_INCLUDE:
		return true;
	default:
		return false;
	}
}

static bool
lists_same(const struct string_list *a, const struct string_list *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->at[i], b->at[i]) != 0)
			return false;
	return true;
}

bool
write_same(const struct settings_row *row, const void *a, const void *b)
{
	const char *text, *other;

	switch (row->kind) {
	case KIND_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case KIND_TEXT:
	case KIND_PATH:
		text = text_in(a);
		other = text_in(b);
		return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
	case KIND_LIST:
		return lists_same(a, b);
	case KIND_POOL:
	case KIND_GROUP:
	case KIND_GROUPS:
	case KIND_INCLUDE:
		return true;
	default:
		return number_in(row, a) == number_in(row, b);
	}
}
