#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

struct row {
	const char *text;
	bool good;
	uint64_t value;
};

static const struct row decimals[] = {
	{ "0", true, 0 }, { "7", true, 7 }, { "0042", true, 42 },
	{ "18446744073709551615", true, UINT64_MAX },
	{ "00000000000000000000000018446744073709551615", true, UINT64_MAX },
	{ "18446744073709551616", false, 0 }, { "18446744073709551620", false, 0 },
	{ "99999999999999999999", false, 0 }, { "", false, 0 }, { "-1", false, 0 },
	{ "+1", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 }, { "1a", false, 0 },
	{ "a", false, 0 }, { "0x1", false, 0 }, { "1.0", false, 0 }, { "\xb2", false, 0 },
};

static const struct row hexadecimals[] = {
	{ "0", true, 0 }, { "aF", true, 0xaf }, { "ffffffffffffffff", true, UINT64_MAX },
	{ "0ffffffffffffffff", true, UINT64_MAX }, { "10000000000000000", false, 0 },
	{ "", false, 0 }, { "g", false, 0 }, { "0x1", false, 0 }, { "-1", false, 0 },
	{ "@", false, 0 }, { "`", false, 0 }, { ":", false, 0 }, { "/", false, 0 },
};

static void
reads_numbers(void **state)
{
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
		const struct row *row = &decimals[i];
		bool good = str_decimal(row->text, strlen(row->text), &value);

		if (good != row->good || (good && value != row->value))
			fail_msg("decimal \"%s\"", row->text);
	}
	for (i = 0; i < sizeof hexadecimals / sizeof hexadecimals[0]; i++) {
		const struct row *row = &hexadecimals[i];
		bool good = str_hex(row->text, strlen(row->text), &value);

		if (good != row->good || (good && value != row->value))
			fail_msg("hexadecimal \"%s\"", row->text);
	}
	assert_false(str_decimal("1\0", 2, &value));
}

static void
texts_that_may_be_missing(void **state)
{
	char copy[] = "a";

	(void)state;
	assert_true(str_same(NULL, NULL));
	assert_true(str_same("a", copy));
	assert_false(str_same("a", "A"));
	assert_false(str_same("", NULL));
	assert_false(str_same(NULL, "a"));
}

static void
compares(void **state)
{
	(void)state;
	assert_true(str_is("abc", 3, "abc"));
	assert_false(str_is("abc", 2, "abc"));
	assert_false(str_is("abcd", 4, "abc"));
	assert_false(str_is("ABC", 3, "abc"));
	assert_true(str_is("", 0, ""));
	assert_true(str_is(NULL, 0, ""));
	assert_false(str_is("a\0", 2, "a"));
	assert_true(str_is_nocase("aBc-1", 5, "AbC-1"));
	assert_false(str_is_nocase("abc", 3, "abd"));
	/* These differ in bit 5 alone, and are no letters. */
	assert_false(str_is_nocase("@", 1, "`"));
	assert_false(str_is_nocase("[", 1, "{"));
	assert_false(str_is_nocase("\xc4", 1, "\xe4"));
	assert_true(str_equal_nocase("Ab", 2, "aB", 2));
	assert_false(str_equal_nocase("Ab", 2, "aB", 1));
	assert_int_equal(str_lower('Z'), 'z');
	assert_int_equal(str_lower('['), '[');
}

/* SipHash-1-3 with the key 00 01 .. 0f over 00 01 .., as its authors' vectors are made. */
static void
hashes(void **state)
{
	static const struct { size_t len; uint64_t hash; } vectors[] = {
		{ 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 }, { 7, 0xd3927d989bb11140 },
		{ 8, 0x369095118d299a8e }, { 15, 0xd320d86d2a519956 }, { 63, 0x9d199062b7bbb3a8 },
	};
	const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	const uint64_t other[2] = { 0x0706050403020101, 0x0f0e0d0c0b0a0908 };
	unsigned char bytes[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	for (i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		if (str_hash(bytes, vectors[i].len, key) != vectors[i].hash)
			fail_msg("hash of %zu bytes", vectors[i].len);
		assert_true(str_hash(bytes, vectors[i].len, other) != vectors[i].hash);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_may_be_missing),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(compares),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
