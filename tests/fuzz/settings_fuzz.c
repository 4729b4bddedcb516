/*
 * Any bytes are a slice or are refused with a message that has a place; a
 * slice that was read can be written, and what was written reads as the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/hosts.h"
#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 drops a half-built string at some syntax errors. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static void
say(void *context, const struct place *place, bool error, const char *text)
{
	(void)context;
	(void)error;
	if (place->file == NULL || text[0] == '\0')
		abort();
}

static struct settings *
try(const char *text, size_t len)
{
	struct settings_report report = { say, NULL, 0, 0 };
	struct settings *settings;

	settings = settings_read_text("fuzz", text, len, SETTINGS_SLICE, &report);
	if ((settings == NULL) != (report.errors > 0))
		abort();
	return settings;
}

static char *
slice(const struct settings *settings, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL || !settings_slice_multiplexer(settings, out))
		abort();
	fclose(out);
	return text;
}

static void
find_all(const struct settings *settings)
{
	struct hosts *hosts = hosts_new(settings);
	uint32_t i;

	for (i = 0; i < settings->vhost_count; i++)
		if (settings->vhosts[i].server_name != NULL)
			hosts_find(hosts, settings->vhosts[i].server_name,
			    strlen(settings->vhosts[i].server_name));
	hosts_free(&hosts);
}

/* A slice of a slice of something is that slice. */
static void
write_and_read(const struct settings *settings)
{
	struct settings *back;
	char *first, *second;
	size_t first_len, second_len;

	first = slice(settings, &first_len);
	back = try(first, first_len);
	if (back == NULL)
		abort();
	second = slice(back, &second_len);
	if (first_len != second_len || memcmp(first, second, first_len) != 0)
		abort();
	free(first);
	free(second);
	settings_free(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct settings *settings;

	if (size > 0)
		memcpy(copy, data, size);
	settings = try(copy, size);
	free(copy);
	if (settings != NULL) {
		find_all(settings);
		write_and_read(settings);
	}
	settings_free(&settings);
	return 0;
}
