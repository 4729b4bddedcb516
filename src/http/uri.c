#include <string.h>

#include "http/chars.h"
#include "http/uri.h"

struct path {
	char *out;
	size_t len;
	size_t segment;         /* where the segment being written begins: just behind a '/' */
};

/*
 * Look at the segment that has ended: "." and ".." are taken back.  False: a
 * way above the root.  *kept is false where no segment is left.
 */
static bool
end_segment(struct path *path, bool *kept)
{
	const char *segment = path->out + path->segment;
	size_t len = path->len - path->segment;

	*kept = len > 0 && !(segment[0] == '.' && (len == 1 || (len == 2 && segment[1] == '.')));
	if (*kept)
		return true;
	if (len == 2) {
		if (path->segment == 1)
			return false;
		/* Back over the '/' before this segment to the one before that. */
		path->segment--;
		while (path->out[path->segment - 1] != '/')
			path->segment--;
	}
	path->len = path->segment;
	return true;
}

/* The byte that three characters of an escape stand for, or -1. */
static int
unescape(const char *at, const char *end)
{
	int high, low;

	if (end - at < 3)
		return -1;
	high = chars_hex(at[1]);
	low = chars_hex(at[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* One decoded byte.  A '/' ends the segment before it, and stands only behind one that is kept. */
static int
put_byte(struct path *to, size_t size, char c)
{
	bool kept = true;

	if (c == '/' && !end_segment(to, &kept))
		return 400;
	if (!kept)
		return 0;
	if (to->len + 1 >= size)
		return 414;
	to->out[to->len++] = c;
	if (c == '/')
		to->segment = to->len;
	return 0;
}

int
uri_path(const char *path, size_t len, char *out, size_t size, size_t *out_len)
{
	struct path to = { out, 1, 1 };
	const char *at = path, *end = path + len;
	int byte, status;
	bool kept;

	if (len == 0 || *at++ != '/')
		return 400;
	if (size < 2)
		return 414;
	out[0] = '/';
	for (; at < end; at++) {
		byte = (unsigned char)*at;
		if (byte == '%') {
			byte = unescape(at, end);
			at += 2;
		}
		if (byte < 0 || chars_is((char)byte, CHAR_CONTROL))
			return 400;
		status = put_byte(&to, size, (char)byte);
		if (status != 0)
			return status;
	}
	if (!end_segment(&to, &kept))
		return 400;
	out[to.len] = '\0';
	*out_len = to.len;
	return 0;
}

bool
uri_encode_path(const char *path, size_t len, char *out, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i, used = 0;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)path[i];

		if (chars_is(path[i], CHAR_SAFE)) {
			if (size - used < 2)
				break;
			out[used++] = path[i];
			continue;
		}
		if (size - used < 4)
			break;
		out[used++] = '%';
		out[used++] = hex[c >> 4];
		out[used++] = hex[c & 15];
	}
	if (size > 0)
		out[used] = '\0';
	return i == len && size > 0;
}
