/*
 * What a table can't say about the configuration as a whole and about pools,
 * from its text alone.  check_listen.c, check_vhosts.c and check_disk.c have
 * the rest.
 */
#include <string.h>

#include "settings/reading.h"

#define NAME_MOST          64
#define MULTIPLEXERS_MOST  64           /* as many bits as the board's waiting mask has */
#define PROCESSORS_MOST    1000000u     /* places on the board */

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

const config_setting_t *
reading_top(const struct reading *reading, const char *name)
{
	const struct settings_group *group = schema_group(GROUP_GLOBAL);
	const struct settings_row *row;
	int tuned;

	row = schema_find(group, name, &tuned);
	return row != NULL && tuned < 0 ? reading->top[row - group->rows] : NULL;
}

/* A bound that was lowered takes the default of what it bounds along; what was written stays. */
static void
bound_check(struct reading *reading, const char *name, uint64_t *value, const char *bound,
    uint64_t most)
{
	const config_setting_t *setting = reading_top(reading, name);

	if (*value <= most)
		return;
	if (setting == NULL)
		*value = most;
	else
		say_error(reading, place_of(reading, setting), "%s is more than %s; write a "
		    "smaller one", name, bound);
}

static void
multiplexers_check(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	const struct multiplexer_settings *it = settings->multiplexers;

	for (; it < settings->multiplexers + settings->multiplexer_count; it++)
		if (it->max_count < it->count)
			say_error(reading, it->place, "max_count %llu is less than count, which is %llu; "
			    "write a larger one, or none", (unsigned long long)it->max_count,
			    (unsigned long long)it->count);
	if (settings->multiplexer_most > MULTIPLEXERS_MOST)
		say_error(reading, settings->multiplexers[0].place, "%u multiplexers are too many; "
		    "write counts that add up to at most %d", settings->multiplexer_most,
		    MULTIPLEXERS_MOST);
}

static void
numbers_check(struct reading *reading)
{
	struct settings *settings = reading->settings;
	struct place place = { reading->sources->name, 0 };
	uint64_t slots = 0, least = 0;
	uint32_t i;

	bound_check(reading, "max_request_line", &settings->max_request_line, "max_request_head",
	    settings->max_request_head);
	bound_check(reading, "restart_delay", &settings->restart_delay, "restart_delay_max",
	    settings->restart_delay_max);
	multiplexers_check(reading);
	for (i = 0; i < settings->pool_count; i++) {
		slots += settings->pools[i].tuning->max_processors;
		least += settings->pools[i].tuning->min_processors;
	}
	if (least > settings->server_limit)
		say_error(reading, place, "min_processors of all pools add up to %llu, more than "
		    "server_limit; write a server_limit of at least that, or smaller ones",
		    (unsigned long long)least);
	if (slots > PROCESSORS_MOST)
		say_error(reading, place, "max_processors of all pools add up to more than %u; "
		    "write smaller ones", PROCESSORS_MOST);
}

/* Each entry must be "name=value" with a name; flags are on or off. */
void
check_pairs(struct reading *reading, const config_setting_t *entry, const char *setting,
    const struct string_list *list, bool flags)
{
	struct place place = place_in(reading, entry, setting);
	const char *equals, *text;
	size_t i;

	for (i = 0; i < list->count; i++) {
		text = list->at[i];
		equals = strchr(text, '=');
		if (equals == NULL || equals == text)
			say_error(reading, place, "%s: \"%s\" has no name and value; write "
			    "\"name=%s\"", setting, say_text(reading, text),
			    flags ? "on" : "value");
		else if (flags && strcmp(equals, "=on") != 0 && strcmp(equals, "=off") != 0)
			say_error(reading, place, "%s: \"%s\" is neither on nor off; write "
			    "\"%.*s=on\" or \"%.*s=off\"", setting, say_text(reading, text),
			    (int)(equals - text), text, (int)(equals - text), text);
	}
}

/* Each entry must be a path that the pool can see. */
void
check_folders(struct reading *reading, const config_setting_t *entry, const char *setting,
    const struct string_list *list, const char *chroot)
{
	struct place place = place_in(reading, entry, setting);
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->at[i][0] != '/')
			say_error(reading, place, "%s: \"%s\" is no absolute path; write one that "
			    "begins with /", setting, say_text(reading, list->at[i]));
		else if (chroot != NULL && settings_inside(chroot, list->at[i]) == NULL)
			say_error(reading, place, "%s: \"%s\" is outside its pool's chroot \"%s\"; "
			    "write a path below it, as seen from outside the chroot", setting,
			    say_text(reading, list->at[i]), say_text(reading, chroot));
}

