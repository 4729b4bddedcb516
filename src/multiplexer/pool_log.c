#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/guard.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/pool_log.h"

#define READ_AT_ONCE (16u * 1024)

void
pool_log_begin(struct pool_log *log, struct multiplexer *mux, uint32_t pool)
{
	log->mux = mux;
	log->pool = pool;
	TAILQ_INIT(&log->read);
}

static void
stderr_free(struct pool_stderr *from)
{
	struct pool_log *log = from->log;

	event_del(&from->event);
	guard_rights();
	fd_close(&from->fd);
	if (from->line.len > 0)
		pool_log_line(log, LEVEL_NOTICE, NULL, from->line.data, from->line.len);
	buf_free(&from->line);
	TAILQ_REMOVE(&log->read, from, link);
	log->read_count--;
	log->mux->pools.sweep = true;
	free(from);
}

void
pool_log_end(struct pool_log *log)
{
	while (!TAILQ_EMPTY(&log->read))
		stderr_free(TAILQ_FIRST(&log->read));
}

static void
write_line(struct pool_log *log, enum log_level level, const char *site,
    const char *text, size_t len)
{
	const struct pool_settings *pool = log->mux->pools.at[log->pool]->settings;
	char line[LOG_LINE_MAX], who[256];

	if (site != NULL)
		snprintf(who, sizeof who, "pool %s, %s", pool->name, site);
	else
		snprintf(who, sizeof who, "pool %s", pool->name);
	len = log_format(line, level, who, text, len);
	if (pool->error_log != NULL)
		logs_write(log->mux, (uint32_t)pool->log_number, pool->error_log, line, len);
	else if (write(STDERR_FILENO, line, len) < 0)
		log->dropped++;
}

void
pool_log_line(struct pool_log *log, enum log_level level, const char *site,
    const char *text, size_t len)
{
	if (level < log->mux->tables->settings->log_level && level < LEVEL_NOTICE)
		return;
	if (log->lines >= log->mux->tables->settings->log_rate) {
		log->dropped++;
		return;
	}
	log->lines++;
	write_line(log, level, site, text, len < POOL_LOG_LINE ? len : POOL_LOG_LINE);
}

void
pool_log_tick(struct pool_log *log)
{
	char text[64];
	int len;

	log->lines = 0;
	if (log->dropped == 0)
		return;
	len = snprintf(text, sizeof text, "%llu lines dropped, they came too fast",
	    (unsigned long long)log->dropped);
	log->dropped = 0;
	write_line(log, LEVEL_WARNING, NULL, text, (size_t)len);
}

/* Cut bytes into lines; the last one waits for its end. */
static void
take_bytes(struct pool_stderr *from, const char *bytes, size_t len)
{
	struct buf *line = &from->line;
	const char *end;
	size_t part;

	while (len > 0) {
		end = memchr(bytes, '\n', len);
		part = end != NULL ? (size_t)(end - bytes) : len;
		if (part > POOL_LOG_LINE - line->len) {
			part = POOL_LOG_LINE - line->len;
			end = NULL;
		}
		buf_add(line, bytes, part);
		bytes += part + (end != NULL);
		len -= part + (end != NULL);
		if (end == NULL && line->len < POOL_LOG_LINE)
			continue;
		if (line->len > 0)
			pool_log_line(from->log, LEVEL_NOTICE, NULL, line->data,
			    line->len);
		line->len = 0;
	}
	if (line->len == 0)
		buf_free(line);
}

static void
readable(evutil_socket_t fd, short what, void *context)
{
	struct pool_stderr *from = context;
	char bytes[READ_AT_ONCE];
	ssize_t got;

	(void)what;
	guard_rights();
	got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		stderr_free(from);
	else
		take_bytes(from, bytes, (size_t)got);
}

void
pool_log_take(struct pool_log *log, int fd)
{
	struct pool_stderr *from = calloc(1, sizeof *from);

	if (from == NULL) {
		fd_close(&fd);
		return;
	}
	fd_refuse_rights(fd);
	fd_set_nonblocking(fd, true);
	if (log->read_count == POOL_LOG_READ)
		stderr_free(TAILQ_FIRST(&log->read));
	from->log = log;
	from->fd = fd;
	from->line.max = POOL_LOG_LINE;
	TAILQ_INSERT_TAIL(&log->read, from, link);
	log->read_count++;
	event_assign(&from->event, log->mux->base, fd, EV_READ | EV_PERSIST, readable, from);
	event_add(&from->event, NULL);
}
