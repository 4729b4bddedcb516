#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "settings/reading.h"

/*
 * One pass over the accounts and one over the groups, instead of look-ups that
 * each read the whole file: 10,000 of those take many seconds.  What a pass
 * doesn't show (a directory service that lists nobody) is looked up by name.
 */
struct user {
	const char *name;
	const char *home;
	uint32_t uid, gid;
	uint32_t *groups;       /* those that name this user as a member */
	size_t group_count, group_size;
};

struct names {
	struct arena *arena;
	struct user *users;
	size_t user_count, user_size;
	struct map *user_map;
	struct group_id { const char *name; uint32_t gid; } *groups;
	size_t group_count, group_size;
	struct map *group_map;
};

static void *
grow(void *array, size_t count, size_t *size, size_t each)
{
	if (count < *size)
		return array;
	*size = *size == 0 ? 256 : *size * 2;
	array = realloc(array, *size * each);
	if (array == NULL)
		abort();
	return array;
}

static void
user_add(struct names *names, const struct passwd *entry)
{
	struct user *user;

	names->users = grow(names->users, names->user_count, &names->user_size, sizeof *user);
	user = &names->users[names->user_count++];
	memset(user, 0, sizeof *user);
	user->name = arena_text(names->arena, entry->pw_name);
	user->home = arena_text(names->arena, entry->pw_dir);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
}

static void
users_read(struct names *names)
{
	const struct passwd *entry;
	size_t i;

	setpwent();
	while ((entry = getpwent()) != NULL)
		user_add(names, entry);
	endpwent();
	names->user_map = map_new(names->user_count);
	for (i = 0; i < names->user_count; i++)
		map_put(names->user_map, names->users[i].name, strlen(names->users[i].name),
		    (uint32_t)i);
}

static void
member_add(struct names *names, const char *member, uint32_t gid)
{
	uint32_t index = map_find(names->user_map, member, strlen(member), NULL);
	struct user *user;

	if (index == MAP_NONE)
		return;
	user = &names->users[index];
	user->groups = grow(user->groups, user->group_count, &user->group_size, sizeof gid);
	user->groups[user->group_count++] = gid;
}

static void
groups_read(struct names *names)
{
	const struct group *entry;
	char **member;
	size_t i;

	setgrent();
	while ((entry = getgrent()) != NULL) {
		names->groups = grow(names->groups, names->group_count, &names->group_size,
		    sizeof *names->groups);
		names->groups[names->group_count].name = arena_text(names->arena, entry->gr_name);
		names->groups[names->group_count++].gid = entry->gr_gid;
		for (member = entry->gr_mem; *member != NULL; member++)
			member_add(names, *member, entry->gr_gid);
	}
	endgrent();
	names->group_map = map_new(names->group_count);
	for (i = 0; i < names->group_count; i++)
		map_put(names->group_map, names->groups[i].name, strlen(names->groups[i].name),
		    (uint32_t)i);
}

static void
names_free(struct names *names)
{
	size_t i;

	for (i = 0; i < names->user_count; i++)
		free(names->users[i].groups);
	free(names->users);
	free(names->groups);
	map_free(&names->user_map);
	map_free(&names->group_map);
}

/* A user that the pass did not show, with the groups that the system says. */
static bool
user_ask(const char *name, struct user *user, struct arena *arena)
{
	const struct passwd *entry = getpwnam(name);
	gid_t groups[CONFINE_GROUPS + 1];
	int count = CONFINE_GROUPS + 1, i;

	if (entry == NULL)
		return false;
	memset(user, 0, sizeof *user);
	user->name = name;
	user->home = arena_text(arena, entry->pw_dir);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	if (getgrouplist(name, entry->pw_gid, groups, &count) < 0)
		count = CONFINE_GROUPS + 1;
	user->groups = arena_array(arena, (size_t)count, sizeof *user->groups);
	for (i = 0; i < count; i++)
		user->groups[i] = groups[i];
	user->group_count = (size_t)count;
	return true;
}

static bool
user_find(struct names *names, const char *name, struct user *user)
{
	uint32_t index = map_find(names->user_map, name, strlen(name), NULL);

	if (index == MAP_NONE)
		return user_ask(name, user, names->arena);
	*user = names->users[index];
	return true;
}

static bool
group_find(struct names *names, const char *name, uint32_t *gid)
{
	uint32_t index = map_find(names->group_map, name, strlen(name), NULL);
	const struct group *entry;

	if (index != MAP_NONE) {
		*gid = names->groups[index].gid;
		return true;
	}
	entry = getgrnam(name);
	if (entry == NULL)
		return false;
	*gid = entry->gr_gid;
	return true;
}

