#include <stddef.h>

#include "multiplexer/timeouts.h"

void
timeouts_begin(struct timeouts *timeouts)
{
	timeouts->count = 0;
	timeouts->mixed.ms = 0;
	TAILQ_INIT(&timeouts->mixed.list);
}

static struct timeout_class *
class_of(struct timeouts *timeouts, uint64_t ms)
{
	struct timeout_class *class;
	unsigned i;

	for (i = 0; i < timeouts->count; i++)
		if (timeouts->classes[i].ms == ms)
			return &timeouts->classes[i];
	if (timeouts->count == TIMEOUT_CLASSES)
		return &timeouts->mixed;
	class = &timeouts->classes[timeouts->count++];
	class->ms = ms;
	TAILQ_INIT(&class->list);
	return class;
}

void
timeouts_set(struct timeouts *timeouts, struct timeout *timeout, uint64_t after_ms,
    uint64_t now)
{
	struct timeout_class *class;
	struct timeout *before;

	timeouts_clear(timeout);
	if (after_ms == 0 || after_ms > TIMEOUT_NEVER - now)
		return;
	class = class_of(timeouts, after_ms);
	timeout->class = class;
	timeout->deadline = now + after_ms;
	/* The last one is earlier, always so but in the mixed list. */
	TAILQ_FOREACH_REVERSE(before, &class->list, timeout_list, link)
		if (before->deadline <= timeout->deadline)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&class->list, before, timeout, link);
	else
		TAILQ_INSERT_HEAD(&class->list, timeout, link);
}

void
timeouts_clear(struct timeout *timeout)
{
	if (timeout->class == NULL)
		return;
	TAILQ_REMOVE(&timeout->class->list, timeout, link);
	timeout->class = NULL;
}

static const struct timeout *
earliest(const struct timeouts *timeouts)
{
	const struct timeout *best = TAILQ_FIRST(&timeouts->mixed.list), *first;
	unsigned i;

	for (i = 0; i < timeouts->count; i++) {
		first = TAILQ_FIRST(&timeouts->classes[i].list);
		if (first != NULL && (best == NULL || first->deadline < best->deadline))
			best = first;
	}
	return best;
}

uint64_t
timeouts_next(const struct timeouts *timeouts)
{
	const struct timeout *first = earliest(timeouts);

	return first != NULL ? first->deadline : TIMEOUT_NEVER;
}

static struct timeout *
due(const struct timeout_class *class, uint64_t now)
{
	struct timeout *first = TAILQ_FIRST(&class->list);

	return first != NULL && first->deadline <= now ? first : NULL;
}

struct timeout *
timeouts_expired(struct timeouts *timeouts, uint64_t now)
{
	struct timeout *timeout = due(&timeouts->mixed, now);
	unsigned i;

	for (i = 0; timeout == NULL && i < timeouts->count; i++)
		timeout = due(&timeouts->classes[i], now);
	if (timeout != NULL)
		timeouts_clear(timeout);
	return timeout;
}
