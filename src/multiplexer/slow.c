#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "multiplexer/completion.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/slow.h"

#define ANSWER_MS 1000          /* for the processor to say what it does */
#define LAST_MS   200           /* where it is killed then */
#define LINES     32            /* of what it says */

/* One line: to the slow log; to the pool's where there is none, or it was killed. */
static void
write_line(struct slot *slot, const char *text, size_t len)
{
	const struct vhost_settings *vhost = slot_vhost(slot);
	const struct pool_settings *pool = slot->mux->pools.at[slot->pool]->settings;
	enum log_level level = slot->slow.state == SLOW_LAST ? LEVEL_ERROR : LEVEL_WARNING;
	char line[LOG_LINE_MAX], who[256];

	if (vhost->slow != SETTINGS_NONE) {
		snprintf(who, sizeof who, "pool %s, %s", pool->name, vhost->server_name);
		logs_write(slot->mux, (uint32_t)vhost->slow_number,
		    vhost->slow_log != NULL ? vhost->slow_log : pool->slow_log, line,
		    log_format(line, level, who, text, len));
	}
	if (vhost->slow == SETTINGS_NONE || slot->slow.state == SLOW_LAST)
		pool_log_line(&slot->mux->pools.at[slot->pool]->log, level, vhost->server_name,
		    text, len);
}

static void
write_head(struct slot *slot)
{
	uint64_t tenths = (multiplexer_us(slot->mux) - slot->slow.began_us + 50000) / 100000;
	char row[BOARD_ROW], text[BOARD_ROW + 256], *vhost, *url = NULL;
	int len;

	/* "METHOD vhost URL": the vhost stands before the text already. */
	board_row_read(board_slot(slot->mux->board, slot->index), row);
	vhost = strchr(row, ' ');
	if (vhost != NULL) {
		*vhost = '\0';
		url = strchr(vhost + 1, ' ');
	}
	len = snprintf(text, sizeof text, "%s%s has run for %llu.%llu seconds in pid %d%s", row,
	    url != NULL ? url : "", (unsigned long long)(tenths / 10),
	    (unsigned long long)(tenths % 10), (int)slot->pid,
	    slot->slow.state == SLOW_LAST ? ", longer than expire_timeout: it is killed" : "");
	write_line(slot, text, (size_t)len);
}

static void
write_entry(struct slot *slot, const char *text, size_t len)
{
	static const char silent[] = "what it does is not known";
	unsigned lines = 0;
	const char *end;
	size_t part;

	write_head(slot);
	if (len == 0)
		write_line(slot, silent, sizeof silent - 1);
	for (; len > 0 && lines < LINES; lines++) {
		end = memchr(text, '\n', len);
		part = end != NULL ? (size_t)(end - text) : len;
		write_line(slot, text, part);
		part += end != NULL;
		text += part;
		len -= part;
	}
}

/* It was asked, and has answered or won't: write it down, and go on. */
static void
close_case(struct slot *slot, const char *text, size_t len)
{
	bool last = slot->slow.state == SLOW_LAST;

	timeouts_clear(&slot->slow.timeout);
	write_entry(slot, text, len);
	slot->slow.state = SLOW_NOT;
	if (last)
		slot_kill(slot);
}

/* Only PHP has something to say; and a processor of ours alone can be asked. */
static void
ask(struct slot *slot, enum slow_state state, uint64_t patience_ms)
{
	const struct pool_settings *pool = slot->mux->pools.at[slot->pool]->settings;

	slot->slow.state = state;
	if (!pool->uses_php || pool->handoff != HANDOFF_FD) {
		close_case(slot, NULL, 0);
		return;
	}
	slot_tell(slot, MESSAGE_SLOT_TRACE);
	multiplexer_timeout(slot->mux, &slot->slow.timeout, patience_ms);
}

void
slow_begin(struct slot *slot)
{
	uint64_t ms = slot_vhost(slot)->tuning->slow_timeout;

	slot->slow.state = SLOW_NOT;
	slot->slow.began_us = multiplexer_us(slot->mux);
	if (ms != 0)
		multiplexer_timeout(slot->mux, &slot->slow.timeout, ms);
}

void
slow_end(struct slot *slot)
{
	timeouts_clear(&slot->slow.timeout);
	if (slot->busy && slot->slow.state != SLOW_NOT)
		close_case(slot, NULL, 0);
	slot->slow.state = SLOW_NOT;
}

void
slow_due(struct slot *slot)
{
	if (!slot->busy)
		return;
	if (slot->slow.state == SLOW_NOT)
		ask(slot, SLOW_ASKED, ANSWER_MS);
	else
		close_case(slot, NULL, 0);
}

void
slow_expired(struct slot *slot)
{
	timeouts_clear(&slot->slow.timeout);
	ask(slot, SLOW_LAST, LAST_MS);
}

void
slow_traced(struct slot *slot, const struct completion *said, const char *text)
{
	/* Unasked, or about another request: not worth a line. */
	if (slot->slow.state != SLOW_NOT && completion_is_for(slot, said))
		close_case(slot, text, said->data_len);
}
