#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "status/show.h"

void
show_text(struct show *show, const char *text)
{
	show->ok = show->ok && buf_add_str(show->to, text);
}

void
show_format(struct show *show, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	show->ok = show->ok && len >= 0 && (size_t)len < sizeof text &&
	    buf_add(show->to, text, (size_t)len);
}

const char *
show_age(uint64_t ms, char out[SHOW_SHORT])
{
	if (ms < 1000)
		snprintf(out, SHOW_SHORT, "%" PRIu64 "ms", ms);
	else if (ms < 10 * 1000)
		snprintf(out, SHOW_SHORT, "%" PRIu64 ".%" PRIu64 "s", ms / 1000, ms / 100 % 10);
	else if (ms < 120 * 1000)
		snprintf(out, SHOW_SHORT, "%" PRIu64 "s", ms / 1000);
	else if (ms < 120 * 60 * 1000)
		snprintf(out, SHOW_SHORT, "%" PRIu64 "m", ms / 60000);
	else if (ms < UINT64_C(48) * 3600 * 1000)
		snprintf(out, SHOW_SHORT, "%" PRIu64 "h", ms / 3600000);
	else
		snprintf(out, SHOW_SHORT, "%" PRIu64 "d", ms / 86400000);
	return out;
}

/* At most four digits and a letter: what is below `plain` stands as it is. */
static const char *
scaled(uint64_t value, uint64_t step, uint64_t plain, const char *letters, char out[SHOW_SHORT])
{
	uint64_t unit = step;

	if (value < plain) {
		snprintf(out, SHOW_SHORT, "%" PRIu64, value);
		return out;
	}
	while (letters[1] != '\0' && value / unit >= step) {
		unit *= step;
		letters++;
	}
	if (value / unit < 10)
		snprintf(out, SHOW_SHORT, "%" PRIu64 ".%" PRIu64 "%c", value / unit,
		    value % unit * 10 / unit, *letters);
	else
		snprintf(out, SHOW_SHORT, "%" PRIu64 "%c", value / unit, *letters);
	return out;
}

const char *
show_count(uint64_t count, char out[SHOW_SHORT])
{
	return scaled(count, 1000, 10000, "kMGTPE", out);
}

const char *
show_bytes(uint64_t bytes, char out[SHOW_SHORT])
{
	return scaled(bytes, 1024, 1024, "KMGTPE", out);
}
