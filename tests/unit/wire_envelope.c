#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <peruserd/envelope.h>

#define VARS "\x01\x02" "Abc"           /* five bytes: one pair */
#define BODY "hello"
#define REST "GET"

/* A good request with all three parts; rows spoil it. */
static struct envelope
good_envelope(void)
{
	struct envelope e = {
		.magic = ENVELOPE_MAGIC, .kind = ENVELOPE_REQUEST, .nonce = 1,
		.vars_len = 5, .body_len = 5, .rest_len = 3, .body_total = 5,
	};

	return e;
}

struct envelope_row {
	const char *name;
	void (*change)(struct envelope *);
	unsigned fds;
	int more;               /* bytes more, or less, than it says */
	bool good;
};

#define CHANGE(name, ...) \
	static void name(struct envelope *e) { __VA_ARGS__; }

CHANGE(same, (void)e)
CHANGE(no_magic, e->magic++)
CHANGE(kind_0, e->kind = 0)
CHANGE(kind_4, e->kind = 4)
CHANGE(flag_unknown, e->flags = 0x200)
CHANGE(raw, e->flags = ENVELOPE_RAW | ENVELOPE_STICKY | ENVELOPE_KEEP_ALIVE)
CHANGE(named, e->flags = ENVELOPE_NAMED)
CHANGE(named_raw, e->flags = ENVELOPE_NAMED | ENVELOPE_RAW)
CHANGE(sticky_alone, e->flags = ENVELOPE_STICKY)
CHANGE(keep_alone, e->flags = ENVELOPE_KEEP_ALIVE)
CHANGE(two_bodies, e->flags = ENVELOPE_BODY_FILE | ENVELOPE_BODY_STREAM)
CHANGE(file, e->flags = ENVELOPE_BODY_FILE; e->body_total = 100)
CHANGE(file_short, e->flags = ENVELOPE_BODY_FILE; e->body_total = 4)
CHANGE(stream, e->flags = ENVELOPE_BODY_STREAM; e->body_total = BODY_UNTIL_END)
CHANGE(all_lent, e->flags = ENVELOPE_BODY_FILE | ENVELOPE_MEMORY | ENVELOPE_STREAM | ENVELOPE_RAW)
CHANGE(total_more, e->body_total = 6)
CHANGE(total_less, e->body_total = 4)
CHANGE(vars_less, e->vars_len = 4; e->body_len = 6; e->body_total = 6)
CHANGE(vars_past, e->vars_len = 14)
CHANGE(vars_huge, e->vars_len = UINT32_MAX)
CHANGE(body_huge, e->body_len = UINT32_MAX; e->body_total = UINT32_MAX)
CHANGE(rest_huge, e->rest_len = UINT32_MAX)
CHANGE(abort_with_bytes, e->kind = ENVELOPE_ABORT)

static const struct envelope_row envelope_rows[] = {
	{ "a request", same, 0, 0, true },
	{ "a descriptor nobody said", same, 1, 0, false },
	{ "a byte less", same, 0, -1, false },
	{ "a byte more", same, 0, 1, false },
	{ "another magic", no_magic, 0, 0, false },
	{ "kind 0", kind_0, 0, 0, false },
	{ "a kind that is none", kind_4, 0, 0, false },
	{ "an unknown flag", flag_unknown, 0, 0, false },
	{ "raw", raw, 1, 0, true },
	{ "raw without its descriptor", raw, 0, 0, false },
	{ "a named file", named, 0, 0, true },
	{ "a named file, raw", named_raw, 1, 0, false },
	{ "sticky, not raw", sticky_alone, 0, 0, false },
	{ "keep-alive, not raw", keep_alone, 0, 0, false },
	{ "a file and a stream", two_bodies, 2, 0, false },
	{ "a file", file, 1, 0, true },
	{ "a file shorter than what is here", file_short, 1, 0, false },
	{ "a stream of no known length", stream, 1, 0, true },
	{ "all that may be lent", all_lent, 4, 0, true },
	{ "one descriptor too few", all_lent, 3, 0, false },
	{ "a total without a file", total_more, 0, 0, false },
	{ "a total below what is here", total_less, 0, 0, false },
	{ "variables cut", vars_less, 0, 0, false },
	{ "variables past the end", vars_past, 0, 0, false },
	{ "lengths that wrap: variables", vars_huge, 0, 0, false },
	{ "lengths that wrap: body", body_huge, 0, 0, false },
	{ "lengths that wrap: rest", rest_huge, 0, 0, false },
	{ "an abort with bytes", abort_with_bytes, 0, 0, false },
};

