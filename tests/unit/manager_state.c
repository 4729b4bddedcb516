/* src/manager/state: what is written is read again; what is not whole, or out of bounds, is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "manager/slot.h"
#include "manager/state.h"

static void *
add(struct state *state, enum state_kind kind)
{
	void *thing = state_add(state, kind);

	assert_non_null(thing);
	return thing;
}

static struct state_head *
add_head(struct state *state)
{
	struct state_head *head;

	memset(state, 0, sizeof *state);
	head = add(state, STATE_OF_HEAD);
	head->version = strdup(state_version);
	head->processors = strdup(state_processors);
	head->config = strdup("/etc/peruserd/a file %.cfg\n");
	head->binary = strdup("/usr/sbin/peruserd");
	head->multiplexers = 4;
	head->pools = 10;
	head->slots = 100;
	head->pid_file = 10;
	head->board = 11;
	head->board_reader = 12;
	head->bell = 13;
	head->control = 14;
	return head;
}

/* One of each, with a value in each field that is told. */
static void
make(struct state *state)
{
	struct state_settings *settings;
	struct state_multiplexer *mux;
	struct state_pool *pool;
	struct state_zygote *zygote;
	struct state_slot *slot;
	struct state_queued *queued;

	add_head(state);
	settings = add(state, STATE_OF_SETTINGS);
	settings->text = 20;
	settings->generation = UINT64_MAX;
	mux = add(state, STATE_OF_MULTIPLEXER);
	mux->number = 3;
	mux->bell = 22;
	mux->channel = 21;
	pool = add(state, STATE_OF_POOL);
	pool->row = 9;
	pool->slot_first = 90;
	pool->slot_count = 10;
	pool->reason = strdup("its zygote \"exited\" = 1");
	zygote = add(state, STATE_OF_ZYGOTE);
	zygote->row = 9;
	zygote->pid = 4000000;
	zygote->log = -1;
	slot = add(state, STATE_OF_SLOT);
	slot->slot = 99;
	slot->generation = UINT32_MAX;
	slot->row = 9;
	slot->state = SLOT_IDLE;
	slot->channel = 30;
	queued = add(state, STATE_OF_QUEUED);
	queued->body = strdup("00ff");
}

static struct buf
written(const struct state *state)
{
	struct buf bytes = BUF(1 << 20);

	assert_true(state_write(state, &bytes));
	return bytes;
}

static void
writes_what_it_reads(void **unused)
{
	const struct state_head *head;
	const struct state_pool *pool;
	const struct state_slot *slot;
	const struct state_zygote *zygote;
	struct state state, again;
	struct buf bytes, twice;
	struct fault fault;
	char *copy;

	(void)unused;
	make(&state);
	bytes = written(&state);
	copy = malloc(bytes.len);
	memcpy(copy, bytes.data, bytes.len);
	assert_true(state_read(&again, copy, bytes.len, &fault));
	assert_true(state_check(&again, &fault));
	head = state_at(&again, STATE_OF_HEAD, 0);
	assert_string_equal(head->config, "/etc/peruserd/a file %.cfg\n");
	assert_int_equal(head->slots, 100);
	pool = state_at(&again, STATE_OF_POOL, 0);
	assert_string_equal(pool->reason, "its zygote \"exited\" = 1");
	assert_null(pool->fork_reason);
	slot = state_at(&again, STATE_OF_SLOT, 0);
	assert_int_equal(slot->generation, UINT32_MAX);
	assert_int_equal(slot->channel, 30);
	assert_int_equal(slot->way, -1);
	zygote = state_at(&again, STATE_OF_ZYGOTE, 0);
	assert_int_equal(zygote->log, -1);
	assert_int_equal(state_count(&again, STATE_OF_ASKER), 0);
	twice = written(&again);
	assert_int_equal(twice.len, bytes.len);
	assert_memory_equal(twice.data, bytes.data, bytes.len);
	buf_free(&bytes);
	buf_free(&twice);
	free(copy);
	state_end(&state);
	state_end(&again);
}

static void
nothing_that_was_cut_is_whole(void **unused)
{
	struct state state, again;
	struct fault fault;
	struct buf bytes;
	size_t len;
	char *copy;

	(void)unused;
	make(&state);
	bytes = written(&state);
	copy = malloc(bytes.len);
	for (len = 0; len < bytes.len; len++) {
		memcpy(copy, bytes.data, len);
		assert_false(state_read(&again, copy, len, &fault));
		state_end(&again);
	}
	free(copy);
	buf_free(&bytes);
	state_end(&state);
}

#define HEAD "head version=PERUSERD-STATE-1 processors=x config=/c binary=/b multiplexers=1 pools=1 slots=1"

