#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "multiplexer/access_line.h"
#include "multiplexer/logs.h"
#include "multiplexer/multiplexer.h"

#define BUFFER_MAX (64u * 1024)
#define LINE_MAX_LEN 8192

bool
logs_begin(struct multiplexer *mux)
{
	struct logs *logs = &mux->logs;
	uint32_t i;

	logs->count = (uint32_t)mux->tables->settings->logs.count;
	logs->first_dirty = SETTINGS_NONE;
	logs->at = calloc((size_t)logs->count + 1, sizeof *logs->at);
	if (logs->at == NULL)
		return false;
	for (i = 0; i < logs->count; i++) {
		logs->at[i].fd = -1;
		logs->at[i].buf.max = BUFFER_MAX;
	}
	logs_tick(mux);
	return true;
}

void
logs_end(struct multiplexer *mux)
{
	struct logs *logs = &mux->logs;
	size_t i;

	for (i = 0; i < logs->count; i++) {
		fd_close(&logs->at[i].fd);
		buf_free(&logs->at[i].buf);
	}
	free(logs->at);
	memset(logs, 0, sizeof *logs);
}

void
logs_tick(struct multiplexer *mux)
{
	struct tm tm;
	time_t now = time(NULL);

	localtime_r(&now, &tm);
	strftime(mux->logs.time, sizeof mux->logs.time, "[%d/%b/%Y:%H:%M:%S %z]", &tm);
}

static void
ask(struct multiplexer *mux, uint32_t index)
{
	struct message message = { 0 };

	message.body.log.log = index;
	multiplexer_tell(mux, &message, MESSAGE_WANT_LOG);
	mux->logs.at[index].state = LOG_ASKED;
}

/* Write what waits for one file, as far as it takes it without blocking. */
static void
write_out(struct multiplexer *mux, struct log_file *log)
{
	ssize_t written;

	if (log->buf.len == 0 || log->state != LOG_OPEN)
		return;
	written = write(log->fd, log->buf.data, log->buf.len);
	if (written < 0 && errno != EAGAIN && errno != EINTR) {
		if (!log->failing)
			logs_complain(mux, "cannot write to %s: %s; lines are lost",
			    mux->tables->settings->logs.at[log - mux->logs.at], strerror(errno));
		log->failing = true;
		log->buf.len = 0;
		return;
	}
	if (written > 0) {
		log->failing = false;
		buf_drop(&log->buf, (size_t)written);
	}
}

void
logs_flush(struct multiplexer *mux)
{
	struct logs *logs = &mux->logs;
	uint32_t i, next, still = SETTINGS_NONE;

	for (i = logs->first_dirty; i != SETTINGS_NONE; i = next) {
		struct log_file *log = &logs->at[i];

		next = log->next_dirty;
		write_out(mux, log);
		log->dirty = log->buf.len > 0;
		if (log->dirty) {
			log->next_dirty = still;
			still = i;
		} else
			buf_free(&log->buf);
	}
	logs->first_dirty = still;
}

void
logs_write(struct multiplexer *mux, uint32_t index, const char *line, size_t len)
{
	struct logs *logs = &mux->logs;
	struct log_file *log;

	if (index >= logs->count)
		return;
	log = &logs->at[index];
	if (log->state == LOG_REFUSED)
		return;
	if (log->state == LOG_CLOSED)
		ask(mux, index);
	if (log->buf.len + len > BUFFER_MAX)
		write_out(mux, log);
	if (!buf_add(&log->buf, line, len)) {
		if (log->dropped++ == 0)
			logs_complain(mux, "lines for %s are lost: it takes them too slowly",
			    mux->tables->settings->logs.at[index]);
		return;
	}
	log->dropped = 0;
	if (!log->dirty) {
		log->dirty = true;
		log->next_dirty = logs->first_dirty;
		logs->first_dirty = index;
	}
}

void
logs_take(struct multiplexer *mux, uint32_t index, int fd)
{
	struct log_file *log;

	if (index >= mux->logs.count) {
		fd_close(&fd);
		return;
	}
	log = &mux->logs.at[index];
	fd_close(&log->fd);
	/* A regular file never says EAGAIN, a FIFO would block without this. */
	fd_set_nonblocking(fd, true);
	log->fd = fd;
	log->state = LOG_OPEN;
}

void
logs_refused(struct multiplexer *mux, uint32_t index, int error)
{
	if (index >= mux->logs.count)
		return;
	log_warning("log %s can't be opened: %s; its lines are lost until logs are reopened",
	    mux->tables->settings->logs.at[index], strerror(error));
	mux->logs.at[index].state = LOG_REFUSED;
	mux->logs.at[index].buf.len = 0;
}

void
logs_reopen(struct multiplexer *mux)
{
	uint32_t i;

	logs_flush(mux);
	for (i = 0; i < mux->logs.count; i++) {
		struct log_file *log = &mux->logs.at[i];

		fd_close(&log->fd);
		log->state = LOG_CLOSED;
		log->failing = false;
		if (log->buf.len > 0)
			ask(mux, i);
	}
}

static void
write_line(struct multiplexer *mux, const struct tables *tables, uint32_t vhost,
    struct access_entry *entry)
{
	const struct vhost_settings *settings = &tables->settings->vhosts[vhost];
	char line[LINE_MAX_LEN];
	size_t len;

	entry->time = mux->logs.time;
	entry->vhost = settings->server_name;
	entry->pool = tables->settings->pools[settings->pool].name;
	len = access_line_write(tables->format_of[vhost], entry, line, sizeof line);
	logs_write(mux, settings->log, line, len);
}

void
logs_access(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;
	struct access_entry entry = { 0 };
	struct nv vars;

	if (conn->vhost == SETTINGS_NONE || conn->vars.len == 0 ||
	    conn->tables->format_of[conn->vhost] == NULL)
		return;
	vars.data = (unsigned char *)conn->vars.data;
	vars.len = vars.size = conn->vars.len;
	entry.vars = &vars;
	entry.bytes = conn->sent;
	entry.us = multiplexer_us(mux) - conn->started_us;
	entry.pid = conn->pid;
	entry.status = conn->status;
	write_line(mux, conn->tables, conn->vhost, &entry);
}

void
logs_served(struct multiplexer *mux, const struct slot *slot, const struct completion *said,
    const struct nv *vars)
{
	struct access_entry entry = { 0 };

	if (slot->tables->format_of[slot->vhost] == NULL)
		return;
	entry.vars = vars;
	entry.bytes = said->sent;
	entry.us = said->wall_us;
	entry.pid = slot->pid;
	entry.status = said->status;
	write_line(mux, slot->tables, slot->vhost, &entry);
}

/* Was one of that kind told within a second?  Remembers that it is now; forgets the oldest. */
static bool
told_just_now(struct logs *logs, const char *format, uint64_t now)
{
	struct complaint *at = logs->complaints, *oldest = at;
	bool told;

	for (; at < logs->complaints + LOGS_COMPLAINTS && at->format != format; at++)
		if (at->ms < oldest->ms)
			oldest = at;
	if (at == logs->complaints + LOGS_COMPLAINTS)
		at = oldest;
	told = at->format == format && now - at->ms < 1000;
	if (!told)
		*at = (struct complaint){ format, now };
	return told;
}

void
logs_complain(struct multiplexer *mux, const char *format, ...)
{
	uint64_t now = multiplexer_ms(mux);
	char text[512];
	va_list args;

	if (told_just_now(&mux->logs, format, now))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_warning("%s", text);
}
