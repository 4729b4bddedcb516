/* Slices of text, and numbers out of them without overflow. */
#ifndef PERUSERD_BASE_STR_H
#define PERUSERD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ASCII only, whatever the locale. */
bool str_equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len);
bool str_is(const char *text, size_t len, const char *terminated);
bool str_is_nocase(const char *text, size_t len, const char *terminated);

/* Either may be NULL, which is like NULL alone. */
bool str_same(const char *a, const char *b);

char str_lower(char c);

/* Digits only, at least one, all of len; false on overflow. */
bool str_decimal(const char *text, size_t len, uint64_t *value);
bool str_hex(const char *text, size_t len, uint64_t *value);

/* Keyed hash of bytes (SipHash-1-3), for tables that strangers fill. */
uint64_t str_hash(const void *bytes, size_t len, const uint64_t key[2]);

#endif