static void
checks_envelopes(void **state)
{
	char bytes[sizeof(struct envelope) + 64];
	struct envelope_parts parts;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof envelope_rows / sizeof envelope_rows[0]; i++) {
		const struct envelope_row *row = &envelope_rows[i];
		struct envelope e = good_envelope();
		bool good;

		row->change(&e);
		memset(bytes, 0, sizeof bytes);
		memcpy(bytes, &e, sizeof e);
		memcpy(bytes + sizeof e, VARS BODY REST, 13);
		good = envelope_check(bytes, (size_t)((int)sizeof e + 13 + row->more), row->fds,
		    &parts);
		if (good != row->good)
			fail_msg("%s: %s", row->name, good ? "taken" : "refused");
		if (!good)
			continue;
		assert_int_equal(parts.vars.len, 5);
		assert_memory_equal(parts.vars.data, VARS, 5);
		assert_memory_equal(parts.body, BODY, 5);
		assert_memory_equal(parts.rest, REST, 3);
	}
}

static void
checks_signals(void **state)
{
	struct envelope e = { .magic = ENVELOPE_MAGIC, .kind = ENVELOPE_ABORT, .nonce = 5 };
	struct envelope_parts parts;
	size_t len;

	(void)state;
	assert_true(envelope_check(&e, sizeof e, 0, &parts));
	e.kind = ENVELOPE_RELEASE;
	assert_true(envelope_check(&e, sizeof e, 0, &parts));
	e.flags = ENVELOPE_MEMORY;
	assert_false(envelope_check(&e, sizeof e, 1, &parts));
	e.flags = 0;
	for (len = 0; len < sizeof e; len++)
		assert_false(envelope_check(&e, len, 0, &parts));
}

/* The bounds hold even where the bytes are there. */
static void
bounds_parts(void **state)
{
	static char bytes[sizeof(struct envelope) + ENVELOPE_MAX_VARS + 8];
	struct envelope e = { .magic = ENVELOPE_MAGIC, .kind = ENVELOPE_REQUEST };
	struct envelope_parts parts;

	(void)state;
	e.rest_len = ENVELOPE_MAX_REST;
	memcpy(bytes, &e, sizeof e);
	assert_true(envelope_check(bytes, sizeof e + e.rest_len, 0, &parts));
	e.rest_len++;
	memcpy(bytes, &e, sizeof e);
	assert_false(envelope_check(bytes, sizeof e + e.rest_len, 0, &parts));
	e.rest_len = 0;
	/* Zero bytes are pairs of nothing. */
	e.vars_len = ENVELOPE_MAX_VARS;
	memcpy(bytes, &e, sizeof e);
	assert_true(envelope_check(bytes, sizeof e + e.vars_len, 0, &parts));
	e.vars_len += 2;
	memcpy(bytes, &e, sizeof e);
	assert_false(envelope_check(bytes, sizeof e + e.vars_len, 0, &parts));
	e.vars_len = 0;
	e.body_len = ENVELOPE_MAX_BODY + 1;
	e.body_total = e.body_len;
	memcpy(bytes, &e, sizeof e);
	assert_false(envelope_check(bytes, sizeof e + e.body_len, 0, &parts));
}

static void
counts_descriptors(void **state)
{
	(void)state;
	assert_int_equal(envelope_fds(0), 0);
	assert_int_equal(envelope_fds(ENVELOPE_STICKY | ENVELOPE_KEEP_ALIVE), 0);
	assert_int_equal(envelope_fds(ENVELOPE_RAW | ENVELOPE_STICKY), 1);
	assert_int_equal(envelope_fds(ENVELOPE_FLAGS), 5);
}

/* ---- completions: from a user's process */

#define MEMORY 1000

struct completion_row {
	const char *name;
	uint8_t kind, answer;
	uint16_t flags;
	uint32_t data_len;
	uint64_t answer_len;
	int more;
	bool good;
};

