#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "ctl/show.h"

#define COLUMNS    80
#define ROW_PREFIX 50           /* columns of a processor's line before its request */

const char *
show_age(uint64_t ms, char out[SHOW_AGE])
{
	if (ms < 1000)
		snprintf(out, SHOW_AGE, "%" PRIu64 "ms", ms);
	else if (ms < 120 * 1000)
		snprintf(out, SHOW_AGE, "%" PRIu64 "s", ms / 1000);
	else if (ms < 120 * 60 * 1000)
		snprintf(out, SHOW_AGE, "%" PRIu64 "m", ms / 60000);
	else if (ms < UINT64_C(48) * 3600 * 1000)
		snprintf(out, SHOW_AGE, "%" PRIu64 "h", ms / 3600000);
	else
		snprintf(out, SHOW_AGE, "%" PRIu64 "d", ms / 86400000);
	return out;
}

/* Escaped, and cut to that many columns. */
static const char *
safe(const char *text, size_t columns, char out[COLUMNS + 1])
{
	char whole[COLUMNS * 2];
	size_t len = log_escape(whole, sizeof whole, text, strlen(text), 0);

	len = len < columns ? len : columns;
	memcpy(out, whole, len);
	out[len] = '\0';
	return out;
}

static void
show_multiplexers(const struct view *view, FILE *out)
{
	size_t i;

	fputs("\nMULTIPLEXER      PID  STATE     CONNECTIONS      REQUESTS  RESTARTS\n", out);
	for (i = 0; i < view->multiplexer_count; i++) {
		const struct view_multiplexer *mux = &view->multiplexers[i];

		fprintf(out, "%11" PRIu64 "  %7" PRIu64 "  %-8s  %11" PRIu64 "  %12" PRIu64
		    "  %8" PRIu64 "\n", mux->number, mux->pid,
		    mux->pid == 0 ? "gone" : mux->ready ? "ready" : "starting",
		    mux->connections, mux->requests, mux->restarts);
	}
}

static void
show_pool(const struct view_pool *pool, FILE *out)
{
	char name[COLUMNS + 1], user[COLUMNS + 1], reason[COLUMNS + 1], age[SHOW_AGE];

	fprintf(out, "%-13s %-8s %-8s %7" PRIu64 " %4" PRIu64 " %4" PRIu64 " %4" PRIu64
	    " %5" PRIu64 " %8" PRIu64 " %5" PRIu64 " %4" PRIu64 "\n",
	    safe(pool->name, 13, name), safe(pool->user, 8, user), pool->state, pool->pid,
	    pool->idle, pool->busy, pool->max, pool->queued, pool->requests, pool->errors,
	    pool->queue_timeouts + pool->expired);
	if (pool->reason[0] == '\0')
		return;
	fprintf(out, "  %s\n", safe(pool->reason, COLUMNS - 2, reason));
	if (pool->retry_ms > 0)
		fprintf(out, "  tried again in %s\n", show_age(pool->retry_ms, age));
}

static void
show_slot(const struct view *view, const struct view_slot *slot, FILE *out)
{
	const struct view_pool *pool = view_pool(view, slot->pool);
	char name[COLUMNS + 1], row[COLUMNS + 1], age[SHOW_AGE];

	fprintf(out, "%5" PRIu64 " %7" PRIu64 " %-13s %-8s %8" PRIu64 " %5s %s\n", slot->index,
	    slot->pid, safe(pool != NULL ? pool->name : "?", 13, name), slot->state,
	    slot->requests, show_age(slot->age_ms, age),
	    strcmp(slot->state, "busy") == 0 ? safe(slot->row, COLUMNS - 1 - ROW_PREFIX - 2, row) :
	    "-");
}

void
show_text(const struct view *view, FILE *out)
{
	char version[COLUMNS + 1], age[SHOW_AGE];
	size_t i;

	fprintf(out, "peruserd %s, pid %" PRIu64 ", %s, up %s; %" PRIu64 " of %" PRIu64
	    " processors\n", safe(view->version, 16, version), view->pid, view->phase,
	    show_age(view->uptime_ms, age), view->live, view->server_limit);
	show_multiplexers(view, out);
	fputs("\nPOOL          USER     STATE     ZYGOTE IDLE BUSY  MAX QUEUE REQUESTS"
	    " ERROR LATE\n", out);
	for (i = 0; i < view->pool_count; i++)
		show_pool(&view->pools[i], out);
	if (view->slot_count == 0)
		return;
	fputs("\n SLOT     PID POOL          STATE    REQUESTS   AGE REQUEST\n", out);
	for (i = 0; i < view->slot_count; i++)
		show_slot(view, &view->slots[i], out);
}
