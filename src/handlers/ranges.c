#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "handlers/ranges.h"

#define UNIT "bytes="

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank((*text)[0])) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
}

/* A position; one too large for 64 bits lies beyond any file's end. */
static bool
position(const char *text, size_t len, uint64_t *value)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	if (len == 0)
		return false;
	if (!str_decimal(text, len, value))
		*value = UINT64_MAX;
	return true;
}

/*
 * One range: "first-", "first-last" or "-suffix".  False: malformed.  len 0 in
 * *range: it lies beyond the end.
 */
static bool
range_read(const char *text, size_t len, uint64_t size, struct range *range)
{
	const char *dash = memchr(text, '-', len);
	size_t before = dash != NULL ? (size_t)(dash - text) : 0;
	uint64_t first = 0, last = UINT64_MAX;

	range->len = 0;
	if (dash == NULL)
		return false;
	if (before == 0) {
		if (!position(dash + 1, len - 1, &last))
			return false;
		range->len = last < size ? last : size;
		range->first = size - range->len;
		return true;
	}
	if (!position(text, before, &first))
		return false;
	if (before + 1 < len && !position(dash + 1, len - before - 1, &last))
		return false;
	if (last < first)
		return false;
	if (first >= size)
		return true;
	range->first = first;
	range->len = (last < size ? last + 1 : size) - first;
	return true;
}

/* Do they share a byte, or lie side by side? */
static bool
touch(const struct range *a, const struct range *b)
{
	return a->first <= b->first + b->len && b->first <= a->first + a->len;
}

static void
merge(struct range *into, const struct range *other)
{
	uint64_t end = into->first + into->len, other_end = other->first + other->len;

	if (other->first < into->first)
		into->first = other->first;
	into->len = (end > other_end ? end : other_end) - into->first;
}

/* Add a range.  One that joins two others merges those too. */
static bool
add(struct ranges *ranges, struct range range)
{
	unsigned i, at = RANGES_MAX;

	for (i = 0; i < ranges->count; ) {
		if (!touch(&ranges->at[i], &range)) {
			i++;
			continue;
		}
		merge(&range, &ranges->at[i]);
		if (at == RANGES_MAX) {
			at = i++;
			continue;
		}
		ranges->count--;
		memmove(&ranges->at[i], &ranges->at[i + 1],
		    (ranges->count - i) * sizeof range);
	}
	if (at == RANGES_MAX) {
		if (ranges->count == RANGES_MAX)
			return false;
		at = ranges->count++;
	}
	ranges->at[at] = range;
	return true;
}

enum ranges_result
ranges_read(const char *text, size_t len, uint64_t size, struct ranges *ranges)
{
	const char *end = text + len, *comma, *spec;
	unsigned named = 0;
	struct range range;
	size_t spec_len;

	ranges->count = 0;
	if (len < sizeof UNIT - 1 || !str_is_nocase(text, sizeof UNIT - 1, UNIT))
		return RANGES_IGNORE;
	for (text += sizeof UNIT - 1; text <= end; text = comma + 1) {
		comma = memchr(text, ',', (size_t)(end - text));
		if (comma == NULL)
			comma = end;
		spec = text;
		spec_len = (size_t)(comma - text);
		trim(&spec, &spec_len);
		if (spec_len == 0)
			continue;       /* an empty list member (RFC 9110, 5.6.1.2) */
		if (++named > RANGES_MAX || !range_read(spec, spec_len, size, &range))
			return RANGES_IGNORE;
		if (range.len > 0 && !add(ranges, range))
			return RANGES_IGNORE;
	}
	if (named == 0)
		return RANGES_IGNORE;
	return ranges->count > 0 ? RANGES_SOME : RANGES_BEYOND;
}
