/*
 * Classes of bytes, for the parsers of this folder: one table look-up a byte,
 * whatever the locale.  The table is indexed by unsigned char.
 */
#ifndef PERUSERD_HTTP_CHARS_H
#define PERUSERD_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum char_class {
	CHAR_TOKEN  = 1 << 0,   /* RFC 9110, 5.6.2 */
	CHAR_TARGET = 1 << 1,   /* of a request target: no blank, control or '#' */
	CHAR_NAME   = 1 << 2,   /* of a host name: letters, digits, '-', '_' and '.' */
	CHAR_CONTROL = 1 << 3,  /* a control character, HTAB too */
	CHAR_SAFE   = 1 << 4,   /* stands for itself in an encoded path */
	CHAR_STOP   = 1 << 5    /* a control character but HTAB: never in a field value */
};

extern const unsigned char chars_class[256];

static inline bool
chars_is(char c, enum char_class class)
{
	return (chars_class[(unsigned char)c] & class) != 0;
}

/* The first byte in [at, end) that is not of that class, or end. */
static inline const char *
chars_span(const char *at, const char *end, enum char_class class)
{
	while (at < end && chars_is(*at, class))
		at++;
	return at;
}

/*
 * The first byte in [at, end) that may not stand in a field value (CHAR_STOP),
 * or end.  Looks at eight bytes at a time: the top bit of a byte of `low` or
 * `del` is set where it is below 0x20 or is 0x7f; a borrow may set one too many
 * behind a true one, which costs a second look and nothing else.
 */
static inline const char *
chars_text(const char *at, const char *end)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t word, low, del;
	const char *next;

	while (end - at >= 8) {
		memcpy(&word, at, 8);
		low = (word - ones * 0x20) & ~word;
		del = word ^ (ones * 0x7f);
		del = (del - ones) & ~del;
		next = at + 8;
		if (((low | del) & (ones * 0x80)) != 0)
			for (; at < next; at++)
				if (chars_is(*at, CHAR_STOP))
					return at;
		at = next;
	}
	while (at < end && !chars_is(*at, CHAR_STOP))
		at++;
	return at;
}

/*
 * True if the len bytes at `text` are the lower-case word, whatever their case.
 * Exact where text holds visible ASCII (a token) and the word letters, digits
 * and '-': setting bit 5 then only ever turns a capital into its small letter.
 */
static inline bool
chars_same(const char *text, size_t len, const char *word, size_t word_len)
{
	size_t i;

	if (len != word_len)
		return false;
	for (i = 0; i < len; i++)
		if ((text[i] | 0x20) != word[i])
			return false;
	return true;
}
#define CHARS_SAME(text, len, word) chars_same((text), (len), (word), sizeof(word) - 1)

static inline bool
chars_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The value of a hexadecimal digit, or -1. */
static inline int
chars_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
