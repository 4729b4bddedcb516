/* What the settings tests share: a report that remembers, and texts to begin with. */
#ifndef PERUSERD_TESTS_SETTINGS_SAID_H
#define PERUSERD_TESTS_SETTINGS_SAID_H

#include <stdio.h>
#include <string.h>

#include "settings/settings.h"

#define SAID_MOST 16

struct said {
	struct settings_report report;
	struct {
		char file[256];
		char text[1024];
		unsigned line;
		bool error;
	} at[SAID_MOST];
	unsigned count;
};

static inline void
said_add(void *context, const struct place *place, bool error, const char *text)
{
	struct said *said = context;

	if (said->count == SAID_MOST)
		return;
	snprintf(said->at[said->count].file, sizeof said->at[0].file, "%s", place->file);
	snprintf(said->at[said->count].text, sizeof said->at[0].text, "%s", text);
	said->at[said->count].line = place->line;
	said->at[said->count++].error = error;
}

static inline void
said_begin(struct said *said)
{
	memset(said, 0, sizeof *said);
	said->report.say = said_add;
	said->report.context = said;
}

/* True where a message holds that text. */
static inline bool
said_has(const struct said *said, const char *text)
{
	unsigned i;

	for (i = 0; i < said->count; i++)
		if (strstr(said->at[i].text, text) != NULL)
			return true;
	return false;
}

static inline struct settings *
said_read(struct said *said, const char *text, enum settings_purpose purpose)
{
	said_begin(said);
	return settings_read_text("test.cfg", text, strlen(text), purpose, &said->report);
}

/* Accounts that every Debian has.  Two lines, so that a test's own text begins in line 3. */
#define LISTEN "listen = ( { address = \"127.0.0.1:8080\"; } );\n"
#define MULTIPLEXERS "multiplexers = ( { user = \"nobody\"; group = \"nogroup\"; count = 1; } );\n"
#define HEAD LISTEN MULTIPLEXERS
#define POOL "processors = ( { name = \"a\"; user = \"daemon\"; } );\n"
#define VHOST_OPEN "vhosts = ( { server_name = \"a.test\"; processor = \"a\"; document_root = \"/\";\n"
#define VHOST VHOST_OPEN "} );\n"

#endif
