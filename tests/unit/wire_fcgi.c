#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/fcgi.h"

#define B(text) (text), sizeof(text) - 1
#define BEGIN "\x01\x01\x00\x01\x00\x08\x00\x00" "\x00\x01\x01\x00\x00\x00\x00\x00"

struct row {
	const char *name;
	const char *bytes;
	size_t len;
	enum fcgi_got end;
	bool between;           /* where all bytes were used: two records met there */
	const char *told;       /* "type/id/content:bytes" of each record */
};

static const struct row rows[] = {
	{ "nothing", B(""), FCGI_MORE, true, "" },
	{ "a part of a header", B("\x01\x05\x00"), FCGI_MORE, false, "" },
	{ "an empty record", B("\x01\x05\x00\x01\x00\x00\x00\x00"), FCGI_MORE, true, "5/1/0:;" },
	{ "content", B("\x01\x05\x01\x02\x00\x03\x00\x00" "abc"), FCGI_MORE, true, "5/258/3:abc;" },
	{ "a part of the content", B("\x01\x05\x00\x01\x00\x03\x00\x00" "ab"), FCGI_MORE, false,
	    "5/1/3:ab" },
	{ "padding", B("\x01\x05\x00\x01\x00\x03\x05\x00" "abc#####"
	    "\x01\x05\x00\x01\x00\x00\x00\x00"), FCGI_MORE, true, "5/1/3:abc;5/1/0:;" },
	{ "a part of the padding", B("\x01\x05\x00\x01\x00\x03\x05\x00" "abc##"), FCGI_MORE, false,
	    "5/1/3:abc;" },
	{ "padding and no content", B("\x01\x05\x00\x01\x00\x00\x02\x00" "##"), FCGI_MORE, true,
	    "5/1/0:;" },
	{ "a beginning", B(BEGIN), FCGI_MORE, true, "1/1/8:R1F1;" },
	{ "a part of a beginning", BEGIN, 15, FCGI_MORE, false, "" },
	{ "a beginning that is too short", B("\x01\x01\x00\x01\x00\x03\x00\x00" "\x00\x01\x00"),
	    FCGI_BAD, true, "" },
	{ "a beginning that is too long", B("\x01\x01\x00\x01\x00\x09\x00\x00"), FCGI_BAD, true,
	    "" },
	{ "an end", B("\x01\x03\x00\x07\x00\x08\x00\x00" "\x01\x02\x03\x04\x02\x00\x00\x00"),
	    FCGI_MORE, true, "3/7/8:S01020304E2;" },
	{ "a type that nobody knows", B("\x01\xff\x00\x00\x00\x01\x00\x00" "x"), FCGI_MORE, true,
	    "255/0/1:x;" },
	{ "another version", B("\x02\x05\x00\x01\x00\x00\x00\x00"), FCGI_BAD, true, "" },
	{ "HTTP", B("GET / HTTP/1.1\r\n"), FCGI_BAD, true, "" },
	{ "good, then bad", B("\x01\x05\x00\x01\x00\x00\x00\x00" "GET / HTTP"), FCGI_BAD, true,
	    "5/1/0:;" },
};

static void
tell(char *told, size_t size, const struct fcgi_piece *piece)
{
	size_t used = strlen(told);
	unsigned one, two;
	uint32_t status;

	if (piece->first)
		used += (size_t)snprintf(told + used, size - used, "%u/%u/%u:", piece->type,
		    piece->id, piece->content);
	if (piece->type == FCGI_TYPE_BEGIN) {
		fcgi_read_begin(piece, &one, &two);
		snprintf(told + used, size - used, "R%uF%u;", one, two);
	} else if (piece->type == FCGI_TYPE_END) {
		fcgi_read_end(piece, &status, &two);
		snprintf(told + used, size - used, "S%08xE%u;", (unsigned)status, two);
	} else {
		snprintf(told + used, size - used, "%.*s%s", (int)piece->len, piece->bytes,
		    piece->last ? ";" : "");
	}
}

