#include "http/chars.h"
#include "http/chunked.h"

#define DIGITS_MAX 16           /* of a chunk's size: what 64 bits hold */
#define SIZE_LINE_MAX 1024      /* a size line with its extensions, bytes */
#define EXTENSIONS_MAX 16384    /* all extensions of a body, bytes */
#define TRAILERS_MAX 8192       /* all trailers, bytes */

enum state {
	STATE_SIZE,             /* at a digit, or behind one */
	STATE_EXTENSION,
	STATE_SIZE_LF,
	STATE_DATA,
	STATE_DATA_CR,
	STATE_DATA_LF,
	STATE_TRAILER,          /* at the beginning of a line */
	STATE_TRAILER_NAME,
	STATE_TRAILER_VALUE,
	STATE_TRAILER_LF,
	STATE_END_LF,
	STATE_OVER,
	STATE_FAILED
};

void
chunked_begin(struct chunked *chunked)
{
	chunked->state = STATE_SIZE;
	chunked->left = 0;
	chunked->line = 0;
	chunked->extensions = 0;
	chunked->trailers = 0;
	chunked->digits = 0;
}

static int
size_byte(struct chunked *chunked, char c)
{
	int digit = chars_hex(c);

	if (digit >= 0) {
		chunked->left = chunked->left << 4 | (unsigned)digit;
		return ++chunked->digits <= DIGITS_MAX ? STATE_SIZE : STATE_FAILED;
	}
	if (chunked->digits == 0)
		return STATE_FAILED;
	chunked->line = chunked->digits;
	return c == '\r' ? STATE_SIZE_LF : c == ';' ? STATE_EXTENSION : STATE_FAILED;
}

static int
extension_byte(struct chunked *chunked, char c)
{
	if (++chunked->line > SIZE_LINE_MAX || ++chunked->extensions > EXTENSIONS_MAX)
		return STATE_FAILED;
	if (c == '\r')
		return STATE_SIZE_LF;
	return chars_is(c, CHAR_STOP) ? STATE_FAILED : STATE_EXTENSION;
}

static int
size_lf_byte(struct chunked *chunked, char c)
{
	if (c != '\n')
		return STATE_FAILED;
	chunked->digits = 0;
	return chunked->left > 0 ? STATE_DATA : STATE_TRAILER;
}

static int
trailer_byte(struct chunked *chunked, char c)
{
	if (++chunked->trailers > TRAILERS_MAX)
		return STATE_FAILED;
	switch (chunked->state) {
	case STATE_TRAILER:
		if (c == '\r')
			return STATE_END_LF;
		return chars_is(c, CHAR_TOKEN) ? STATE_TRAILER_NAME : STATE_FAILED;
	case STATE_TRAILER_NAME:
		if (c == ':')
			return STATE_TRAILER_VALUE;
		return chars_is(c, CHAR_TOKEN) ? STATE_TRAILER_NAME : STATE_FAILED;
	default:
		if (c == '\r')
			return STATE_TRAILER_LF;
		return chars_is(c, CHAR_STOP) ? STATE_FAILED : STATE_TRAILER_VALUE;
	}
}

/* The state behind one byte of anything but data. */
static int
next_state(struct chunked *chunked, char c)
{
	switch (chunked->state) {
	case STATE_SIZE:
		return size_byte(chunked, c);
	case STATE_EXTENSION:
		return extension_byte(chunked, c);
	case STATE_SIZE_LF:
		return size_lf_byte(chunked, c);
	case STATE_DATA_CR:
		return c == '\r' ? STATE_DATA_LF : STATE_FAILED;
	case STATE_DATA_LF:
		return c == '\n' ? STATE_SIZE : STATE_FAILED;
	case STATE_TRAILER:
	case STATE_TRAILER_NAME:
	case STATE_TRAILER_VALUE:
		return trailer_byte(chunked, c);
	case STATE_TRAILER_LF:
		return c == '\n' ? STATE_TRAILER : STATE_FAILED;
	case STATE_END_LF:
		return c == '\n' ? STATE_OVER : STATE_FAILED;
	}
	return STATE_FAILED;
}

enum chunked_result
chunked_decode(struct chunked *chunked, const char *bytes, size_t len,
    size_t *used, const char **data, size_t *data_len)
{
	size_t at = 0, take;

	while (at < len && chunked->state < STATE_OVER) {
		if (chunked->state == STATE_DATA) {
			take = len - at;
			if (take >= chunked->left) {
				take = (size_t)chunked->left;
				chunked->state = STATE_DATA_CR;
			}
			chunked->left -= take;
			*data = bytes + at;
			*data_len = take;
			*used = at + take;
			return CHUNKED_DATA;
		}
		chunked->state = next_state(chunked, bytes[at++]);
	}
	*used = at;
	if (chunked->state == STATE_FAILED)
		return CHUNKED_BAD;
	return chunked->state == STATE_OVER ? CHUNKED_END : CHUNKED_MORE;
}
