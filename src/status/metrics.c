#include <inttypes.h>
#include <string.h>

#include "status/metrics.h"
#include "status/show.h"

/* One sample's labels; what comes of configurations and strangers is escaped. */
static void
label(struct show *show, const char *before, const char *name, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;

	show_format(show, "%s%s=\"", before, name);
	for (; *at != '\0'; at++)
		if (*at == '\\' || *at == '"')
			show_format(show, "\\%c", *at);
		else if (*at == '\n')
			show_text(show, "\\n");
		else if (*at < 0x80)
			show_format(show, "%c", *at);
		else
			/* Latin-1 as UTF-8: what is no UTF-8 would spoil the whole scrape. */
			show_format(show, "%c%c", 0xc0 | *at >> 6, 0x80 | (*at & 0x3f));
	show_text(show, "\"");
}

static void
label_number(struct show *show, const char *before, const char *name, uint64_t value)
{
	show_format(show, "%s%s=\"%" PRIu64 "\"", before, name, value);
}

static void
family(struct show *show, const char *metric, const char *type, const char *unit,
    const char *help)
{
	show_format(show, "# TYPE peruserd_%s %s\n", metric, type);
	if (unit != NULL)
		show_format(show, "# UNIT peruserd_%s %s\n", metric, unit);
	show_format(show, "# HELP peruserd_%s %s\n", metric, help);
}

/* Things of one kind: their numbers and the labels that tell them apart. */
struct kind {
	const struct view_numbers *numbers;
	size_t count;
	const void *(*one)(const struct view *view, size_t i);  /* NULL: not shown */
	void (*labels)(struct show *show, const struct view *view, const void *of);
};

static void
sample(struct show *show, const struct view *view, const struct kind *kind,
    const struct view_number *number, const void *of)
{
	uint64_t value = view_value(number, of);

	show_format(show, "peruserd_%s%s", number->metric,
	    number->kind == VIEW_COUNTER ? "_total" : "");
	if (kind->labels != NULL) {
		kind->labels(show, view, of);
		show_text(show, "}");
	}
	if (number->unit != NULL && strcmp(number->unit, "seconds") == 0)
		show_format(show, " %" PRIu64 ".%03u\n", value / 1000, (unsigned)(value % 1000));
	else
		show_format(show, " %" PRIu64 "\n", value);
}

static void
write_kind(struct show *show, const struct view *view, const struct kind *kind)
{
	const struct view_number *number;
	const void *of;
	size_t i, j;

	for (i = 0; i < kind->numbers->count; i++) {
		number = &kind->numbers->at[i];
		if (number->kind == VIEW_PLAIN)
			continue;
		family(show, number->metric, number->kind == VIEW_COUNTER ? "counter" : "gauge",
		    number->unit, number->help);
		for (j = 0; j < kind->count; j++)
			if ((of = kind->one(view, j)) != NULL)
				sample(show, view, kind, number, of);
	}
}

static const void *
one_server(const struct view *view, size_t i)
{
	(void)i;
	return &view->server;
}

static const void *
one_multiplexer(const struct view *view, size_t i)
{
	return &view->multiplexers[i];
}

static const void *
one_pool(const struct view *view, size_t i)
{
	return view_pool_unused(&view->pools[i]) ? NULL : &view->pools[i];
}

static const void *
one_slot(const struct view *view, size_t i)
{
	return &view->slots[i];
}

static void
multiplexer_labels(struct show *show, const struct view *view, const void *of)
{
	const struct view_multiplexer *mux = of;

	(void)view;
	label_number(show, "{", "multiplexer", mux->number);
}

static void
pool_labels(struct show *show, const struct view *view, const void *of)
{
	const struct view_pool *pool = of;

	(void)view;
	label(show, "{", "pool", pool->name);
	label(show, ",", "user", pool->user);
}

static void
slot_labels(struct show *show, const struct view *view, const void *of)
{
	const struct view_slot *slot = of;

	label(show, "{", "pool", view_pool_name(view, slot));
	label_number(show, ",", "slot", slot->index);
}

/* ---- what is no plain number */

static const struct {
	const char *state;
	size_t offset;
} states[] = {
	{ "busy", offsetof(struct view_pool, busy) },
	{ "idle", offsetof(struct view_pool, idle) },
	{ "leaving", offsetof(struct view_pool, leaving) },
	{ "starting", offsetof(struct view_pool, starting) },
	{ "sticky", offsetof(struct view_pool, sticky) },
};

static void
write_processors(struct show *show, const struct view *view)
{
	const struct view_pool *pool;
	struct view_number number;
	size_t i, j;

	family(show, "pool_processors", "gauge", NULL, "Processors of the pool by state.");
	for (i = 0; i < view->pool_count; i++)
		for (j = 0; j < sizeof states / sizeof states[0]; j++) {
			pool = one_pool(view, i);
			if (pool == NULL)
				continue;
			number.offset = states[j].offset;
			show_text(show, "peruserd_pool_processors");
			pool_labels(show, view, pool);
			label(show, ",", "state", states[j].state);
			show_format(show, "} %" PRIu64 "\n", view_value(&number, pool));
		}
}

static void
write_states(struct show *show, const struct view *view, const char *metric, const char *state,
    const char *help)
{
	const struct view_pool *pool;
	size_t i;

	family(show, metric, "gauge", NULL, help);
	for (i = 0; i < view->pool_count; i++) {
		pool = one_pool(view, i);
		if (pool == NULL)
			continue;
		show_format(show, "peruserd_%s", metric);
		pool_labels(show, view, pool);
		show_format(show, "} %d\n", strcmp(pool->state, state) == 0);
	}
}

static void
write_version(struct show *show, const struct view *view)
{
	family(show, "build", "info", NULL, "What runs.");
	show_text(show, "peruserd_build_info");
	label(show, "{", "version", view->server.version);
	show_text(show, "} 1\n");
}

bool
metrics_write(const struct view *view, struct buf *out)
{
	const struct kind kinds[] = {
		{ &view_of_server, 1, one_server, NULL },
		{ &view_of_multiplexer, view->multiplexer_count, one_multiplexer,
		    multiplexer_labels },
		{ &view_of_pool, view->pool_count, one_pool, pool_labels },
		{ &view_of_slot, view->slot_count, one_slot, slot_labels },
	};
	struct show show = { out, true };
	size_t i;

	write_version(&show, view);
	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		write_kind(&show, view, &kinds[i]);
	write_processors(&show, view);
	write_states(&show, view, "pool_ready", "ready", "Whether its zygote is there.");
	write_states(&show, view, "pool_failed", "failed", "Whether the pool can't start.");
	show_text(&show, "# EOF\n");
	return show.ok;
}