static void
reads_in_steps(const struct row *row, size_t step)
{
	struct fcgi_reader reader = { .in_record = false };
	char told[256] = "";
	struct fcgi_piece piece;
	enum fcgi_got got = FCGI_MORE;
	size_t done, len, left;

	for (done = 0; done < row->len && got != FCGI_BAD; done += len) {
		char *copy;
		const char *at;

		len = left = row->len - done < step ? row->len - done : step;
		at = copy = malloc(len);
		memcpy(copy, row->bytes + done, len);
		while ((got = fcgi_next(&reader, &at, &left, &piece)) == FCGI_PIECE)
			tell(told, sizeof told, &piece);
		if (got == FCGI_MORE)
			assert_int_equal(left, 0);
		free(copy);
	}
	if (got != row->end || strcmp(told, row->told) != 0)
		fail_msg("%s, %zu at a time: %d, \"%s\"", row->name, step, got, told);
	if (got == FCGI_MORE && fcgi_between(&reader) != row->between)
		fail_msg("%s, %zu at a time: between", row->name, step);
}

static void
reads(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 5, 7, 8, 9, 64 };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (j = 0; j < sizeof steps / sizeof steps[0]; j++)
			reads_in_steps(&rows[i], steps[j]);
}

static void
writes_headers(void **state)
{
	unsigned char out[FCGI_HEADER];

	(void)state;
	assert_int_equal(fcgi_write_header(out, FCGI_TYPE_STDOUT, 0xabcd, FCGI_CONTENT_MAX,
	    fcgi_padding(FCGI_CONTENT_MAX)), 8);
	assert_memory_equal(out, "\x01\x06\xab\xcd\xff\xff\x01\x00", 8);
	assert_int_equal(fcgi_padding(0), 0);
	assert_int_equal(fcgi_padding(1), 7);
	assert_int_equal(fcgi_padding(8), 0);
	assert_int_equal(fcgi_padding(FCGI_CONTENT_FULL), 0);
}

static void
writes_fixed_records(void **state)
{
	unsigned char out[FCGI_WHOLE];

	(void)state;
	assert_int_equal(fcgi_write_begin(out, 1, FCGI_ROLE_RESPONDER, FCGI_FLAG_KEEP), 16);
	assert_memory_equal(out, BEGIN, 16);
	assert_int_equal(fcgi_write_end(out, 7, 0x01020304, FCGI_ENDED_OVERLOADED), 16);
	assert_memory_equal(out, "\x01\x03\x00\x07\x00\x08\x00\x00" "\x01\x02\x03\x04\x02\x00\x00\x00",
	    16);
	assert_int_equal(fcgi_write_unknown(out, 77), 16);
	assert_memory_equal(out, "\x01\x0b\x00\x00\x00\x08\x00\x00" "\x4d\x00\x00\x00\x00\x00\x00\x00",
	    16);
}

static void
answers_values(void **state)
{
	struct fcgi_values values = { .max_conns = 20, .max_reqs = 4000000000u, .multiplexes = true };
	unsigned char room[256], out[FCGI_VALUES_MAX];
	struct nv asked = { room, 0, sizeof room };

	(void)state;
	assert_int_equal(fcgi_write_values(out, &asked, &values), 8);
	assert_memory_equal(out, "\x01\x0a\x00\x00\x00\x00\x00\x00", 8);
	nv_put_str(&asked, "FCGI_MPXS_CONNS", "");
	nv_put_str(&asked, "OTHER", "");
	nv_put_str(&asked, "FCGI_MAX_CONNS", "what stands here does not matter");
	assert_int_equal(fcgi_write_values(out, &asked, &values), 48);
	assert_memory_equal(out, "\x01\x0a\x00\x00\x00\x24\x04\x00" "\x0e\x02" "FCGI_MAX_CONNS20"
	    "\x0f\x01" "FCGI_MPXS_CONNS1" "\0\0\0\0", 48);
	nv_put_str(&asked, "FCGI_MAX_REQS", "");
	assert_int_equal(fcgi_write_values(out, &asked, &values) % 8, 0);
	/* Bytes that are no pairs ask for nothing. */
	asked.len = 0;
	nv_put_str(&asked, "FCGI_MAX_CONNS", "");
	room[0] = 0x7f;
	assert_int_equal(fcgi_write_values(out, &asked, &values), 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(writes_headers),
		cmocka_unit_test(writes_fixed_records),
		cmocka_unit_test(answers_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