static const struct {
	const char *name, *text, *says;
} broken[] = {
	{ "nothing", "", "not whole" },
	{ "another version", "head version=PERUSERD-STATE-9 unheard=1\nend\n", "restart peruserd" },
	{ "no version", "head config=/c\nend\n", "restart peruserd" },
	{ "no head", "pool row=1\nend\n", "restart peruserd" },
	{ "an unknown kind", HEAD "\nworker pid=1\nend\n", "line 2" },
	{ "an unknown field", HEAD "\npool colour=1\nend\n", "line 2" },
	{ "a second head", HEAD "\n" HEAD "\nend\n", "line 2" },
	{ "a number that is none", HEAD "\npool row=one\nend\n", "line 2" },
	{ "a negative one", HEAD "\npool row=-1\nend\n", "line 2" },
	{ "one that is too long", HEAD "\npool row=18446744073709551616\nend\n", "line 2" },
	{ "a descriptor that is none", HEAD "\nasker fd=2147483648\nend\n", "line 2" },
	{ "a text twice", HEAD "\npool reason=a reason=b\nend\n", "line 2" },
	{ "bytes after the end", HEAD "\nend\nend\n", "after its end" },
	{ "an empty line", HEAD "\n\nend\n", "line 2" },
};

static void
refuses(void **unused)
{
	struct state state;
	struct fault fault;
	char *copy;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		copy = strdup(broken[i].text);
		if (state_read(&state, copy, strlen(copy), &fault))
			fail_msg("%s was taken", broken[i].name);
		if (strstr(fault.text, broken[i].says) == NULL)
			fail_msg("%s: %s", broken[i].name, fault.text);
		state_end(&state);
		free(copy);
	}
}

/* Each changes one number of a state that is good. */
#define CHANGE(name, what, kind, field, value)                                  \
	static void                                                             \
	name(struct state *state)                                               \
	{                                                                       \
		struct state_##what *it = state_at(state, STATE_OF_##kind, 0);  \
		it->field = value;                                              \
	}
CHANGE(many_multiplexers, head, HEAD, multiplexers, 65)
CHANGE(many_pools, head, HEAD, pools, 1000001)
CHANGE(many_slots, head, HEAD, slots, 10000001)
CHANGE(no_board, head, HEAD, board, -1)
CHANGE(no_control, head, HEAD, control, -1)
CHANGE(far_multiplexer, multiplexer, MULTIPLEXER, number, 4)
CHANGE(no_bell, multiplexer, MULTIPLEXER, bell, -1)
CHANGE(far_pool, pool, POOL, row, 10)
CHANGE(no_settings, pool, POOL, settings, 1)
CHANGE(long_slots, pool, POOL, slot_count, 11)
CHANGE(huge_slots, pool, POOL, slot_count, UINT64_MAX)
CHANGE(far_zygote, zygote, ZYGOTE, row, 10)
CHANGE(no_process, zygote, ZYGOTE, pid, 0)
CHANGE(every_process, zygote, ZYGOTE, pid, UINT64_MAX)
CHANGE(no_state, zygote, ZYGOTE, state, 9)
CHANGE(far_slot, slot, SLOT, slot, 100)
CHANGE(no_slot_state, slot, SLOT, state, SLOT_STATES)
CHANGE(slot_of_no_pool, slot, SLOT, row, 10)

static void (*const changes[])(struct state *state) = {
	many_multiplexers, many_pools, many_slots, no_board, no_control, far_multiplexer, no_bell,
	far_pool, no_settings, long_slots, huge_slots, far_zygote, no_process, every_process,
	no_state, far_slot, no_slot_state, slot_of_no_pool,
};

static void
checks_bounds(void **unused)
{
	struct state state;
	struct fault fault;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		make(&state);
		assert_true(state_check(&state, &fault));
		changes[i](&state);
		if (state_check(&state, &fault))
			fail_msg("change %zu was taken", i);
		state_end(&state);
	}
}

static void
count(void *context, int fd)
{
	*(int *)context += fd;
}

static void
names_each_descriptor(void **unused)
{
	struct state state;
	int sum = 0;

	(void)unused;
	make(&state);
	state_each_fd(&state, count, &sum);
	assert_int_equal(sum, 10 + 11 + 12 + 13 + 14 + 20 + 21 + 22 + 30);
	state_end(&state);
}

static void
tells_nothing_longer_than_a_line(void **unused)
{
	struct buf bytes = BUF(1 << 20);
	struct state_log *log;
	struct state state;

	(void)unused;
	add_head(&state);
	log = add(&state, STATE_OF_LOG);
	log->name = calloc(1, 5000);
	memset(log->name, 'a', 4999);
	assert_false(state_write(&state, &bytes));
	buf_free(&bytes);
	state_end(&state);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(nothing_that_was_cut_is_whole),
		cmocka_unit_test(refuses),
		cmocka_unit_test(checks_bounds),
		cmocka_unit_test(names_each_descriptor),
		cmocka_unit_test(tells_nothing_longer_than_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
