/* What is made of an answer and a board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "status/view.h"

#define HEAD "peruserd version=0.1.0 pid=10 uptime_ms=5000 phase=running live=2 server_limit=256\n"
#define POOL "pool index=0 name=alice user=alice state=ready pid=20 generation=1 namespaces=yes max=3\n"
#define SLOT "slot index=1 pool=0 generation=4 pid=30 state=busy age_ms=12\n"

static const struct {
	const char *name;
	const char *answer;
	bool good;
} rows[] = {
	{ "all of it", HEAD "multiplexer number=0 pid=11 ready=yes restarts=0\n" POOL SLOT "end\n",
	    true },
	{ "a newer manager says more", HEAD "weather sunny=yes\nend\n", true },
	{ "numbers that are none", "pool index=x name=a state=ready\nend\n", true },
	{ "a slot of no pool", "slot index=7 pool=99 state=idle\nend\n", true },
	{ "no end", HEAD POOL, false },
	{ "cut in a line", HEAD "pool ind", false },
	{ "nothing", "", false },
	{ "no record", "hello world\nend\n", false },
	{ "an error", "error text=no\nend\n", false },
};

static void
test_parse(void **state)
{
	char answer[1024];
	struct fault fault;
	struct view view;
	bool good;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memcpy(answer, rows[i].answer, strlen(rows[i].answer) + 1);
		good = view_parse(&view, answer, strlen(rows[i].answer), &fault);
		if (good != rows[i].good)
			fail_msg("%s: %s", rows[i].name, good ? "taken" : fault.text);
		view_end(&view);
	}
}

static void
test_board(void **state)
{
	char answer[] = HEAD "multiplexer number=0 pid=11 ready=yes restarts=2\n"
	    "multiplexer number=4000000000 pid=12 ready=no restarts=0\n" POOL
	    "pool index=77 name=lost state=cold\n" SLOT
	    "slot index=99999 pool=0 state=idle\n"
	    "slot index=2 pool=0 state=busy\nend\n";
	uint32_t slots_of[] = { 3 };
	struct board *board, *mapped;
	struct fault fault;
	struct view view;
	int fd;

	(void)state;
	board = board_new(slots_of, 1, 1, &fd);
	assert_non_null(board);
	atomic_store(&board->multiplexers[0].connections, 5);
	atomic_store(&board_part_own(board, 0, 0)->queued, 6);
	atomic_store(&board_slot(board, 1)->requests, 7);
	atomic_store(&board_slot(board, 1)->began_ms, 900);
	board_row_write(board_slot(board, 1), "GET a.test /x y", 15);
	board_row_write(board_slot(board, 2), "nonsense", 8);
	mapped = board_map(fd, false);
	assert_non_null(mapped);
	assert_true(view_parse(&view, answer, strlen(answer), &fault));
	view_add_board(&view, mapped, 1000);
	assert_int_equal(view.multiplexer_count, 2);
	assert_int_equal(view.multiplexers[0].connections, 5);
	assert_int_equal(view.pools[0].queued, 6);
	assert_int_equal(view.pools[0].busy, 1);
	assert_int_equal(view.pools[0].idle, 1);
	assert_int_equal(view.slots[0].requests, 7);
	assert_string_equal(view.slots[0].method, "GET");
	assert_string_equal(view.slots[0].vhost, "a.test");
	assert_string_equal(view.slots[0].url, "/x y");
	assert_int_equal(view.slots[0].age_ms, 100);
	assert_int_equal(view.pools[0].longest_ms, 100);
	assert_string_equal(view.slots[1].url, "");
	assert_string_equal(view.slots[2].url, "");
	assert_string_equal(view.slots[2].state, "sticky");
	assert_int_equal(view.pools[0].sticky, 1);
	assert_null(view_pool(&view, 2));
	view_end(&view);
	board_unmap(&mapped);
	board_unmap(&board);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_board),
	};

	return cmocka_run_group_tests_name("status/view", tests, NULL, NULL);
}
