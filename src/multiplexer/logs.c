#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
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
	mux->logs.first_dirty = SETTINGS_NONE;
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
		free(logs->at[i].path);
	}
	free(logs->at);
	memset(logs, 0, sizeof *logs);
}

static void
ask(struct multiplexer *mux, uint32_t number)
{
	struct message message = { 0 };

	message.body.log.log = number;
	if (multiplexer_tell(mux, &message, MESSAGE_WANT_LOG))
		mux->logs.at[number].state = LOG_ASKED;
}

static uint64_t
count_lines(const char *bytes, size_t len)
{
	const char *end = bytes + len;
	uint64_t lines = 0;

	while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		lines++;
		bytes++;
	}
	return lines;
}

/* A full disk: what waits is lost, and counted, so that no request has to wait. */
static void
give_up(struct multiplexer *mux, struct log_file *log, int error)
{
	if (!log->failing)
		logs_complain(mux, "cannot write to %s: %s; lines are lost until it takes them",
		    log->path, strerror(error));
	log->failing = true;
	log->torn = log->inside;
	log->lost += count_lines(log->buf.data, log->buf.len);
	log->buf.len = 0;
}

static void
went_well(struct log_file *log)
{
	if (log->lost > 0)
		log_notice("%s takes lines again; %llu were lost", log->path,
		    (unsigned long long)log->lost);
	log->failing = false;
	log->lost = 0;
}

/* Write what waits for one file, as far as it takes it without blocking. */
static void
write_out(struct multiplexer *mux, struct log_file *log)
{
	struct iovec pieces[2] = { { (char[]){ '\n' }, log->torn ? 1 : 0 },
	    { log->buf.data, log->buf.len } };
	ssize_t written;

	if (log->buf.len == 0 || log->fd < 0)
		return;
	written = writev(log->fd, pieces, 2);
	if (written < 0 && errno != EAGAIN && errno != EINTR)
		give_up(mux, log, errno);
	if (written <= 0)
		return;
	written -= log->torn;
	log->torn = false;
	if (written == 0)
		return;
	log->inside = log->buf.data[written - 1] != '\n';
	buf_drop(&log->buf, (size_t)written);
	if (log->buf.len == 0)
		went_well(log);
}