/* Names of modules go into Perl as they are. */
static void
modules_check(struct reading *reading, const config_setting_t *entry,
    const struct string_list *list)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->at[i][0] == '\0' || list->at[i][strspn(list->at[i], letters)] != '\0')
			say_error(reading, place_in(reading, entry, "perl_preload"), "perl_preload: "
			    "\"%s\" is no module's name; write it as \"Plack::Builder\"",
			    say_text(reading, list->at[i]));
}

static void
name_check(struct reading *reading, const struct pool_settings *pool, const struct entry *said)
{
	if (config_setting_get_member(said->node, "name") == NULL)
		return;         /* it was said */
	if (strlen(pool->name) > NAME_MOST ||
	    pool->name[strspn(pool->name, name_letters)] != '\0' || pool->name[0] == '-')
		say_error(reading, place_in(reading, said->node, "name"), "\"%s\" can't name a "
		    "pool; write at most %d letters, digits, dots, dashes and underscores",
		    say_text(reading, pool->name), NAME_MOST);
}

/* True if a handlers entry of some vhost names it. */
static bool
has_handlers(const struct settings *settings, uint32_t pool)
{
	uint32_t i;
	size_t j;

	for (i = 0; i < settings->vhost_count; i++)
		for (j = 0; j < settings->vhosts[i].handler_count; j++)
			if (settings->vhosts[i].handlers[j].pool == pool)
				return true;
	return false;
}

static void
pool_check(struct reading *reading, uint32_t index)
{
	const struct pool_settings *pool = &reading->settings->pools[index];
	const struct entry *said = &reading->pools_said[index];

	name_check(reading, pool, said);
	check_handoff(reading, pool, said->node);
	if (pool->chroot != NULL && strcmp(pool->chroot, "/") == 0)
		say_error(reading, place_in(reading, said->node, "chroot"), "chroot = \"/\" is no "
		    "chroot; take it out");
	check_pairs(reading, said->node, "env", &pool->env, false);
	check_pairs(reading, said->node, "php_value", &pool->php_value, false);
	check_pairs(reading, said->node, "php_admin_value", &pool->php_admin_value, false);
	check_pairs(reading, said->node, "php_flag", &pool->php_flag, true);
	check_pairs(reading, said->node, "php_admin_flag", &pool->php_admin_flag, true);
	check_folders(reading, said->node, "perl_lib", &pool->perl_lib, pool->chroot);
	modules_check(reading, said->node, &pool->perl_preload);
	if (pool->uses_php && pool->uses_perl)
		pool_wrong(reading, index, pool->place, "pool \"%s\" runs both PHP and Perl, which "
		    "can't live in one process; write a second processors entry with the same user "
		    "for the vhosts of one of them, or handler = \"cgi\" for the Perl scripts",
		    say_text(reading, pool->name));
	if (pool->vhost_count == 0 && !has_handlers(reading->settings, index) &&
	    reading->report->errors == 0)
		say_warning(reading, pool->place, "no vhost uses pool \"%s\"; write processor = "
		    "\"%s\"; in one, or take the pool out", say_text(reading, pool->name),
		    say_text(reading, pool->name));
}

/* What the readers of a slice rely on. */
static void
slice_check(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	uint32_t i;
	size_t j;

	for (i = 0; i < settings->vhost_count; i++)
		if (settings->vhosts[i].server_name == NULL ||
		    settings->vhosts[i].pool == SETTINGS_NONE)
			say_error(reading, settings->vhosts[i].place,
			    "a slice's vhost needs a name and a pool");
	for (j = 0; j < settings->listen_count; j++)
		if (settings->listens[j].address == NULL)
			say_error(reading, settings->listens[j].place,
			    "a slice's listen entry needs an address");
}

void
check_all(struct reading *reading)
{
	uint32_t i;

	if (reading->purpose == SETTINGS_SLICE) {
		slice_check(reading);
		return;
	}
	numbers_check(reading);
	check_listen(reading);
	for (i = 0; i < reading->settings->pool_count; i++)
		pool_check(reading, i);
	check_vhosts(reading);
}
