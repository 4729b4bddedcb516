#include <string.h>

#include "status/view.h"

#define SERVER(field) offsetof(struct view_server, field)
#define MUX(field)    offsetof(struct view_multiplexer, field)
#define POOL(field)   offsetof(struct view_pool, field)
#define SLOT(field)   offsetof(struct view_slot, field)
#define PLAIN         VIEW_PLAIN, NULL, NULL, NULL

static const struct view_number server[] = {
	{ "pid", SERVER(pid), FROM_RECORD, PLAIN },
	{ "uptime_ms", SERVER(uptime_ms), FROM_RECORD, VIEW_GAUGE, "uptime_seconds", "seconds",
	    "Time since the manager started." },
	{ "live", SERVER(live), FROM_RECORD, VIEW_GAUGE, "processors", NULL,
	    "Processors of all pools." },
	{ "server_limit", SERVER(server_limit), FROM_RECORD, VIEW_GAUGE, "processors_max", NULL,
	    "How many processors may run: server_limit." },
	{ "upgrades", SERVER(upgrades), FROM_RECORD, VIEW_COUNTER, "upgrades", NULL,
	    "How often another binary took over since then." },
	{ "upgraded_ms", SERVER(upgraded_ms), FROM_RECORD, PLAIN },
	{ "said_ms", SERVER(said_ms), FROM_VIEW, VIEW_GAUGE, "status_age_seconds", "seconds",
	    "How long ago the manager said all this." },
};

static const struct view_number multiplexer[] = {
	{ "number", MUX(number), FROM_RECORD, PLAIN },
	{ "pid", MUX(pid), FROM_RECORD, PLAIN },
	{ "uptime_ms", MUX(uptime_ms), FROM_RECORD, VIEW_GAUGE, "multiplexer_uptime_seconds",
	    "seconds", "Time since this multiplexer started." },
	{ "connections", MUX(connections), FROM_VIEW, VIEW_GAUGE, "multiplexer_connections", NULL,
	    "Connections that are open, idle ones included." },
	{ "accepted", MUX(accepted), FROM_VIEW, VIEW_COUNTER, "multiplexer_accepted", NULL,
	    "Connections accepted." },
	{ "requests", MUX(requests), FROM_VIEW, VIEW_COUNTER, "multiplexer_requests", NULL,
	    "Requests that a processor served." },
	{ "restarts", MUX(restarts), FROM_RECORD, VIEW_COUNTER, "multiplexer_restarts", NULL,
	    "Times that one of this number died or hung and was replaced." },
};

