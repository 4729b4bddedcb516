#include <stdlib.h>
#include <string.h>

#include "manager/ranges.h"

bool
ranges_begin(struct ranges *ranges, uint32_t count)
{
	memset(ranges, 0, sizeof *ranges);
	ranges_give(ranges, 0, count);
	return count == 0 || ranges->count == 1;
}

void
ranges_end(struct ranges *ranges)
{
	free(ranges->at);
	memset(ranges, 0, sizeof *ranges);
}

static void
cut(struct ranges *ranges, size_t index, uint32_t count)
{
	struct range *range = &ranges->at[index];

	range->first += count;
	range->count -= count;
	if (range->count > 0)
		return;
	ranges->count--;
	memmove(range, range + 1, (ranges->count - index) * sizeof *range);
}

uint32_t
ranges_take(struct ranges *ranges, uint32_t count)
{
	uint32_t first;
	size_t i;

	for (i = 0; i < ranges->count; i++) {
		if (ranges->at[i].count < count)
			continue;
		first = ranges->at[i].first;
		cut(ranges, i, count);
		return first;
	}
	return RANGES_NONE;
}

/* Where a range that begins at `first` belongs. */
static size_t
place_of(const struct ranges *ranges, uint32_t first)
{
	size_t low = 0, high = ranges->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (ranges->at[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
ranges_claim(struct ranges *ranges, uint32_t first, uint32_t count)
{
	size_t at = place_of(ranges, first + 1);
	struct range whole;
	uint32_t before;

	if (count == 0)
		return true;
	if (at == 0)
		return false;
	whole = ranges->at[--at];
	before = first - whole.first;
	if (whole.count < before || whole.count - before < count)
		return false;
	cut(ranges, at, before + count);
	ranges_give(ranges, whole.first, before);
	return true;
}

static bool
insert(struct ranges *ranges, size_t at, struct range range)
{
	size_t size = ranges->size == 0 ? 64 : ranges->size * 2;
	struct range *grown;

	if (ranges->count == ranges->size) {
		grown = realloc(ranges->at, size * sizeof *grown);
		if (grown == NULL)
			return false;
		ranges->at = grown;
		ranges->size = size;
	}
	memmove(ranges->at + at + 1, ranges->at + at, (ranges->count - at) * sizeof range);
	ranges->at[at] = range;
	ranges->count++;
	return true;
}

void
ranges_give(struct ranges *ranges, uint32_t first, uint32_t count)
{
	size_t at = place_of(ranges, first);
	struct range *before = at > 0 ? &ranges->at[at - 1] : NULL;
	struct range *after = at < ranges->count ? &ranges->at[at] : NULL;

	if (count == 0)
		return;
	if (before != NULL && before->first + before->count == first) {
		before->count += count;
		if (after != NULL && first + count == after->first) {
			before->count += after->count;
			cut(ranges, at, after->count);
		}
	} else if (after != NULL && first + count == after->first) {
		after->first = first;
		after->count += count;
	} else
		insert(ranges, at, (struct range){ first, count });
}
