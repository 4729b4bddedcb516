/* Where the other programs are: installed, and in a build tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "manager/paths.h"

static const char *const *there;

static bool
exists(const char *path)
{
	size_t i;

	for (i = 0; there[i] != NULL; i++)
		if (strcmp(there[i], path) == 0)
			return true;
	return false;
}

struct row {
	const char *name;
	const char *self;
	const char *there[6];
	const char *multiplexer, *processor, *handlers;
};

#define INSTALLED LIBEXECDIR "/peruserd/"

static const struct row rows[] = {
	{ "installed", SBINDIR "/peruserd", { NULL },
	    INSTALLED "peruser-multiplexer", INSTALLED "peruser-processor", HANDLERDIR },
	{ "installed: what lies beside it is not taken", SBINDIR "/peruserd",
	    { SBINDIR "/peruser-multiplexer", SBINDIR "/peruser-processor", NULL },
	    INSTALLED "peruser-multiplexer", INSTALLED "peruser-processor", HANDLERDIR },
	{ "build tree", "/b/peruserd",
	    { "/b/peruser-multiplexer", "/b/peruser-processor", NULL },
	    "/b/peruser-multiplexer", "/b/peruser-processor", "/b/.libs" },
	{ "build tree behind a libtool wrapper", "/b/.libs/peruserd",
	    { "/b/peruser-multiplexer", "/b/peruser-processor", NULL },
	    "/b/peruser-multiplexer", "/b/peruser-processor", "/b/.libs" },
	{ "all behind libtool wrappers", "/b/.libs/peruserd",
	    { "/b/peruser-multiplexer", "/b/.libs/peruser-multiplexer",
	      "/b/peruser-processor", "/b/.libs/peruser-processor", "/b/.libs/peruser-loader" },
	    "/b/.libs/peruser-multiplexer", "/b/.libs/peruser-processor", "/b/.libs" },
	{ "elsewhere and alone", "/opt/peruserd", { NULL },
	    INSTALLED "peruser-multiplexer", INSTALLED "peruser-processor", HANDLERDIR },
	{ "no /proc", "", { NULL },
	    INSTALLED "peruser-multiplexer", INSTALLED "peruser-processor", HANDLERDIR },
};

/* The loader's place in those rows that have one. */
static bool
loader_there(void)
{
	return exists("/b/.libs/peruser-loader");
}

static void
test_find(void **state)
{
	static struct paths paths;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		there = rows[i].there;
		paths_find(&paths, rows[i].self, exists);
		if (strcmp(paths.multiplexer, rows[i].multiplexer) != 0 ||
		    strcmp(paths.processor, rows[i].processor) != 0 ||
		    strcmp(paths.handlers, rows[i].handlers) != 0 ||
		    strcmp(paths.loader, loader_there() ? "/b/.libs/peruser-loader" :
		    INSTALLED "peruser-loader") != 0)
			fail_msg("%s: %s, %s, %s, %s", rows[i].name, paths.multiplexer,
			    paths.processor, paths.handlers, paths.loader);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find) };

	return cmocka_run_group_tests_name("manager/paths", tests, NULL, NULL);
}
