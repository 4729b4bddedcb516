#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "settings/hosts.h"

#define MANY 10000u

static char *aliases[] = { (char *)(uintptr_t)"www.alice.test", (char *)(uintptr_t)"*.alice.test" };
static char *deeper[] = { (char *)(uintptr_t)"*.blog.alice.test" };

static struct vhost_settings few[] = {
	{ .server_name = (char *)(uintptr_t)"alice.test", .aliases = { aliases, 2 } },
	{ .server_name = (char *)(uintptr_t)"blog.alice.test", .aliases = { deeper, 1 } },
	{ .server_name = (char *)(uintptr_t)"[::1]" },
	{ .server_name = (char *)(uintptr_t)"*", .is_default = true },
};

static const struct {
	const char *what, *name;
	uint32_t with_default, without;
} rows[] = {
	{ "exact", "alice.test", 0, 0 },
	{ "exact alias", "www.alice.test", 0, 0 },
	{ "another case", "WWW.Alice.TEST", 0, 0 },
	{ "a trailing dot", "alice.test.", 0, 0 },
	{ "below a wildcard", "shop.alice.test", 0, 0 },
	{ "far below a wildcard", "a.b.c.alice.test", 0, 0 },
	{ "exact before wildcard", "blog.alice.test", 1, 1 },
	{ "the longer wildcard first", "x.blog.alice.test", 1, 1 },
	{ "a wildcard needs a whole label", "xalice.test", 3, SETTINGS_NONE },
	{ "an address", "[::1]", 2, 2 },
	{ "unknown", "bob.test", 3, SETTINGS_NONE },
	{ "empty", "", 3, SETTINGS_NONE },
	{ "only a dot", ".", 3, SETTINGS_NONE },
	{ "a wildcard is no name", ".alice.test", 3, SETTINGS_NONE },
	{ "the star is no name", "*.alice.test", 0, 0 },
};

static void
names_find_their_vhosts(void **state)
{
	struct settings settings = { .vhosts = few, .vhost_count = 4 };
	struct hosts *hosts = hosts_new(&settings), *strict;
	size_t i;

	(void)state;
	settings.vhost_count = 3;
	strict = hosts_new(&settings);
	assert_non_null(hosts);
	assert_non_null(strict);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (hosts_find(hosts, rows[i].name, strlen(rows[i].name)) != rows[i].with_default)
			fail_msg("%s, with a default vhost", rows[i].what);
		if (hosts_find(strict, rows[i].name, strlen(rows[i].name)) != rows[i].without)
			fail_msg("%s, without a default vhost", rows[i].what);
	}
	hosts_free(&hosts);
	hosts_free(&strict);
	assert_null(hosts);
}

static void
a_name_that_is_too_long_is_nobodys(void **state)
{
	struct settings settings = { .vhosts = few, .vhost_count = 3 };
	struct hosts *hosts = hosts_new(&settings);
	char name[4096];

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name + sizeof name - 11, ".alice.test", 11);
	assert_int_equal(hosts_find(hosts, name, sizeof name), SETTINGS_NONE);
	assert_int_equal(hosts_find(hosts, name + sizeof name - 255, 255), 0);
	assert_int_equal(hosts_find(hosts, name + sizeof name - 256, 256), SETTINGS_NONE);
	hosts_free(&hosts);
}

/* Places looked at, not time: the same on every machine. */
static void
ten_thousand_cost_no_more_than_ten(void **state)
{
	struct vhost_settings *vhosts = calloc(MANY, sizeof *vhosts);
	struct settings settings = { .vhosts = vhosts, .vhost_count = MANY };
	char (*names)[32] = calloc(MANY, sizeof *names);
	unsigned probes, total = 0, worst = 0;
	struct hosts *hosts;
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "site%u.example.test", i);
		vhosts[i].server_name = names[i];
	}
	hosts = hosts_new(&settings);
	for (i = 0; i < MANY; i++) {
		probes = 0;
		assert_int_equal(hosts_find_counted(hosts, names[i], strlen(names[i]), &probes), i);
		total += probes;
		worst = probes > worst ? probes : worst;
	}
	if (total > 2 * MANY || worst > 64)
		fail_msg("%u places for %u names, %u at most", total, MANY, worst);
	hosts_free(&hosts);
	free(names);
	free(vhosts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_find_their_vhosts),
		cmocka_unit_test(a_name_that_is_too_long_is_nobodys),
		cmocka_unit_test(ten_thousand_cost_no_more_than_ten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
