/*
 * Any bytes are a state or none; one that is taken and written again reads as
 * the same, and its numbers hold where they were checked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manager/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf
write_again(const struct state *state)
{
	struct buf bytes = BUF(STATE_MOST);

	/* What was escaped more than it needed to be may have been longer; never shorter. */
	if (!state_write(state, &bytes))
		buf_free(&bytes);
	return bytes;
}

static void
try_pools(const struct state *state)
{
	const struct state_head *head = state_at(state, STATE_OF_HEAD, 0);
	const struct state_pool *pool;
	size_t i;

	for (i = 0; i < state_count(state, STATE_OF_POOL); i++) {
		pool = state_at(state, STATE_OF_POOL, i);
		if (pool->slot_first + pool->slot_count > head->slots)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct state state, again;
	struct fault fault;
	struct buf first, second;

	memcpy(copy, data, size);
	if (state_read(&state, copy, size, &fault)) {
		if (state_check(&state, &fault))
			try_pools(&state);
		first = write_again(&state);
		if (first.len > 0) {
			free(copy);
			copy = malloc(first.len);
			memcpy(copy, first.data, first.len);
			if (!state_read(&again, copy, first.len, &fault))
				abort();
			second = write_again(&again);
			if (second.len != first.len || memcmp(second.data, first.data, first.len) != 0)
				abort();
			buf_free(&second);
			state_end(&again);
		}
		buf_free(&first);
	}
	state_end(&state);
	free(copy);
	return 0;
}
