#include <string.h>

#include "base/str.h"
#include "settings/reading.h"
#include "settings/write.h"

#define SECOND 1000u

/* Parts of a number and its unit. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "k", 1024 }, { "m", 1024 * 1024 }, { "g", 1024 * 1024 * 1024 }, { NULL, 0 }
};

static const struct unit time_units[] = {
	{ "ms", 1 }, { "s", SECOND }, { "min", 60 * SECOND }, { "h", 3600 * SECOND }, { NULL, 0 }
};

/* What to write instead, by kind; range and words are added where there are some. */
static const char *const advice[] = {
	[KIND_BOOL] = "write true or false, without quotes",
	[KIND_NUMBER] = "write a whole number",
	[KIND_INT] = "write a whole number",
	[KIND_SIZE] = "write a size like \"64m\" (k, m or g), or bytes as a number",
	[KIND_TIME] = "write seconds as a number, or a time like \"1500ms\", \"30s\", \"5min\"",
	[KIND_SECONDS] = "write seconds as a number, or a time like \"30s\", \"5min\", \"2h\"",
	[KIND_MODE] = "write a mode in octal, in quotes, like \"0660\"",
	[KIND_WORD] = "write one of these words, in quotes",
	[KIND_TEXT] = "write a text in quotes",
	[KIND_PATH] = "write an absolute path, in quotes, like \"/srv/www\"",
	[KIND_LIST] = "write a list of texts, like [ \"a\", \"b\" ]",
	[KIND_POOL] = "write the name of a processors entry, in quotes",
	[KIND_GROUP] = "write a group, like { a = 1; }",
	[KIND_GROUPS] = "write a list of groups, like ( { a = 1; }, { a = 2; } )",
	[KIND_INCLUDE] = "write a list of patterns, like [ \"conf.d/*.cfg\" ]"
};

const char *
value_advice(struct reading *reading, const struct settings_row *row)
{
	char least[WRITE_NUMBER], most[WRITE_NUMBER];
	const char *words = "";
	size_t i;

	if (row->kind == KIND_WORD) {
		for (i = 0; row->words[i] != NULL; i++)
			words = arena_printf(reading->arena, "%s%s\"%s\"", words,
			    i == 0 ? "" : ", ", row->words[i]);
		return arena_printf(reading->arena, "write one of %s", words);
	}
	if (row->most == 0)
		return advice[row->kind];
	write_number(least, row->kind, row->least);
	write_number(most, row->kind, row->most);
	return arena_printf(reading->arena, "%s, from %s to %s", advice[row->kind], least, most);
}

static bool
wrong(struct reading *reading, const struct settings_row *row, const config_setting_t *setting,
    const char *what)
{
	struct place place = place_of(reading, setting);
	size_t i;

	for (i = 0; i < reading->misread_count; i++)
		if (reading->misread[i].line == place.line &&
		    strcmp(reading->misread[i].file, place.file) == 0)
			return false;   /* libconfig misread it; that was said */
	say_error(reading, place, "%s %s; %s", row->name, what, value_advice(reading, row));
	return false;
}

static bool
is_integer(const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static long long
integer_of(const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_INT)
		return config_setting_get_int(setting);
	return config_setting_get_int64(setting);
}

/* "64m" with these units; false where it isn't that, or overflows. */
static bool
with_unit(const char *text, const struct unit *units, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number;

	if (!str_decimal(text, digits, &number))
		return false;
	for (; units->name != NULL; units++)
		if (str_is_nocase(text + digits, strlen(text + digits), units->name)) {
			if (number > UINT64_MAX / units->factor)
				return false;
			*value = number * units->factor;
			return true;
		}
	return false;
}

/* A number, a size or a time, in the unit that is stored. */
static bool
quantity_of(const struct settings_row *row, const config_setting_t *setting, uint64_t *value)
{
	bool is_time = row->kind == KIND_TIME || row->kind == KIND_SECONDS;
	long long number;

	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		if (row->kind != KIND_SIZE && !is_time)
			return false;
		if (!with_unit(config_setting_get_string(setting),
		    is_time ? time_units : size_units, value))
			return false;
		if (row->kind == KIND_SECONDS && *value % SECOND != 0)
			return false;
		*value /= row->kind == KIND_SECONDS ? SECOND : 1;
		return true;
	}
	if (!is_integer(setting) || (number = integer_of(setting)) < 0)
		return false;
	if (row->kind == KIND_TIME && (uint64_t)number > UINT64_MAX / SECOND)
		return false;
	*value = (uint64_t)number * (row->kind == KIND_TIME ? SECOND : 1);
	return true;
}

static bool
quantity_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	uint64_t value;
	int number;

	if (!quantity_of(row, setting, &value))
		return wrong(reading, row, setting, row->kind == KIND_SIZE ? "is no size" :
		    row->kind == KIND_TIME || row->kind == KIND_SECONDS ? "is no time" :
		    "is no number that can stand here");
	if (value < row->least || value > row->most)
		return wrong(reading, row, setting, value < row->least ? "is too small" :
		    "is too big");
	if (row->kind == KIND_INT) {
		number = (int)value;
		memcpy(field, &number, sizeof number);
	} else {
		memcpy(field, &value, sizeof value);
	}
	return true;
}

static bool
mode_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	const char *text = config_setting_get_string(setting);
	mode_t mode = 0;
	size_t i;

	if (text == NULL || text[0] == '\0' || strlen(text) > 5)
		return wrong(reading, row, setting, "is no mode");
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '7')
			return wrong(reading, row, setting, "is no mode");
		mode = mode * 8 + (mode_t)(text[i] - '0');
	}
	if (mode > row->most)
		return wrong(reading, row, setting, "is too big");
	memcpy(field, &mode, sizeof mode);
	return true;
}

