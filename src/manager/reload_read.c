#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/manager.h"
#include "manager/reload_parts.h"
#include "manager/said.h"

/* ---- the process that reads */

struct reader {
	FILE *said;
};

static void
say_mistake(void *context, const struct place *place, bool error, const char *text)
{
	struct reader *reader = context;

	if (place != NULL && place->file != NULL && place->line != 0)
		fprintf(reader->said, "%s:%u: ", place->file, place->line);
	else if (place != NULL && place->file != NULL)
		fprintf(reader->said, "%s: ", place->file);
	fprintf(reader->said, "%s: %s\n", error ? "error" : "warning", text);
}

static bool
write_result(struct reload *reload, const struct settings *settings)
{
	const struct settings *now = reload->manager->settings;
	FILE *text = fdopen(reload->text, "w");

	if (text == NULL)
		return false;
	if (reload->pool[0] == '\0' ? !settings_write(settings, text) :
	    !settings_write_with(now, settings, reload->pool, text))
		return false;
	return fflush(text) == 0;
}

/* Looking up users may take its time, and the manager waits for nobody. */
void
reload_read(struct reload *reload)
{
	struct reader reader = { fdopen(reload->said, "w") };
	struct settings_report report = { say_mistake, &reader, 0, 0 };
	struct settings *settings;

	if (reader.said == NULL)
		_exit(EXIT_FAILURE);
	settings = settings_read(reload->manager->config, SETTINGS_CHECK, &report);
	if (settings != NULL && reload->pool[0] != '\0' &&
	    settings_find_pool(settings, reload->pool) == SETTINGS_NONE &&
	    settings_find_pool(reload->manager->settings, reload->pool) == SETTINGS_NONE) {
		fprintf(reader.said, "error: there is no pool %s\n", reload->pool);
		settings = NULL;
	}
	if (settings != NULL && !write_result(reload, settings)) {
		fprintf(reader.said, "error: the configuration can't be written: %s\n",
		    strerror(errno));
		settings = NULL;
	}
	fflush(reader.said);
	_exit(settings != NULL ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- what the child wrote */

static void
take_mistake(void *context, const char *line)
{
	struct reload *reload = context;

	log_line(strstr(line, "warning: ") != NULL ? LEVEL_WARNING : LEVEL_ERROR, "%s", line);
	said_add(&reload->answer, "said", line);
}

void
reload_take_mistakes(struct reload *reload)
{
	said_each(reload->said, take_mistake, reload);
}

static void
say_broken(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	if (error)
		log_error("the configuration as it was read, line %u: %s", place->line, text);
}

struct settings *
reload_take_settings(const struct reload *reload)
{
	struct settings_report report = { say_broken, NULL, 0, 0 };

	return settings_read_fd(reload->text, &report);
}
