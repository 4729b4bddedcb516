#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static const char *const level_names[] = {
	[LEVEL_DEBUG] = "debug", [LEVEL_INFO] = "info", [LEVEL_NOTICE] = "notice",
	[LEVEL_WARNING] = "warning", [LEVEL_ERROR] = "error",
};
#define LEVELS (sizeof level_names / sizeof level_names[0])

static const char *log_role = "peruserd";
static enum log_level log_least = LEVEL_NOTICE;

void
log_open(const char *role, enum log_level least)
{
	log_role = role;
	log_least = least;
}

const char *
log_level_name(enum log_level level)
{
	return (size_t)level < LEVELS ? level_names[level] : "unknown";
}

int
log_level_find(const char *name)
{
	size_t i;

	for (i = 0; i < LEVELS; i++)
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	return -1;
}

size_t
log_escape(char *out, size_t size, const char *text, size_t len, int quote)
{
	static const char hex[] = "0123456789abcdef";
	size_t i, used = 0;

	for (i = 0; i < len && used + 5 <= size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f && c != '\\' && !(quote && c == '"')) {
			out[used++] = (char)c;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[c >> 4];
		out[used++] = hex[c & 15];
	}
	if (size > 0)
		out[used] = '\0';
	return used;
}

size_t
log_format(char out[LOG_LINE_MAX], enum log_level level, const char *who,
    const char *text, size_t text_len)
{
	struct timespec now;
	struct tm tm;
	size_t used;
	int printed;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	used = strftime(out, LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	printed = snprintf(out + used, LOG_LINE_MAX - used, ".%03ldZ %s %.256s: ",
	    now.tv_nsec / 1000000, log_level_name(level), who);
	used += printed > 0 ? (size_t)printed : 0;
	used += log_escape(out + used, LOG_LINE_MAX - used - 1, text, text_len, 0);
	out[used++] = '\n';
	return used;
}

void
log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_MAX / 2], line[LOG_LINE_MAX], who[64];
	int saved = errno, len;
	size_t size;
	va_list args;

	if (level < log_least)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof text)
		len = (int)sizeof text - 1;
	snprintf(who, sizeof who, "%s[%d]", log_role, (int)getpid());
	size = log_format(line, level, who, text, (size_t)len);
	/* A full disk must not stop a request: what can't be written is lost. */
	if (write(STDERR_FILENO, line, size) < 0)
		errno = saved;
	errno = saved;
}
