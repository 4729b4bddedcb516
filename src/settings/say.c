#include <stdarg.h>
#include <string.h>

#include "settings/reading.h"

#define TEXT_MOST 160   /* bytes of foreign text in a message */

/* The file that peruserd opened itself: libconfig has no name for it. */
static const struct source *
source_of(const config_setting_t *setting)
{
	while (config_setting_parent(setting) != NULL)
		setting = config_setting_parent(setting);
	return config_setting_get_hook(setting);
}

/* libconfig frees its names with its tree; messages and places outlive that. */
static const char *
name_of(struct reading *reading, const config_setting_t *setting)
{
	const struct source *source = source_of(setting);
	const char *file = config_setting_source_file(setting);

	if (file == NULL)
		return source->name;
	if (file != reading->last_file) {
		reading->last_file = file;
		reading->last_name = source_beside(reading, INCLUDED_BESIDE ? source->name : NULL,
		    file);
	}
	return reading->last_name;
}

struct place
place_of(struct reading *reading, const config_setting_t *setting)
{
	const config_setting_t *parent = config_setting_parent(setting);
	struct place place;

	/* libconfig numbers a string in a list by what follows it. */
	if (parent != NULL && config_setting_name(setting) == NULL &&
	    config_setting_type(setting) == CONFIG_TYPE_STRING)
		setting = parent;
	place.file = name_of(reading, setting);
	place.line = (unsigned)config_setting_source_line(setting);
	return place;
}

struct place
place_in(struct reading *reading, const config_setting_t *entry, const char *member)
{
	const config_setting_t *setting = config_setting_get_member(entry, member);

	return place_of(reading, setting != NULL ? setting : entry);
}

static void __attribute__((format(printf, 4, 0)))
say(struct reading *reading, struct place place, bool error, const char *format, va_list args)
{
	struct settings_report *report = reading->report;
	char *text;

	text = arena_vprintf(reading->arena, format, args);
	if (error)
		report->errors++;
	else
		report->warnings++;
	if (report->say != NULL)
		report->say(report->context, &place, error, text);
}

void
say_error(struct reading *reading, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(reading, place, true, format, args);
	va_end(args);
}

void
say_warning(struct reading *reading, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(reading, place, false, format, args);
	va_end(args);
}

const char *
say_text(struct reading *reading, const char *text)
{
	char escaped[TEXT_MOST + 1];

	log_escape(escaped, sizeof escaped, text, strlen(text), 1);
	return arena_text(reading->arena, escaped);
}

void
pool_wrong(struct reading *reading, uint32_t pool, struct place place, const char *format, ...)
{
	struct pool_settings *it = &reading->settings->pools[pool];
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(reading->arena, format, args);
	va_end(args);
	reading->pools_said[pool].failed = true;
	if (reading->purpose != SETTINGS_START) {
		say_error(reading, place, "%s", text);
		return;
	}
	say_warning(reading, place, "pool \"%s\" is disabled: %s", it->name, text);
	it->uid = it->gid = SETTINGS_NONE;
	if (it->disabled == NULL)
		it->disabled = text;
}

void
vhost_wrong(struct reading *reading, uint32_t vhost, struct place place, const char *format, ...)
{
	struct vhost_settings *it = &reading->settings->vhosts[vhost];
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(reading->arena, format, args);
	va_end(args);
	reading->vhosts_said[vhost].failed = true;
	if (reading->purpose != SETTINGS_START) {
		say_error(reading, place, "%s", text);
		return;
	}
	say_warning(reading, place, "vhost \"%s\" is disabled: %s", it->server_name, text);
	if (it->disabled == NULL)
		it->disabled = text;
}