static const struct completion_row completion_rows[] = {
	{ "done, inline", COMPLETION_DONE, ANSWER_INLINE, 0, 5, 5, 0, true },
	{ "done, nothing", COMPLETION_DONE, ANSWER_NONE, 0, 0, 0, 0, true },
	{ "done, failed", COMPLETION_DONE, ANSWER_FAILED, COMPLETION_CUT, 0, 0, 0, true },
	{ "done and leaving", COMPLETION_DONE, ANSWER_NONE, COMPLETION_LEAVING, 0, 0, 0, true },
	{ "done, memory", COMPLETION_DONE, ANSWER_MEMORY, 0, 0, MEMORY, 0, true },
	{ "done, stream", COMPLETION_DONE, ANSWER_STREAM, 0, 0, UINT64_MAX, 0, true },
	{ "answer, inline", COMPLETION_ANSWER, ANSWER_INLINE, 0, 64, 64, 0, true },
	{ "log", COMPLETION_LOG, ANSWER_NONE, 0, COMPLETION_MAX_LOG, 0, 0, true },
	{ "a trace", COMPLETION_TRACE, ANSWER_NONE, 0, COMPLETION_MAX_TRACE, 0, 0, true },
	{ "an empty trace", COMPLETION_TRACE, ANSWER_NONE, 0, 0, 0, 0, true },
	{ "a trace too long", COMPLETION_TRACE, ANSWER_NONE, 0, COMPLETION_MAX_TRACE + 1, 0, 0, false },
	{ "a trace with an answer", COMPLETION_TRACE, ANSWER_INLINE, 0, 5, 5, 0, false },
	{ "served", COMPLETION_SERVED, ANSWER_NONE, 0, 64, 0, 0, true },
	{ "many served", COMPLETION_SERVED, ANSWER_NONE, 0, 0, 0, 0, true },
	{ "kind 0", 0, ANSWER_NONE, 0, 0, 0, 0, false },
	{ "a kind that is none", COMPLETION_TRACE + 1, ANSWER_NONE, 0, 0, 0, 0, false },
	{ "passed on", COMPLETION_DONE, ANSWER_PASS, 0, 5, 0, 0, true },
	{ "passed on to nowhere", COMPLETION_DONE, ANSWER_PASS, 0, 0, 0, 0, false },
	{ "passed on and a length", COMPLETION_DONE, ANSWER_PASS, 0, 5, 5, 0, false },
	{ "an answer that is none", COMPLETION_DONE, ANSWER_PASS + 1, 0, 0, 0, 0, false },
	{ "an unknown flag", COMPLETION_DONE, ANSWER_NONE, 4, 0, 0, 0, false },
	{ "a byte less", COMPLETION_DONE, ANSWER_INLINE, 0, 5, 5, -1, false },
	{ "a byte more", COMPLETION_DONE, ANSWER_INLINE, 0, 5, 5, 1, false },
	{ "longer than its bytes", COMPLETION_DONE, ANSWER_INLINE, 0, 5, 6, 0, false },
	{ "more than the memory", COMPLETION_DONE, ANSWER_MEMORY, 0, 0, MEMORY + 1, 0, false },
	{ "memory and bytes", COMPLETION_DONE, ANSWER_MEMORY, 0, 5, 5, 0, false },
	{ "stream and bytes", COMPLETION_DONE, ANSWER_STREAM, 0, 5, 5, 0, false },
	{ "nothing and a length", COMPLETION_DONE, ANSWER_NONE, 0, 0, 5, 0, false },
	{ "nothing and bytes", COMPLETION_DONE, ANSWER_NONE, 0, 5, 0, 0, false },
	{ "failed and a length", COMPLETION_DONE, ANSWER_FAILED, 0, 0, 5, 0, false },
	{ "too much inline", COMPLETION_DONE, ANSWER_INLINE, 0, COMPLETION_MAX_DATA + 1,
	    COMPLETION_MAX_DATA + 1, 0, false },
	{ "too long a line", COMPLETION_LOG, ANSWER_NONE, 0, COMPLETION_MAX_LOG + 1, 0, 0, false },
	{ "a line with an answer", COMPLETION_LOG, ANSWER_INLINE, 0, 5, 5, 0, false },
	{ "served with an answer", COMPLETION_SERVED, ANSWER_MEMORY, 0, 0, 5, 0, false },
	{ "a length that wraps", COMPLETION_DONE, ANSWER_INLINE, 0, UINT32_MAX, UINT32_MAX, 1,
	    false },
};

static void
a_report_tells_of_a_request(void **state)
{
	struct completion c = { .magic = COMPLETION_MAGIC, .kind = COMPLETION_SERVED };
	const unsigned char *data;

	(void)state;
	assert_false(completion_check(&c, sizeof c, 0, &data));
	c.count = 9000;
	assert_true(completion_check(&c, sizeof c, 0, &data));
}

static void
checks_completions(void **state)
{
	static char bytes[sizeof(struct completion) + COMPLETION_MAX_DATA + 16];
	const unsigned char *data;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof completion_rows / sizeof completion_rows[0]; i++) {
		const struct completion_row *row = &completion_rows[i];
		struct completion c = {
			.magic = COMPLETION_MAGIC, .kind = row->kind, .answer = row->answer,
			.flags = row->flags, .data_len = row->data_len,
			.answer_len = row->answer_len, .count = 1,
		};
		bool good;

		memcpy(bytes, &c, sizeof c);
		len = row->data_len == UINT32_MAX ? sizeof c : sizeof c + row->data_len;
		good = completion_check(bytes, (size_t)((long)len + row->more), MEMORY, &data);
		if (good != row->good)
			fail_msg("%s: %s", row->name, good ? "taken" : "refused");
		if (good)
			assert_ptr_equal(data, bytes + sizeof c);
		c.magic++;
		memcpy(bytes, &c, sizeof c);
		if (completion_check(bytes, len, MEMORY, &data))
			fail_msg("%s: with another magic", row->name);
	}
	for (len = 0; len < sizeof(struct completion); len++)
		assert_false(completion_check(bytes, len, MEMORY, &data));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_envelopes),
		cmocka_unit_test(checks_signals),
		cmocka_unit_test(bounds_parts),
		cmocka_unit_test(counts_descriptors),
		cmocka_unit_test(checks_completions),
		cmocka_unit_test(a_report_tells_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