void
logs_flush(struct multiplexer *mux)
{
	struct logs *logs = &mux->logs;
	uint32_t i, next, still = SETTINGS_NONE;

	for (i = logs->first_dirty; i != SETTINGS_NONE; i = next) {
		struct log_file *log = &logs->at[i];

		next = log->next_dirty;
		if (log->state == LOG_CLOSED && log->buf.len > 0)
			ask(mux, i);
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

/* Those numbers exist. */
static bool
make_room(struct logs *logs, uint32_t number)
{
	struct log_file *at;

	if (number < logs->count)
		return true;
	at = realloc(logs->at, ((size_t)number + 1) * sizeof *at);
	if (at == NULL)
		return false;
	memset(at + logs->count, 0, (number + 1 - logs->count) * sizeof *at);
	for (; logs->count <= number; logs->count++)
		at[logs->count].fd = -1;
	logs->at = at;
	return true;
}

/* That number, which may have been another file's that is no longer configured. */
static struct log_file *
log_of(struct multiplexer *mux, uint32_t number, const char *path)
{
	struct log_file *log;

	if (!make_room(&mux->logs, number))
		return NULL;
	log = &mux->logs.at[number];
	if (log->path != NULL && strcmp(log->path, path) == 0)
		return log;
	write_out(mux, log);
	fd_close(&log->fd);
	free(log->path);
	log->path = strdup(path);
	log->state = LOG_CLOSED;
	log->failing = log->stale = log->inside = log->torn = false;
	log->lost = 0;
	log->buf.len = 0;
	log->buf.max = BUFFER_MAX;
	return log->path != NULL ? log : NULL;
}

void
logs_write(struct multiplexer *mux, uint32_t number, const char *path, const char *line,
    size_t len)
{
	struct logs *logs = &mux->logs;
	struct log_file *log = log_of(mux, number, path);

	if (log == NULL || log->state == LOG_REFUSED)
		return;
	if (log->state == LOG_CLOSED || (log->stale && log->state == LOG_OPEN))
		ask(mux, number);
	if (log->buf.len + len > BUFFER_MAX)
		write_out(mux, log);
	if (!buf_add(&log->buf, line, len)) {
		if (log->lost++ == 0)
			logs_complain(mux, "lines for %s are lost: it takes them too slowly", path);
		return;
	}
	if (!log->dirty) {
		log->dirty = true;
		log->next_dirty = logs->first_dirty;
		logs->first_dirty = number;
	}
}

void
logs_take(struct multiplexer *mux, uint32_t number, int fd)
{
	struct log_file *log;

	if (number >= mux->logs.count) {
		fd_close(&fd);
		return;
	}
	log = &mux->logs.at[number];
	fd_close(&log->fd);
	/* A regular file never says EAGAIN, a FIFO would block without this. */
	fd_set_nonblocking(fd, true);
	log->fd = fd;
	log->state = LOG_OPEN;
	log->stale = false;
}

void
logs_refused(struct multiplexer *mux, uint32_t number, int error)
{
	if (number >= mux->logs.count || mux->logs.at[number].path == NULL)
		return;
	log_warning("log %s can't be opened: %s; its lines are lost until logs are reopened",
	    mux->logs.at[number].path, strerror(error));
	fd_close(&mux->logs.at[number].fd);
	mux->logs.at[number].state = LOG_REFUSED;
	mux->logs.at[number].buf.len = 0;
}

void
logs_reopen(struct multiplexer *mux)
{
	uint32_t i;

	logs_flush(mux);
	for (i = 0; i < mux->logs.count; i++) {
		struct log_file *log = &mux->logs.at[i];

		log->failing = false;
		log->stale = log->state == LOG_OPEN;
		if (log->state == LOG_REFUSED)
			log->state = LOG_CLOSED;
		if (log->stale && log->buf.len > 0)
			ask(mux, i);
	}
	mux->logs.reopened = true;
}

/* Those that nobody wrote to since then. */
static void
close_stale(struct logs *logs)
{
	uint32_t i;

	for (i = 0; i < logs->count; i++)
		if (logs->at[i].stale && logs->at[i].state == LOG_OPEN) {
			fd_close(&logs->at[i].fd);
			logs->at[i].state = LOG_CLOSED;
			logs->at[i].stale = false;
		}
	logs->reopened = false;
}

void
logs_tick(struct multiplexer *mux)
{
	struct tm tm;
	time_t now = time(NULL);

	localtime_r(&now, &tm);
	strftime(mux->logs.time, sizeof mux->logs.time, "[%d/%b/%Y:%H:%M:%S %z]", &tm);
	if (mux->logs.reopened)
		close_stale(&mux->logs);
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
	logs_write(mux, (uint32_t)settings->log_number, settings->access_log, line, len);
}

void
logs_access(struct conn *conn)
{
	struct multiplexer *mux = conn->mux;
	struct access_entry entry = { 0 };
	struct nv vars;
	char id[64];

	if (conn->vhost == SETTINGS_NONE || conn->vars.len == 0 ||
	    conn->tables->format_of[conn->vhost] == NULL)
		return;
	vars.data = (unsigned char *)conn->vars.data;
	vars.len = vars.size = conn->vars.len;
	entry.vars = &vars;
	entry.bytes = conn->sent;
	entry.us = multiplexer_us(mux) - conn->started_us;
	entry.wait_us = conn->waited_us;
	snprintf(id, sizeof id, "%llx-%x-%llx", (unsigned long long)mux->born_ms, mux->number,
	    (unsigned long long)conn->serial);
	entry.id = id;
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