static const struct view_number pool[] = {
	{ "starting", POOL(starting), FROM_VIEW, PLAIN },
	{ "idle", POOL(idle), FROM_VIEW, PLAIN },
	{ "busy", POOL(busy), FROM_VIEW, PLAIN },
	{ "sticky", POOL(sticky), FROM_VIEW, PLAIN },
	{ "leaving", POOL(leaving), FROM_VIEW, PLAIN },
	{ "generation", POOL(generation), FROM_RECORD, PLAIN },
	{ "former", POOL(former), FROM_RECORD, VIEW_GAUGE, "pool_former_zygotes", NULL,
	    "Zygotes whose place another one has taken and whose processors finish." },
	{ "max", POOL(max), FROM_RECORD, VIEW_GAUGE, "pool_processors_max", NULL,
	    "How many processors the pool may have: max_processors." },
	{ "uptime_ms", POOL(uptime_ms), FROM_RECORD, VIEW_GAUGE, "pool_uptime_seconds", "seconds",
	    "Time since its zygote started; 0 without one." },
	{ "queued", POOL(queued), FROM_VIEW, VIEW_GAUGE, "pool_queue", NULL,
	    "Requests that wait for a processor." },
	{ "queue_oldest_ms", POOL(oldest_ms), FROM_VIEW, VIEW_GAUGE, "pool_queue_oldest_seconds",
	    "seconds", "How long the first of them has waited." },
	{ "longest_ms", POOL(longest_ms), FROM_VIEW, VIEW_GAUGE, "pool_request_longest_seconds",
	    "seconds", "How long the longest running request has run." },
	{ "requests", POOL(requests), FROM_VIEW, VIEW_COUNTER, "pool_requests", NULL,
	    "Requests served." },
	{ "errors", POOL(errors), FROM_VIEW, VIEW_COUNTER, "pool_errors", NULL,
	    "Answers of status 500 and above, those of peruserd itself included." },
	{ "bytes", POOL(bytes), FROM_VIEW, VIEW_COUNTER, "pool_answer_bytes", "bytes",
	    "Bytes of answers, as its processors gave them." },
	{ "queue_full", POOL(queue_full), FROM_VIEW, VIEW_COUNTER, "pool_queue_full", NULL,
	    "Requests refused with 503 for a full queue." },
	{ "queue_timeouts", POOL(queue_timeouts), FROM_VIEW, VIEW_COUNTER, "pool_queue_timeouts",
	    NULL, "Requests refused with 503 after queue_timeout." },
	{ "expired", POOL(expired), FROM_VIEW, VIEW_COUNTER, "pool_expired", NULL,
	    "Processors killed because a request ran longer than expire_timeout." },
	{ "crashes", POOL(crashes), FROM_RECORD, VIEW_COUNTER, "pool_crashes", NULL,
	    "Processors that died of a signal that nobody asked for." },
	{ "restarts", POOL(restarts), FROM_RECORD, VIEW_COUNTER, "pool_restarts", NULL,
	    "Zygotes started after the pool's first one." },
	{ "recycled", POOL(recycled), FROM_RECORD, VIEW_COUNTER, "pool_recycled", NULL,
	    "Processors that left after as many requests, or as much memory, as they may use." },
	{ "cpu_ms", POOL(cpu_ms), FROM_RECORD, VIEW_COUNTER, "pool_cpu_seconds", "seconds",
	    "Processor time of its zygote and processors." },
	{ "memory_bytes", POOL(memory), FROM_VIEW, VIEW_GAUGE, "pool_memory_bytes", "bytes",
	    "Memory of its processors that is neither a file's nor shared." },
};

static const struct view_number slot[] = {
	{ "slot", SLOT(index), FROM_VIEW, PLAIN },
	{ "uptime_ms", SLOT(uptime_ms), FROM_RECORD, VIEW_GAUGE, "processor_uptime_seconds",
	    "seconds", "Time since the processor was forked." },
	{ "age_ms", SLOT(age_ms), FROM_RECORD, PLAIN },
	{ "requests", SLOT(requests), FROM_VIEW, VIEW_GAUGE, "processor_requests", NULL,
	    "Requests served by the processor that is there now." },
	{ "bytes", SLOT(bytes), FROM_VIEW, VIEW_GAUGE, "processor_answer_bytes", "bytes",
	    "Bytes of their answers." },
	{ "cpu_ms", SLOT(cpu_ms), FROM_RECORD, VIEW_GAUGE, "processor_cpu_seconds", "seconds",
	    "Processor time that it used." },
	{ "rss_bytes", SLOT(rss), FROM_RECORD, VIEW_GAUGE, "processor_resident_bytes", "bytes",
	    "Its resident memory, shared parts included." },
	{ "memory_bytes", SLOT(memory), FROM_RECORD, VIEW_GAUGE, "processor_memory_bytes", "bytes",
	    "Of that what is neither a file's nor shared." },
};

#define NUMBERS(array) { (array), sizeof (array) / sizeof (array)[0] }
const struct view_numbers view_of_server = NUMBERS(server);
const struct view_numbers view_of_multiplexer = NUMBERS(multiplexer);
const struct view_numbers view_of_pool = NUMBERS(pool);
const struct view_numbers view_of_slot = NUMBERS(slot);

uint64_t
view_value(const struct view_number *number, const void *of)
{
	uint64_t value;

	memcpy(&value, (const char *)of + number->offset, sizeof value);
	return value;
}
