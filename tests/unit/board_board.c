#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <peruserd/board.h>

#include "base/fd.h"

static struct board *
board_of(uint32_t first, uint32_t second, int *fd)
{
	uint32_t slots[2] = { first, second };
	struct board *board = board_new(slots, 2, 3, fd);

	assert_non_null(board);
	return board;
}

static void
make_idle(struct board *board, uint32_t pool, uint32_t slot, uint32_t generation)
{
	struct slot_word empty = slot_word_unpack(atomic_load(&board_slot(board, slot)->word));
	struct slot_word idle = { generation, BOARD_NOBODY, SLOT_IDLE };

	assert_true(board_slot_change(board, pool, slot, empty, idle, 5));
}

static void
words_survive_packing(void **state)
{
	static const struct slot_word words[] = {
		{ 0, 0, SLOT_EMPTY }, { UINT32_MAX, BOARD_NOBODY, SLOT_LEAVING }, { 7, 3, SLOT_LEASED },
	};
	struct slot_word back;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof words / sizeof words[0]; i++) {
		back = slot_word_unpack(slot_word_pack(words[i]));
		assert_int_equal(back.generation, words[i].generation);
		assert_int_equal(back.owner, words[i].owner);
		assert_int_equal(back.state, words[i].state);
	}
}

static bool
prefer_three(uint32_t slot, void *context)
{
	(void)context;
	return slot == 3;
}

static void
leases_the_preferred_then_the_lowest(void **state)
{
	uint32_t generation = 0;
	struct board *board;
	int fd;

	(void)state;
	board = board_of(2, 4, &fd);
	make_idle(board, 1, 2, 9);
	make_idle(board, 1, 3, 8);
	assert_int_equal(atomic_load(&board_pool(board, 1)->idle), 2);
	assert_int_equal(board_lease(board, 1, 2, prefer_three, NULL, 6, &generation), 3);
	assert_int_equal(generation, 8);
	assert_int_equal(board_lease(board, 1, 2, NULL, NULL, 6, &generation), 2);
	assert_int_equal(board_lease(board, 1, 2, NULL, NULL, 6, &generation), UINT32_MAX);
	assert_int_equal(board_lease(board, 0, 2, NULL, NULL, 6, &generation), UINT32_MAX);
	board_unmap(&board);
	fd_close(&fd);
}

static void
only_the_owner_releases(void **state)
{
	uint32_t generation = 0;
	struct board *board;
	int fd;

	(void)state;
	board = board_of(1, 1, &fd);
	make_idle(board, 0, 0, 4);
	assert_int_equal(board_lease(board, 0, 1, NULL, NULL, 6, &generation), 0);
	assert_false(board_release(board, 0, 0, 4, 2, 7));
	assert_false(board_release(board, 0, 0, 3, 1, 7));
	assert_true(board_release(board, 0, 0, 4, 1, 7));
	assert_int_equal(atomic_load(&board_pool(board, 0)->idle), 1);
	board_unmap(&board);
	fd_close(&fd);
}

static void
waiters_take_turns(void **state)
{
	struct board *board;
	int fd;

	(void)state;
	board = board_of(1, 1, &fd);
	board_wait(board, 0, 0);
	board_wait(board, 0, 2);
	board_wait(board, 0, 63);
	assert_int_equal(board_next_waiter(board, 0, 0), 2);
	assert_int_equal(board_next_waiter(board, 0, 2), 63);
	assert_int_equal(board_next_waiter(board, 0, 63), 0);
	assert_int_equal(board_next_waiter(board, 0, 0), -1);
	board_wait(board, 0, 5);
	board_unwait(board, 0, 5);
	assert_int_equal(board_next_waiter(board, 0, 0), -1);
	board_unmap(&board);
	fd_close(&fd);
}

static struct board_sum
sum_of(struct board *board, uint32_t pool)
{
	return board_sum(board_pool(board, pool), board_part(board, pool, 0), 3);
}

