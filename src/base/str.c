#include <string.h>

#include "base/str.h"

bool
str_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

char
str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
str_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i;

	if (a_len != b_len)
		return false;
	for (i = 0; i < a_len; i++)
		if (str_lower(a[i]) != str_lower(b[i]))
			return false;
	return true;
}

bool
str_is(const char *text, size_t len, const char *terminated)
{
	return strlen(terminated) == len && (len == 0 || memcmp(text, terminated, len) == 0);
}

bool
str_is_nocase(const char *text, size_t len, const char *terminated)
{
	return str_equal_nocase(text, len, terminated, strlen(terminated));
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static bool
number(const char *text, size_t len, unsigned base, uint64_t *value)
{
	uint64_t so_far = 0;
	size_t i;

	if (len == 0)
		return false;
	for (i = 0; i < len; i++) {
		unsigned digit = (unsigned)digit_of(text[i]);

		if (digit >= base || so_far > (UINT64_MAX - digit) / base)
			return false;
		so_far = so_far * base + digit;
	}
	*value = so_far;
	return true;
}

bool
str_decimal(const char *text, size_t len, uint64_t *value)
{
	return number(text, len, 10, value);
}

bool
str_hex(const char *text, size_t len, uint64_t *value)
{
	return number(text, len, 16, value);
}

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1]; v[1] = rotate(v[1], 13) ^ v[0]; v[0] = rotate(v[0], 32);
	v[2] += v[3]; v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3]; v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1]; v[1] = rotate(v[1], 17) ^ v[2]; v[2] = rotate(v[2], 32);
}

uint64_t
str_hash(const void *bytes, size_t len, const uint64_t key[2])
{
	const unsigned char *at = bytes;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u,
	};
	uint64_t word, last = (uint64_t)len << 56;
	size_t left;

	for (left = len; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	while (left-- > 0)
		last |= (uint64_t)at[left] << (8 * left);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
