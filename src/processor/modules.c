#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "processor/host.h"
#include "processor/modules.h"

#define KINDS (HANDLER_PERL_CGI + 1)

static const struct handler *loaded[KINDS];

static bool
load_one(enum handler_kind kind, const struct handler *handler,
    const struct pool_settings *pool, struct fault *fault)
{
	if (handler->version != HANDLER_VERSION)
		return fault_set(fault, 0, "the handler %s is of version %u, not %u",
		    handler->name, handler->version, HANDLER_VERSION);
	if (handler->load != NULL && !handler->load(&processor_host, pool))
		return fault_set(fault, 0, "the handler %s could not be loaded; "
		    "the pool's log says why", handler->name);
	loaded[kind] = handler;
	return true;
}

/*
 * RTLD_GLOBAL: an interpreter's extensions don't name the library that they
 * are made for.
 */
static bool
load_module(enum handler_kind kind, const char *path, const struct pool_settings *pool,
    struct fault *fault)
{
	const struct handler *handler;
	void *module;

	module = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	if (module == NULL)
		return fault_set(fault, 0, "cannot load the handler: %s", dlerror());
	handler = dlsym(module, "peruser_handler");
	if (handler == NULL)
		return fault_set(fault, 0, "%s has no symbol peruser_handler", path);
	return load_one(kind, handler, pool, fault);
}

bool
modules_load(const struct settings *settings, const struct pool_settings *pool,
    struct fault *fault)
{
	const char *folder = getenv("PERUSERD_HANDLERS");
	char php[4096];

	if (settings->mime_types != NULL)
		static_mime_types(settings->mime_types);
	snprintf(php, sizeof php, "%s/php.so", folder != NULL ? folder : HANDLERDIR);
	/* Nobody's business from here on: the user's code begins with preload. */
	unsetenv("PERUSERD_HANDLERS");
	return load_one(HANDLER_STATIC, &static_handler, pool, fault) &&
	    load_one(HANDLER_CGI, &cgi_handler, pool, fault) &&
	    (!pool->uses_php || load_module(HANDLER_PHP, php, pool, fault));
}

const struct handler *
modules_find(enum handler_kind kind)
{
	return (unsigned)kind < KINDS ? loaded[kind] : NULL;
}

bool
modules_begin(void)
{
	unsigned i;

	for (i = 0; i < KINDS; i++)
		if (loaded[i] != NULL && loaded[i]->begin != NULL && !loaded[i]->begin())
			return false;
	return true;
}

void
modules_end(void)
{
	unsigned i;

	for (i = 0; i < KINDS; i++)
		if (loaded[i] != NULL && loaded[i]->end != NULL)
			loaded[i]->end();
}
