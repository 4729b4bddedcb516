#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <peruserd/nv.h>

#include "base/str.h"

struct row {
	const char *name;
	const char *bytes;
	size_t len;
	unsigned pairs;         /* read before the end */
	enum nv_next last;
};

#define B(text) (text), sizeof(text) - 1

static const struct row rows[] = {
	{ "nothing", B(""), 0, NV_END },
	{ "one pair", B("\x01\x02" "Abc"), 1, NV_END },
	{ "two pairs", B("\x01\x01" "Ab" "\x02\x00" "CD"), 2, NV_END },
	{ "empty name and value", B("\x00\x00"), 1, NV_END },
	{ "a length in four bytes", B("\x01\x80\x00\x00\x02" "Abc"), 1, NV_END },
	{ "both lengths in four bytes", B("\x80\x00\x00\x01\x80\x00\x00\x01" "Ab"), 1, NV_END },
	{ "a name's length alone", B("\x01"), 0, NV_MALFORMED },
	{ "lengths alone", B("\x01\x01"), 0, NV_MALFORMED },
	{ "a name runs past the end", B("\x05\x00" "Abcd"), 0, NV_MALFORMED },
	{ "a value runs past the end", B("\x01\x09" "Ab"), 0, NV_MALFORMED },
	{ "a second pair runs past the end", B("\x01\x01" "Ab" "\x01\x01" "A"), 1, NV_MALFORMED },
	{ "one byte of four", B("\x80"), 0, NV_MALFORMED },
	{ "three bytes of four", B("\x01\x80\x00\x00"), 0, NV_MALFORMED },
	{ "the longest lengths", B("\xff\xff\xff\xff\xff\xff\xff\xff" "Ab"), 0, NV_MALFORMED },
	{ "a sum that is too much", B("\x02\xff\xff\xff\xff" "Ab"), 0, NV_MALFORMED },
};

static void
reads(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		unsigned char *copy = malloc(row->len > 0 ? row->len : 1);
		struct nv nv = { copy, row->len, row->len };
		enum nv_next next;
		struct nv_pair pair;
		unsigned pairs = 0;
		size_t at = 0;

		memcpy(copy, row->bytes, row->len);
		while ((next = nv_next(&nv, &at, &pair)) == NV_PAIR)
			pairs++;
		if (pairs != row->pairs || next != row->last)
			fail_msg("%s: %u pairs, then %d", row->name, pairs, next);
		if (nv_valid(&nv) != (row->last == NV_END))
			fail_msg("%s: validity", row->name);
		free(copy);
	}
}

/* Through the lengths at which the encoding changes. */
static void
puts_what_it_reads(void **state)
{
	static const size_t lengths[] = { 0, 1, 126, 127, 128, 129, 255, 256, 65535, 65536,
	    100000 };
	static unsigned char room[300000];
	static char text[100000];
	struct nv_pair pair;
	size_t i, j, at;

	(void)state;
	memset(text, 'x', sizeof text);
	for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		for (j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
			struct nv nv = { room, 0, sizeof room };

			assert_true(nv_put(&nv, text, lengths[i], text, lengths[j]));
			assert_int_equal(nv.len, lengths[i] + lengths[j] +
			    (lengths[i] < 128 ? 1 : 4) + (lengths[j] < 128 ? 1 : 4));
			at = 0;
			assert_int_equal(nv_next(&nv, &at, &pair), NV_PAIR);
			assert_int_equal(pair.name_len, lengths[i]);
			assert_int_equal(pair.value_len, lengths[j]);
			assert_int_equal(nv_next(&nv, &at, &pair), NV_END);
		}
}

static void
puts_all_or_nothing(void **state)
{
	unsigned char room[16];
	struct nv nv = { room, 0, 0 };

	(void)state;
	for (nv.size = 0; nv.size < sizeof room; nv.size++) {
		memset(room, '#', sizeof room);
		nv.len = 0;
		assert_int_equal(nv_put(&nv, "AB", 2, "cde", 3), nv.size >= 7);
		assert_int_equal(nv.len, nv.size >= 7 ? 7 : 0);
		assert_int_equal(room[nv.size], '#');
	}
	nv.size = sizeof room;
	nv.len = 0;
	assert_false(nv_put(&nv, "A", 1, "", (size_t)0x80000000u));
	assert_false(nv_put(&nv, "A", SIZE_MAX, "", 1));
	assert_int_equal(nv.len, 0);
	assert_true(nv_put(&nv, NULL, 0, NULL, 0));
	assert_int_equal(nv.len, 2);
}

static void
finds_the_first(void **state)
{
	unsigned char room[64];
	struct nv nv = { room, 0, sizeof room };
	struct nv_pair pair;

	(void)state;
	assert_true(nv_put_str(&nv, "AB", "1"));
	assert_true(nv_put_str(&nv, "A", "2"));
	assert_true(nv_put_str(&nv, "A", "3"));
	assert_true(nv_put_str(&nv, "EMPTY", ""));
	assert_true(nv_find(&nv, "A", &pair));
	assert_true(str_is(pair.value, pair.value_len, "2"));
	assert_true(nv_find(&nv, "EMPTY", &pair));
	assert_int_equal(pair.value_len, 0);
	assert_false(nv_find(&nv, "a", &pair));
	assert_false(nv_find(&nv, "", &pair));
	/* What stands behind broken bytes is not there. */
	room[0] = 0x7f;
	assert_false(nv_find(&nv, "EMPTY", &pair));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(puts_what_it_reads),
		cmocka_unit_test(puts_all_or_nothing),
		cmocka_unit_test(finds_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
