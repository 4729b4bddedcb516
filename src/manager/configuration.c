#include <stdlib.h>

#include "manager/configuration.h"

struct configuration *
configuration_new(struct settings *settings)
{
	struct configuration *configuration = calloc(1, sizeof *configuration);

	if (configuration == NULL) {
		settings_free(&settings);
		return NULL;
	}
	configuration->refs = 1;
	configuration->settings = settings;
	return configuration;
}

struct configuration *
configuration_hold(struct configuration *configuration)
{
	configuration->refs++;
	return configuration;
}

void
configuration_drop(struct configuration **where)
{
	struct configuration *configuration = *where;

	*where = NULL;
	if (configuration == NULL || --configuration->refs > 0)
		return;
	settings_free(&configuration->settings);
	free(configuration);
}
