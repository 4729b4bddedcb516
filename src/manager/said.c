#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/said.h"
#include "wire/record.h"

void
said_add(struct buf *answer, const char *kind, const char *text)
{
	struct record_writer writer = { answer, true };
	size_t len = answer->len;

	record_begin(&writer, kind);
	if (text != NULL)
		record_text(&writer, "text", text);
	if (!record_end(&writer))
		answer->len = len;
}

void
said_each(int fd, void (*line)(void *context, const char *text), void *context)
{
	char *bytes = calloc(1, SAID_MAX + 1), *at, *end, text[SAID_LINE];
	ssize_t len = bytes != NULL ? pread(fd, bytes, SAID_MAX, 0) : -1;

	for (at = bytes; len > 0 && (end = memchr(at, '\n', (size_t)(bytes + len - at))) != NULL;
	    at = end + 1) {
		log_escape(text, sizeof text, at, (size_t)(end - at), 0);
		line(context, text);
	}
	free(bytes);
}