/* The pool's group, then those that name its user, each once; false: there are too many. */
static bool
groups_fill(struct pool_settings *pool, const struct user *user, struct arena *arena)
{
	size_t i;
	uint32_t j;

	pool->groups = arena_array(arena, user->group_count + 1, sizeof *pool->groups);
	pool->groups[0] = pool->gid;
	pool->group_count = 1;
	for (i = 0; i < user->group_count; i++) {
		for (j = 0; j < pool->group_count && pool->groups[j] != user->groups[i]; j++)
			;
		if (j < pool->group_count)
			continue;
		if (pool->group_count == CONFINE_GROUPS)
			return false;
		pool->groups[pool->group_count++] = user->groups[i];
	}
	return true;
}

/* "uid gid group group ...": how it travels as text. */
static char *
identity_write(struct arena *arena, uint32_t uid, uint32_t gid, const uint32_t *groups,
    uint32_t count)
{
	char text[24 + CONFINE_GROUPS * 11];
	size_t len;
	uint32_t i;

	len = (size_t)snprintf(text, sizeof text, "%u %u", uid, gid);
	for (i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, " %u", groups[i]);
	return arena_text(arena, text);
}

/* False: it is none. */
static bool
identity_read(const char *text, uint32_t *uid, uint32_t *gid, uint32_t groups[CONFINE_GROUPS],
    uint32_t *count)
{
	uint32_t numbers[CONFINE_GROUPS + 2], got = 0;
	const char *end;
	uint64_t value;

	for (; *text != '\0' && got < CONFINE_GROUPS + 2; text = *end == ' ' ? end + 1 : end) {
		end = strchrnul(text, ' ');
		if (!str_decimal(text, (size_t)(end - text), &value) || value >= SETTINGS_NONE)
			return false;
		numbers[got++] = (uint32_t)value;
	}
	if (*text != '\0' || got < 2)
		return false;
	*uid = numbers[0];
	*gid = numbers[1];
	*count = got - 2;
	memcpy(groups, numbers + 2, *count * sizeof groups[0]);
	return true;
}

void
identities_take(struct reading *reading)
{
	struct settings *settings = reading->settings;
	uint32_t groups[CONFINE_GROUPS], count, i;
	size_t j;

	for (j = 0; j < settings->multiplexer_count; j++) {
		struct multiplexer_settings *it = &settings->multiplexers[j];

		if (it->identity != NULL &&
		    !identity_read(it->identity, &it->uid, &it->gid, groups, &count))
			say_error(reading, it->place, "that is no identity");
	}
	for (i = 0; i < settings->pool_count; i++) {
		struct pool_settings *pool = &settings->pools[i];

		if (pool->identity == NULL)
			continue;
		if (!identity_read(pool->identity, &pool->uid, &pool->gid, groups, &count))
			say_error(reading, pool->place, "that is no identity");
		pool->group_count = count;
		pool->groups = arena_array(reading->arena, count, sizeof *pool->groups);
		memcpy(pool->groups, groups, count * sizeof groups[0]);
	}
}

static bool
has_root(const struct pool_settings *pool)
{
	uint32_t i;

	for (i = 0; i < pool->group_count; i++)
		if (pool->groups[i] == 0)
			return true;
	return false;
}

static void
pool_resolve(struct reading *reading, struct names *names, uint32_t index)
{
	struct pool_settings *pool = &reading->settings->pools[index];
	const config_setting_t *node = reading->pools_said[index].node;
	struct place user_place = place_in(reading, node, "user");
	struct user user;

	if (pool->user == NULL)
		return;
	if (!user_find(names, pool->user, &user)) {
		pool_wrong(reading, index, user_place, "there is no user \"%s\"; write the name of "
		    "an account, or create it with useradd", say_text(reading, pool->user));
		return;
	}
	pool->uid = user.uid;
	pool->gid = user.gid;
	pool->home = arena_text(reading->arena, user.home);
	if (pool->group != NULL && !group_find(names, pool->group, &pool->gid)) {
		pool_wrong(reading, index, place_in(reading, node, "group"), "there is no group "
		    "\"%s\"; write the name of a group, or create it with groupadd",
		    say_text(reading, pool->group));
		return;
	}
	if (!groups_fill(pool, &user, reading->arena))
		pool_wrong(reading, index, user_place, "user \"%s\" is in more than %d groups; "
		    "take it out of some", say_text(reading, pool->user), CONFINE_GROUPS);
	else if (pool->uid == 0)
		pool_wrong(reading, index, user_place, "a pool can't run as root; write the name "
		    "of an account of its own");
	else if (has_root(pool))
		pool_wrong(reading, index, user_place, "a pool can't be in group root (0); write "
		    "another group, or take user \"%s\" out of it", say_text(reading, pool->user));
}

