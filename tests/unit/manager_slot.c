/* The life of a slot: every state, every event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/slot.h"

struct row {
	const char *name;
	enum slot_state from;
	enum slot_event event;
	enum slot_state to;
};

/* What changes something; whatever is not here must change nothing. */
static const struct row rows[] = {
	{ "an empty one is forked", SLOT_EMPTY, SLOT_FORK, SLOT_STARTING },
	{ "a forked one is idle", SLOT_STARTING, SLOT_FORKED, SLOT_IDLE },
	{ "one that does not start is killed", SLOT_STARTING, SLOT_KILL, SLOT_LEAVING },
	{ "one that dies starting is empty", SLOT_STARTING, SLOT_GONE, SLOT_EMPTY },
	{ "an idle one is leased", SLOT_IDLE, SLOT_LEASE, SLOT_LEASED },
	{ "an idle one is retired", SLOT_IDLE, SLOT_RETIRE, SLOT_LEAVING },
	{ "an idle one is killed", SLOT_IDLE, SLOT_KILL, SLOT_LEAVING },
	{ "an idle one dies", SLOT_IDLE, SLOT_GONE, SLOT_EMPTY },
	{ "a leased one comes back", SLOT_LEASED, SLOT_COMPLETE, SLOT_IDLE },
	{ "a leased one is killed", SLOT_LEASED, SLOT_KILL, SLOT_LEAVING },
	{ "a leased one dies", SLOT_LEASED, SLOT_GONE, SLOT_EMPTY },
	{ "a leaving one is gone", SLOT_LEAVING, SLOT_GONE, SLOT_EMPTY },
};

static const struct row *
row_of(enum slot_state state, enum slot_event event)
{
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].from == state && rows[i].event == event)
			return &rows[i];
	return NULL;
}

static void
test_every_cell(void **context)
{
	const struct row *row;
	unsigned state, event, next;

	(void)context;
	for (state = 0; state < SLOT_STATES; state++)
		for (event = 0; event < SLOT_EVENTS; event++) {
			row = row_of(state, event);
			next = slot_next(state, event);
			if (row != NULL && next != row->to)
				fail_msg("%s: it becomes %u", row->name, next);
			if (row == NULL && next != state)
				fail_msg("state %u, event %u: it becomes %u", state, event, next);
		}
}

static void
test_nonsense(void **context)
{
	(void)context;
	assert_int_equal(slot_next((enum slot_state)77, SLOT_GONE), 77);
	assert_int_equal(slot_next(SLOT_IDLE, (enum slot_event)77), SLOT_IDLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests_name("manager/slot", tests, NULL, NULL);
}
