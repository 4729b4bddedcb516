#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "multiplexer/multiplexer.h"
#include "multiplexer/pool_log.h"

#define READ_AT_ONCE (16u * 1024)

void
pool_log_begin(struct pool_log *log, struct multiplexer *mux, uint32_t pool)
{
	log->mux = mux;
	log->pool = pool;
	log->fd = -1;
	log->line.max = POOL_LOG_LINE;
}

static void
close_socket(struct pool_log *log)
{
	if (log->fd < 0)
		return;
	event_del(&log->event);
	fd_close(&log->fd);
	if (log->line.len > 0)
		pool_log_line(log, LEVEL_NOTICE, SETTINGS_NONE, log->line.data, log->line.len);
	buf_free(&log->line);
}

void
pool_log_end(struct pool_log *log)
{
	close_socket(log);
}

static void
write_line(struct pool_log *log, enum log_level level, uint32_t vhost, const char *text,
    size_t len)
{
	const struct settings *settings = log->mux->settings;
	const struct pool_settings *pool = &settings->pools[log->pool];
	char line[LOG_LINE_MAX], who[256];

	if (vhost != SETTINGS_NONE)
		snprintf(who, sizeof who, "pool %s, %s", pool->name,
		    settings->vhosts[vhost].server_name);
	else
		snprintf(who, sizeof who, "pool %s", pool->name);
	len = log_format(line, level, who, text, len);
	if (pool->log != SETTINGS_NONE)
		logs_write(log->mux, pool->log, line, len);
	else if (write(STDERR_FILENO, line, len) < 0)
		log->dropped++;
}

void
pool_log_line(struct pool_log *log, enum log_level level, uint32_t vhost, const char *text,
    size_t len)
{
	if (level < log->mux->settings->log_level && level < LEVEL_NOTICE)
		return;
	if (log->lines >= POOL_LOG_RATE) {
		log->dropped++;
		return;
	}
	log->lines++;
	write_line(log, level, vhost, text, len < POOL_LOG_LINE ? len : POOL_LOG_LINE);
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
	write_line(log, LEVEL_WARNING, SETTINGS_NONE, text, (size_t)len);
}

/* Cut bytes into lines; the last one waits for its end. */
static void
take_bytes(struct pool_log *log, const char *bytes, size_t len)
{
	const char *end;
	size_t part;

	while (len > 0) {
		end = memchr(bytes, '\n', len);
		part = end != NULL ? (size_t)(end - bytes) : len;
		if (part > POOL_LOG_LINE - log->line.len) {
			part = POOL_LOG_LINE - log->line.len;
			end = NULL;
		}
		buf_add(&log->line, bytes, part);
		bytes += part + (end != NULL);
		len -= part + (end != NULL);
		if (end == NULL && log->line.len < POOL_LOG_LINE)
			continue;
		if (log->line.len > 0)
			pool_log_line(log, LEVEL_NOTICE, SETTINGS_NONE, log->line.data,
			    log->line.len);
		log->line.len = 0;
	}
	if (log->line.len == 0)
		buf_free(&log->line);
}

static void
readable(evutil_socket_t fd, short what, void *context)
{
	struct pool_log *log = context;
	char bytes[READ_AT_ONCE];
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		close_socket(log);
	else
		take_bytes(log, bytes, (size_t)got);
}

void
pool_log_take(struct pool_log *log, int fd)
{
	close_socket(log);
	fd_refuse_rights(fd);
	fd_set_nonblocking(fd, true);
	log->fd = fd;
	event_assign(&log->event, log->mux->base, fd, EV_READ | EV_PERSIST, readable, log);
	event_add(&log->event, NULL);
}