static bool
word_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	const char *text = config_setting_get_string(setting), *unserved;
	unsigned i;

	for (i = 0; text != NULL && row->words[i] != NULL; i++)
		if (strcmp(text, row->words[i]) == 0)
			break;
	if (text == NULL || row->words[i] == NULL)
		return wrong(reading, row, setting, text == NULL ? "is no word in quotes" :
		    arena_printf(reading->arena, "= \"%s\" is unknown", say_text(reading, text)));
	memcpy(field, &i, sizeof i);
	unserved = schema_unserved(row->name, text);
	if (unserved != NULL && reading->purpose != SETTINGS_SLICE) {
		say_error(reading, place_of(reading, setting), "%s = \"%s\": %s", row->name, text,
		    unserved);
		return false;
	}
	return true;
}

/* Control characters have no business in a name; a value may have lines and tabs. */
static bool
is_printable(const char *text, bool lines)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 || c == 0x7f) && !(lines && (c == '\n' || c == '\t')))
			return false;
	}
	return true;
}

static bool
text_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	const char *text = config_setting_get_string(setting);
	char *copy;

	if (text == NULL)
		return wrong(reading, row, setting, "is no text");
	if (strlen(text) < row->least)
		return wrong(reading, row, setting, "is empty");
	if (!is_printable(text, false))
		return wrong(reading, row, setting, "holds control characters");
	copy = arena_shared(reading->arena, text);
	memcpy(field, &copy, sizeof copy);
	return true;
}

/* One "/" where there are several, none at the end, no "." between. */
static void
path_tidy(char *path)
{
	const char *from = path;
	char *to = path;

	while (*from != '\0') {
		size_t len = 1 + strcspn(from + 1, "/");

		if (len > 1 && !(len == 2 && from[1] == '.')) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

static bool
path_climbs(const char *path)
{
	const char *at = path;

	for (; (at = strstr(at, "/..")) != NULL; at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return false;
}

static bool
path_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	const char *text = config_setting_get_string(setting);
	char *path;

	if (text == NULL || text[0] != '/')
		return wrong(reading, row, setting, text == NULL ? "is no path" :
		    "is not an absolute path");
	if (!is_printable(text, false))
		return wrong(reading, row, setting, "holds control characters");
	if (path_climbs(text))
		return wrong(reading, row, setting, "holds \"..\"");
	path = arena_text(reading->arena, text);
	path_tidy(path);
	memcpy(field, &path, sizeof path);
	return true;
}

static bool
list_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	struct string_list list = { NULL, 0 };
	bool single = config_setting_type(setting) == CONFIG_TYPE_STRING;
	const config_setting_t *element;
	const char *text;
	size_t i;

	if (!single && !config_setting_is_array(setting) && !config_setting_is_list(setting))
		return wrong(reading, row, setting, "is no list");
	list.count = single ? 1 : (size_t)config_setting_length(setting);
	list.at = arena_array(reading->arena, list.count, sizeof *list.at);
	for (i = 0; i < list.count; i++) {
		element = single ? setting : config_setting_get_elem(setting, (unsigned)i);
		text = config_setting_get_string(element);
		if (text == NULL)
			return wrong(reading, row, element, "holds something that is no text");
		if (text[0] == '\0' || !is_printable(text, true))
			return wrong(reading, row, element, text[0] == '\0' ?
			    "holds an empty text" : "holds control characters");
		list.at[i] = arena_shared(reading->arena, text);
	}
	memcpy(field, &list, sizeof list);
	return true;
}

static bool
bool_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	bool value;

	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return wrong(reading, row, setting, "is neither true nor false");
	value = config_setting_get_bool(setting) == CONFIG_TRUE;
	memcpy(field, &value, sizeof value);
	return true;
}

static bool
pool_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	const char *text = config_setting_get_string(setting);
	uint32_t pool;

	if (text == NULL)
		return wrong(reading, row, setting, "is no text");
	pool = map_find(reading->pool_names, text, strlen(text), NULL);
	if (pool == MAP_NONE && reading->incomplete)
		return false;
	if (pool == MAP_NONE)
		return wrong(reading, row, setting, arena_printf(reading->arena,
		    "= \"%s\": no processors entry has this name", say_text(reading, text)));
	memcpy(field, &pool, sizeof pool);
	return true;
}

bool
value_read(struct reading *reading, const struct settings_row *row,
    const config_setting_t *setting, void *field)
{
	switch (row->kind) {
	case KIND_BOOL:
		return bool_read(reading, row, setting, field);
	case KIND_NUMBER:
	case KIND_INT:
	case KIND_SIZE:
	case KIND_TIME:
	case KIND_SECONDS:
		return quantity_read(reading, row, setting, field);
	case KIND_MODE:
		return mode_read(reading, row, setting, field);
	case KIND_WORD:
		return word_read(reading, row, setting, field);
	case KIND_TEXT:
		return text_read(reading, row, setting, field);
	case KIND_PATH:
		return path_read(reading, row, setting, field);
	case KIND_LIST:
	case KIND_INCLUDE:
		return list_read(reading, row, setting, field);
	case KIND_POOL:
		return pool_read(reading, row, setting, field);
	case KIND_GROUP:
	case KIND_GROUPS:
		break;
	}
	return wrong(reading, row, setting, "is of another kind");
}
