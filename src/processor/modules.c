#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/handlers.h"
#include "processor/host.h"
#include "processor/modules.h"

#define KINDS (HANDLER_PERL_CGI + 1)

/* Each handler once, in the order they were loaded; and which of them serves a kind. */
static const struct handler *loaded[KINDS];
static unsigned loaded_count;
static const struct handler *serving[KINDS];

static bool
load_one(const struct handler *handler, const struct settings *settings,
    const struct pool_settings *pool, struct fault *fault)
{
	if (handler->version != HANDLER_VERSION)
		return fault_set(fault, 0, "the handler %s is of version %u, not %u",
		    handler->name, handler->version, HANDLER_VERSION);
	if (handler->load != NULL && !handler->load(&processor_host, settings, pool))
		return fault_set(fault, 0, "the handler %s could not be loaded; "
		    "the pool's log says why", handler->name);
	loaded[loaded_count++] = handler;
	return true;
}

/*
 * RTLD_GLOBAL: an interpreter's extensions don't name the library that they
 * are made for.
 */
static const struct handler *
open_module(const char *folder, const char *name, struct fault *fault)
{
	const struct handler *handler;
	char path[2 * PATH_MAX];
	void *module;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	module = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	if (module == NULL) {
		fault_set(fault, 0, "cannot load the handler: %s", dlerror());
		return NULL;
	}
	handler = dlsym(module, "peruser_handler");
	if (handler == NULL)
		fault_set(fault, 0, "%s has no symbol peruser_handler", path);
	return handler;
}

static void
modules_folder(char folder[PATH_MAX])
{
	const char *from = getenv("PERUSERD_HANDLERS");

	snprintf(folder, PATH_MAX, "%s", from != NULL ? from : HANDLERDIR);
}

void
modules_map(const struct handler_host *host)
{
	const struct handler *handler;
	struct fault fault;
	char folder[PATH_MAX];

	modules_folder(folder);
	handler = open_module(folder, "php.so", &fault);
	if (handler == NULL)
		host->log(LEVEL_WARNING, "%s", fault.text);
	else if (handler->version == HANDLER_VERSION && handler->map != NULL)
		handler->map(host);
}

static bool
load_built_in(const struct settings *settings, const struct pool_settings *pool,
    struct fault *fault)
{
	if (settings->mime_types != NULL)
		static_mime_types(settings->mime_types);
	serving[HANDLER_STATIC] = &static_handler;
	serving[HANDLER_CGI] = &cgi_handler;
	return load_one(&static_handler, settings, pool, fault) &&
	    load_one(&cgi_handler, settings, pool, fault);
}

bool
modules_load(const struct settings *settings, const struct pool_settings *pool,
    struct fault *fault)
{
	const struct handler *php = NULL, *perl = NULL;
	char folder[PATH_MAX];

	modules_folder(folder);
	/* Nobody's business from here on: the user's code begins with preload. */
	unsetenv("PERUSERD_HANDLERS");
	if (pool->uses_php && (php = open_module(folder, "php.so", fault)) == NULL)
		return false;
	if (pool->uses_perl && (perl = open_module(folder, "perl.so", fault)) == NULL)
		return false;
	serving[HANDLER_PHP] = php;
	serving[HANDLER_PSGI] = serving[HANDLER_PERL_CGI] = perl;
	return load_built_in(settings, pool, fault) &&
	    (php == NULL || load_one(php, settings, pool, fault)) &&
	    (perl == NULL || load_one(perl, settings, pool, fault));
}

const struct handler *
modules_find(enum handler_kind kind)
{
	return (unsigned)kind < KINDS ? serving[kind] : NULL;
}

bool
modules_begin(void)
{
	unsigned i;

	for (i = 0; i < loaded_count; i++)
		if (loaded[i]->begin != NULL && !loaded[i]->begin())
			return false;
	return true;
}

void
modules_end(void)
{
	unsigned i;

	for (i = 0; i < loaded_count; i++)
		if (loaded[i]->end != NULL)
			loaded[i]->end();
}
