#include <inttypes.h>
#include <string.h>

#include "ctl/show.h"

void
show_json_string(const char *text, FILE *out)
{
	const unsigned char *at = (const unsigned char *)text;

	putc('"', out);
	for (; *at != '\0'; at++)
		if (*at < 0x20 || *at >= 0x7f)
			fprintf(out, "\\u%04x", *at);
		else if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else
			putc(*at, out);
	putc('"', out);
}

static void
member_text(const char *name, const char *text, FILE *out)
{
	fprintf(out, "\"%s\": ", name);
	show_json_string(text, out);
	fputs(", ", out);
}

static void
member(const char *name, uint64_t value, const char *after, FILE *out)
{
	fprintf(out, "\"%s\": %" PRIu64 "%s", name, value, after);
}

/* A pid, or null where there is no process. */
static void
member_pid(const char *name, uint64_t pid, FILE *out)
{
	if (pid == 0)
		fprintf(out, "\"%s\": null, ", name);
	else
		member(name, pid, ", ", out);
}

static void
json_multiplexer(const struct view_multiplexer *mux, FILE *out)
{
	fputs("    { ", out);
	member("number", mux->number, ", ", out);
	member_pid("pid", mux->pid, out);
	fprintf(out, "\"ready\": %s, ", mux->ready ? "true" : "false");
	member("connections", mux->connections, ", ", out);
	member("accepted", mux->accepted, ", ", out);
	member("requests", mux->requests, ", ", out);
	member("restarts", mux->restarts, " }", out);
}

static void
json_pool(const struct view_pool *pool, FILE *out)
{
	fputs("    { ", out);
	member_text("name", pool->name, out);
	member_text("user", pool->user, out);
	member_text("state", pool->state, out);
	if (pool->reason[0] != '\0')
		member_text("reason", pool->reason, out);
	if (pool->retry_ms != 0)
		member("retry_ms", pool->retry_ms, ", ", out);
	member_pid("zygote", pool->pid, out);
	if (pool->namespaces[0] != '\0')
		fprintf(out, "\"namespaces\": %s, ",
		    strcmp(pool->namespaces, "yes") == 0 ? "true" : "false");
	member("starting", pool->starting, ", ", out);
	member("idle", pool->idle, ", ", out);
	member("busy", pool->busy, ", ", out);
	member("leaving", pool->leaving, ", ", out);
	member("max", pool->max, ", ", out);
	member("queued", pool->queued, ", ", out);
	member("requests", pool->requests, ", ", out);
	member("errors", pool->errors, ", ", out);
	member("queue_full", pool->queue_full, ", ", out);
	member("queue_timeouts", pool->queue_timeouts, ", ", out);
	member("expired", pool->expired, " }", out);
}

static void
json_slot(const struct view *view, const struct view_slot *slot, FILE *out)
{
	const struct view_pool *pool = view_pool(view, slot->pool);

	fputs("    { ", out);
	member("slot", slot->index, ", ", out);
	member_text("pool", pool != NULL ? pool->name : "", out);
	member_pid("pid", slot->pid, out);
	member_text("state", slot->state, out);
	member("requests", slot->requests, ", ", out);
	member("age_ms", slot->age_ms, ", ", out);
	fputs("\"request\": ", out);
	show_json_string(slot->row, out);
	fputs(" }", out);
}

static const char *
separator(size_t i, size_t count)
{
	return i + 1 < count ? ",\n" : "\n";
}

void
show_json(const struct view *view, FILE *out)
{
	size_t i;

	fputs("{\n  ", out);
	member_text("version", view->version, out);
	member_text("phase", view->phase, out);
	member("pid", view->pid, ", ", out);
	member("uptime_ms", view->uptime_ms, ", ", out);
	member("live", view->live, ", ", out);
	member("server_limit", view->server_limit, ",\n  \"multiplexers\": [\n", out);
	for (i = 0; i < view->multiplexer_count; i++) {
		json_multiplexer(&view->multiplexers[i], out);
		fputs(separator(i, view->multiplexer_count), out);
	}
	fputs("  ],\n  \"pools\": [\n", out);
	for (i = 0; i < view->pool_count; i++) {
		json_pool(&view->pools[i], out);
		fputs(separator(i, view->pool_count), out);
	}
	fputs("  ],\n  \"processors\": [\n", out);
	for (i = 0; i < view->slot_count; i++) {
		json_slot(view, &view->slots[i], out);
		fputs(separator(i, view->slot_count), out);
	}
	fputs("  ]\n}\n", out);
}
