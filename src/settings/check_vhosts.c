#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "settings/access_format.h"
#include "settings/reading.h"

#define NAME_MOST 255

/* ---- names */

/* A host name in lower case, or an address as a browser would put it into Host. */
static bool
is_host(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MOST)
		return false;
	if (name[0] == '[')
		return len > 3 && name[len - 1] == ']' &&
		    strspn(name + 1, "0123456789abcdef:.") == len - 2;
	return name[0] != '.' && name[len - 1] != '.' && strstr(name, "..") == NULL &&
	    strspn(name, letters) == len;
}

static void
name_malformed(struct reading *reading, struct place place, const char *setting,
    const char *name)
{
	const char *advice = "write a host name like \"www.example.com\"";
	const char *colon = strchr(name, ':');

	if (name[0] != '\0' && name[strlen(name) - 1] == '.')
		advice = "leave the dot at its end out";
	else if (strstr(name, "://") != NULL || strchr(name, '/') != NULL)
		advice = "write the host name alone, without a scheme or path";
	else if (colon != NULL && name[0] != '[' && strchr(colon + 1, ':') == NULL)
		advice = "leave the port out: names are the same on every port";
	else if (strchr(name, '*') != NULL)
		advice = "write a star at the beginning only, as \"*.example.com\"";
	else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.*:")] & 0x80)
		advice = "write its ASCII form, which begins with xn--";
	say_error(reading, place, "%s: \"%s\" is no host name; %s", setting,
	    say_text(reading, name), advice);
}

static void
name_check(struct reading *reading, struct map *map, uint32_t vhost, const char *setting,
    const char *name)
{
	const struct settings *settings = reading->settings;
	struct place place = place_in(reading, reading->vhosts_said[vhost].node, setting), there;
	const char *host = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	uint32_t other;

	if (strcmp(name, "*") == 0) {
		if (strcmp(setting, "aliases") == 0)
			say_error(reading, place, "\"*\" is no alias; write default_vhost = true; "
			    "for the vhost that answers for all other names");
		return;
	}
	if (!is_host(host)) {
		name_malformed(reading, place, setting, name);
		return;
	}
	other = map_put(map, name, strlen(name), vhost);
	if (other == vhost)
		return;
	there = settings->vhosts[other].place;
	say_error(reading, place, "\"%s\" is a name of the vhost at %s:%u too; take one of the two "
	    "out", say_text(reading, name), there.file, there.line);
}

static void
names_check(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	uint32_t i, fallback = SETTINGS_NONE;
	size_t count = settings->vhost_count, j;
	struct map *map;

	for (i = 0; i < settings->vhost_count; i++)
		count += settings->vhosts[i].aliases.count;
	map = map_new(count);
	if (map == NULL)
		abort();
	for (i = 0; i < settings->vhost_count; i++) {
		const struct vhost_settings *vhost = &settings->vhosts[i];

		if (vhost->server_name != NULL)
			name_check(reading, map, i, "server_name", vhost->server_name);
		for (j = 0; j < vhost->aliases.count; j++)
			name_check(reading, map, i, "aliases", vhost->aliases.at[j]);
		if (vhost->is_default && fallback != SETTINGS_NONE)
			say_error(reading, vhost->place, "the vhost at %s:%u is the default one "
			    "already; write default_vhost = true (or server_name = \"*\") in one "
			    "vhost only", settings->vhosts[fallback].place.file,
			    settings->vhosts[fallback].place.line);
		else if (vhost->is_default)
			fallback = i;
	}
	map_free(&map);
}

/* ---- one vhost */

static void
needed(struct reading *reading, uint32_t vhost, const char *setting, const char *example)
{
	const config_setting_t *node = reading->vhosts_said[vhost].node;

	if (config_setting_get_member(node, setting) == NULL)
		say_error(reading, reading->settings->vhosts[vhost].place,
		    "this vhost has no %s; write %s = %s;", setting, setting, example);
}

/* The pool must be able to see it. */
static void
inside_check(struct reading *reading, uint32_t index, struct place place, const char *setting,
    const char *path)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const char *chroot = vhost->pool != SETTINGS_NONE ?
	    reading->settings->pools[vhost->pool].chroot : NULL;

	if (path == NULL || chroot == NULL || settings_inside(chroot, path) != NULL)
		return;
	vhost_wrong(reading, index, place, "%s \"%s\" is outside its pool's chroot \"%s\"; write a "
	    "path below it, as seen from outside the chroot", setting, say_text(reading, path),
	    say_text(reading, chroot));
}

