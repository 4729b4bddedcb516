#include "manager/scale.h"

static uint32_t
least(uint64_t a, uint64_t b)
{
	uint64_t smaller = a < b ? a : b;

	return smaller > UINT32_MAX ? UINT32_MAX : (uint32_t)smaller;
}

static uint64_t
above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct scale_answer
scale_decide(const struct scale_pool *pool, const struct scale_server *server)
{
	struct scale_answer answer = { 0, 0, 0 };
	uint64_t taken = (uint64_t)pool->idle + pool->leased + pool->starting + pool->leaving;
	uint64_t coming = (uint64_t)pool->idle + pool->starting;
	uint64_t room = above(pool->max, taken);
	uint64_t server_room = above(server->limit, server->live);
	uint64_t asked = above(pool->queued, coming);
	uint64_t wanted = above(pool->queued + pool->min_spare, coming);

	if (pool->queued == 0)
		answer.retire = least(pool->stale, above(pool->idle, pool->min_spare));
	if (pool->resting || answer.retire > 0)
		return answer;
	answer.spawn = least(least(wanted, room), server_room);
	/* Those that leave already make room: don't ask for it twice. */
	answer.evict = least(above(least(asked, room), server_room + server->leaving), UINT32_MAX);
	return answer;
}

uint64_t
scale_pause(uint64_t last, uint64_t lived_ms, uint64_t first, uint64_t most)
{
	if (last == 0 || lived_ms > most)
		return first;
	return last > most / 2 ? most : last * 2;
}
