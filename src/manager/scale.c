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

static uint64_t
most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Which may stay idle: the spare ones of a pool in use. */
static uint64_t
kept_idle(const struct scale_pool *pool)
{
	return pool->used ? pool->min_spare : 0;
}

/*
 * Slots are taken lowest first, so those that are not stale are as many as were
 * at work at once lately: these stay, and the spare ones beside them.  Else a
 * pool whose load comes in waves would end and fork its spare ones in turn.
 */
static uint32_t
retired(const struct scale_pool *pool)
{
	uint64_t total = (uint64_t)pool->idle + pool->leased + pool->starting;
	uint64_t old = above(pool->stale, kept_idle(pool));
	uint64_t many = pool->max_spare == 0 ? 0 :
	    least(pool->calm, above(pool->idle, most(pool->max_spare, kept_idle(pool))));

	if (pool->queued > 0)
		return 0;
	return least(most(old, many), above(total, pool->min));
}

/* How many it wants beyond those it has, were there no bounds. */
static uint64_t
wanted(const struct scale_pool *pool)
{
	uint64_t coming = (uint64_t)pool->idle + pool->starting;
	uint64_t total = coming + pool->leased;
	uint64_t spare = above(pool->queued + kept_idle(pool), coming);

	return most(spare, above(most(pool->min, pool->fresh), total));
}

struct scale_answer
scale_decide(const struct scale_pool *pool, const struct scale_server *server)
{
	struct scale_answer answer = { 0 };
	uint64_t total = (uint64_t)pool->idle + pool->leased + pool->starting;
	uint64_t room = above(pool->max, total + pool->leaving);
	uint64_t server_room = above(server->limit, server->live);
	uint64_t asked = above(pool->queued, (uint64_t)pool->idle + pool->starting);

	answer.asks = least(asked, room);
	answer.retire = retired(pool);
	answer.sleep = total + pool->leaving + pool->queued + pool->min == 0 &&
	    pool->zygote_timeout != 0 && pool->rested >= pool->zygote_timeout;
	if (pool->resting)
		answer.asks = 0;
	if (pool->resting || answer.retire > 0 || answer.sleep)
		return answer;
	answer.spawn = least(least(wanted(pool), room),
	    most(least(answer.asks, server_room), above(server_room, server->promised)));
	/* Those that leave already make room: don't ask for it twice. */
	answer.evict = least(above(answer.asks, server_room + server->leaving), UINT32_MAX);
	return answer;
}

bool
scale_wakes(uint32_t queued, uint64_t min)
{
	return queued > 0 || min > 0;
}

uint32_t
scale_spares(const struct scale_pool *pool)
{
	uint64_t total = (uint64_t)pool->idle + pool->leased + pool->starting;

	return pool->queued > 0 ? 0 : least(pool->idle, above(total, pool->min));
}

uint64_t
scale_age(uint64_t now, uint64_t since)
{
	return above(now, since);
}

uint64_t
scale_pause(uint64_t last, uint64_t lived_ms, uint64_t first, uint64_t most)
{
	if (last == 0 || lived_ms > most)
		return first;
	return last > most / 2 ? most : last * 2;
}