static void
handler_check(struct reading *reading, uint32_t index, const struct handler_settings *handler,
    const config_setting_t *node)
{
	if ((handler->suffix == NULL) == (handler->prefix == NULL) &&
	    (config_setting_get_member(node, "suffix") == NULL ||
	    handler->suffix != NULL))
		say_error(reading, handler->place, "a handlers entry has a suffix or a prefix, one "
		    "of the two; write suffix = \".php\"; or prefix = \"/cgi-bin/\";");
	if (config_setting_get_member(node, "handler") == NULL)
		say_error(reading, handler->place, "this handlers entry has no handler; write "
		    "handler = \"cgi\";");
	if (handler->suffix != NULL && (handler->suffix[0] != '.' ||
	    handler->suffix[1] == '\0' || strchr(handler->suffix, '/') != NULL))
		say_error(reading, place_in(reading, node, "suffix"), "suffix \"%s\" can't end a "
		    "file's name; write a dot and letters, as \".php\"",
		    say_text(reading, handler->suffix));
	if (handler->prefix != NULL && handler->prefix[0] != '/')
		say_error(reading, place_in(reading, node, "prefix"), "prefix \"%s\" can't begin a "
		    "path; write \"/%s\"", say_text(reading, handler->prefix),
		    say_text(reading, handler->prefix));
	if (handler->kind == HANDLER_PSGI && handler->application == NULL &&
	    config_setting_get_member(node, "application") == NULL)
		say_error(reading, handler->place, "handler \"psgi\" needs an application; write "
		    "application = \"/home/alice/app.psgi\";");
	if (handler->kind == HANDLER_PSGI && handler->suffix != NULL)
		say_error(reading, place_in(reading, node, "suffix"), "handler \"psgi\" serves all "
		    "paths below a prefix; write prefix = \"/\"; in place of the suffix");
	if (handler->kind != HANDLER_PSGI && handler->application != NULL)
		say_error(reading, place_in(reading, node, "application"), "only handler \"psgi\" "
		    "has an application; take it out");
	inside_check(reading, index, place_in(reading, node, "application"), "application",
	    handler->application);
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void
handlers_check(struct reading *reading, uint32_t index)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const config_setting_t *list, *node;
	size_t i, j;

	if (vhost->handler_count == 0)
		return;
	list = config_setting_get_member(reading->vhosts_said[index].node, "handlers");
	for (i = 0; i < vhost->handler_count; i++) {
		const struct handler_settings *it = &vhost->handlers[i];

		node = config_setting_get_elem(list, (unsigned)i);
		if (!config_setting_is_group(node))
			return;         /* said; and the rest have moved up */
		handler_check(reading, index, it, node);
		for (j = 0; j < i; j++)
			if (same(it->suffix, vhost->handlers[j].suffix) ||
			    same(it->prefix, vhost->handlers[j].prefix))
				say_error(reading, it->place, "\"%s\" has a handler already, at "
				    "%s:%u; take one of the two out", say_text(reading,
				    it->suffix != NULL ? it->suffix : it->prefix),
				    vhost->handlers[j].place.file, vhost->handlers[j].place.line);
	}
}

static void
index_check(struct reading *reading, const struct vhost_settings *vhost,
    const config_setting_t *node)
{
	size_t i;

	for (i = 0; i < vhost->index.count; i++)
		if (strchr(vhost->index.at[i], '/') != NULL)
			say_error(reading, place_in(reading, node, "index"), "index: \"%s\" is no "
			    "file name; write it without a /",
			    say_text(reading, vhost->index.at[i]));
	if (vhost->fallback != NULL && vhost->fallback[0] != '/')
		say_error(reading, place_in(reading, node, "fallback"), "fallback \"%s\" is no "
		    "path; write \"/%s\"", say_text(reading, vhost->fallback),
		    say_text(reading, vhost->fallback));
}

static void
format_check(struct reading *reading, const struct vhost_settings *vhost,
    const config_setting_t *node)
{
	struct access_format *format;
	struct fault fault;

	if (config_setting_get_member(node, "access_log_format") == NULL)
		return;
	format = access_format_new(vhost->access_log_format, &fault);
	if (format == NULL)
		say_error(reading, place_in(reading, node, "access_log_format"),
		    "access_log_format: %s; write one that peruserd.cfg(5) has, %%%% for a "
		    "percent sign, or \"combined\"", say_text(reading, fault.text));
	access_format_free(&format);
}

static void
vhost_check(struct reading *reading, uint32_t index)
{
	const struct vhost_settings *vhost = &reading->settings->vhosts[index];
	const config_setting_t *node = reading->vhosts_said[index].node;

	needed(reading, index, "server_name", "\"www.example.com\"");
	needed(reading, index, "processor", "\"alice\"");
	needed(reading, index, "document_root", "\"/home/alice/public_html\"");
	index_check(reading, vhost, node);
	format_check(reading, vhost, node);
	handlers_check(reading, index);
	check_fastcgi_handlers(reading, index);
	check_pairs(reading, node, "php_value", &vhost->php_value, false);
	check_pairs(reading, node, "php_admin_value", &vhost->php_admin_value, false);
	check_pairs(reading, node, "php_flag", &vhost->php_flag, true);
	check_pairs(reading, node, "php_admin_flag", &vhost->php_admin_flag, true);
	check_pairs(reading, node, "env", &vhost->env, false);
	check_folders(reading, node, "perl_lib", &vhost->perl_lib, vhost->pool != SETTINGS_NONE ?
	    reading->settings->pools[vhost->pool].chroot : NULL);
	inside_check(reading, index, place_in(reading, node, "document_root"), "document_root",
	    vhost->document_root);
}

void
check_vhosts(struct reading *reading)
{
	uint32_t i;

	for (i = 0; i < reading->settings->vhost_count; i++)
		vhost_check(reading, i);
	names_check(reading);
}
