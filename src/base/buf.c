#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

bool
buf_reserve(struct buf *buf, size_t more)
{
	size_t need, size;
	char *data;

	if (more > buf->max || buf->len > buf->max - more)
		return false;
	need = buf->len + more;
	if (need <= buf->size)
		return true;
	size = buf->size < 256 ? 256 : buf->size;
	/* need is at most max, so this ends. */
	while (size < need)
		size = size > buf->max / 2 ? buf->max : size * 2;
	if (size > buf->max)
		size = buf->max;
	data = realloc(buf->data, size);
	if (data == NULL)
		return false;
	buf->data = data;
	buf->size = size;
	return true;
}

bool
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!buf_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	return true;
}

bool
buf_add_str(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One more than the text: vsnprintf terminates. */
	if (len < 0 || !buf_reserve(buf, (size_t)len + 1))
		return false;
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return true;
}

void
buf_drop(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = buf->size = 0;
}