static void
a_dead_multiplexer_waits_for_nothing(void **state)
{
	struct board *board;
	uint32_t i;
	int fd;

	(void)state;
	board = board_of(1, 1, &fd);
	atomic_fetch_add(&board_part_own(board, 0, 1)->queued, 7);
	atomic_fetch_add(&board_part_own(board, 1, 1)->sticky, 2);
	atomic_fetch_add(&board_part_own(board, 1, 2)->queued, 3);
	atomic_fetch_add(&board_part_own(board, 1, 2)->sticky, 1);
	board_wait(board, 1, 1);
	board_wait(board, 1, 2);
	assert_int_equal(sum_of(board, 0).queued, 7);
	assert_int_equal(sum_of(board, 1).sticky, 3);
	for (i = 0; i < 2; i++)
		board_forget(board_pool(board, i), board_part(board, i, 1), 1);
	assert_int_equal(sum_of(board, 0).queued, 0);
	assert_int_equal(sum_of(board, 1).queued, 3);
	assert_int_equal(sum_of(board, 1).sticky, 1);
	assert_int_equal(board_next_waiter(board, 1, 0), 2);
	assert_int_equal(board_next_waiter(board, 1, 0), -1);
	/* The last part is the segment's last bytes. */
	assert_ptr_equal(board_part(board, 1, 2) + 1, (char *)board + board->size);
	board_unmap(&board);
	fd_close(&fd);
}

static void
rows_are_cut_and_terminated(void **state)
{
	char text[400], out[BOARD_ROW];
	struct board *board;
	int fd;

	(void)state;
	board = board_of(1, 1, &fd);
	memset(text, 'x', sizeof text);
	board_row_write(board_slot(board, 1), text, sizeof text);
	assert_true(board_row_read(board_slot(board, 1), out));
	assert_int_equal(strlen(out), BOARD_ROW - 1);
	board_row_write(board_slot(board, 1), "GET /", 5);
	assert_true(board_row_read(board_slot(board, 1), out));
	assert_string_equal(out, "GET /");
	/* A writer that died in the middle leaves an odd version: nothing is read. */
	atomic_fetch_add(&board_slot(board, 1)->row_version, 1);
	assert_false(board_row_read(board_slot(board, 1), out));
	board_row_write(board_slot(board, 1), "GET /2", 6);
	assert_true(board_row_read(board_slot(board, 1), out));
	assert_string_equal(out, "GET /2");
	board_unmap(&board);
	fd_close(&fd);
}

static void
what_is_no_board_is_refused(void **state)
{
	struct board *board, *other;
	int fd, junk;

	(void)state;
	board = board_of(1, 1, &fd);
	other = board_map(fd, false);
	assert_non_null(other);
	board_unmap(&other);
	board->pool_count++;
	assert_null(board_map(fd, false));
	junk = fd_sealed("junk", "short", 5);
	assert_null(board_map(junk, false));
	fd_close(&junk);
	board_unmap(&board);
	fd_close(&fd);
}

/* Four processes fight for three slots; each lease is seen by its owner alone. */
static int
fight(struct board *board, unsigned owner)
{
	uint32_t slot, generation;
	int i, taken = 0;

	for (i = 0; i < 20000; i++) {
		slot = board_lease(board, 0, owner, NULL, NULL, 1, &generation);
		if (slot == UINT32_MAX)
			continue;
		taken++;
		if (!board_release(board, 0, slot, generation, owner, 2))
			return 2;
	}
	return taken > 0 ? 0 : 1;
}

static void
leases_are_exclusive(void **state)
{
	struct board *board;
	int fd, status, i;
	pid_t pids[4];

	(void)state;
	board = board_of(3, 1, &fd);
	for (i = 0; i < 3; i++)
		make_idle(board, 0, (uint32_t)i, 1);
	for (i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(fight(board, (unsigned)i));
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(atomic_load(&board_pool(board, 0)->idle), 3);
	board_unmap(&board);
	fd_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_survive_packing),
		cmocka_unit_test(leases_the_preferred_then_the_lowest),
		cmocka_unit_test(only_the_owner_releases),
		cmocka_unit_test(waiters_take_turns),
		cmocka_unit_test(a_dead_multiplexer_waits_for_nothing),
		cmocka_unit_test(rows_are_cut_and_terminated),
		cmocka_unit_test(what_is_no_board_is_refused),
		cmocka_unit_test(leases_are_exclusive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
