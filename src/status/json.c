#include <inttypes.h>
#include <string.h>

#include "status/show.h"

void
show_json_string(struct show *show, const char *text)
{
	const unsigned char *at = (const unsigned char *)text, *plain;

	show_text(show, "\"");
	while (*at != '\0') {
		for (plain = at; *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\'; at++)
			;
		show->ok = show->ok && buf_add(show->to, plain, (size_t)(at - plain));
		if (*at == '"' || *at == '\\')
			show_format(show, "\\%c", *at);
		else if (*at != '\0')
			show_format(show, "\\u%04x", *at);
		at += *at != '\0';
	}
	show_text(show, "\"");
}

/* Members end in ", "; the last one of an object is a number that closes it. */
static void
member_text(struct show *show, const char *name, const char *text)
{
	show_format(show, "\"%s\": ", name);
	show_json_string(show, text);
	show_text(show, ", ");
}

static void
member_bool(struct show *show, const char *name, bool value)
{
	show_format(show, "\"%s\": %s, ", name, value ? "true" : "false");
}

/* A pid, or null where there is no process. */
static void
member_pid(struct show *show, const char *name, uint64_t pid)
{
	if (pid == 0)
		show_format(show, "\"%s\": null, ", name);
	else
		show_format(show, "\"%s\": %" PRIu64 ", ", name, pid);
}

static void
members(struct show *show, const struct view_numbers *numbers, const void *of)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < numbers->count; i++) {
		if (strcmp(numbers->at[i].key, "pid") == 0)
			continue;
		show_format(show, "%s\"%s\": %" PRIu64, comma, numbers->at[i].key,
		    view_value(&numbers->at[i], of));
		comma = ", ";
	}
}

static void
json_multiplexer(struct show *show, const struct view *view, size_t i)
{
	const struct view_multiplexer *mux = &view->multiplexers[i];

	member_pid(show, "pid", mux->pid);
	member_bool(show, "ready", mux->ready);
	members(show, &view_of_multiplexer, mux);
}

static void
json_pool(struct show *show, const struct view *view, size_t i)
{
	const struct view_pool *pool = &view->pools[i];

	member_text(show, "name", pool->name);
	member_text(show, "user", pool->user);
	member_text(show, "state", pool->state);
	member_bool(show, "drained", pool->drained);
	member_bool(show, "rolling", pool->rolling);
	if (pool->reason[0] != '\0')
		member_text(show, "reason", pool->reason);
	if (pool->retry_ms != 0)
		show_format(show, "\"retry_ms\": %" PRIu64 ", ", pool->retry_ms);
	member_pid(show, "zygote", pool->pid);
	if (pool->namespaces[0] != '\0')
		member_bool(show, "namespaces", strcmp(pool->namespaces, "yes") == 0);
	members(show, &view_of_pool, pool);
}

static void
json_slot(struct show *show, const struct view *view, size_t i)
{
	const struct view_slot *slot = &view->slots[i];
	const struct view_pool *pool = view_pool(view, slot->pool);

	member_text(show, "pool", view_pool_name(view, slot));
	member_text(show, "user", pool != NULL ? pool->user : "");
	member_pid(show, "pid", slot->pid);
	member_text(show, "state", slot->state);
	member_text(show, "method", slot->method);
	member_text(show, "vhost", slot->vhost);
	member_text(show, "url", slot->url);
	members(show, &view_of_slot, slot);
}

static void
list(struct show *show, const char *name, const struct view *view, size_t count,
    void (*one)(struct show *show, const struct view *view, size_t i))
{
	const char *between = "\n    { ";
	size_t i;

	show_format(show, ",\n  \"%s\": [", name);
	for (i = 0; i < count; i++) {
		if (view->active_only && one == json_pool && view_pool_unused(&view->pools[i]))
			continue;
		show_text(show, between);
		one(show, view, i);
		between = " },\n    { ";
	}
	show_text(show, between[0] == '\n' ? "\n  ]" : " }\n  ]");
}

bool
show_json(const struct view *view, struct buf *out)
{
	struct show show = { out, true };

	show_text(&show, "{\n  ");
	member_text(&show, "version", view->server.version);
	member_text(&show, "phase", view->server.phase);
	member_pid(&show, "pid", view->server.pid);
	members(&show, &view_of_server, &view->server);
	list(&show, "multiplexers", view, view->multiplexer_count, json_multiplexer);
	list(&show, "pools", view, view->pool_count, json_pool);
	list(&show, "processors", view, view->slot_count, json_slot);
	show_text(&show, "\n}\n");
	return show.ok;
}