static void
multiplexer_resolve(struct reading *reading, struct names *names, size_t index)
{
	struct multiplexer_settings *it = &reading->settings->multiplexers[index];
	const config_setting_t *node = index < reading->multiplexers.count ?
	    reading->multiplexers.at[index] : NULL;
	struct place place = node != NULL ? place_in(reading, node, "user") : it->place;
	struct user user;

	if (!user_find(names, it->user, &user)) {
		say_error(reading, place, "there is no user \"%s\" for the multiplexers; create it "
		    "with useradd --system --no-create-home %s, or write multiplexers = ( "
		    "{ user = \"nobody\"; group = \"nogroup\"; } )", say_text(reading, it->user),
		    say_text(reading, it->user));
		return;
	}
	it->uid = user.uid;
	if (!group_find(names, it->group, &it->gid))
		say_error(reading, node != NULL ? place_in(reading, node, "group") : it->place,
		    "there is no group \"%s\" for the multiplexers; write the name of a group, or "
		    "create it with groupadd", say_text(reading, it->group));
	else if (it->uid == 0 || it->gid == 0)
		say_error(reading, place, "the multiplexers can't run as root; write the name of "
		    "an account of their own");
}

/* Who owns the multiplexers' memory must not be anybody's user. */
static void
strangers_check(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	uint32_t i;
	size_t j;

	for (i = 0; i < settings->pool_count; i++)
		for (j = 0; j < settings->multiplexer_count; j++)
			if (!reading->pools_said[i].failed &&
			    settings->pools[i].uid == settings->multiplexers[j].uid)
				pool_wrong(reading, i, place_in(reading,
				    reading->pools_said[i].node, "user"),
				    "user \"%s\" runs a multiplexer too, so it could read "
				    "everybody's requests; write another account",
				    say_text(reading, settings->pools[i].user));
}

static void
socket_names(struct reading *reading, struct names *names, const char *user, const char *group,
    const config_setting_t *node, struct listen_settings *listen)
{
	struct place nowhere = { reading->sources->name, 0 };
	struct user found = { .uid = 0 };
	uint32_t gid = 0;

	if (user != NULL && !user_find(names, user, &found))
		say_error(reading, place_in(reading, node, "owner"), "there is no user \"%s\"; "
		    "write the name of an account", say_text(reading, user));
	if (group != NULL && !group_find(names, group, &gid))
		say_error(reading, node != NULL ? place_in(reading, node, "group") : nowhere,
		    "there is no group \"%s\"; write the name of a group",
		    say_text(reading, group));
	if (listen != NULL) {
		listen->owner_id = found.uid;
		listen->group_id = gid;
	}
}

static void
identities_write(struct settings *settings, struct arena *arena)
{
	uint32_t i;
	size_t j;

	for (j = 0; j < settings->multiplexer_count; j++)
		settings->multiplexers[j].identity = identity_write(arena,
		    settings->multiplexers[j].uid, settings->multiplexers[j].gid, NULL, 0);
	for (i = 0; i < settings->pool_count; i++)
		if (settings->pools[i].uid != SETTINGS_NONE)
			settings->pools[i].identity = identity_write(arena,
			    settings->pools[i].uid, settings->pools[i].gid,
			    settings->pools[i].groups, settings->pools[i].group_count);
}

void
names_resolve(struct reading *reading)
{
	struct settings *settings = reading->settings;
	struct names names = { .arena = arena_new() };
	uint32_t i;
	size_t j;

	users_read(&names);
	groups_read(&names);
	for (j = 0; j < settings->multiplexer_count; j++)
		multiplexer_resolve(reading, &names, j);
	for (i = 0; i < settings->pool_count; i++)
		pool_resolve(reading, &names, i);
	strangers_check(reading);
	identities_write(settings, reading->arena);
	for (j = 0; j < settings->listen_count; j++)
		socket_names(reading, &names, settings->listens[j].owner,
		    settings->listens[j].group, reading->listens.at[j], &settings->listens[j]);
	socket_names(reading, &names, NULL, settings->control_group, NULL, NULL);
	names_free(&names);
	arena_free(&names.arena);
}
