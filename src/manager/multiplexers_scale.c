#include <stdbool.h>

#include "manager/multiplexers_scale.h"

#define NEAR    900             /* of MULTIPLEXER_WHOLE: one more is wanted */
#define EASY    500             /* what the others would bear, on average, without one of them */

static uint64_t
share(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return part >= whole ? MULTIPLEXER_WHOLE : part * MULTIPLEXER_WHOLE / whole;
}

uint32_t
multiplexer_load(uint64_t connections, uint64_t max_clients, uint64_t cpu_ms, uint64_t wall_ms)
{
	uint64_t crowd = share(connections, max_clients), work = share(cpu_ms, wall_ms);

	return (uint32_t)(crowd > work ? crowd : work);
}

bool
multiplexers_spare(const struct multiplexers_load *load)
{
	return load->running > load->min && load->starting == 0 && load->running > 1 &&
	    load->sum <= (uint64_t)(load->running - 1) * EASY;
}

int
multiplexers_scale(const struct multiplexers_load *load)
{
	if (load->running > load->max)
		return -1;
	if (load->running < load->min)
		return load->starting == 0 ? 1 : 0;
	if (load->starting == 0 && load->running < load->max && load->least >= NEAR)
		return 1;
	if (multiplexers_spare(load) && load->idle_timeout != 0 &&
	    load->calm >= load->idle_timeout)
		return -1;
	return 0;
}
